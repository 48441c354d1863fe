// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// What one count of a counter that BPF reads may be worth, J.
//
// BPF reckons in units of about 2^-32 J, and makes units of counts by a shift to the left, so a unit is never
// more than a count. Below kLeastJoulesPerCount a unit is so small that the most a core can draw (250 W:
// MAX_WATTS in src/sources/limits.ts) is no power that BPF can hold any more (POWER_MAX in bpf/: 4096 units
// per ns). Above kMostJoulesPerCount less than 128 counts fit into what BPF takes for the advance of a
// counter and not for a jump (2^47 units).
constexpr double kLeastJoulesPerCount = 0x1p-34;  // 5.8e-11 J
constexpr double kMostJoulesPerCount = 0x1p8;     // 256 J

// No counter of one CPU or core draws so much, W.
constexpr double kMostWatts = 1e6;

// The unit that BPF reckons in, for one size of counts.
struct CountUnit {
  uint32_t shift = 0;  // units per count = 2^shift
  double counts = 1;   // counts per unit = 2^-shift
};

// `joules_per_count` is within the limits above.
CountUnit UnitOf(double joules_per_count);

// A power in units per ns, rounded up; 0 stays 0, which means that it is not known.
uint64_t UnitsPerNs(double watts, double joules_per_count, const CountUnit& unit);

// Units of an advance in counts; UINT64_MAX if they are more than that.
uint64_t ToUnits(uint64_t counts, uint32_t shift);
