# SPDX-License-Identifier: Apache-2.0
# The rarer ways: CPUs that were offline before the agent came, counters that begin anew, and a storm of
# changes while the agent starts and ends.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='joules agent --json --interval 1'

late() {
	loads 0 1
	sleep 1
	on 2
	loads 2
	sleep 2
	on 3
	loads 3
	sleep 2
	unloads
}

# Twice: while all goes on, and while all CPUs but CPU 0 are gone.
resets() {
	loads 0 1 2 3
	sleep 1
	echo $((0x8000000)) >$RIG/register_offset
	sleep 1
	off 1 2 3
	echo 0 >$RIG/register_offset
	on 1 2 3
	sleep 2
	unloads
}

insmod "$MODULE" scope="$SCOPE" default_mw=4000
off 2 3
measure late late
unload
insmod "$MODULE" scope="$SCOPE" default_mw=4000 first_register=0x10000000
measure resets resets
unload

insmod "$MODULE" scope="$SCOPE"
: >storming
while [ -e storming ]; do
	for step in '3 2' 1 '2 3' 3 2; do
		off $step
		on $step
	done
done &
storm=$!
for i in 1 2; do
	$METER >hasty$i.ndjson 2>hasty$i.err &
	meter=$!
	lines hasty$i 2
	kill -TERM $meter
	wait $meter
	echo $? >hasty$i.exit
done
rm storming
wait $storm
unload
