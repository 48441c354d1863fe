// SPDX-License-Identifier: Apache-2.0
// Reads a poll from stdin, `TIME COUNT` of each read, and prints what FindUpdatePeriod() makes of it as JSON.
#include "update_period.h"

#include <cstdio>

int main() {
  Poll poll;
  double time, count, last, before;
  if (scanf("%lf %lf", &before, &last) != 2) return 1;
  for (double earlier = before; scanf("%lf %lf", &time, &count) == 2; earlier = before, before = time) {
    poll.reads++;
    poll.read_ns.push_back(time - before);
    if (count != last) poll.changes.push_back({time, earlier});
    last = count;
  }
  const Calibration found = FindUpdatePeriod(poll);
  const double period = std::isnan(found.period_ns) ? -1 : found.period_ns;
  const double jitter = std::isnan(found.jitter_ns) ? -1 : found.jitter_ns;
  printf("{\"period\": %f, \"jitter\": %f, \"steady\": %s, \"changes\": %zu}\n", period, jitter,
         found.steady ? "true" : "false", found.changes);
}
