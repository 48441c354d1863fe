// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

// Keeps what malloc holds near what is used, for the whole process, which has to be ours: threads that are
// yet to start share two arenas, where by default each has one of its own in which little is left over at a
// time, and what is free goes back to the kernel now.
inline void SpareMemory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 2);
  malloc_trim(0);
#endif
}
