// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <vector>

#include "energy.h"
#include "trace.h"

// What meter.ts writes: frames, each with so many tasks (trace_task, whose tgids go on from the last ones) or
// records (trace_record). Tasks come before the records that name them.
struct FrameHead {
  uint32_t kind;
  uint32_t count;
};
enum FrameKind : uint32_t { kTasks = 1, kRecords = 2 };

// Reads the rest of a frame. False: the input ends within it.
template <typename Entry>
bool ReadFrame(FILE* input, uint32_t count, std::vector<Entry>* entries) {
  entries->resize(count);
  return fread(entries->data(), sizeof(Entry), count, input) == count;
}
