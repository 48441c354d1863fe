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
doctor() { joules doctor --source power >packages.doctor 2>&1; }
AFTER=doctor
learn faults faults
