# SPDX-License-Identifier: Apache-2.0
# The machine sleeps (suspend to RAM): all CPUs but CPU 0 go and come back, and no uevent tells.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='joules agent --json --interval 5'

suspend() {
	loads 0 1 2 3
	sleep 1
	for time in 1 2; do
		echo mem >/sys/power/state && echo mem >>suspended
		sleep 2
	done
	unloads
}

insmod "$MODULE" scope="$SCOPE" default_mw=4000 first_register=0x10000000 sleep_reset=0x8000000
measure suspend suspend
unload
