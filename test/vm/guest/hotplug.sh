# SPDX-License-Identifier: Apache-2.0
# CPUs go and come while the agent measures. CPUs 0 and 1 are core 0, CPUs 2 and 3 core 1; CPU 0 cannot go.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='joules agent --json'

# Each change alone, and time enough for the agent to see it: a thread, the lead, a core in both orders.
paced() {
	loads 0 1 2 3
	sleep 1
	for step in '3' '2' '3 2' '2 3' '1 3 2'; do
		for cpu in $step; do off $cpu; sleep 0.7; done
		for cpu in $step; do on $cpu; sleep 0.9; done
	done
	unloads
}

# As fast as the kernel can, in all orders; now and then a pause.
storm() {
	loads 0 1 2 3
	for round in $(seq 12); do
		for step in 1 2 3 '3 2' '2 3' '1 2 3' '3 1 2'; do
			off $step
			[ $((round % 4)) -gt 0 ] || sleep 0.3
			on $step
			[ $((round % 5)) -gt 0 ] || sleep 0.2
		done
	done
	unloads
}

for run in paced storm; do
	insmod "$MODULE" scope="$SCOPE" default_mw=4000
	# An interval that is too long to wait for: the agent must look after its counters by itself.
	[ $run = storm ] && interval=1 || interval=5
	measure $run $run --interval $interval
	unload
done
