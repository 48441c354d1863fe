// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "package_model.h"

// The model of a machine, which the threads of all packages teach and drains ask.
class SharedModel {
 public:
  explicit SharedModel(const PackageModelOptions& options) : model_(options) {}

  void Learn(const std::vector<Window>& windows) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const Window& window : windows) model_.Learn(window);
  }
  Prediction Predict(const Interval& interval) {
    std::lock_guard<std::mutex> lock(mutex_);
    return model_.Predict(interval);
  }
  void SetCores(const std::vector<uint32_t>& cores) {
    std::lock_guard<std::mutex> lock(mutex_);
    model_.SetCores(cores);
  }
  int BurstMs() {
    std::lock_guard<std::mutex> lock(mutex_);
    return model_.BurstMs();
  }
  uint64_t restarts() {
    std::lock_guard<std::mutex> lock(mutex_);
    return model_.restarts();
  }

 private:
  std::mutex mutex_;
  PackageModel model_;
};
