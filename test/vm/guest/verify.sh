# SPDX-License-Identifier: Apache-2.0
# `joules verify` on counters of cores that are right, and on such with a fault each.
. /rig/lib.sh

judge right 20 scope="$SCOPE"
judge frozen 10 scope="$SCOPE" frozen=1
# The register of each core is all of the package's.
judge whole 10 scope="$SCOPE" whole=1
# 64 times as much as it is, where nothing but hardware's limits tells.
judge scale 10 scope="$SCOPE" scale=1.4901161193847656e-08 package=0
# Four times as much is possible: that it is wrong shows beside a package alone.
judge slight 10 scope="$SCOPE" scale=9.313225746154785e-10
judge noise 20 scope="$SCOPE" noise_percent=20
echo 0-2 >/tmp/online
mount --bind /tmp/online /sys/devices/system/cpu/online
judge hidden 10 scope="$SCOPE"
umount /sys/devices/system/cpu/online
