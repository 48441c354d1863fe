// SPDX-License-Identifier: Apache-2.0
#include "alarm.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <memory>

namespace {

int Forget(void*, void*, size_t) { return 0; }

// Until `stop` is readable: empties the ring and calls each time that something is in it.
void Wait(UniqueFd ring, int stop, ring_buffer* reader, const Napi::ThreadSafeFunction& call) {
  pollfd both[] = {{ring.get(), POLLIN, 0}, {stop, POLLIN, 0}};
  while (poll(both, 2, -1) >= 0 || errno == EINTR) {
    if (both[1].revents) break;
    if (ring_buffer__consume(reader) <= 0) continue;
    // Full: a call is under way that has not begun, and will see what has changed by now.
    call.NonBlockingCall();
  }
  ring_buffer__free(reader);
}

}  // namespace

int Alarm::Start(int ring, const Napi::Function& callback) {
  UniqueFd own(fcntl(ring, F_DUPFD_CLOEXEC, 0)), stop(eventfd(0, EFD_CLOEXEC));
  if (own.get() < 0 || stop.get() < 0) return -errno;
  ring_buffer* reader = ring_buffer__new(own.get(), Forget, nullptr, nullptr);
  if (!reader) return -errno;
  call_ = Napi::ThreadSafeFunction::New(callback.Env(), callback, "joules alarm", 1, 1);
  call_.Unref(callback.Env());
  stop_ = std::move(stop);
  // Signals are for JavaScript's thread: a new one has the mask of the one that starts it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread(Wait, std::move(own), stop_.get(), reader, call_);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return 0;
}

void Alarm::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
  call_.Abort();
}
