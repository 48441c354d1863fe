/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What lifecycle.bpf.h tells native of processes, in logs by CPU, and of new cgroups, in a ring. */
#ifndef ENERGY_EVENTS_H
#define ENERGY_EVENTS_H

#include "energy.h"

enum {
	ENERGY_PROGRAM = 60, /* file names of programs; 255 bytes at most, nearly all have less than 30 */
	ENERGY_PATH = 1024,  /* what the kernel's own tracepoint gives: TRACE_CGROUP_PATH_LEN */
};

/* What happened. An ENERGY_MKDIR is in the ring, all else in the logs. */
enum energy_event_kind { ENERGY_FORK = 1, ENERGY_EXEC = 2, ENERGY_EXIT = 3, ENERGY_MKDIR = 4 };

/*
 * A slot of a CPU's log of lifecycle events, of which an ENERGY_EXEC takes two: fork, exec and exit of a
 * whole process. BPF writes `sequence` last, so that native sees a whole event, or none yet.
 */
struct energy_lifecycle {
	__u32 sequence; /* position of the slot in the log, plus 1 */
	__u32 kind;
	__u32 tgid;
	__u32 parent_tgid;     /* ENERGY_FORK only */
	__u64 parent_start_ns; /* ENERGY_FORK only */
	__u64 start_ns;
	__u64 clock_ns; /* CLOCK_MONOTONIC: of an ENERGY_FORK now, else when its CPU switched last */
	char comm[ENERGY_COMM];
	__u32 program_bytes; /* ENERGY_EXEC only */
	__u32 unused;
};

/* The second slot of an ENERGY_EXEC: the file name of the program that runs, of a script its interpreter. */
struct energy_program {
	__u32 sequence;
	char name[ENERGY_PROGRAM]; /* with the final 0; of ENERGY_PROGRAM bytes it may have been cut off */
};

/* A new cgroup of the hierarchy that is charged. */
struct energy_mkdir {
	__u32 kind;
	__u32 path_bytes; /* with the final 0; a path of ENERGY_PATH bytes may have been cut off */
	__u64 cgroup;
	char path[ENERGY_PATH];
};

_Static_assert(sizeof(struct energy_lifecycle) == 64, "a slot fills a cache line");
_Static_assert(sizeof(struct energy_program) == 64, "a slot fills a cache line");
_Static_assert(sizeof(struct energy_mkdir) == 1040, "the same layout on both sides");

#endif
