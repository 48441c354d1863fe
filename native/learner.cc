// SPDX-License-Identifier: Apache-2.0
#include "learner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "clock.h"
#include "energy.h"
#include "energy.skel.h"
#include "own_thread.h"
#include "package_calibration.h"
#include "program.h"

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// Between two tries, where learning is not possible; and at most where that may pass: a try takes some 50 ms
// of CPU time.
constexpr int64_t kFirstPauseNs = kSecondNs, kLongestPauseNs = 600 * kSecondNs,
                  kShortPauseNs = 30 * kSecondNs;
// In so much time of bursts, at least this part of all windows must be of use: 20 of 500 a second.
constexpr int64_t kJudgedNs = 10 * kSecondNs;
constexpr double kLeastUsed = 0.04;
// A counter that has not moved for so long, or in a burst of some length, is looked at anew.
constexpr int64_t kStillNs = kSecondNs / 2, kShortestBurstNs = kSecondNs / 20;
// A sleep of the machine, which no clock that goes on in it shows as less.
constexpr int64_t kShortestSleepNs = 50'000'000;

WindowCounts operator+(const WindowCounts& a, const WindowCounts& b) {
  return {a.cut + b.cut, a.wide + b.wide, a.length + b.length, a.lost + b.lost, a.energy + b.energy};
}

// Whether it is about what goes on just now: a busy CPU, a counter that stands still.
bool MayPass(LearningState state) {
  return state == LearningState::kUnmoved || state == LearningState::kUnsteady ||
         state == LearningState::kNoise;
}

WindowOptions OptionsOf(const LearnedPackage& package, uint32_t index, double period_ns) {
  WindowOptions options;
  options.package = index;
  options.core_of_cpu = package.cores;
  options.joules_per_count = package.joules_per_count;
  options.period_ns = period_ns;
  options.max_watts = package.max_watts;
  return options;
}

}  // namespace

// What a thread works with while it learns.
struct Learner::Tools {
  WindowOptions options;
  WindowCutter cutter;
  UpdateTimer timer;
  SwitchLog log;
  ActorFinder actors;
  std::vector<SwitchRecord> records;
};

Learner::Learner(Program* program, const LearnedPackage& package, uint32_t index, SharedModel* model)
    : program_(program), package_(package), index_(index), model_(model) {
  status_.zone = package.zone;
  status_.period_ns = status_.jitter_ns = NAN;
}

int Learner::Start(ThreadMaker* maker) {
  return worker_.Start([this] { Run(); }, maker);
}

void Learner::GoOn(const LearnedPackage& package) {
  if (!rests_ && package == package_) return;
  Rest();
  rests_ = false;
  package_ = package;
  Tell(LearningState::kCalibrating, 0);
  worker_.Resume();
}

void Learner::Rest() {
  worker_.Pause();
  rests_ = true;
}

LearningStatus Learner::Status() {
  std::lock_guard<std::mutex> lock(mutex_);
  LearningStatus status = status_;
  status.cpu_ns = worker_.CpuNs();
  return status;
}

void Learner::Tell(LearningState state, int error) {
  std::lock_guard<std::mutex> lock(mutex_);
  status_.state = state;
  status_.error = error;
  status_.period_ns = calibration_.period_ns;
  status_.jitter_ns = calibration_.jitter_ns;
}

void Learner::Tell(const Tools& tools) {
  const uint32_t burst_ms = model_->BurstMs();
  std::lock_guard<std::mutex> lock(mutex_);
  status_.edge_ns = tools.timer.width_ns();
  status_.windows = windows_before_ + tools.cutter.counts();
  status_.burst_ms = burst_ms;
}

void Learner::Run() {
  Worker::BePrompt();
  int64_t pause_ns = kFirstPauseNs;
  for (LearningState before = LearningState::kCalibrating; !worker_.Stopping();) {
    LearningState state = Calibrate();
    if (state == LearningState::kLearning) {
      const int64_t begin = MonotonicNs();
      state = LearnUntilItFails();
      if (MonotonicNs() - begin > 2 * kJudgedNs) pause_ns = kFirstPauseNs;
      if (!worker_.Stopping()) Tell(state, reader_.status());
    }
    // What has become of it is another thing.
    if (state != std::exchange(before, state)) pause_ns = kFirstPauseNs;
    worker_.SleepUntil(MonotonicNs() + pause_ns);
    pause_ns = std::min(2 * pause_ns, MayPass(state) ? kShortPauseNs : kLongestPauseNs);
  }
  reader_.Close();
}

LearningState Learner::Calibrate() {
  calibration_ = {};
  LearningState state = LearningState::kElsewhere;
  int error = MoveTo(package_.lead);
  if (!error) {
    state = LearningState::kUnreadable;
    error = reader_.Open(package_.location, package_.range);
  }
  if (!error) state = CalibratePackage(&reader_, &worker_, &calibration_, &error);
  Tell(state, error);
  return state;
}

LearningState Learner::LearnUntilItFails() {
  const WindowOptions options = OptionsOf(package_, index_, calibration_.period_ns);
  Tools tools{options,
              WindowCutter(options),
              UpdateTimer(&reader_, &worker_),
              SwitchLog(program_->logs(), &program_->skeleton().bss->logging, package_.cpus),
              ActorFinder(program_->cpus()),
              {}};
  judged_ns_ = judged_cut_ = 0;
  LearningState state = LearningState::kLearning;
  while (state == LearningState::kLearning && !worker_.Stopping()) {
    state = Burst(&tools);
    Tell(tools);
    const int64_t now = MonotonicNs();
    tools.actors.Forget(now);
    // Bursts begin with a second: those of all packages at once.
    if (state == LearningState::kLearning && model_->BurstMs() < 1000)
      worker_.SleepUntil((now / kSecondNs + 1) * kSecondNs);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  windows_before_ = windows_before_ + tools.cutter.counts();
  return state;
}

// Takes what the logs have, cuts it, and lets the model learn.
void Learner::Learn(Tools* tools) {
  const int64_t now = MonotonicNs();
  for (size_t i = 0; i < package_.cpus.size(); i++) {
    const bool lost = tools->log.Take(i, &tools->records);
    for (const SwitchRecord& record : tools->records) tools->actors.Note(package_.cpus[i], record.prev, now);
    tools->cutter.AddRecords(i, tools->records.data(), tools->records.size(), lost);
  }
  std::vector<Window> windows = tools->cutter.Cut(now);
  for (Window& window : windows)
    for (WindowTask& task : window.tasks) task.who = tools->actors.Find(task.tgid);
  if (!windows.empty()) model_->Learn(windows);
}

bool Learner::IsNoise(const WindowCounts& counts, int64_t burst_ns) {
  judged_ns_ += burst_ns;
  if (judged_ns_ < kJudgedNs) return false;
  const double possible = judged_ns_ / (2 * calibration_.period_ns);
  const bool noise = counts.cut - judged_cut_ < kLeastUsed * possible;
  judged_ns_ = 0;
  judged_cut_ = counts.cut;
  return noise;
}

LearningState Learner::Burst(Tools* tools) {
  int64_t begin = MonotonicNs(), slept_ns = SleptNs();
  const int64_t wanted_ns = model_->BurstMs() * INT64_C(1'000'000);
  // Of the second that is under way.
  const int64_t end = std::min(begin + wanted_ns, (begin / kSecondNs + 1) * kSecondNs);
  tools->log.Listen();
  tools->cutter.BeginBurst(begin);
  tools->timer.Start(calibration_.period_ns, calibration_.jitter_ns);
  int64_t moved_ns = begin;
  for (int64_t until = end, now = begin; now < until && !worker_.Stopping(); now = MonotonicNs()) {
    CounterEdge edge;
    const auto seen = tools->timer.Next(&edge);
    if (seen == UpdateTimer::Seen::kError) return LearningState::kUnreadable;
    if (seen == UpdateTimer::Seen::kUpdate) tools->cutter.AddEdge(edge), moved_ns = MonotonicNs();
    if (now - moved_ns > kStillNs) return LearningState::kUnmoved;
    Learn(tools);
    if (now < until - 2 * calibration_.period_ns || model_->BurstMs() < 1000) continue;
    // All of each second: it goes on without a break, unless the machine slept.
    if (IsNoise(tools->cutter.counts(), until - begin)) return LearningState::kNoise;
    if (SleptNs() - slept_ns > kShortestSleepNs) break;
    tools->actors.Forget(now);
    Tell(*tools);
    begin = until;
    until += kSecondNs;
  }
  // Windows are cut when they are a lag old, and CPUs that run on are known by their ticks.
  const int64_t last = MonotonicNs();
  if (moved_ns <= begin && last - begin > kShortestBurstNs) return LearningState::kUnmoved;
  worker_.SleepUntil(last + tools->options.lag_ns);
  Learn(tools);
  tools->log.Unlisten();
  return IsNoise(tools->cutter.counts(), last - begin) ? LearningState::kNoise : LearningState::kLearning;
}
