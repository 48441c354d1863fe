/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * race SWITCHES SPINS: the two threads of a core switch at once, each reads their counter at every switch,
 * and it moves all the time; each reading takes SPINS. Prints as JSON what it advanced, what each CPU was
 * charged, and what is still unpriced.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum {
  CPUS = 2,
  TASKS = 5,
  COUNTS = 1000000,
  APART_NS = 2000000 /* more than the pause between two reads */
};

static __u64 now_ns;
static unsigned long switches;

void fail(const char* what, int error) {
  fprintf(stderr, "race: cannot %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
  exit(1);
}

static void record(enum trace_kind kind, __u32 cpu, __u64 value) {
  __u64 time_ns = __atomic_add_fetch(&now_ns, APART_NS, __ATOMIC_RELAXED);

  run(&(struct trace_record){.time_ns = time_ns, .value = value, .kind = kind, .cpu = cpu}, 1);
}

static void* switch_tasks(void* argument) {
  __u32 cpu = *(__u32*)argument;

  for (unsigned long i = 1; i <= switches; i++) {
    if (cpu == 0) record(TRACE_COUNTER, 0, i * COUNTS);
    record(TRACE_SWITCH, cpu, 1 + cpu * 2 + i % 2);
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) fail("begin: arguments are SWITCHES SPINS", 0);
  struct engine engine = open_engine(
      &(struct settings){.cpus = CPUS, .zones = 1, .tasks = TASKS, .shared_zones = 1, .max_power = 0});
  __u64 counted[CPUS], rows = 0, unpriced = 0;
  __u32 numbers[CPUS] = {0, 1};
  pthread_t threads[CPUS];

  switches = strtoul(argv[1], NULL, 10);
  engine.machine->read_spins = strtoul(argv[2], NULL, 10);
  for (int i = 0; i < TASKS; i++)
    engine.tasks[i] = (struct task_struct){.pid = i, .tgid = i, .start_ns = i, .cgroup = i, .comm = "racer"};
  for (__u32 cpu = 0; cpu < CPUS; cpu++) {
    engine.cpus[cpu].thread = cpu;
    engine.cpus[cpu].sibling = !cpu;
    record(TRACE_SWITCH, cpu, 1);
  }
  for (int i = 0; i < CPUS; i++)
    if (pthread_create(&threads[i], NULL, switch_tasks, &numbers[i])) fail("start a thread", 0);
  for (int i = 0; i < CPUS; i++) pthread_join(threads[i], NULL);
  for (__u32 cpu = 0; cpu < CPUS; cpu++) record(TRACE_DRAIN, cpu, 0);
  for (__u32 cpu = 0; cpu < CPUS; cpu++) {
    struct energy_cpu* c = &engine.cpus[cpu];
    struct energy_buffer* b = &c->buffers[~c->buffer & 1];

    for (int i = 0; i < ENERGY_ROWS; i++)
      rows += b->cold[i].energy + b->hot[i].pending * b->price[b->hot[i].window & (ENERGY_PRICES - 1)];
    if (b->backwards || b->jumps || b->spills) fail("go on: something else than a race happened", 0);
    counted[cpu] = b->energy;
    unpriced += (c->unpriced << ENERGY_FRACTION) + c->remainder;
  }
  printf("{\"advanced\":\"%llu\",\"counted\":[\"%llu\",\"%llu\"],\"rows\":\"%llu\",\"unpriced\":\"%llu\"}\n",
         engine.machine->counter[0] << ENERGY_FRACTION, counted[0], counted[1], rows, unpriced);
  return 0;
}
