// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process it gives it a wall clock of its own, which is ahead of the machine's by as many
// seconds as the file JOULES_TEST_CLOCK holds (int64_t): whoever writes there sets the clock. Other clocks
// are as they are.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t* ahead_s;

__attribute__((constructor)) static void find_offset(void) {
  const char* path = getenv("JOULES_TEST_CLOCK");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  void* mapped = fd < 0 ? MAP_FAILED : mmap(0, sizeof(*ahead_s), PROT_READ, MAP_SHARED, fd, 0);

  if (mapped == MAP_FAILED) abort();
  ahead_s = mapped;
  close(fd);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  int status = syscall(SYS_clock_gettime, clock, now);

  if (!status && ahead_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += *ahead_s;
  return status;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  struct timespec exact;
  int status = clock_gettime(CLOCK_REALTIME, &exact);

  (void)zone;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return status;
}

time_t time(time_t* now) {
  struct timespec exact;

  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
