/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The program in the kernel of this machine, which runs records in chunks. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "engine.h"
#include "replay.skel.h"

static struct replay_bpf* skeleton;
static struct trace_record* chunk;

static void* map_memory(const struct bpf_map* map) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t value = (bpf_map__value_size(map) + 7) / 8 * 8;
  size_t bytes = (value * bpf_map__max_entries(map) + page - 1) / page * page;
  void* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

  if (memory == MAP_FAILED) fail("map the memory of the BPF program", errno);
  return memory;
}

struct engine open_engine(const struct settings* settings) {
  struct bpf_prog_info info = {0};
  __u32 size = sizeof(info);

  skeleton = replay_bpf__open();
  if (!skeleton) fail("open the BPF program", errno);
  skeleton->rodata->shared_zones = settings->shared_zones;
  skeleton->rodata->max_power = settings->max_power;
  skeleton->bss->period_ns = settings->period_ns;
  bpf_map__set_max_entries(skeleton->maps.tasks, settings->tasks);
  bpf_map__set_max_entries(skeleton->maps.cpus, settings->cpus);
  bpf_map__set_max_entries(skeleton->maps.zones, settings->zones);
  if (replay_bpf__load(skeleton)) fail("load the BPF program", errno);
  if (bpf_obj_get_info_by_fd(bpf_program__fd(skeleton->progs.replay), &info, &size))
    fail("ask for the BPF program", errno);
  chunk = map_memory(skeleton->maps.records);
  return (struct engine){
      .machine = &skeleton->bss->machine,
      .tasks = map_memory(skeleton->maps.tasks),
      .cpus = map_memory(skeleton->maps.cpus),
      .zones = map_memory(skeleton->maps.zones),
      .verified = info.verified_insns,
  };
}

void run(const struct trace_record* records, __u32 count) {
  while (count > 0) {
    __u32 now = count < MACHINE_RECORDS ? count : MACHINE_RECORDS;
    LIBBPF_OPTS(bpf_test_run_opts, options);

    memcpy(chunk, records, now * sizeof(*records));
    skeleton->bss->record_count = now;
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.replay), &options))
      fail("run the BPF program", errno);
    records += now;
    count -= now;
  }
}

void take_spills(__u32 buffer, void (*take)(const struct energy_spill_key*, const struct energy_spill*)) {
  int map = bpf_map__fd(buffer ? skeleton->maps.spills1 : skeleton->maps.spills0);
  struct energy_spill_key key;
  struct energy_spill row;

  while (bpf_map_get_next_key(map, NULL, &key) == 0) {
    if (bpf_map_lookup_elem(map, &key, &row)) fail("read the overflow map", errno);
    take(&key, &row);
    bpf_map_delete_elem(map, &key);
  }
}
