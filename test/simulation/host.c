/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The program compiled for this host, where it can be debugged, and its maps as plain memory. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

static void* lookup(void* map, const void* key);
static long insert(void* map, const void* key, const void* value);
#define bpf_map_lookup_elem(map, key) lookup(map, key)
#define bpf_map_update_elem(map, key, value, flags) insert(map, key, value)
#include "answers.bpf.h"
/* Settings are constants to the verifier and the JIT, and variables here. */
#define const
#define volatile
#include "settings.bpf.h"
#undef const
#undef volatile
#include "program.bpf.h"
#include "engine.h"

struct spilled {
  struct energy_spill_key key;
  struct energy_spill value;
};

static struct engine engine;
static struct settings sizes;
static struct energy_power* all_powers;
static struct energy_mean* all_classes;
static void* spilled[2]; /* a tree for each buffer */
static void (*taker)(const struct energy_spill_key*, const struct energy_spill*);

static int compare(const void* a, const void* b) { return memcmp(a, b, sizeof(struct energy_spill_key)); }

static void* lookup(void* map, const void* key) {
  __u32 i = *(const __u32*)key;

  if (map == &tasks) return i < sizes.tasks ? &engine.tasks[i] : NULL;
  if (map == &cpus) return i < sizes.cpus ? &engine.cpus[i] : NULL;
  if (map == &zones) return i < sizes.zones ? &engine.zones[i] : NULL;
  if (map == &logs) return engine.logs && i < sizes.cpus ? &engine.logs[i] : NULL;
  if (map == &updates) return engine.updates && i < sizes.zones ? &engine.updates[i] : NULL;
  if (map == &powers) return &all_powers[i];
  if (map == &comm_classes) return &all_classes[i];
  if (map == &spills0 || map == &spills1) {
    struct spilled** found = tfind(key, &spilled[map == &spills1], compare);

    return found ? &(*found)->value : NULL;
  }
  return NULL;
}

static long insert(void* map, const void* key, const void* value) {
  struct spilled* fresh = malloc(sizeof(*fresh));

  if (!fresh || (map != &spills0 && map != &spills1)) fail("keep a row in an overflow map", 0);
  memcpy(&fresh->key, key, sizeof(fresh->key));
  memcpy(&fresh->value, value, sizeof(fresh->value));
  tsearch(fresh, &spilled[map == &spills1], compare);
  return 0;
}

static void* allocate(size_t count, size_t size) {
  void* memory = calloc(count, size);

  if (!memory) fail("allocate memory", 0);
  return memory;
}

struct engine open_engine(const struct settings* settings) {
  sizes = *settings;
  shared_zones = settings->shared_zones;
  max_power = settings->max_power;
  period_ns = settings->period_ns;
  all_powers = allocate(1 << ENERGY_POWER_BITS, sizeof(*all_powers));
  all_classes = allocate(1 << ENERGY_COMM_BITS, sizeof(*all_classes));
  engine.machine = &machine;
  engine.tasks = allocate(sizes.tasks, sizeof(*engine.tasks));
  engine.cpus = allocate(sizes.cpus, sizeof(*engine.cpus));
  engine.zones = allocate(sizes.zones, sizeof(*engine.zones));
  has_logs = settings->logs;
  if (has_logs) engine.logs = allocate(sizes.cpus, sizeof(*engine.logs));
  if (has_logs) engine.updates = allocate(sizes.zones, sizeof(*engine.updates));
  engine.logging = &logging;
  engine.powers = all_powers;
  return engine;
}

void run(const struct trace_record* records, __u32 count) {
  for (__u32 i = 0; i < count; i++) step(&records[i]);
}

static void take_one(void* node) {
  struct spilled* row = node;

  taker(&row->key, &row->value);
  free(row);
}

void take_spills(__u32 buffer, void (*take)(const struct energy_spill_key*, const struct energy_spill*)) {
  taker = take;
  tdestroy(spilled[buffer], take_one);
  spilled[buffer] = NULL;
}
