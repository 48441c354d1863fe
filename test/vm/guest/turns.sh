# SPDX-License-Identifier: Apache-2.0
# Two tasks that take turns every few microseconds on one CPU: what is learned in bursts tells them apart, what BPF
# learns at switches hardly does.
. /rig/lib.sh
METER='taskset 8 joules agent --json --interval 0.5'
export OTEL_METRICS_EXPORTER=none

PACKAGE="scope=$SCOPE package=0"
CORES=1
pair() { turns 0 7000 heavy@6000 20 light@2000 40; }

learn learned pair
learn time pair --attribution time
