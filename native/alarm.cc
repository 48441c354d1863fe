// SPDX-License-Identifier: Apache-2.0
#include "alarm.h"

#include <bpf/libbpf.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

namespace {

constexpr const char* kStep = "wait for news of the counters";

int Forget(void*, void*, size_t) { return 0; }

}  // namespace

// Until `stop_` is readable: empties the ring and calls each time that something is in it.
void* Alarm::Wait(void* alarm) {
  auto* self = static_cast<Alarm*>(alarm);
  pollfd both[] = {{self->ring_.get(), POLLIN, 0}, {self->stop_.get(), POLLIN, 0}};
  while (poll(both, 2, -1) >= 0 || errno == EINTR) {
    if (both[1].revents) break;
    if (ring_buffer__consume(self->reader_) > 0) self->callback_();
  }
  return nullptr;
}

// Signals are for JavaScript's thread: a new one has the mask of the one that starts it.
int Alarm::StartThread() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int error = pthread_create(&thread_, nullptr, Wait, this);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  waits_ = !error;
  return -error;
}

Outcome Alarm::Start(UniqueFd ring, std::function<void()> callback) {
  Stop();
  ring_ = std::move(ring);
  callback_ = std::move(callback);
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  int status = stop_.get() < 0 ? -errno : 0;
  if (status == 0 && !(reader_ = ring_buffer__new(ring_.get(), Forget, nullptr, nullptr))) status = -errno;
  if (status == 0) status = StartThread();
  if (status == 0) return {};
  Close();
  return Fail(kStep, status);
}

void Alarm::Stop() {
  if (!std::exchange(waits_, false)) return;
  eventfd_write(stop_.get(), 1);
  pthread_join(thread_, nullptr);
  Close();
}

void Alarm::Close() {
  ring_buffer__free(std::exchange(reader_, nullptr));
  ring_ = UniqueFd();
  stop_ = UniqueFd();
  callback_ = nullptr;
}
