// SPDX-License-Identifier: Apache-2.0
#include "thread_maker.h"

#include <signal.h>

#include "own_thread.h"

namespace {

// Signals are for JavaScript's thread: a new one has the mask of the one that makes it.
int MakeWithoutSignals(pthread_t* made, void* (*run)(void*), void* argument) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const int error = pthread_create(made, nullptr, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return -error;
}

}  // namespace

ThreadMaker::~ThreadMaker() {
  if (!runs_) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ends_ = true;
    changed_.notify_all();
  }
  pthread_join(thread_, nullptr);
}

int ThreadMaker::Start() {
  if (runs_) return 0;
  const int status = MakeWithoutSignals(&thread_, Run, this);
  runs_ = !status;
  return status;
}

int ThreadMaker::Make(pthread_t* made, void* (*run)(void*), void* argument) {
  if (!runs_) return MakeWithoutSignals(made, run, argument);
  std::unique_lock<std::mutex> lock(mutex_);
  made_ = made;
  run_ = run;
  argument_ = argument;
  asked_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !asked_; });
  return error_;
}

void* ThreadMaker::Run(void* maker) {
  BePrompt();
  static_cast<ThreadMaker*>(maker)->MakeUntilItEnds();
  return nullptr;
}

void ThreadMaker::MakeUntilItEnds() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return asked_ || ends_; });
    if (ends_) return;
    error_ = MakeWithoutSignals(made_, run_, argument_);
    asked_ = false;
    changed_.notify_all();
  }
}
