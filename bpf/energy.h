/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between bpf/energy.bpf.c, which writes, and native/, which reads.
 * Nobody else knows these layouts: native/ hands TypeScript plain columns. What goes through the ring of
 * events is in energy_events.h.
 *
 * Glossary:
 *
 *   count      One step of an energy counter, whatever it is worth.
 *
 *   unit       What BPF reckons energy in: about 2^-32 J, and a power of two of them to the count.
 *              Energies are kept in 2^-16 units, powers in 2^-12 units per ns.
 *
 *   zone       One counter and the CPUs that share it: a core and its threads.
 *
 *   slice      The time for which a task runs on a CPU without a break.
 *
 *   row        What one process in one cgroup under one label used on one CPU. Its hot half is
 *              written at context switches, its cold half a few times per window.
 *
 *   predicted  The energy that a slice is expected to draw: its run time times the power that has
 *              been learned of its process. It decides shares, never sums.
 *
 *   gate       What decides whether learned powers are used: where they say no more than one power for
 *              all does, they are noise. It is shut then.
 *
 *   window     The time from one update of a counter to the next, as one CPU sees it.
 *
 *   unpriced   The energy that was counted for a CPU and that no window has been charged with yet.
 *
 *   price      Unpriced energy / predicted energy of one window. Each of its rows is charged its
 *              predicted energy times the price.
 *
 *   buffer     The rows and sums of one CPU and interval. Of two BPF writes one, native reads the
 *              other.
 *
 * One window in time, on a CPU that runs the processes A and B, with a counter that moves about once
 * per ms:
 *
 *   counter       10.0 mJ         :          12.0 mJ            :      13.8 mJ
 *   slices    |---A----|-------B--:----|----A-----|--B---|-----A:----|--B---|---
 *   switches                      :    ^ reads 12.0             :    ^ reads 13.8
 *   windows   ---- window 6 ------:--------- window 7 ----------:-- window 8 ---
 *
 * The counter moves at the colons, which nobody sees. The next switch that reads it finds that it has
 * advanced by 1.8 mJ. They are unpriced until this switch ends window 7, a moment later: its price is
 * 1.8 mJ / (what its slices, from colon to colon, were predicted to draw). The last slice of A is cut
 * in two where the counter is estimated to have moved, and the rest of it opens window 8.
 */
#ifndef ENERGY_H
#define ENERGY_H

#include "energy_model.h"
#include "energy_spills.h"

enum {
	ENERGY_WAYS = 4,     /* rows of one set: 4 x 32 bytes, two cache lines */
	ENERGY_SET_BITS = 7, /* 128 sets */
	ENERGY_ROWS = ENERGY_WAYS << ENERGY_SET_BITS,
	ENERGY_IDLE_ROW = 0,	    /* reserved for the idle task (tgid 0 hashes to set 0) */
	ENERGY_SWEEP = 8,	    /* rows that are swept at each window's end */
	ENERGY_PRICES = 128,	    /* prices kept: a row waits for 512 / 8 = 64 windows at most */
	ENERGY_FRACTION = 16,	    /* energies are fixed point: 2^-16 units */
	ENERGY_POWER_FRACTION = 12, /* powers are fixed point: 2^-12 units per ns */
	ENERGY_WATT = 17592,	    /* about: 2^32 / 10^9 units per ns, 2^-12 */
	ENERGY_VARIANCE_NEW =
		16384, /* relative variance of a power of which nothing is known, 2^-16: +-50 % */
	ENERGY_LEARNED =
		32,	   /* rows of one window whose powers are learned: its end takes 1 us, cold 2 to 3 */
	ENERGY_CLOSED = 8, /* closed windows that are learned from at once, which takes about 4 us cold */
	ENERGY_NOTED = 64, /* rows that are noted of them */
	ENERGY_POWER_BITS = 15, /* learned powers: 32,768 processes, 512 KiB */
	ENERGY_COMM_BITS = 12,	/* executables' names: 4,096, 64 KiB */
	ENERGY_THREADS = 2,	/* CPUs that may share one counter which BPF reads: those of a core */
	ENERGY_LOG = 2048,	/* switches that a CPU's log holds: 32 KiB */
	ENERGY_UPDATES = 128,	/* updates that a zone's log holds: those of 0.1 s or more, 3 KiB */
	ENERGY_NONE = -1,	/* no zone, no sibling */
	ENERGY_NO_PROCESS = -1, /* tgid of what is known by its cgroup alone */
	ENERGY_POLL = 2,	/* asks a CPU to poll its counter; less: to write that buffer */
};

/* Odd numbers that spread what they multiply over the upper bits. */
#define HASH_MULTIPLIER	 0x9E3779B1 /* 2^32 / golden ratio: Knuth, TAOCP 3, 6.4 */
#define LABEL_MULTIPLIER 0x85EBCA77 /* XXH_PRIME32_2 */

/* Index of the first row of the set of a process and label; 0 for idle. */
static inline __attribute__((always_inline)) __u32 energy_first_row(__u32 tgid, __u32 label)
{
	__u32 hash = tgid * HASH_MULTIPLIER + label * LABEL_MULTIPLIER;

	return (hash >> (32 - ENERGY_SET_BITS)) * ENERGY_WAYS;
}

/* Who may write a CPU's account. Whoever takes it does so by an atomic exchange. */
enum energy_state {
	ENERGY_UNOWNED = 0,	 /* nobody: the account has not begun, or the CPU went offline */
	ENERGY_CPU_OWNED = 1,	 /* the CPU itself */
	ENERGY_READER_OWNED = 2, /* native, which reads what an offline CPU has left */
};

/* The half of a row that is written at a context switch. */
struct energy_hot {
	__u32 owner; /* tgid + 1; 0: the row is free */
	__u32 tag;   /* changes when the task changes cgroup (low half of its css_set's address) or label, and
			four times a second */
	__u32 window;	  /* number of the window whose price `pending` waits for */
	__u32 power;	  /* power of the process when it entered that window, 2^-12 units per ns */
	__u64 pending_ns; /* run time in that window */
	__u64 pending;	  /* energy predicted for it, units */
};

/* The half of a row that is written a few times per window at most. */
struct energy_cold {
	__u64 time_ns;	/* run time of all windows that are settled */
	__u64 energy;	/* their energy, 2^-16 units, modulo 2^64 */
	__u64 certain;	/* part of `energy` that no error of a power can touch, 2^-16 units */
	__u64 cgroup;	/* id of the cgroup */
	__u64 start_ns; /* start_boottime of the process: with the tgid its identity */
	char comm[ENERGY_COMM];
	__u32 variance; /* relative variance of the process's power, 2^-16 */
	__u32 label;	/* what the process worked on, whatever that means to who sets it; 0: none */
};

/*
 * What one CPU used in one interval. A CPU writes one of its two buffers. The reader makes it swap them
 * (program visit_cpu); from then on nobody else touches the old one, which native reads and zeroes.
 */
struct energy_buffer {
	__u64 energy;	   /* what was priced, 2^-16 units: the sum of the rows' energies, bit for bit */
	__u64 gap;	   /* units that belong to nobody: the counter could not be read, or jumped */
	__u64 switches;	   /* context switches */
	__u64 lost_rows;   /* rows that found the overflow map full and are known by their cgroup alone */
	__u64 lost_energy; /* 2^-16 units dropped because the overflow map by cgroup was full too */
	__u32 backwards;   /* how often the counter went back: nothing is charged then */
	__u32 jumps;	   /* how often it went ahead by more than its hardware can draw */
	__u32 reads;	   /* of the counter; only the simulator asks for it */
	__u32 spills;	   /* rows that found no room: the first are in the log of them, the rest in the
			      overflow maps */
	__u64 left_ns;	   /* monotonic clock when the CPU left it for the other one */
	struct energy_hot hot[ENERGY_ROWS];
	struct energy_cold cold[ENERGY_ROWS];
	__u64 price[ENERGY_PRICES]; /* 2^-16 units per predicted unit; index: the window's number */
};

/*
 * One CPU's account. BPF writes it on that CPU only, with two exceptions: the sibling adds to `unpriced*`,
 * and another CPU retires the account while its own is dead. Clocks are the run queue's, in ns.
 */
struct energy_cpu {
	/* Read or written at each switch. */
	__u64 run_ns;	       /* task clock at the last switch */
	__u64 wall_ns;	       /* clock at the last switch, which the sibling can compare with its own */
	__u64 deadline_ns;     /* clock at which the counter is read next */
	__u64 predicted;       /* units predicted for all that ever ran here */
	__u64 switches;	       /* not yet in the buffer */
	__u64 unpriced;	       /* units counted for this CPU and not yet priced */
	__u32 window;	       /* number of the window that is open */
	__u32 buffer;	       /* index of the buffer that BPF writes */
	__u64 slice_predicted; /* units predicted for the last slice, which a window's end may cut in two */
	__u64 slice_ns;	       /* its run time */
	__u64 slice_row;       /* its row */
	__u32 state;	       /* enum energy_state */
	__u32 leaving;	       /* not 0: the CPU is going offline, and its counter out of its reach */
	/* The rest of the cache line is used where threads share a counter. */
	__u64 busy_clock;      /* bit 63 set: a task runs, and the rest is when its CPU would have begun to be
				  busy without a break; else for how long the CPU has been busy */
	__u64 sibling_busy_ns; /* how long the sibling had been busy at the last switch here */
	__u32 running_tgid;    /* of the running task */
	__s32 sibling;	       /* CPU number, or ENERGY_NONE; native writes it */
	__s32 zone;	       /* index into zones, or ENERGY_NONE; native writes it */
	__u32 thread;	       /* index of this CPU in its zone; native writes it */
	__u32 running_power;   /* of the running task, 2^-12 units per ns */
	__u32 exclusive;       /* not 0: a program that native runs is at work here, and ticks stay away */

	__u64 unpriced_counted;	  /* units counted in the windows of `unpriced`, for both threads */
	__u64 unpriced_predicted; /* units predicted for these windows, for both threads */
	__u64 predicted_before;	  /* `predicted` when the window began */
	__u64 remainder;	  /* of the last price's division, 2^-16 units: carried, never dropped */
	__u64 clock_offset_ns;	  /* monotonic clock minus run queue's clock */
	__u32 events_written;	  /* slots of its log of lifecycle events that were ever written */
	__u32 events_taken;	  /* how many of them are free again; native writes it */
	struct energy_mean idle;  /* power of this CPU's idle time */
	struct energy_mean all;	  /* power of all that ran here */
	__u32 unpriced_error;	  /* what of `unpriced` may belong to another window, as a part of what
				     was predicted for it: 2^-16, up to 16 */
	__u32 touched;		  /* how many rows have entered the window */
	__u32 window_rows[ENERGY_LEARNED]; /* the last of them */
	__u64 share_sum;		   /* scratch of learn_window(), as is the next one */
	__u64 share_variance;
	__u64 noise; /* mean square of surprises that variances do not explain, relative, 2^-16 */
	/* Scratch of learn_window(), too, of rows that are not idle. */
	__u64 busy_ns;	    /* weighed run time */
	__u64 most_busy_ns; /* of the row that had most */
	__u64 busy_used;    /* units predicted by the powers with which they entered the window */
	__u64 busy_learned; /* units predicted by learned powers */
	__u32 equal_power;  /* not 0: the gate is shut, and every task is expected to draw this */
	__u32 pad;
	__u64 offset_noted_ns; /* run queue's clock when clock_offset_ns was noted */
	__u32 closed_windows;  /* how many closed windows are noted */
	__u32 noted_rows;      /* and how many rows of them */
	__u32 closed_from;     /* number of the first of these windows */
	__u32 together;	       /* how many are learned from at once; 0: one */
	__u32 surprised;       /* not 0: one of those learned from last was a great surprise */
	__u32 pad2;
	__u64 sibling_busy_before; /* sibling_busy_ns when the window was opened */
	struct energy_closed closed[ENERGY_CLOSED];
	struct energy_noted noted[ENERGY_NOTED];
	struct energy_buffer buffers[2];
};

/*
 * One counter that BPF reads. Of the CPUs that share it the one that is `reading` writes it. Clocks are the
 * run queue's, in ns.
 */
struct energy_zone {
	__u64 last_count; /* the last count that was charged */
	__u32 valid;	  /* whether `last_count` is; native clears it when it binds a new event */
	__u32 failed; /* errno of a read that has failed since: the next advance belongs to nobody; 0: none
			 has */
	__u64 changed_ns;		      /* when the counter moved last, as far as one can tell */
	__u64 unmoved_ns;		      /* when it was last known not to have moved since */
	__u64 read_ns;			      /* when it was read last */
	__u64 phase_error_ns;		      /* by how much `changed_ns` may be wrong; 0: not known yet */
	__u64 paid_predicted[ENERGY_THREADS]; /* `predicted` of each thread up to the last split */
	__u64 window_uncertain;		      /* not 0: `changed_ns` may be an update too late */
	__u64 claimed_ns; /* monotonic clock at the last claim, of a counter that moves all the time */
	__u64 period_ns;  /* time between two updates, refined from what calibration found; 0: not yet */
	__u64 caught_ns;  /* when it was last caught moving, between two reads at short distance */
	__u64 caught_within_ns; /* how far apart these two reads were */
	__u64 needs_poll; /* not 0: tasks share a CPU and the phase is lost; native polls, and clears it */
	struct energy_gate gate;
	__u32 reading; /* not 0: somebody reads the counter; nobody else may (claim_advance) */
	__u32 pad;
	__u64 unused[4];
};

/* One entry of a CPU's log: a switch, or a tick, at which the same process runs before and after. */
struct energy_switch {
	__u64 clock_ns; /* CLOCK_MONOTONIC; a tick may be dated some us after a switch that follows it */
	__u32 prev;	/* tgid of who ran until then; 0: idle */
	__u32 next;	/* tgid of who runs from then on */
};

/* What a CPU has switched to and fro while native was listening. BPF overwrites the oldest: who takes what is
 * in it compares `head` before and after. */
struct energy_log {
	__u64 head; /* how many were ever written; modulo ENERGY_LOG the place of the next one */
	__u64 unused[7];
	struct energy_switch switches[ENERGY_LOG];
};

/* One entry of a zone's log: the counter has advanced. */
struct energy_update {
	__u64 clock_ns; /* when, as far as one can tell; CLOCK_MONOTONIC */
	__u64 width_ns; /* by how much that may be wrong */
	__u64 count;	/* what the counter says since then */
};

/* When the counter of a zone advanced while native was listening, by whoever claimed the advance; to be taken
 * as the log of switches is. */
struct energy_update_log {
	__u64 head;
	__u64 unused[7];
	struct energy_update updates[ENERGY_UPDATES];
};

_Static_assert(sizeof(struct energy_hot) == 32, "four hot rows fill two cache lines");
_Static_assert(sizeof(struct energy_cold) == 64, "a cold row fills a cache line");
_Static_assert(sizeof(struct energy_buffer) % 64 == 0, "buffers share no cache line");
_Static_assert(sizeof(struct energy_cpu) % 64 == 0, "CPUs share no cache line");
_Static_assert(sizeof(struct energy_zone) % 64 == 0, "zones share no cache line");
_Static_assert(sizeof(struct energy_switch) == 16, "four switches fill a cache line");
_Static_assert(sizeof(struct energy_log) % 64 == 0, "logs share no cache line");
_Static_assert(sizeof(struct energy_update_log) % 64 == 0, "logs share no cache line");

#endif
