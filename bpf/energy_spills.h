/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows for which a CPU's table has no room: a part of the contract in energy.h. */
#ifndef ENERGY_SPILLS_H
#define ENERGY_SPILLS_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

enum { ENERGY_COMM = 16 };

/* As it is appended to the log of them. */
struct energy_spilled {
	__u64 time_ns;
	__u64 energy;  /* 2^-16 units */
	__u64 certain; /* 2^-16 units */
	__u64 cgroup;
	__u64 start_ns;
	char comm[ENERGY_COMM];
	__u32 tgid;
	__u32 label;
};

/* Key of the overflow maps: rows by process, and when that map is full by cgroup alone. */
struct energy_spill_key {
	__u32 cpu;
	__u32 tgid;
	__u64 start_ns;
	__u64 cgroup;
	__u32 label;
	__u32 pad; /* 0: keys are compared byte by byte */
};

struct energy_spill {
	__u64 time_ns;
	__u64 energy;  /* 2^-16 units */
	__u64 certain; /* 2^-16 units */
	char comm[ENERGY_COMM];
};

_Static_assert(sizeof(struct energy_spilled) == 64, "a spilled row fills a cache line");
_Static_assert(sizeof(struct energy_spill_key) == 32, "a key has no hidden bytes");

#endif
