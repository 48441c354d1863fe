// SPDX-License-Identifier: Apache-2.0
// turns CPU MS ONE ONE_US OTHER OTHER_US: two tasks of these names on one CPU, each busy for about so long,
// which wake each other by pipes, as those of a shell's pipeline do.
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Turns differ by up to a fifth: those of a millisecond together hardly do.
static void take_turns(const char *name, long us, int from, int to, long long end)
{
	unsigned int seed = us;
	char turn;

	prctl(PR_SET_NAME, name);
	while (read(from, &turn, 1) == 1) {
		long long until = now_ns() + us * (800 + rand_r(&seed) % 400);

		while (now_ns() < until)
			;
		if (until >= end || write(to, &turn, 1) != 1)
			break;
	}
	close(to);
	_exit(0);
}

int main(int argc, char **argv)
{
	int there[2], back[2];
	cpu_set_t cpu;

	if (argc != 7)
		return 2;
	CPU_ZERO(&cpu);
	CPU_SET(atoi(argv[1]), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu) || pipe(there) || pipe(back))
		return 1;
	long long end = now_ns() + atoll(argv[2]) * 1000000;

	if (fork() == 0) {
		close(there[1]);
		close(back[0]);
		take_turns(argv[3], atol(argv[4]), there[0], back[1], end);
	}
	if (fork() == 0) {
		close(there[0]);
		close(back[1]);
		take_turns(argv[5], atol(argv[6]), back[0], there[1], end);
	}
	close(there[0]);
	close(back[0]);
	close(back[1]);
	if (write(there[1], "", 1) != 1)
		return 1;
	close(there[1]);
	while (wait(0) > 0)
		;
	return 0;
}
