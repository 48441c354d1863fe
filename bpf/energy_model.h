/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What BPF learns of powers, and what it learns from: a part of the contract in energy.h, which has the
 * glossary. */
#ifndef ENERGY_MODEL_H
#define ENERGY_MODEL_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

/*
 * What has been learned of a process. All CPUs and native share it; a lost update only costs accuracy.
 * Whoever gives an entry to another process writes its owner before the rest, and native exchanges the whole
 * second word, unless that has changed since it saw the owner: so no process gets what native has learned of
 * another one.
 */
struct energy_power {
	__u32 owner;	  /* tgid + 1 */
	__u32 start;	  /* low half of start_boottime: pids are reused */
	__u32 power;	  /* 2^-12 units per ns of run time without a busy sibling */
	__u16 variance;	  /* relative, 2^-16 */
	__u16 comm_class; /* index of its executable's name among the means by name */
};

/* A mean power that forgets: both sums are divided now and then, so that the past fades. */
struct energy_mean {
	__u64 energy;  /* units */
	__u64 time_ns; /* run time as it counts for energy: weighed, where threads share a core */
};

/* What learned powers are worth, by mixed windows: those of which no task had nearly all. */
struct energy_gate {
	__u32 equal_power; /* of all tasks alike, as of late, 2^-12 units per ns; 0: not known yet */
	__u32 scale;	   /* by which learned powers are off together, as of late, 2^-16; 0: not known yet */
	__u64 windows;	   /* that were mixed */
	/* Means, 2^-32. A surplus is relative to what equal powers predict. */
	__s64 said_square;    /* square of the surplus that learned powers foretell */
	__s64 found_square;   /* square of the surplus that was counted */
	__s64 said_and_found; /* their product: as large as the first one if learned powers are right */
};

/* A window that has got its price and that has not been learned from yet. Units are those of its whole core.
 */
struct energy_closed {
	__u64 counted;
	__u64 predicted;
	__u64 price;
	__u32 error; /* unpriced_error */
	__u32 rows;  /* how many are noted of it */
};

/* What a row had in such a window. */
struct energy_noted {
	__u32 owner;
	__u32 row;
	__u32 power;
	__u32 share; /* of the window, 2^-16; scratch of learn_window() */
	__u64 pending_ns;
	__u64 pending;
};

_Static_assert(sizeof(struct energy_power) == 16, "four powers fill a cache line");

#endif
