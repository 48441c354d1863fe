// SPDX-License-Identifier: Apache-2.0
#include "count_unit.h"

#include <algorithm>
#include <cmath>

CountUnit UnitOf(double joules_per_count) {
  CountUnit unit;
  unit.shift = std::max(0L, std::lround(std::log2(joules_per_count * 0x1p32)));
  unit.counts = std::ldexp(1, -static_cast<int>(unit.shift));
  return unit;
}

uint64_t UnitsPerNs(double watts, double joules_per_count, const CountUnit& unit) {
  return std::ceil(watts / (joules_per_count * unit.counts) / 1e9);
}

uint64_t ToUnits(uint64_t counts, uint32_t shift) {
  return counts > UINT64_MAX >> shift ? UINT64_MAX : counts << shift;
}
