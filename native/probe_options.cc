// SPDX-License-Identifier: Apache-2.0
#include "probe_options.h"

#include <climits>

#include "count_unit.h"

namespace {

// False for NaN, too.
bool IsWithin(double value, double least, double most) { return value >= least && value <= most; }

}  // namespace

Outcome CheckRanges(const ProbeOptions& options) {
  if (!IsWithin(options.joules_per_count, kLeastJoulesPerCount, kMostJoulesPerCount))
    return Fail("count in so many Joules", -ERANGE);
  if (!IsWithin(options.max_watts, 0, kMostWatts)) return Fail("bound the power of a counter", -ERANGE);
  if (!IsWithin(options.spill_entries, 1, kMostSpillEntries))
    return Fail("keep room for so many processes", -ERANGE);
  if (options.hierarchy > INT_MAX) return Fail("charge such a cgroup hierarchy", -ERANGE);
  return {};
}
