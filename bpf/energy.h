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
	ENERGY_WAYS = 4,     /* rows of one set: 4 x 32 bytes, two cache lines */
	ENERGY_SET_BITS = 7, /* 128 sets */
	ENERGY_ROWS = ENERGY_WAYS << ENERGY_SET_BITS,
	ENERGY_IDLE_ROW = 0,	    /* reserved for the idle task (tgid 0 hashes to set 0) */
	ENERGY_SWEEP = 8,	    /* rows settled at each epoch's end ... */
	ENERGY_PRICES = 128,	    /* ... so none waits longer than 512 / 8 = 64 epochs for its price */
	ENERGY_FRACTION = 16,	    /* energies are fixed point: 2^-16 units */
	ENERGY_POWER_FRACTION = 12, /* powers: 2^-12 units per ns */
	ENERGY_LEARNED = 32, /* rows of one epoch whose powers are learned: its end takes 1 us, cold 2 to 3 */
	ENERGY_POWER_BITS = 15, /* learned powers: 32,768 processes, 512 KiB */
	ENERGY_CLASS_BITS = 12, /* executables: 4,096 names, 64 KiB */
	ENERGY_THREADS = 2,	/* CPUs that may share one counter which BPF reads: those of a core */
	ENERGY_COMM = 16,
	ENERGY_PATH = 1024,	/* what the kernel's own tracepoint gives: TRACE_CGROUP_PATH_LEN */
	ENERGY_NONE = -1,	/* no zone, no sibling */
	ENERGY_NO_PROCESS = -1, /* tgid of what is known by its cgroup alone */
};

/* Whose a CPU's account is. Who takes it up does so by an exchange. */
enum energy_standing {
	ENERGY_AT_REST = 0, /* nobody's: nothing has begun, or the CPU went offline */
	ENERGY_KEPT = 1,    /* its CPU writes it */
	ENERGY_TAKEN = 2,   /* native takes what is in it */
};

/* What a row gathers at a context switch. */
struct energy_hot {
	__u32 owner;	  /* tgid + 1; 0 = free */
	__u32 tag;	  /* low half of the task's css_set address: changes when the task changes cgroup */
	__u32 epoch;	  /* whose price `pending` waits for */
	__u32 power;	  /* of the process as that epoch began, 2^-12 units per ns */
	__u64 pending_ns; /* run time of that epoch ... */
	__u64 pending;	  /* ... and the energy that `power` predicts for it, units */
};

/* What a row holds for good; touched at most a few times per row and epoch. */
struct energy_cold {
	__u64 time_ns;
	__u64 energy;  /* 2^-16 units, modulo 2^64 */
	__u64 certain; /* part of it that no error of a power can touch, 2^-16 units */
	__u64 cgroup;
	__u64 start_ns; /* start_boottime of the process: with the tgid its identity */
	char comm[ENERGY_COMM];
	__u32 variance; /* of `power`, relative, 2^-16 */
	__u32 unused;
};

/* What has been learned of a process; shared by all CPUs, a lost update only costs accuracy. */
struct energy_power {
	__u32 owner;	/* tgid + 1 */
	__u32 start;	/* low half of start_boottime: pids are reused */
	__u32 power;	/* 2^-12 units per ns of run time without a busy sibling */
	__u16 variance; /* relative, 2^-16 */
	__u16 kin;	/* index of its executable's name */
};

/* ... and of all processes of a name: what is expected of a new one. */
struct energy_class {
	__u64 energy;  /* units */
	__u64 time_ns; /* both halved now and then, so that the past fades */
};

/*
 * One CPU's account of one interval. A CPU writes one of its two banks; the reader makes it change
 * over (the flush program), after which the old bank is nobody else's: it is read at leisure and zeroed.
 */
struct energy_bank {
	__u64 counted; /* what was priced, 2^-16 units: equals the sum of the rows' energies, bit for bit */
	__u64 gap;     /* units that belong to nobody: the counter could not be read, or jumped */
	__u64 switches;
	__u64 lost_rows;   /* rows that found the overflow map full and are known by their cgroup alone */
	__u64 lost_energy; /* what was dropped because the overflow map by cgroup was full too */
	__u64 lost_time_ns;
	__u32 read_errors;
	__u32 backwards; /* counter went back: nothing charged, new baseline */
	__u32 jumps;	 /* counter went ahead by more than its hardware can draw */
	__u32 reads;
	__s32 last_error;
	__u32 spills; /* rows moved to the overflow map */
	__u64 unused[7];
	struct energy_hot hot[ENERGY_ROWS];
	struct energy_cold cold[ENERGY_ROWS];
	__u64 price[ENERGY_PRICES]; /* 2^-16 units per predicted unit, by epoch */
};

/* One CPU. Written by BPF on that CPU only, but `owed*`, to which its sibling adds, and while it is dead. */
struct energy_cpu {
	/* Read or written at each switch. */
	__u64 ts;	 /* run queue's task clock at the last switch, ns */
	__u64 clock;	 /* ... and its clock, which its sibling can compare with its own */
	__u64 deadline;	 /* run queue's clock at which to look at the counter */
	__u64 predicted; /* units, of all that ever ran here */
	__u64 switches;
	__u64 owed; /* units due to this CPU and not yet priced */
	__u32 epoch;
	__u32 bank;
	__u64 stint_predicted; /* the last stint: what an epoch's end may have to cut in two */
	__u64 stint_ns;
	__u64 stint_row;
	__u32 standing; /* enum energy_standing */
	__u32 leaving;	/* it is on its way offline, and its counter out of its reach */
	/* ... where threads share a counter. */
	__u64 busy;	    /* clock of run time: bit 63 set: runs, and the rest is when it began */
	__u64 sibling_busy; /* the sibling's `busy` then */
	__u32 running;	    /* tgid */
	__s32 sibling;	    /* CPU, or ENERGY_NONE; written by native */
	__s32 zone;	    /* index into zones, or ENERGY_NONE; written by native */
	__u32 thread;	    /* index in that zone; written by native */
	__u32 power;	    /* of the running task */
	__u32 flushing;	    /* flush() is under way: no tick may come between */

	__u64 owed_counted;	  /* all that was counted in the windows of `owed`, for both threads ... */
	__u64 owed_predicted;	  /* ... and what had been predicted */
	__u64 epoch_predicted;	  /* `predicted` when the epoch began */
	__u64 remainder;	  /* of the last price division: carried, never dropped */
	__u64 clock_offset;	  /* monotonic clock minus run queue's clock, ns */
	struct energy_class idle; /* what this CPU's idle time has cost, */
	struct energy_class mean; /* and all that ran here */
	__u32 owed_unsure; /* what misdating may make of the windows of `owed`, as a part of them, 2^-16 */
	__u32 touched;	   /* rows of this epoch, and where the first of them are */
	__u32 learned[ENERGY_LEARNED];
	__u32 share[ENERGY_LEARNED]; /* scratch of learn(), as the sums */
	__u64 share_sum;
	__u64 share_doubt;
	__u64 surprise; /* mean square of what windows brought that no doubt explains, relative, 2^-16 */
	__u64 unused[3];
	struct energy_bank banks[2];
};

/* One counter that BPF reads. Written by the CPUs that share it; `raw` by compare-and-swap alone. */
struct energy_zone {
	__u64 raw;     /* last value charged, counts */
	__u32 based;   /* `raw` is valid; native clears it when it binds a new event */
	__u32 gap;     /* a read has failed since: what comes next belongs to nobody */
	__u64 changed; /* run queue's clock at which the counter changed last, as far as one can tell */
	__u64 unmoved; /* the last time it was known to be what it is */
	__u64 read;    /* the last time it was read */
	__u64 doubt;   /* by how much `changed` may be wrong, ns; 0: not known yet */
	__u64 seen[ENERGY_THREADS]; /* `predicted` of each thread already paid for */
	__u64 unsure;		    /* `changed` may be an update too late */
	__u64 stamp;	     /* monotonic clock at the last claim, of a counter that moves all the time */
	__u64 period;	     /* between two updates, ns, refined from what calibration found; 0: not yet */
	__u64 caught;	     /* when it was last caught moving, between two reads at short distance */
	__u64 caught_within; /* ... which is how far apart they were, ns */
	__u64 blind; /* tasks share a CPU, and it is not known when the counter moves; native puts an end to
			it */
	__u64 unused[2];
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
	__u64 certain;
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

_Static_assert(sizeof(struct energy_hot) == 32, "four hot rows fill two cache lines");
_Static_assert(sizeof(struct energy_cold) == 64, "a cold row fills a cache line");
_Static_assert(sizeof(struct energy_power) == 16, "four powers fill a cache line");
_Static_assert(sizeof(struct energy_bank) % 64 == 0, "banks share no cache line");
_Static_assert(sizeof(struct energy_cpu) % 64 == 0, "CPUs share no cache line");
_Static_assert(sizeof(struct energy_zone) % 64 == 0, "zones share no cache line");
_Static_assert(sizeof(struct energy_life) == 48, "the same layout on both sides");
_Static_assert(sizeof(struct energy_mkdir) == 1040, "the same layout on both sides");

#endif
