/* SPDX-License-Identifier: Apache-2.0 */
/* Prints what is in a trace, as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace.h"

int main(int argc, char** argv) {
  FILE* file = argc > 1 ? fopen(argv[1], "rb") : 0;
  struct trace_header header;
  struct trace_zone zone;
  struct trace_task task = {0};
  struct trace_record record;
  uint64_t times = 0, values = 0, cpus = 0, kinds[7] = {0};

  if (!file || fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.magic, TRACE_MAGIC, 8)) return 1;
  printf("{\"cpus\": %u, \"zones\": [", header.cpus);
  for (uint32_t i = 0; i < header.zones; i++) {
    if (fread(&zone, sizeof(zone), 1, file) != 1) return 2;
    for (int j = 0; j < TRACE_ZONE_CPUS; j++) printf("%s%u", j ? ", " : i ? ", [" : "[", zone.cpus[j]);
    printf("]");
  }
  for (uint32_t i = 0; i < header.tasks; i++)
    if (fread(&task, sizeof(task), 1, file) != 1) return 3;
  for (uint32_t i = 0; i < header.records; i++) {
    if (fread(&record, sizeof(record), 1, file) != 1 || record.kind > TRACE_EDGE) return 4;
    times += record.time_ns;
    values += record.value;
    cpus += record.cpu;
    kinds[record.kind]++;
  }
  printf("], \"last\": [\"%s\", %" PRIu64 ", %" PRIu64 "]", task.comm, task.cgroup, task.start_ns);
  printf(", \"times\": %" PRIu64 ", \"values\": %" PRIu64 ", \"cpuSum\": %" PRIu64, times, values, cpus);
  printf(", \"kinds\": [%" PRIu64 ", %" PRIu64, kinds[TRACE_SWITCH], kinds[TRACE_COUNTER]);
  printf(", %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]", kinds[TRACE_TICK], kinds[TRACE_DRAIN],
         kinds[TRACE_POLL], kinds[TRACE_EDGE]);
  printf(", \"over\": %zu}", fread(&record, 1, 1, file));
  return 0;
}
