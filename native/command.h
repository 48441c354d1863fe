// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <napi.h>

// startCommand([file, ...arguments]): runs a program with our stdin, stdout and stderr, by libuv, as
// child_process.spawn does. Returns {pid, exited: Promise<{status, signal}>}, or -errno.
//
// The program has our privileges but for the ambient set, which is for us alone: this thread has it no more.
//
// Unlike child_process it tells the signal by its number: Node has names only for the first 31, and reports
// a program that a real-time signal ended as one that exited with 0.
Napi::Value StartCommand(const Napi::CallbackInfo& info);
