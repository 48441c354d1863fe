// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// The index of a cgroup v1 controller among the kernel's subsystems: the value of `CONTROLLER_cgrp_id` in its
// enum cgroup_subsys_id, which shifts with the kernel's configuration. -errno: the BTF cannot be read, or has
// no such controller (-ENOENT).
int CgroupSubsysIndex(const std::string& btf_path, const std::string& controller);
