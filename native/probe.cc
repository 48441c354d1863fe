// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <bpf/libbpf.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include "binder.h"
#include "calibration.h"
#include "core_learner.h"
#include "drainer.h"
#include "energy.h"
#include "energy.skel.h"
#include "learning.h"
#include "program.h"
#include "reliever.h"
#include "watch.h"

namespace {

constexpr double kLeastJitterNs = 30'000;

// Tells BPF what a busy CPU draws, and when the counters of `zones` zones can have moved. What has no steady
// period is taken for what moves all the time. Returns whether it is known when they move.
bool ExpectUpdates(const Calibration& found, size_t zones, Program* program) {
  energy_bpf& skeleton = program->skeleton();
  // Three standard deviations: 1.48 median deviations each, where updates stray as a normal distribution
  // does.
  const double jitter_ns = std::max(kLeastJitterNs, 3 * 1.48 * found.jitter_ns);
  const bool known = found.steady || found.period_ns == 0;
  if (known) {
    skeleton.bss->period_ns = found.period_ns;
    skeleton.data->jitter_ns = std::min(jitter_ns, found.period_ns / 4);
    for (size_t zone = 0; zone < zones; zone++)
      program->zones()[zone].period_ns = program->zones()[zone].caught_ns = 0;
  }
  const double power = found.counts_per_ns / program->unit().counts * (1 << ENERGY_POWER_FRACTION);
  if (power >= 1 && power < UINT32_MAX) skeleton.data->first_power = power;
  return known;
}

}  // namespace

// In the order in which they need one another: the last is closed first.
struct Probe::Parts {
  Program program;
  Binder binder{&program};
  Watch watch{&program, &binder};
  Drainer drainer{&program};
  Learning learning{&program};
  std::unique_ptr<CoreLearner> cores;  // where BPF reads the counters and is to be corrected
  Reliever reliever{&drainer};
};

Probe::Probe() = default;
Probe::~Probe() { Close(); }

Outcome Probe::Open(const ProbeOptions& options, uint32_t* own_pid) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (parts_) return Fail("open", -EALREADY);
  Outcome outcome = CheckRanges(options);
  if (outcome.Failed()) return outcome;
  auto parts = std::make_unique<Parts>();
  outcome = parts->program.Load(options, own_pid);
  if (outcome.Failed()) return outcome;
  outcome = parts->drainer.Open();
  if (outcome.Failed()) return outcome;
  if (options.learns && options.switched) parts->cores = std::make_unique<CoreLearner>(&parts->program);
  outcome = parts->reliever.Start(&mutex_);
  if (outcome.Failed()) return outcome;
  parts_ = std::move(parts);
  return {};
}

Outcome Probe::Bind(uint32_t zone, const std::vector<uint32_t>& cpus, uint32_t lead,
                    const PerfEventSpec& spec) {
  std::lock_guard<std::mutex> lock(mutex_);
  return parts_ ? parts_->binder.Bind(zone, cpus, lead, spec) : Fail("bind a counter", -EBADF);
}

Outcome Probe::Calibrate(uint32_t zone, uint32_t cpu, Calibration* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("calibrate a counter", -EBADF);
  const auto& counters = parts_->binder.counters();
  if (zone >= counters.size() || counters[zone].event.get() < 0) return Fail("calibrate a counter", -EBADF);
  Program& program = parts_->program;
  if (cpu >= program.cpu_count()) return Fail("run on the CPU of a counter", -EINVAL);
  Outcome outcome = ::Calibrate(counters[zone].event.get(), cpu, out);
  if (outcome.Failed() || !program.options().switched) return outcome;
  const bool known = ExpectUpdates(*out, counters.size(), &program);
  if (known && parts_->cores) parts_->cores->Expect(out->period_ns);
  return outcome;
}

Outcome Probe::Start() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("start", -EBADF);
  // First, so that nothing is attached if it fails: it waits for what there is to learn from.
  const int status = parts_->cores ? parts_->cores->Start() : 0;
  return status ? Fail("start a thread", status) : parts_->program.Start();
}

Outcome Probe::Drain(Drained* out) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("drain", -EBADF);
  Outcome outcome = parts_->drainer.Drain(out);
  if (!outcome.Failed()) parts_->learning.Predict(out);
  return outcome;
}

Outcome Probe::Learn(const std::vector<LearnedPackage>& packages) {
  std::lock_guard<std::mutex> lock(mutex_);
  return parts_ ? parts_->learning.Learn(packages) : Fail("learn from a counter", -EBADF);
}

Outcome Probe::AskLearning(LearningReport* report) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("learn from a counter", -EBADF);
  report->packages = parts_->learning.Status();
  report->restarts = parts_->learning.restarts();
  if (parts_->cores) report->cores = parts_->cores->Status();
  return {};
}

Outcome Probe::LookAfter(std::vector<uint32_t>* zones, double* asleep_ns) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("look after the counters", -EBADF);
  *asleep_ns = parts_->watch.TakeSleepNs();
  *zones = parts_->watch.Failing();
  parts_->watch.ResyncPhase();
  return {};
}

Outcome Probe::OpenAlarms(UniqueFd* ring) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!parts_) return Fail("wait for news of the counters", -EBADF);
  *ring = UniqueFd(fcntl(bpf_map__fd(parts_->program.skeleton().maps.alarms), F_DUPFD_CLOEXEC, 0));
  return ring->get() < 0 ? Fail("wait for news of the counters", -errno) : Outcome{};
}

void Probe::Close() {
  std::lock_guard<std::mutex> lock(mutex_);
  parts_.reset();
}
