// SPDX-License-Identifier: Apache-2.0
// burn NAME CPU MS [ON_MS OFF_MS]: is busy on a CPU under a name, all the time or in turns with sleep. From a
// CPU that goes offline it is moved away; it goes back there when that is online again.
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_ns(long long ns)
{
	struct timespec pause = {ns / 1000000000, ns % 1000000000};

	nanosleep(&pause, 0);
}

int main(int argc, char **argv)
{
	cpu_set_t cpu;

	if (argc != 4 && argc != 6)
		return 2;
	CPU_ZERO(&cpu);
	CPU_SET(atoi(argv[2]), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		return 1;
	prctl(PR_SET_NAME, argv[1]);
	sleep_ns(1000000); /* the name's power is taken when we are switched to */
	long long end = now_ns() + atoll(argv[3]) * 1000000;
	long long on = argc == 6 ? atoll(argv[4]) * 1000000 : end,
		  off = argc == 6 ? atoll(argv[5]) * 1000000 : 0;

	for (long long from; (from = now_ns()) < end; sleep_ns(off)) {
		while (now_ns() < end && now_ns() - from < on)
			;
		sched_setaffinity(0, sizeof(cpu), &cpu);
	}
	return 0;
}
