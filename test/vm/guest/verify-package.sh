# SPDX-License-Identifier: Apache-2.0
# `joules verify` on the counter of a package, and on such with a fault each.
. /rig/lib.sh

judge learned 20 core=0 scope="$SCOPE"
# Of a split by time more can be told, in so short a time.
export JOULES_ATTRIBUTION=time
judge right 20 core=0 scope="$SCOPE"
judge frozen 10 core=0 scope="$SCOPE" frozen=1
judge noise 20 core=0 scope="$SCOPE" noise_percent=20
# Two dies, as the kernel shows them, and one register, which is read on a CPU of each.
echo 1 >/tmp/die
for cpu in 2 3; do mount --bind /tmp/die /sys/devices/system/cpu/cpu$cpu/topology/die_id; done
judge die 10 core=0 scope=0 per_die=1
for cpu in 2 3; do umount /sys/devices/system/cpu/cpu$cpu/topology/die_id; done
