# SPDX-License-Identifier: Apache-2.0
# The CPU that reads the package's counter goes and comes back, by itself and with a machine that sleeps, while it is
# learned who draws how much of it. Without scope another CPU than the first one can read it: CPU 2, on core 1.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='taskset 2 joules agent --json --interval 0.5'

# Two that are on cores of their own, for 3 s. Whoever is new must be learned now.
pair() { # PREFIX CPU_ON_CORE_1
	burn "$1@6000" 0 3000 23 17 &
	local one=$!
	burn "$1@2000" "$2" 3000 19 26 &
	wait $one $!
}

# How many threads of the meter have a real-time priority (SCHED_FIFO is 1).
prompt() {
	cat /proc/$meter/task/*/stat | sed 's/.*) //' | awk '$39 == 1 { n++ } END { print n + 0 }' >>"$name.prompt"
}

leads() {
	said event=learning 1
	prompt
	pair before 3
	off 2
	pair gone 3
	prompt
	on 2
	pair back 2
	prompt
}

asleep() {
	said event=learning 1
	prompt
	pair awake 3
	echo mem >/sys/power/state
	pair again 3
	prompt
}

PACKAGE='scope=0 package_lead=2'
learn leads leads
PACKAGE='scope=0 package_lead=2 first_register=0x10000000 sleep_reset=0x8000000'
learn asleep asleep
