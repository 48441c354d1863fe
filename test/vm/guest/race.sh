# SPDX-License-Identifier: Apache-2.0
# Both threads of core 0 switch all the time, and read the counter they share at the same moments.
. /rig/lib.sh

load() {
	for i in 1 2 3; do
		burn "left$i@4000" 0 8000 1 1 &
		burn "right$i@4000" 1 8000 1 1 &
	done
	wait $!
	sleep 2
}

insmod "$MODULE" scope=1
measure race load
