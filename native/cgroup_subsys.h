// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

struct btf;

// The index of a cgroup v1 controller among the kernel's subsystems: the value of `CONTROLLER_cgrp_id` in its
// enum cgroup_subsys_id, which shifts with the kernel's configuration. -ENOENT: it has no such controller.
int CgroupSubsysIndex(const btf& kernel, const std::string& controller);
