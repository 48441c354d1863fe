// SPDX-License-Identifier: Apache-2.0
// Reads a poll from stdin, `TIME COUNT` of each read, and prints what FindRhythm() makes of it as JSON.
#include "rhythm.h"

#include <cstdio>

int main() {
  Poll poll;
  double time, count, last = 0, before = 0, earlier = 0;
  while (scanf("%lf %lf", &time, &count) == 2) {
    if (poll.reads++) {
      poll.read_ns.push_back(time - before);
      if (count != last) poll.changes.push_back({time, earlier});
    }
    earlier = poll.reads == 1 ? time : before;
    before = time;
    last = count;
  }
  const Calibration found = FindRhythm(poll);
  const double period = std::isnan(found.period_ns) ? -1 : found.period_ns;
  const double jitter = std::isnan(found.jitter_ns) ? -1 : found.jitter_ns;
  printf("{\"period\": %f, \"jitter\": %f, \"steady\": %s, \"changes\": %zu}\n", period, jitter,
         found.steady ? "true" : "false", found.changes);
}
