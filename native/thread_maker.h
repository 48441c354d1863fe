// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>

#include <condition_variable>
#include <mutex>

// A thread that makes others. They have its real-time priority, since the kernel hands that on from a thread
// to those that it makes: also when the privileges by which it got it are gone. Start() and Make() are called
// by one thread.
class ThreadMaker {
 public:
  ThreadMaker() = default;
  ~ThreadMaker();
  ThreadMaker(const ThreadMaker&) = delete;
  ThreadMaker& operator=(const ThreadMaker&) = delete;

  // Does nothing if it was started before. Returns 0 or -errno.
  int Start();
  // As pthread_create(3), but returns 0 or -errno. Where it was not started the calling thread makes the new
  // one. It takes no signals.
  int Make(pthread_t* made, void* (*run)(void*), void* argument);

 private:
  static void* Run(void* maker);
  void MakeUntilItEnds();

  std::mutex mutex_;  // of the next six
  std::condition_variable changed_;
  bool asked_ = false, ends_ = false;
  pthread_t* made_ = nullptr;
  void* (*run_)(void*) = nullptr;
  void* argument_ = nullptr;
  int error_ = 0;
  pthread_t thread_{};
  bool runs_ = false;
};
