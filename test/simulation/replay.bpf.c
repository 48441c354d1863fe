// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Replays records in the kernel: checked by its verifier, compiled by its JIT, in its maps. */
#include "program.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, MACHINE_RECORDS);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct trace_record);
} records SEC(".maps");

__u32 record_count;

static int step_at(__u32 i, void* unused) {
  struct trace_record* record = bpf_map_lookup_elem(&records, &i);

  if (record) step(record);
  return 0;
}

SEC("syscall")
int replay(void* unused) {
  bpf_loop(record_count, step_at, 0, 0);
  return 0;
}
