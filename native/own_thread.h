// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <cstdint>

// Runs `work` in a thread of its own and waits for it; returns 0 or -errno.
//
// For work that moves from CPU to CPU: a thread's affinity cannot be given back as it was, since
// sched_getaffinity(2) leaves out the CPUs that are offline just now. Here it ends with the thread.
template <typename Work>
int InOwnThread(Work work) {
  auto run = [](void* argument) -> void* {
    (*static_cast<Work*>(argument))();
    return nullptr;
  };
  pthread_t thread;
  int error = pthread_create(&thread, nullptr, run, &work);
  return error ? -error : -pthread_join(thread, nullptr);
}

// Lets the calling thread run as soon as it wakes, whatever else is to run on its CPU, if that is allowed.
// Beside tasks that are always busy others wake some ms late on Linux 6.6 and later. It has to sleep often.
inline void BePrompt() {
  const sched_param least{sched_get_priority_min(SCHED_FIFO)};
  sched_setscheduler(0, SCHED_FIFO, &least);
}

// Moves the calling thread to a CPU. -EINVAL: it is offline or not among those that we may use.
inline int MoveTo(uint32_t cpu) {
  cpu_set_t* set = CPU_ALLOC(cpu + 1);
  if (!set) return -ENOMEM;
  size_t bytes = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(bytes, set);
  CPU_SET_S(cpu, bytes, set);
  int status = sched_setaffinity(0, bytes, set) ? -errno : 0;
  CPU_FREE(set);
  return status;
}
