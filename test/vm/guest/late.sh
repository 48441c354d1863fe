# SPDX-License-Identifier: Apache-2.0
# The machine was booted with CPU 0 alone (maxcpus=1): core 1 comes for the first time while the agent runs.
. /rig/lib.sh
export OTEL_METRICS_EXPORTER=none
METER='joules agent --json --interval 1'

first() {
	loads 0 1
	sleep 1
	on 2
	loads 2
	sleep 1
	on 3
	loads 3
	sleep 2
	unloads
}

on 1
insmod "$MODULE" scope="$SCOPE" default_mw=4000
measure first first
unload
