# SPDX-License-Identifier: Apache-2.0
# The package's counter alone: it is learned who draws how much of it, beside a split by run time; then the
# counter stops, jumps and becomes slow. It wraps after 1 J.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='taskset 8 joules agent --json --interval 0.5'

# CPUs 0 and 1 are core 0, CPU 2 is on core 1. Powers are in the names, mW.
pairs() {
	# On cores of their own, in bursts.
	burn six@6000 0 4000 23 17 &
	pair=$!
	burn two@2000 2 4000 19 26 &
	wait $pair $!
	# On both threads of a core.
	burn high@6000 0 4000 31 12 &
	pair=$!
	burn low@2000 1 4000 14 21 &
	wait $pair $!
	# In turns, on one CPU.
	burn turn@6000 2 4000 7 3 &
	pair=$!
	burn turn@2000 2 4000 7 3 &
	wait $pair $!
	# Alone.
	burn alone@6000 0 2000
	burn slow@2000 2 2000
}

said() { # WORDS TIMES: waits until the meter has said so, at most two minutes of this machine's time
	local i=0
	until [ "$(grep -c "$1" "$name.err")" -ge "$2" ] || [ $((i += 1)) -gt 1200 ]; do sleep 0.1; done
}

# Runs a load under the meter while there is power all the time.
learn() { # NAME LOAD METER_OPTIONS…
	name=$1
	local load=$2 meter
	shift 2
	insmod "$MODULE" scope="$SCOPE" core=0 jitter_ns=20000 default_mw=500
	power 1
	: >"$name.ndjson"
	$METER "$@" >"$name.ndjson" 2>"$name.err" &
	meter=$!
	lines "$name.ndjson" 3
	$load
	lines "$name.ndjson" $(($(wc -l <"$name.ndjson") + 2))
	kill -TERM $meter
	wait $meter
	echo $? >"$name.exit"
	cat /sys/kernel/debug/rapl_rig/truth >"$name.truth"
	[ "$name" != faults ] || joules doctor --source power >packages.doctor 2>&1
	unload
}

faults() {
	said event=learning 1
	burn before@6000 0 2000 30 20
	# It stops.
	echo 3600000 >$RIG/package_ms
	said why=unmoved 1
	# It moves again, from somewhere else.
	echo 305419896 >$RIG/register_offset
	echo 0 >$RIG/package_ms
	said event=learning 2
	burn after@6000 0 2000 30 20
	# As in a virtual machine.
	echo 1000 >$RIG/package_ms
	said why=virtual 1
	burn virtual@6000 0 1000 30 20
}

# What is learned is judged from when it is: beside what else runs a period is not always found at once.
learned() {
	said event=learning 1
	pairs
}

learn learned learned
learn time pairs --attribution time
learn faults faults
