// SPDX-License-Identifier: Apache-2.0
// What runs while the metrics are judged, linked under the names that are judged:
//   PROGRAM SECONDS [DUTY]         keeps a CPU busy for so long, or for a part of each 20 ms of it
//   PROGRAM crowd RATE PROGRAM…    starts so many processes a second, the programs in turn, 1 ms each
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define SECOND_NS 1000000000LL
#define PERIOD_NS 20000000LL

static long long now_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void sleep_until(long long at_ns) {
  struct timespec at = {at_ns / SECOND_NS, at_ns % SECOND_NS};

  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
    ;
}

static void be_busy(double seconds, double duty) {
  long long start = now_ns(), end = start + (long long)(seconds * SECOND_NS);

  for (long long now = start; now < end; now = now_ns()) {
    long long phase = (now - start) % PERIOD_NS;

    if (phase >= duty * PERIOD_NS) sleep_until(now + PERIOD_NS - phase);
  }
}

static int start_crowd(double rate, char** programs, int count) {
  long long period_ns = (long long)(SECOND_NS / rate);

  for (long long i = 0, due = now_ns();; i++, due += period_ns) {
    char* program = programs[i % count];
    char* args[] = {program, "0.001", NULL};
    pid_t pid;

    if (posix_spawn(&pid, program, NULL, NULL, args, NULL) != 0) {
      perror(program);
      return 1;
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
    sleep_until(due);
  }
}

int main(int argc, char** argv) {
  if (argc > 3 && strcmp(argv[1], "crowd") == 0) return start_crowd(atof(argv[2]), argv + 3, argc - 3);
  if (argc < 2) {
    fprintf(stderr, "usage: %s SECONDS [DUTY] | crowd RATE PROGRAM…\n", argv[0]);
    return 2;
  }
  be_busy(atof(argv[1]), argc > 2 ? atof(argv[2]) : 1);
  return 0;
}
