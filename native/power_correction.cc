// SPDX-License-Identifier: Apache-2.0
#include "power_correction.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "energy.h"

namespace {

// Constants are from simulations, on other seeds than those that docs/adr/0019 shows.
const double kOff = std::log(1.1);      // entries that are off by less are left alone
constexpr double kSure = 0.5;           // and by so many of the standard deviations that it is known to
constexpr double kMeanS = 0.03;         // thread seconds that the mean of an entry is of,
constexpr double kEnoughS = 0.03;       // and that there must have been
constexpr double kErrorWritten = 0.05;  // what BPF is told of the error, as a part of the power
constexpr uint32_t kForget = 60;
constexpr double kPowerLeast = ENERGY_WATT / 20., kPowerMost = 1 << 24;  // bpf/gate.bpf.h

// The part of an entry that is written: one word, so that it is exchanged at once.
struct Guess {
  uint32_t power;
  uint16_t variance, comm_class;
};
static_assert(sizeof(Guess) == sizeof(uint64_t) && offsetof(energy_power, power) % sizeof(uint64_t) == 0 &&
                  offsetof(energy_power, variance) ==
                      offsetof(energy_power, power) + offsetof(Guess, variance) &&
                  offsetof(energy_power, comm_class) ==
                      offsetof(energy_power, power) + offsetof(Guess, comm_class),
              "as bpf/energy.h has it");

typedef uint64_t __attribute__((may_alias)) Word;

Word* WordOf(energy_power* entry) { return reinterpret_cast<Word*>(&entry->power); }

energy_power* EntryOf(energy_power* powers, uint32_t tgid) {
  return &powers[(tgid + 1) & ((1 << ENERGY_POWER_BITS) - 1)];
}

Guess Read(energy_power* entry) {
  const uint64_t word = __atomic_load_n(WordOf(entry), __ATOMIC_ACQUIRE);
  Guess guess;
  memcpy(&guess, &word, sizeof(guess));
  return guess;
}

bool IsOf(const energy_power* entry, uint32_t tgid) {
  return __atomic_load_n(&entry->owner, __ATOMIC_RELAXED) == tgid + 1;
}

// Unless BPF has written it meanwhile, for the same process or another.
bool Scale(energy_power* entry, uint32_t tgid, double factor) {
  Guess guess = Read(entry);
  if (!IsOf(entry, tgid)) return false;
  uint64_t before, after;
  memcpy(&before, &guess, sizeof(before));
  guess.power = std::clamp(guess.power * factor, kPowerLeast, kPowerMost);
  guess.variance = kErrorWritten * kErrorWritten * 65536;
  memcpy(&after, &guess, sizeof(after));
  return __atomic_compare_exchange_n(WordOf(entry), &before, after, false, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED);
}

}  // namespace

// Adds what ran on a core, at the level of its powers: what BPF takes all of it to draw, by what it should.
void PowerCorrection::AddCore(const Run& ran, std::unordered_map<uint32_t, Compared>* all) const {
  double bpf = 0, learned = 0;
  for (const auto& [tgid, thread_s] : ran) {
    const auto found = all->find(tgid);
    if (found == all->end()) continue;
    bpf += thread_s * found->second.bpf;
    learned += thread_s * found->second.learned;
  }
  if (!(learned > 0)) return;
  for (const auto& [tgid, thread_s] : ran) {
    const auto found = all->find(tgid);
    if (found == all->end()) continue;
    found->second.thread_s += thread_s;
    found->second.level_s += thread_s * bpf / learned;
  }
}

size_t PowerCorrection::Correct(const std::vector<LearnedPower>& learned, energy_power* powers,
                                double joules_per_unit) {
  const double power_w = joules_per_unit * 1e9 / (1 << ENERGY_POWER_FRACTION);
  std::unordered_map<uint32_t, Compared> all;
  for (const LearnedPower& each : learned) {
    energy_power* entry = EntryOf(powers, each.tgid);
    const double bpf = Read(entry).power * power_w;
    if (IsOf(entry, each.tgid) && each.watts > 0 && bpf > 0)
      all[each.tgid] = {entry, each.watts, each.error_w, bpf};
  }
  for (Run& ran : ran_) {
    AddCore(ran, &all);
    ran.clear();
  }
  size_t written = 0;
  for (const auto& [tgid, now] : all) {
    if (!(now.thread_s > 0)) continue;
    Late& late = late_[tgid];
    const uint16_t comm_class = Read(now.entry).comm_class;
    if (late.start != now.entry->start || late.comm_class != comm_class)
      late = {now.entry->start, comm_class};
    const double kept = std::exp(-now.thread_s / kMeanS);
    const double should = now.learned * now.level_s / now.thread_s;
    late.log_off = late.log_off * kept + now.thread_s * std::log(now.bpf / should);
    late.thread_s = late.thread_s * kept + now.thread_s;
    late.heard = forgotten_;
    const double off = late.log_off / late.thread_s;
    const double chance = std::max(kOff, kSure * now.error / now.learned);
    if (late.thread_s < kEnoughS || !(std::abs(off) >= chance)) continue;
    if (!Scale(now.entry, tgid, std::exp(-off))) continue;
    late.log_off = 0;
    written++;
  }
  return written;
}

void PowerCorrection::Forget() {
  forgotten_++;
  for (auto it = late_.begin(); it != late_.end();)
    it = forgotten_ - it->second.heard > kForget ? late_.erase(it) : std::next(it);
}
