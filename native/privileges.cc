// SPDX-License-Identifier: Apache-2.0
#include "privileges.h"

#include <dirent.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <vector>

#include "clock.h"
#include "own_thread.h"
#include "perf_event.h"

namespace {

constexpr const char* kStep = "drop privileges";

// The signal by which glibc makes all threads follow a setuid(2). No other reaches them all: Node's thread
// that waits for SIGUSR1 and our own have all signals blocked, but libc leaves its own ones out of every
// mask. libpsx, which does the same, replaces pthread_create when a program is linked, which an addon is too
// late for.
constexpr int kSignal = 33;

// A thread answers within microseconds, unless it waits for a disk.
constexpr int64_t kPatienceNs = 2'000'000'000;

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};

  // Both are of the calling thread, and return 0 or -errno.
  int Get() { return syscall(SYS_capget, &header, sets) ? -errno : 0; }
  int Set() { return syscall(SYS_capset, &header, sets) ? -errno : 0; }
};

// Takes a capability from what the calling thread may do. Returns 0 or -errno.
int Without(int capability) {
  Capabilities capabilities;
  int status = capabilities.Get();
  if (status) return status;
  capabilities.sets[CAP_TO_INDEX(capability)].effective &= ~CAP_TO_MASK(capability);
  return capabilities.Set();
}

// In the calling thread. It makes system calls alone, as a handler of signals may. Returns 0 or -errno.
int GiveUp(uint64_t keep) {
  // The bounding set first, while there is CAP_SETPCAP. Without it the set stays; no_new_privs does as much.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) break;
  ClearAmbientCapabilities();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
  Capabilities capabilities;
  int status = capabilities.Get();
  if (status) return status;
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    auto& set = capabilities.sets[i];
    const auto kept = static_cast<uint32_t>(keep >> (32 * i));
    set.effective &= kept;
    set.permitted &= kept;
    set.inheritable = 0;
  }
  return capabilities.Set();
}

// What the handler is to do, and how that ended. It outlives a signal that comes late.
struct {
  std::atomic<uint64_t> keep;
  std::atomic<int> status;
  std::atomic<pid_t> answered;  // the thread that has done it
} order;

void OnOrder(int, siginfo_t* info, void*) {
  if (info->si_code != SI_QUEUE || info->si_pid != getpid()) return;
  const int interrupted_errno = errno;
  order.status = GiveUp(order.keep);
  order.answered = static_cast<pid_t>(syscall(SYS_gettid));
  errno = interrupted_errno;
}

// The handler, as long as this exists. libc lets nobody set one for a signal of its own: the kernel is asked,
// with what libc makes of a handler for another signal, since it alone knows how to return from one.
class Handler {
 public:
  Handler() {
    struct sigaction wanted {
    }, before;
    wanted.sa_sigaction = OnOrder;
    wanted.sa_flags = SA_SIGINFO | SA_RESTART;
    sigfillset(&wanted.sa_mask);
    const int model = SIGRTMAX;
    if (sigaction(model, &wanted, &before)) return;
    KernelAction action{};
    Ask(model, nullptr, &action);
    sigaction(model, &before, nullptr);
    installed_ = Ask(kSignal, &action, &before_);
  }
  ~Handler() {
    if (installed_) Ask(kSignal, &before_, nullptr);
  }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  bool installed() const { return installed_; }

 private:
  // struct sigaction of the kernel (include/linux/signal_types.h).
  struct KernelAction {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
  };

  static bool Ask(int signal, const KernelAction* wanted, KernelAction* before) {
    return syscall(SYS_rt_sigaction, signal, wanted, before, sizeof(uint64_t)) == 0;
  }

  KernelAction before_{};
  bool installed_ = false;
};

int ListThreads(std::vector<pid_t>* threads) {
  threads->clear();
  DIR* directory = opendir("/proc/self/task");
  if (!directory) return -errno;
  while (const dirent* entry = readdir(directory))
    if (entry->d_name[0] != '.') threads->push_back(atoi(entry->d_name));
  closedir(directory);
  return 0;
}

// Makes a thread follow the order. 0 also where it has ended meanwhile.
int Reach(pid_t thread) {
  order.answered = 0;
  siginfo_t info{};
  info.si_code = SI_QUEUE;  // glibc's own handler takes no such signal, should it come too late
  info.si_pid = getpid();
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, kSignal, &info)) return errno == ESRCH ? 0 : -errno;
  for (const int64_t end_ns = MonotonicNs() + kPatienceNs; MonotonicNs() < end_ns;) {
    if (order.answered == thread) return order.status;
    if (syscall(SYS_tgkill, getpid(), thread, 0) && errno == ESRCH) return 0;
    const timespec moment{0, 20'000};
    nanosleep(&moment, nullptr);
  }
  return -ETIMEDOUT;
}

}  // namespace

// The calling thread goes first. Another one may start threads until it is reached, so the list is read again
// until it has nobody new: those that come later are started by threads that have given up.
Outcome DropPrivileges(uint64_t keep) {
  int status = GiveUp(keep);
  if (status) return Fail(kStep, status);
  Handler handler;
  if (!handler.installed()) return Fail(kStep, -errno);
  order.keep = keep;
  std::set<pid_t> reached{static_cast<pid_t>(syscall(SYS_gettid))};
  std::vector<pid_t> threads;
  for (bool found = true; found;) {
    found = false;
    if ((status = ListThreads(&threads))) return Fail(kStep, status);
    for (pid_t thread : threads) {
      if (!reached.insert(thread).second) continue;
      found = true;
      if ((status = Reach(thread))) return Fail(kStep, status);
    }
  }
  return {};
}

void ClearAmbientCapabilities() { prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }

// A thread of its own can be without the capabilities, and ends.
KernelWants AskKernel() {
  KernelWants wants;
  InOwnThread([&] {
    if (Without(CAP_SYS_ADMIN)) return;
    int event = OpenCpuCounter({PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY}, 0);
    wants.admin = event == -EACCES || event == -EPERM;
    if (event >= 0) close(event);
    if (Without(CAP_BPF)) return;
    // It fails for want of a program, unless it is refused before.
    bpf_attr attributes{};
    attributes.test.prog_fd = -1;
    wants.bpf = syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof(attributes)) < 0 && errno == EPERM;
  });
  return wants;
}
