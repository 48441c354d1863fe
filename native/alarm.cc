// SPDX-License-Identifier: Apache-2.0
#include "alarm.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <utility>

namespace {

int Forget(void*, void*, size_t) { return 0; }

}  // namespace

// Until `stop_` is readable: empties the ring and calls each time that something is in it.
void* Alarm::Wait(void* alarm) {
  auto* self = static_cast<Alarm*>(alarm);
  pollfd both[] = {{self->ring_.get(), POLLIN, 0}, {self->stop_.get(), POLLIN, 0}};
  while (poll(both, 2, -1) >= 0 || errno == EINTR) {
    if (both[1].revents) break;
    if (ring_buffer__consume(self->reader_) <= 0) continue;
    // Full: a call is under way that has not begun, and will see what has changed by now.
    self->call_.NonBlockingCall();
  }
  return nullptr;
}

int Alarm::Start(int ring, const Napi::Function& callback) {
  ring_ = UniqueFd(fcntl(ring, F_DUPFD_CLOEXEC, 0));
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (ring_.get() < 0 || stop_.get() < 0) return -errno;
  reader_ = ring_buffer__new(ring_.get(), Forget, nullptr, nullptr);
  if (!reader_) return -errno;
  call_ = Napi::ThreadSafeFunction::New(callback.Env(), callback, "joules alarm", 1, 1);
  int error = static_cast<napi_threadsafe_function>(call_) ? 0 : ECANCELED;
  if (!error) {
    call_.Unref(callback.Env());
    // Signals are for JavaScript's thread: a new one has the mask of the one that starts it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    error = pthread_create(&thread_, nullptr, Wait, this);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error) call_.Abort();
  }
  waits_ = !error;
  if (error) ring_buffer__free(std::exchange(reader_, nullptr));
  return -error;
}

void Alarm::Stop() {
  if (!std::exchange(waits_, false)) return;
  eventfd_write(stop_.get(), 1);
  pthread_join(thread_, nullptr);
  ring_buffer__free(std::exchange(reader_, nullptr));
  call_.Abort();
}
