// SPDX-License-Identifier: Apache-2.0
#include "learning.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <iterator>

#include "actors.h"
#include "clock.h"
#include "energy.h"
#include "program.h"

namespace {

constexpr const char* kStep = "learn from a counter";

// Whether what has been learned tells who draws how much. It goes on to while a counter is found anew.
bool TellsApart(LearningState state) {
  return state == LearningState::kLearning || state == LearningState::kCalibrating;
}

// Whether it tells what is nobody's: also where no more can be learned just now.
bool TellsShared(LearningState state) {
  return TellsApart(state) || state == LearningState::kUnmoved || state == LearningState::kUnsteady ||
         state == LearningState::kNoise;
}

bool IsSane(const LearnedPackage& package, uint32_t cpu_count) {
  const auto& cpus = package.cpus;
  const auto& cores = package.cores;
  const bool known = std::all_of(cpus.begin(), cpus.end(), [&](uint32_t cpu) { return cpu < cpu_count; });
  const bool numbered = std::all_of(cores.begin(), cores.end(), [&](uint32_t core) {
    return core == 0 || std::find(cores.begin(), cores.end(), core - 1) != cores.end();
  });
  return known && numbered && !cpus.empty() && cores.size() == cpus.size() && package.joules_per_count > 0 &&
         package.max_watts > 0;
}

uint32_t CountCores(const LearnedPackage& package) {
  return *std::max_element(package.cores.begin(), package.cores.end()) + 1;
}

}  // namespace

Outcome Learning::Check(const std::vector<LearnedPackage>& packages) const {
  if (!program_->options().learns) return Fail(kStep, -EINVAL);
  for (const auto& package : packages)
    if (!IsSane(package, program_->cpu_count())) return Fail(kStep, -EINVAL);
  return {};
}

uint32_t Learning::IndexOf(uint32_t zone) const {
  return std::find(zones_.begin(), zones_.end(), zone) - zones_.begin();
}

bool Learning::FitsModel(const std::vector<LearnedPackage>& packages) const {
  return model_ && std::all_of(packages.begin(), packages.end(), [&](const LearnedPackage& package) {
           return IndexOf(package.zone) < zones_.size();
         });
}

void Learning::MakeModel(const std::vector<LearnedPackage>& packages) {
  PackageModelOptions options;
  zones_.clear();
  cores_.clear();
  for (const auto& package : packages) {
    zones_.push_back(package.zone);
    cores_.push_back(CountCores(package));
    options.max_watts = std::max(options.max_watts, package.max_watts);
    options.joules_per_count = std::max(options.joules_per_count, package.joules_per_count);
  }
  options.cores = cores_;
  if (model_) restarts_ += model_->restarts() + 1;
  model_ = std::make_unique<SharedModel>(options);
}

Outcome Learning::Learn(const std::vector<LearnedPackage>& packages) {
  Outcome refused = Check(packages);
  std::vector<std::unique_ptr<Learner>> before;
  before.swap(learners_);
  std::move(resting_.begin(), resting_.end(), std::back_inserter(before));
  resting_.clear();
  if (refused.Failed() || packages.empty()) return refused;
  if (const int status = maker_.Start()) return Fail("start a thread", status);
  if (!FitsModel(packages)) {
    before.clear();  // they use the old one
    MakeModel(packages);
    package_of_cpu_.assign(program_->cpu_count(), -1);
  }
  for (const auto& package : packages) {
    const uint32_t index = IndexOf(package.zone);
    cores_[index] = CountCores(package);
    for (uint32_t cpu : package.cpus) package_of_cpu_[cpu] = index;
    auto its = std::find_if(before.begin(), before.end(),
                            [&](const auto& learner) { return learner && learner->index() == index; });
    if (its != before.end()) {
      (*its)->GoOn(package);
      learners_.push_back(std::move(*its));
      continue;
    }
    learners_.push_back(std::make_unique<Learner>(program_, package, index, model_.get()));
    const int status = learners_.back()->Start(&maker_);
    if (!status) continue;
    learners_.clear();
    return Fail("start a thread", status);
  }
  // Of packages whose CPUs are all offline: they may come back.
  for (auto& learner : before) {
    if (!learner) continue;
    learner->Rest();
    resting_.push_back(std::move(learner));
  }
  model_->SetCores(cores_);
  if (last_ns_ == 0) last_ns_ = MonotonicNs();
  return {};
}

void Learning::Predict(Drained* interval) {
  auto& rows = interval->rows;
  const double begin_ns = last_ns_;
  last_ns_ = interval->time_ns;
  for (const auto& learner : learners_) {
    const int32_t index = learner->index();
    Interval asked;
    asked.package = index;
    asked.end_s = interval->time_ns / 1e9;
    asked.seconds = (interval->time_ns - begin_ns) / 1e9;
    std::vector<size_t> where;
    for (size_t i = 0; i < rows.cpu.size(); i++) {
      if (package_of_cpu_[rows.cpu[i]] != index) continue;
      where.push_back(i);
      const Actor who =
          ActorOf(rows.pid[i], interval->owners.start_ns[i], &interval->owners.comm[i * ENERGY_COMM]);
      asked.rows.push_back({who, rows.time_ns[i] / 1e9});
    }
    const LearningState state = learner->Status().state;
    const Prediction found = TellsShared(state) ? model_->Predict(asked) : Prediction{};
    for (size_t i = 0; found.learned && i < where.size(); i++) {
      rows.predicted_joules[where[i]] = found.joules[i];
      rows.predicted_error_joules[where[i]] = found.error_j[i];
    }
    auto& packages = interval->packages;
    packages.zone.push_back(learner->package().zone);
    packages.learned.push_back(found.learned && found.gate > 0 && TellsApart(state));
    packages.shared_joules.push_back(found.learned ? found.shared_j : NAN);
    packages.idle_joules.push_back(found.learned ? found.idle_j : NAN);
  }
}

std::vector<LearningStatus> Learning::Status() const {
  std::vector<LearningStatus> all;
  for (const auto& learner : learners_) all.push_back(learner->Status());
  return all;
}
