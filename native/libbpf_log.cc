// SPDX-License-Identifier: Apache-2.0
#include "libbpf_log.h"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>

// What libbpf.a takes for `stderr` (see binding.gyp). Only its default printer uses it, which TakeLibbpfLog()
// replaces.
extern "C" {
__attribute__((visibility("hidden"))) FILE* __wrap_stderr = nullptr;
}

namespace {

// It is set by JavaScript and read by libbpf's printer in any thread. getenv() is of no use for that, beside
// a thread that changes the environment.
std::atomic<bool> print_all{false};

int Print(libbpf_print_level, const char* format, va_list arguments) {
  return print_all ? vdprintf(STDERR_FILENO, format, arguments) : 0;
}

}  // namespace

void TakeLibbpfLog() { libbpf_set_print(Print); }

void SetLibbpfVerbose(bool verbose) { print_all = verbose; }
