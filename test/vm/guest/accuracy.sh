# SPDX-License-Identifier: Apache-2.0
# Every source in turn.
. /rig/lib.sh

# CPUs 0 and 1 are core 0. Powers are in the names, mW.
core_loads() {
	in_cgroup a burn alone@6000 0 2500
	in_cgroup a/b burn other@5000 1 2500
	burn twin0@4000 0 2500 &
	pair=$!
	burn twin1@4000 1 2500 &
	wait $pair $!
	sleep 0.2
	in_cgroup c burn slow@6000 0 3000 100 100
	in_cgroup c burn fast@6000 0 3000 5 5
	burn high@6000 0 2500 &
	pair=$!
	burn low@2000 1 2500 &
	wait $pair $!
	sleep 0.2
	# Each is alone for a third of its time.
	burn part@6000 0 5000 20 13 &
	pair=$!
	burn part@3000 1 5000 20 18 &
	wait $pair $!
	sleep 0.2
	burn turns@6000 0 4000 &
	pair=$!
	burn turns@2000 0 4000 &
	wait $pair $!
	sleep 0.2
}

# Long enough for the second in which it is not known yet when the counter moves.
one_load() { in_cgroup a burn alone@6000 0 3000; }

joules doctor >estimated.doctor 2>&1
measure estimated one_load --watts-idle 1 --watts-busy 5
insmod "$MODULE" scope="$SCOPE"
joules doctor >core.doctor 2>&1
measure core core_loads
power 1
joules stat --output stat.json -- burn stat@6000 0 1000 >stat.out 2>&1
power 0
cat /sys/kernel/debug/rapl_rig/truth >stat.truth
unload
insmod "$MODULE" scope=0 early_names=1 package=0
measure early one_load
unload
insmod "$MODULE" scope="$SCOPE" core=0
measure package one_load
unload
