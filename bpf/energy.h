/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between bpf/energy.bpf.c, which writes, and native/, which reads.
 * Nobody else knows these layouts: native/ hands TypeScript plain columns.
 */
#ifndef ENERGY_H
#define ENERGY_H

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

enum {
	ENERGY_WAYS = 4,     /* rows of one set: 4 x 16 bytes, one cache line */
	ENERGY_SET_BITS = 7, /* 128 sets */
	ENERGY_ROWS = ENERGY_WAYS << ENERGY_SET_BITS,
	ENERGY_IDLE_ROW = 0,   /* reserved for the idle task (tgid 0 hashes to set 0) */
	ENERGY_SWEEP = 8,      /* rows settled at each epoch's end ... */
	ENERGY_PRICES = 128,   /* ... so none waits longer than 512 / 8 = 64 epochs for its price */
	ENERGY_IDLE_SHIFT = 5, /* an idle core draws a few percent of a busy one: its time weighs 1/32 */
	ENERGY_FRACTION = 16,  /* energies are fixed point: 2^-16 counts of the energy counter */
	ENERGY_SIBLINGS = 8,   /* CPUs that may share one counter which BPF reads */
	ENERGY_COMM = 16,
	ENERGY_PATH = 1024, /* what the kernel's own tracepoint gives: TRACE_CGROUP_PATH_LEN */
	ENERGY_NO_ZONE = -1,
	ENERGY_NO_PROCESS = -1, /* tgid of what is known by its cgroup alone */
};

/* What a row gathers at a context switch. */
struct energy_hot {
	__u32 owner;	  /* tgid + 1; 0 = free */
	__u32 tag;	  /* low half of the task's css_set address: changes when the task changes cgroup */
	__u32 epoch;	  /* whose price `pending_ns` waits for */
	__u32 pending_ns; /* run time of that epoch */
};

/* What a row holds for good; touched at most once per row and epoch. */
struct energy_cold {
	__u64 time_ns;
	__u64 energy; /* 2^-16 counts, modulo 2^64 */
	__u64 cgroup;
	__u64 start_ns; /* start_boottime of the process: with the tgid its identity */
	char comm[ENERGY_COMM];
	__u64 unused[2];
};

/*
 * One CPU's account of one interval. A CPU writes one of its two banks; the reader makes it change
 * over (the flush program), after which the old bank is nobody else's: it is read at leisure and zeroed.
 */
struct energy_bank {
	__u64 counted; /* what was priced, 2^-16 counts: equals the sum of the rows' energies, bit for bit */
	__u64 gap;     /* counts of time in which the counter could not be read */
	__u64 switches;
	__u64 lost_rows;   /* rows that found the overflow map full and are known by their cgroup alone */
	__u64 lost_energy; /* what was dropped because the overflow map by cgroup was full too */
	__u64 lost_time_ns;
	__u32 read_errors;
	__u32 backwards; /* counter went back: nothing charged, new baseline */
	__s32 last_error;
	__u32 spills; /* rows moved to the overflow map */
	struct energy_hot hot[ENERGY_ROWS];
	struct energy_cold cold[ENERGY_ROWS];
	__u64 price[ENERGY_PRICES]; /* 2^-16 counts per ns, by epoch */
};

/* One CPU. Written by BPF on that CPU only, but `owed`, to which its siblings add. */
struct energy_cpu {
	__u64 ts;	/* run queue clock at the last switch, ns */
	__u64 deadline; /* when to end the epoch */
	__u32 epoch;
	__u32 bank;
	__u64 switches;
	__u64 busy_ns; /* run time of all tasks but idle (kept only where counters are shared) */
	__u32 running; /* a task other than idle runs (kept only where counters are shared) */
	__s32 zone;    /* index into zones; written by native before the start */
	__u64 owed;    /* counts due to this CPU and not yet priced */
	__u64 epoch_start;
	__u64 remainder;    /* of the last price division: carried, never dropped */
	__u64 clock_offset; /* monotonic clock minus run queue clock, ns */
	__u64 started;
	__u64 share_total; /* scratch of share_out() */
	__u64 shares[ENERGY_SIBLINGS];
	__u64 unused[4]; /* to a multiple of a cache line */
	struct energy_bank banks[2];
};

/* One counter that BPF reads, and the CPUs that share it. */
struct energy_zone {
	__u64 raw;   /* last value charged */
	__u32 based; /* `raw` is valid; native clears it when it binds a new event */
	__u32 gap;   /* a read has failed since: what comes next belongs to nobody */
	__u32 cpu_count;
	__u32 cpus[ENERGY_SIBLINGS];
	__u32 pad;
	__u64 seen_busy_ns[ENERGY_SIBLINGS]; /* busy time of each already paid for */
};

/* Overflow of the rows, first by process, then, when that is full too, by cgroup alone. */
struct energy_spill_key {
	__u32 cpu;
	__u32 tgid;
	__u64 start_ns;
	__u64 cgroup;
};

struct energy_spill {
	__u64 time_ns;
	__u64 energy;
	char comm[ENERGY_COMM];
};

/* What native reads from the ring, in its order; each record begins with its kind. */
enum energy_event_kind { ENERGY_FORK = 1, ENERGY_EXEC = 2, ENERGY_EXIT = 3, ENERGY_MKDIR = 4 };

/* Fork, exec and exit of a whole process. */
struct energy_life {
	__u32 kind;
	__u32 tgid;
	__u64 start_ns;
	__u64 parent_start_ns; /* ENERGY_FORK only */
	__u32 parent_tgid;     /* ENERGY_FORK only */
	__u32 pad;
	char comm[ENERGY_COMM];
};

/* A new cgroup of the hierarchy that is charged. */
struct energy_mkdir {
	__u32 kind;
	__u32 path_bytes; /* with the final 0; a path of all of them may have been cut off */
	__u64 cgroup;
	char path[ENERGY_PATH];
};

_Static_assert(sizeof(struct energy_hot) == 16, "four hot rows fill a cache line");
_Static_assert(sizeof(struct energy_cold) == 64, "a cold row fills a cache line");
_Static_assert(sizeof(struct energy_cpu) % 64 == 0, "CPUs share no cache line");
_Static_assert(sizeof(struct energy_zone) == 120, "the same layout on both sides");
_Static_assert(sizeof(struct energy_life) == 48, "the same layout on both sides");
_Static_assert(sizeof(struct energy_mkdir) == 1040, "the same layout on both sides");

#endif
