# SPDX-License-Identifier: Apache-2.0
# `joules verify` on counters that are right, and on counters with a fault each.
. /rig/lib.sh

judge() { # NAME MODULE_OPTIONS…
	local name=$1
	shift
	insmod "$MODULE" scope="$SCOPE" powers=joules-integer:6000,joules-memory:2000 "$@"
	power 1
	joules verify --json --seconds 20 >"$name.json" 2>"$name.err"
	echo $? >"$name.exit"
	power 0
	unload
}

judge right
judge frozen frozen=1
# The counter of each core is all of the package's.
judge whole whole=1
# 64 times as much as it is, beside a package that is right, and without one: then nothing but hardware's limits tells.
judge scale scale=1.4901161193847656e-08
judge alone scale=1.4901161193847656e-08 package=0
# Four times as much is possible: that it is wrong shows beside a package alone.
judge slight scale=9.313225746154785e-10
judge noise noise_percent=20
echo 0-2 >/tmp/online
mount --bind /tmp/online /sys/devices/system/cpu/online
judge hidden
umount /sys/devices/system/cpu/online
