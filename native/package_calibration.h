// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "counter_reader.h"
#include "learned_package.h"
#include "update_period.h"
#include "worker.h"

// Finds out when a counter moves, in the thread of a worker that runs on its CPU, and so whether it can be
// learned from. It takes 0.15 s, and up to 4 s with a counter that moves rarely; kCalibrating: it was stopped
// meanwhile.
LearningState CalibratePackage(CounterReader* reader, Worker* worker, Calibration* found, int* error);
