// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "clock.h"

namespace {

// A sleep that is no longer than that is not cut short: to be stopped can wait for it.
constexpr int64_t kShortNs = 5'000'000;

timespec ToTimespec(int64_t ns) { return {ns / 1'000'000'000, ns % 1'000'000'000}; }

}  // namespace

void* Worker::Run(void* worker) {
  // The kernel may else let a thread sleep for 50 us more, to wake it together with others.
  prctl(PR_SET_TIMERSLACK, 1);
  static_cast<Worker*>(worker)->RunUntilItEnds();
  return nullptr;
}

void Worker::RunUntilItEnds() {
  for (;;) {
    work_();
    std::unique_lock<std::mutex> lock(mutex_);
    rests_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !rests_ || ends_; });
    if (ends_) return;
  }
}

int Worker::Start(std::function<void()> work, ThreadMaker* maker) {
  Stop();
  work_ = std::move(work);
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (stop_.get() < 0) return -errno;
  stopping_ = rests_ = ends_ = false;
  ThreadMaker nobody;
  const int status = (maker ? maker : &nobody)->Make(&thread_, Run, this);
  runs_ = !status;
  return status;
}

void Worker::Pause() {
  if (!runs_) return;
  stopping_ = true;
  eventfd_write(stop_.get(), 1);
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return rests_; });
}

void Worker::Resume() {
  if (!runs_) return;
  eventfd_t written;
  eventfd_read(stop_.get(), &written);
  stopping_ = false;
  std::lock_guard<std::mutex> lock(mutex_);
  rests_ = false;
  changed_.notify_all();
}

void Worker::Stop() {
  if (!runs_) return;
  Pause();
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  runs_ = false;
  pthread_join(thread_, nullptr);
  stop_ = UniqueFd();
  work_ = nullptr;
}

bool Worker::SleepUntil(int64_t ns) {
  for (int64_t left; (left = ns - MonotonicNs()) > kShortNs && !Stopping();) {
    const timespec pause = ToTimespec(left - kShortNs / 2);
    pollfd stop{stop_.get(), POLLIN, 0};
    ppoll(&stop, 1, &pause, nullptr);
  }
  const timespec end = ToTimespec(ns);
  while (!Stopping() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr) == EINTR) {
  }
  return !Stopping();
}

bool Worker::WaitFor(int fd, int64_t ns) {
  const timespec pause = ToTimespec(std::max<int64_t>(ns, 0));
  pollfd both[] = {{fd, POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  if (!Stopping()) ppoll(both, 2, &pause, nullptr);
  return !Stopping();
}

int64_t Worker::CpuNs() const {
  clockid_t clock;
  if (!runs_ || pthread_getcpuclockid(thread_, &clock)) return 0;
  return ClockNs(clock);
}
