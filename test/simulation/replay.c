/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * replay TRACE MAX_WATTS PERIOD_NS LABELS LEARNS: replays a trace through the program and prints as JSON what
 * it charged. LABELS: how many labels each task goes through; 0: none. LEARNS: 1: powers are learned in user
 * space as well, which takes a program on the host; 0: not.
 * Energies are decimal strings, since JavaScript's numbers end at 2^53.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_replay.h"
#include "engine.h"
#include "trace_file.h"

static struct {
  struct {
    uint64_t energy, time_ns, error; /* 2^-16 units, ns */
  } * tasks, *labels;
  uint64_t counted, gap, reads, switches, spills, backwards, jumps;
} total;

void fail(const char* what, int error) {
  fprintf(stderr, "replay: cannot %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
  exit(1);
}

static struct engine open_machine(const struct trace* trace, double max_watts, uint64_t period_ns,
                                  bool logs) {
  const struct trace_header* header = trace->header;
  struct settings settings = {
      .cpus = header->cpus,
      .zones = header->zones,
      .tasks = header->tasks,
      .max_power = ceil(max_watts / TRACE_JOULES_PER_COUNT / 1e9),
      .period_ns = period_ns,
      .logs = logs,
  };
  struct engine engine;

  for (uint32_t z = 0; z < header->zones; z++)
    settings.shared_zones |= trace->zones[z].cpus[1] != TRACE_NO_CPU;
  engine = open_engine(&settings);
  for (uint32_t cpu = 0; cpu < header->cpus; cpu++)
    engine.cpus[cpu].zone = engine.cpus[cpu].sibling = ENERGY_NONE;
  for (uint32_t z = 0; z < header->zones; z++) {
    for (uint32_t i = 0; i < ENERGY_THREADS; i++) {
      uint32_t cpu = trace->zones[z].cpus[i], sibling = trace->zones[z].cpus[!i];
      struct energy_cpu* c = &engine.cpus[cpu];

      if (cpu == TRACE_NO_CPU) continue;
      c->zone = engine.machine->zone[cpu] = z;
      c->thread = i;
      c->sibling = sibling == TRACE_NO_CPU ? ENERGY_NONE : (int)sibling;
    }
  }
  for (uint32_t i = 0; i < header->tasks; i++) {
    struct task_struct* task = &engine.tasks[i];

    *task = (struct task_struct){
        .pid = i, .tgid = i, .start_ns = trace->tasks[i].start_ns, .cgroup = trace->tasks[i].cgroup};
    memcpy(task->comm, trace->tasks[i].comm, sizeof(task->comm));
  }
  return engine;
}

/* As native/drain.cc: only the energy of mixtures can be wrong, by the standard deviation of a power. */
static void add_row(uint32_t tgid, uint32_t label, const struct energy_spill* row, uint32_t variance) {
  uint64_t mixed = row->energy > row->certain ? row->energy - row->certain : 0;

  total.tasks[tgid].energy += row->energy;
  total.tasks[tgid].time_ns += row->time_ns;
  total.tasks[tgid].error += llround(mixed * sqrt(variance / 65536.0));
  total.labels[label].energy += row->energy;
  total.labels[label].time_ns += row->time_ns;
}

static void add_spill(const struct energy_spill_key* key, const struct energy_spill* row) {
  add_row(key->tgid, key->label, row, ENERGY_VARIANCE_NEW);
}

static void take_buffer(struct energy_buffer* buffer) {
  for (int i = 0; i < ENERGY_ROWS; i++) {
    const struct energy_hot* hot = &buffer->hot[i];
    const struct energy_cold* cold = &buffer->cold[i];
    struct energy_spill row = {.time_ns = cold->time_ns + hot->pending_ns, .certain = cold->certain};

    row.energy = cold->energy + hot->pending * buffer->price[hot->window & (ENERGY_PRICES - 1)];
    if (hot->owner) add_row(hot->owner - 1, cold->label, &row, cold->variance);
  }
  if (buffer->lost_rows) fail("replay the trace: its tasks do not fit into the overflow map", 0);
  total.counted += buffer->energy;
  total.gap += buffer->gap << ENERGY_FRACTION;
  total.reads += buffer->reads;
  total.switches += buffer->switches;
  total.spills += buffer->spills;
  total.backwards += buffer->backwards;
  total.jumps += buffer->jumps;
  memset(buffer, 0, offsetof(struct energy_buffer, cold));
}

static void drain(const struct engine* engine, uint32_t cpus, struct trace_record record) {
  for (record.cpu = 0; record.cpu < cpus; record.cpu++) run(&record, 1);
  for (uint32_t cpu = 0; cpu < cpus; cpu++)
    take_buffer(&engine->cpus[cpu].buffers[~engine->cpus[cpu].buffer & 1]);
  for (uint32_t buffer = 0; buffer < 2; buffer++) take_spills(buffer, add_spill);
}

static void run_learning(const struct trace_record* records, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    learn_before(records[i].time_ns + TRACE_BEGINS_NS);
    run(&records[i], 1);
    learn_after(records[i].time_ns + TRACE_BEGINS_NS);
  }
}

static void print_totals(const struct engine* engine, const struct trace_header* header) {
  const struct machine* machine = engine->machine;
  uint64_t unpriced = 0;

  for (uint32_t cpu = 0; cpu < header->cpus; cpu++)
    unpriced += (engine->cpus[cpu].unpriced << ENERGY_FRACTION) + engine->cpus[cpu].remainder;
  printf("{\"verified\":%u,\"counted\":\"%" PRIu64 "\",\"gap\":\"%" PRIu64 "\",\"unpriced\":\"%" PRIu64 "\"",
         engine->verified, total.counted, total.gap, unpriced);
  printf(",\"reads\":%" PRIu64 ",\"switches\":%" PRIu64 ",\"spills\":%" PRIu64, total.reads, total.switches,
         total.spills);
  printf(",\"backwards\":%" PRIu64 ",\"jumps\":%" PRIu64 ",\"zones\":[", total.backwards, total.jumps);
  for (uint32_t z = 0; z < header->zones; z++)
    printf("%s{\"first\":\"%llu\",\"last\":\"%llu\",\"advanced\":\"%llu\"}", z ? "," : "", machine->first[z],
           machine->last[z], machine->advanced[z]);
  printf("],\"tasks\":[");
  for (uint32_t i = 0; i < header->tasks; i++)
    printf("%s[\"%" PRIu64 "\",\"%" PRIu64 "\",\"%" PRIu64 "\"]", i ? "," : "", total.tasks[i].energy,
           total.tasks[i].time_ns, total.tasks[i].error);
  printf("],\"labels\":[");
  for (uint32_t i = 0; i <= machine->labels; i++)
    printf("%s[\"%" PRIu64 "\",\"%" PRIu64 "\"]", i ? "," : "", total.labels[i].energy,
           total.labels[i].time_ns);
  printf("]}\n");
}

int main(int argc, char** argv) {
  if (argc != 6) fail("begin: arguments are TRACE MAX_WATTS PERIOD_NS LABELS LEARNS", 0);
  struct trace trace = open_trace(argv[1]);
  if (trace.header->cpus > MACHINE_CPUS || trace.header->tasks > MACHINE_TASKS)
    fail("replay the trace: it has too many CPUs or tasks (machine.h)", 0);
  bool learns = strcmp(argv[5], "0") != 0;
  double max_watts = atof(argv[2]), period_ns = atof(argv[3]);
  struct engine engine = open_machine(&trace, max_watts, period_ns, learns);
  uint32_t done = 0;

  engine.machine->labels = strtoul(argv[4], NULL, 10);
  total.tasks = calloc(trace.header->tasks, sizeof(*total.tasks));
  total.labels = calloc(engine.machine->labels + 1, sizeof(*total.labels));
  if (!total.tasks || !total.labels) fail("allocate memory", 0);
  if (learns) {
    if (!engine.powers) fail("learn: the program runs in the kernel", 0);
    open_learning(&engine, trace.zones, trace.header->zones, period_ns, max_watts);
  }
  for (uint32_t i = 0; i < trace.header->records; i++) {
    if (trace.records[i].kind != TRACE_DRAIN) continue;
    learns ? run_learning(trace.records + done, i - done) : run(trace.records + done, i - done);
    drain(&engine, trace.header->cpus, trace.records[i]);
    done = i + 1;
  }
  print_totals(&engine, trace.header);
  return 0;
}
