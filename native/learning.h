// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "drained.h"
#include "learned_package.h"
#include "learner.h"
#include "outcome.h"
#include "shared_model.h"
#include "thread_maker.h"

class Program;

// Learns what processes draw of the counters of whole packages, and predicts by that what rows drew.
class Learning {
 public:
  explicit Learning(Program* program) : program_(program) {}

  // Learns from these packages, and from no others any more. May be called again when CPUs come and go: what
  // has been learned stays. The program has logs. After a failure nothing is learned from.
  Outcome Learn(const std::vector<LearnedPackage>& packages);

  // Fills in what is predicted for an interval that begins where the last one ended: NAN where nothing is
  // known.
  void Predict(Drained* interval);

  std::vector<LearningStatus> Status() const;
  // Times that the model had to begin anew.
  uint64_t restarts() const { return restarts_ + (model_ ? model_->restarts() : 0); }

 private:
  Outcome Check(const std::vector<LearnedPackage>& packages) const;
  bool FitsModel(const std::vector<LearnedPackage>& packages) const;
  void MakeModel(const std::vector<LearnedPackage>& packages);
  uint32_t IndexOf(uint32_t zone) const;

  Program* program_;
  std::unique_ptr<SharedModel> model_;
  std::vector<uint32_t> zones_;          // by index of a package in the model
  std::vector<uint32_t> cores_;          // of each, when it was seen last
  std::vector<int32_t> package_of_cpu_;  // index; -1: of none. CPUs that went offline keep theirs
  // Threads of packages whose CPUs come online when privileges have been dropped are to be prompt, too.
  ThreadMaker maker_;
  std::vector<std::unique_ptr<Learner>> learners_, resting_;
  uint64_t restarts_ = 0;  // of models that are gone
  double last_ns_ = 0;     // when the last interval ended
};
