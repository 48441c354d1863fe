// SPDX-License-Identifier: Apache-2.0
#include "core_replay.h"

#include <memory>
#include <vector>

#include "actors.h"
#include "core_model.h"
#include "switch_log.h"

namespace {

constexpr uint64_t kSecondNs = 1'000'000'000, kMsNs = 1'000'000;
constexpr uint64_t kUncertainNs = kMsNs;       // width of an update that may be dated one too late
constexpr double kMostWatts = 250;             // what no core draws, where nothing is known

struct Core {
  std::vector<uint32_t> cpus;
  uint64_t last_count = 0;
};

class CoreReplay {
 public:
  CoreReplay(const engine& engine, std::vector<Core> cores, const CoreModelOptions& options)
      : engine_(engine), cores_(std::move(cores)), model_(options), actors_(engine.cpus) {
    std::vector<uint32_t> cpus;
    for (const Core& core : cores_) cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
    log_ = std::make_unique<SwitchLog>(engine.logs, engine.logging, cpus);
  }

  // Bursts begin with each second.
  void Before(uint64_t now_ns) {
    const bool burst = now_ns % kSecondNs < model_.BurstMs() * kMsNs + CoreModel::kLagNs;
    if (burst && !is_burst_) {
      log_->Listen();
      model_.BeginBurst(now_ns);
      taken_ns_ = now_ns;
    } else if (!burst && is_burst_) {
      Take(now_ns);
      log_->Unlisten();
      actors_.Forget(now_ns);
    } else if (burst && now_ns - taken_ns_ >= CoreModel::kLookNs) {
      Take(now_ns);
    }
    is_burst_ = burst;
  }

  // BPF logs each update that it sees.
  void After() {
    for (size_t i = 0; i < cores_.size(); i++) {
      const energy_zone& zone = engine_.zones[i];
      if (zone.last_count == cores_[i].last_count) continue;
      cores_[i].last_count = zone.last_count;
      const uint64_t width_ns = zone.window_uncertain ? kUncertainNs : zone.phase_error_ns;
      if (is_burst_) model_.AddUpdate(i, {zone.changed_ns, width_ns, zone.last_count});
    }
  }

 private:
  void Take(uint64_t now_ns) {
    size_t index = 0;
    for (size_t i = 0; i < cores_.size(); i++) {
      for (size_t cpu = 0; cpu < cores_[i].cpus.size(); cpu++) {
        const bool lost = log_->Take(index++, &records_);
        for (const SwitchRecord& record : records_) actors_.Note(cores_[i].cpus[cpu], record.prev, now_ns);
        model_.AddRecords(i, cpu, records_.data(), records_.size(), lost);
      }
    }
    model_.Learn(now_ns, [this](uint32_t tgid) { return actors_.Find(tgid); });
    model_.Correct(now_ns, engine_.powers, TRACE_JOULES_PER_COUNT);
    taken_ns_ = now_ns;
  }

  const engine engine_;
  std::vector<Core> cores_;
  CoreModel model_;
  ActorFinder actors_;
  std::unique_ptr<SwitchLog> log_;
  std::vector<SwitchRecord> records_;
  bool is_burst_ = false;
  uint64_t taken_ns_ = 0;
};

std::unique_ptr<CoreReplay> replay;

}  // namespace

void open_learning(const engine* engine, const trace_zone* zones, uint32_t count, double period_ns,
                   double max_watts) {
  CoreModelOptions options;
  options.joules_per_count = TRACE_JOULES_PER_COUNT;
  options.period_ns = period_ns;
  options.max_watts = max_watts > 0 ? max_watts : kMostWatts;
  std::vector<Core> cores(count);
  for (uint32_t i = 0; i < count; i++) {
    for (uint32_t cpu : zones[i].cpus)
      if (cpu != TRACE_NO_CPU) cores[i].cpus.push_back(cpu);
    options.threads.push_back(cores[i].cpus.size());
  }
  replay = std::make_unique<CoreReplay>(*engine, std::move(cores), options);
}

void learn_before(__u64 now_ns) {
  if (replay) replay->Before(now_ns);
}

void learn_after(__u64) {
  if (replay) replay->After();
}
