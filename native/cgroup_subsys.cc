// SPDX-License-Identifier: Apache-2.0
#include "cgroup_subsys.h"

#include <bpf/btf.h>
#include <linux/btf.h>

#include <cerrno>

int CgroupSubsysIndex(const btf& kernel, const std::string& controller) {
  int index = -ENOENT;
  int id = btf__find_by_name_kind(&kernel, "cgroup_subsys_id", BTF_KIND_ENUM);
  const btf_type* type = id > 0 ? btf__type_by_id(&kernel, id) : nullptr;
  for (int i = 0; type && i < btf_vlen(type); i++) {
    const struct btf_enum& member = btf_enum(type)[i];
    if (controller + "_cgrp_id" == btf__name_by_offset(&kernel, member.name_off)) index = member.val;
  }
  return index;
}
