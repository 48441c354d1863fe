// SPDX-License-Identifier: Apache-2.0
// joules-load KIND: a load of steady power in a process of its own, for `joules verify`. It rests until it is
// told to run, takes a command a line from stdin, and answers each with a line:
//
//   run CPU[,CPU...]   be busy on these CPUs only   0, or the number of the error
//   rest               stop being busy              0
//   work               -                            pieces of work done since the start
//
// It ends with its stdin, so that it does not outlive whoever started it, however that ended.
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

namespace {

std::mutex mutex;
std::condition_variable told;
std::atomic<bool> running{false};
std::atomic<uint64_t> pieces{0};

// A chain of integer operations, each of which waits for the one before it: nothing leaves the core.
void WorkOnIntegers() {
  static uint64_t state = 88172645463325252ULL;
  uint64_t x = state;
  for (int i = 0; i < 20000; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  state = x;
}

using Vector = double __attribute__((vector_size(16)));

// More than most caches hold.
constexpr size_t kVectors = (32 << 20) / sizeof(Vector);
constexpr size_t kBlock = (256 << 10) / sizeof(Vector);

// Streams through memory with a multiplication and an addition for each number; they tend to 2.
void WorkOnMemory() {
  static std::vector<Vector> vectors(kVectors);
  static size_t at = 0;
  for (size_t i = at; i < at + kBlock; i++) vectors[i] = vectors[i] * 0.5 + 1.0;
  at = (at + kBlock) % kVectors;
}

void* Work(void* work) {
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex);
      told.wait(lock, [] { return running.load(); });
    }
    while (running.load(std::memory_order_relaxed)) {
      reinterpret_cast<void (*)()>(work)();
      pieces.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void SetRunning(bool to) {
  std::lock_guard<std::mutex> lock(mutex);
  running = to;
  told.notify_one();
}

// 0, or the error's number. EINVAL: `list` is none, or none of its CPUs may be used.
int MoveTo(pthread_t thread, const char* list) {
  std::vector<unsigned long> cpus;
  for (const char* at = list; *at;) {
    char* end;
    const unsigned long cpu = strtoul(at, &end, 10);
    if (end == at || (*end != ',' && *end != '\0') || cpu > 1 << 16) return EINVAL;
    cpus.push_back(cpu);
    at = *end ? end + 1 : end;
  }
  constexpr unsigned kMost = (1 << 16) + 1;
  cpu_set_t* set = CPU_ALLOC(kMost);
  if (!set) return ENOMEM;
  const size_t bytes = CPU_ALLOC_SIZE(kMost);
  CPU_ZERO_S(bytes, set);
  for (unsigned long cpu : cpus) CPU_SET_S(cpu, bytes, set);
  const int error = pthread_setaffinity_np(thread, bytes, set);
  CPU_FREE(set);
  return error;
}

// A load needs no privilege. What it has of its starter's it gives up; where it cannot, it has none.
void DropPrivileges() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  syscall(SYS_capset, &header, none);
}

}  // namespace

int main(int argc, char** argv) {
  const bool memory = argc == 2 && strcmp(argv[1], "memory") == 0;
  if (argc != 2 || (!memory && strcmp(argv[1], "integer") != 0)) {
    fprintf(stderr, "Usage: joules-load integer|memory\n");
    return 2;
  }
  DropPrivileges();
  // A terminal sends it to us as well; whoever started us decides.
  signal(SIGINT, SIG_IGN);
  pthread_t worker;
  void (*work)() = memory ? WorkOnMemory : WorkOnIntegers;
  if (pthread_create(&worker, nullptr, Work, reinterpret_cast<void*>(work))) return 3;
  const char* name = memory ? "joules-memory" : "joules-integer";
  pthread_setname_np(pthread_self(), name);
  pthread_setname_np(worker, name);
  setvbuf(stdout, nullptr, _IOLBF, 0);
  char line[1 << 16];
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = '\0';
    int error = 0;
    if (strcmp(line, "work") == 0) {
      printf("%llu\n", static_cast<unsigned long long>(pieces.load()));
      continue;
    }
    if (strncmp(line, "run ", 4) == 0) {
      error = MoveTo(worker, line + 4);
      if (!error) SetRunning(true);
    } else if (strcmp(line, "rest") == 0) {
      SetRunning(false);
    } else {
      error = EINVAL;
    }
    printf("%d\n", error);
  }
  // The worker does not end by itself.
  _exit(0);
}
