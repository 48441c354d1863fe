# SPDX-License-Identifier: Apache-2.0
# The machine sleeps (suspend to RAM): all CPUs but CPU 0 go and come back, and no uevent tells.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='joules agent --json --interval 5'

suspend() {
	loads 20
	sleep 1
	for offset in 0x8000000 0; do
		# To fall asleep takes some seconds here.
		echo +5 >/sys/class/rtc/rtc0/wakealarm
		# What firmware does to the registers.
		echo $((offset)) >$RIG/register_offset
		echo mem >/sys/power/state && echo mem >>suspended
		sleep 3
	done
	ended
}

insmod "$MODULE" scope="$SCOPE" default_mw=4000 first_register=0x10000000
measure suspend suspend
unload
