/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The records of the ring of events, which lifecycle.bpf.h writes and native/event_ring.cc reads. */
#ifndef ENERGY_EVENTS_H
#define ENERGY_EVENTS_H

#include "energy.h"

enum {
	ENERGY_PROGRAM = 64, /* file names of programs; 255 bytes at most, nearly all have less than 30 */
	ENERGY_PATH = 1024,  /* what the kernel's own tracepoint gives: TRACE_CGROUP_PATH_LEN */
};

/* First word of each record that native reads from the ring, in the order of the events. */
enum energy_event_kind { ENERGY_FORK = 1, ENERGY_EXEC = 2, ENERGY_EXIT = 3, ENERGY_MKDIR = 4 };

/* Fork, exec and exit of a whole process. */
struct energy_lifecycle {
	__u32 kind;
	__u32 tgid;
	__u64 start_ns;
	__u64 parent_start_ns; /* ENERGY_FORK only */
	__u32 parent_tgid;     /* ENERGY_FORK only */
	__u32 program_bytes;   /* ENERGY_EXEC only */
	char comm[ENERGY_COMM];
};

/* What follows an ENERGY_EXEC: the file name of the program that runs, of a script its interpreter. */
struct energy_exec {
	struct energy_lifecycle process;
	char program[ENERGY_PROGRAM]; /* with the final 0; of ENERGY_PROGRAM bytes it may have been cut off */
};

/* A new cgroup of the hierarchy that is charged. */
struct energy_mkdir {
	__u32 kind;
	__u32 path_bytes; /* with the final 0; a path of ENERGY_PATH bytes may have been cut off */
	__u64 cgroup;
	char path[ENERGY_PATH];
};

_Static_assert(sizeof(struct energy_lifecycle) == 48, "the same layout on both sides");
_Static_assert(sizeof(struct energy_exec) == 112, "the same layout on both sides");
_Static_assert(sizeof(struct energy_mkdir) == 1040, "the same layout on both sides");

#endif
