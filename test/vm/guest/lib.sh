# SPDX-License-Identifier: Apache-2.0
# What the jobs have in common.
RIG=/sys/module/rapl_rig/parameters
MODULE=/rig/$(uname -r).ko
# On the kernel's command line: how this kernel's PMUs are to be.
SCOPE=$(sed -n 's/.*scope=\([01]\).*/\1/p' /proc/cmdline)
# Off the CPUs of the load, on core 1.
METER='taskset 8 joules top --json --interval 0.5'

power() { echo "$1" >$RIG/powered; }

in_cgroup() { # PATH COMMAND…
	mkdir -p "/sys/fs/cgroup/$1"
	(
		echo 0 >"/sys/fs/cgroup/$1/cgroup.procs"
		shift
		exec "$@"
	)
}

# Takes CPUs offline, or brings them back; what was done is noted.
off() { for cpu; do echo 0 >"/sys/devices/system/cpu/cpu$cpu/online" && echo "$cpu" >>cycles; done; }
on() { for cpu; do echo 1 >"/sys/devices/system/cpu/cpu$cpu/online"; done; }

# Tasks of one power, which is exact whoever shares what, on CPUs that are online, until unloads().
LOADS=
loads() { # CPU…
	local cpu
	for cpu; do
		burn "load$cpu@4000" $cpu 600000 7 $((30 + 7 * cpu)) &
		LOADS="$LOADS $!"
	done
}
unloads() {
	kill $LOADS
	wait $LOADS
	LOADS=
}

# Nobody waits for a meter that has ended before it was told to: the job ends, with what it said.
lives() { # ERR
	case $(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$meter/status" 2>/dev/null) in
	'' | Z | X) ;;
	*) return ;;
	esac
	echo "the meter has ended: $(cat "$1")"
	exit 1
}

lines() { # NAME N: waits until the meter has told so many lines, at most ten minutes of this machine's time
	local i=0
	until [ "$(wc -l <"$1.ndjson")" -ge "$2" ] || [ $((i += 1)) -gt 6000 ]; do
		lives "$1.err"
		sleep 0.1
	done
}

# Runs a load under the meter. Nothing draws power before the meter has taken its first snapshot, nor after
# the load, until the meter has taken two more: so that it must account for exactly what was drawn.
measure() { # NAME LOAD METER_OPTIONS…
	local name=$1 load=$2 meter
	shift 2
	: >"$name.ndjson"
	$METER "$@" >"$name.ndjson" 2>"$name.err" &
	meter=$!
	lines "$name" 1
	programs >"$name.programs"
	[ ! -e $RIG ] || power 1
	$load
	[ ! -e $RIG ] || power 0
	lines "$name" $(($(wc -l <"$name.ndjson") + 2))
	kill -TERM $meter
	wait $meter
	echo $? >"$name.exit"
	[ ! -e $RIG ] || cat /sys/kernel/debug/rapl_rig/truth >"$name.truth"
}

unload() { # the meter's perf events are freed a moment after its end
	local i=0
	until rmmod rapl_rig 2>/dev/null || [ $((i += 1)) -gt 50 ]; do sleep 0.1; done
}

said() { # WORDS TIMES: waits until the meter has said so, at most two minutes of this machine's time
	local i=0
	until [ "$(grep -c "$1" "$name.err")" -ge "$2" ] || [ $((i += 1)) -gt 1200 ]; do
		lives "$name.err"
		sleep 0.1
	done
}

# Runs a load under the meter of the package alone, or of the cores ($CORES=1), while there is power all the time. $PACKAGE:
# how the module is to be; $AFTER: what is done with it at last.
PACKAGE="scope=$SCOPE"
CORES=0
AFTER=
learn() { # NAME LOAD METER_OPTIONS…
	name=$1
	local load=$2 meter
	shift 2
	insmod "$MODULE" core=$CORES jitter_ns=20000 default_mw=500 $PACKAGE
	power 1
	: >"$name.ndjson"
	$METER "$@" >"$name.ndjson" 2>"$name.err" &
	meter=$!
	lines "$name" 3
	$load
	lines "$name" $(($(wc -l <"$name.ndjson") + 2))
	kill -TERM $meter
	wait $meter
	echo $? >"$name.exit"
	cat /sys/kernel/debug/rapl_rig/truth >"$name.truth"
	$AFTER
	unload
}

# What `joules verify` says with the module so loaded.
judge() { # NAME SECONDS MODULE_OPTIONS…
	local name=$1 seconds=$2
	shift 2
	insmod "$MODULE" powers=joules-integer:6000,joules-memory:2000 "$@"
	power 1
	joules verify --json --seconds $seconds >"$name.json" 2>"$name.err"
	echo $? >"$name.exit"
	power 0
	unload
}
