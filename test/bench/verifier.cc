// SPDX-License-Identifier: Apache-2.0
// What the verifier makes of our programs: prints one JSON array of [name, instructions that it went through,
// bytes of machine code]. Its limit is a million instructions for a program.
#include <bpf/bpf.h>

#include "energy.skel.h"
#include "programs.h"

void Clean() {}

int main() {
  libbpf_set_print(nullptr);
  energy_bpf* skeleton = energy_bpf__open();
  if (!skeleton) Die("open our program", -errno);
  skeleton->rodata->shared_zones = true;
  for (bpf_map* map : {skeleton->maps.counters, skeleton->maps.cpus, skeleton->maps.zones})
    bpf_map__set_max_entries(map, libbpf_num_possible_cpus());
  if (int status = energy_bpf__load(skeleton)) Die("load our program", status);
  bpf_program* program;
  const char* comma = "[";
  bpf_object__for_each_program(program, skeleton->obj) {
    bpf_prog_info info = InfoOf(bpf_program__fd(program));
    printf("%s[\"%s\",%u,%u]", comma, bpf_program__name(program), info.verified_insns, info.jited_prog_len);
    comma = ",";
  }
  printf("]\n");
  energy_bpf__destroy(skeleton);
  return 0;
}
