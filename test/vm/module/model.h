/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the model share. */
#ifndef MODEL_H
#define MODEL_H

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "rig.h"

#define LEDGER_BITS 11
#define LEDGER_SIZE (1 << LEDGER_BITS)

/* What a task used on one thread. */
struct entry {
	pid_t pid, tgid;
	u64 cgroup, ns, pj;
	char comm[TASK_COMM_LEN];
};

/* One hardware thread; guarded by its core's lock. */
struct thread {
	struct domain *core; /* NULL: not online since the module was loaded */
	bool busy;
	u32 mw;
	u64 slice_ns, slice_pj, lost;
	struct entry now; /* who runs; ns and pj unused */
	struct entry *ledger;
};

/* What a register moves while somebody counts. */
struct watch {
	int watchers;
	u64 from_pj; /* shown_pj when the first of them began; when the last one ended, or was read after that
		      */
	u64 pj;	     /* up to when the last one ended */
};

/* A core and its hardware threads, or the rest of the package (no threads). */
struct domain {
	raw_spinlock_t lock;
	int id;
	u32 base_mw;
	struct cpumask threads;
	u64 t, pj;	       /* exact, up to the last change of power */
	u64 shown_t, shown_pj; /* as of the register's last move */
	u64 noisy_pj;	       /* shown_pj with the noise that is asked for */
	u64 last_pj;	       /* what the register showed last */
	u64 idle_pj;	       /* of pj, what no task is charged with */
	/* What perf events count of it: the one that came last, and any of them. One that is closed lives on
	 * for some milliseconds where a BPF map held it, and the kernel may even move it along. */
	struct watch newest, any;
	const void *newest_event;
	u64 read_pj;	 /* shown_pj when the newest read the register last */
	u32 read_offset; /* register_offset then */
	u64 reset_pj;	 /* of the newest, from the last read before a reset to the first one after it */
	u64 blind_t;	 /* since when a thread is online and the newest does not count; 0: not so */
	u64 blind_ns;	 /* the longest such time */
	u64 opened;	 /* perf events that ever counted it */
	/* What the register moves while the newest counts where nobody reads it: without scope, from the last
	 * read before the driver passed it on to another CPU until the next one is opened, or it ends; and
	 * how often. */
	struct watch apart;
	u64 unread_pj; /* what it had moved since that read */
	u64 passed_on;
};

DECLARE_PER_CPU(struct thread, rig_cpus);
extern struct domain *rig_cores, rig_uncore;
extern int rig_core_count;

/* power.c: who draws what. Integrates up to `now`; lock held. */
void rig_advance(struct domain *d, u64 now);
/* From now on `next` runs on a thread; NULL: nothing. */
void rig_run(struct thread *th, struct task_struct *next);

/* registers.c: what is seen of it. */
extern bool rig_metered; /* some perf event has counted some core */
void rig_registers_start(void);
/* Whether a thread of a core is online; lock held. */
bool rig_any_online(const struct domain *core);
u64 rig_watched(const struct watch *w, const struct domain *core);
/* What a register shows of it, faults included; lock held, and advanced. */
u64 rig_faulty(struct domain *d);
/* All registers begin anew, so much lower. */
void rig_registers_lose(u32 units);

/* sleep.c: what takes the place of firmware when the machine is suspended; it counts time by the TSC. */
#ifdef CONFIG_X86
void rig_sleep_start(void);
void rig_sleep_stop(void);
#else
static inline void rig_sleep_start(void)
{
}
static inline void rig_sleep_stop(void)
{
}
#endif

/* truth.c: what is written down of it. Says who runs on the CPU that calls it. */
void rig_see_current(void *data);
void rig_truth_start(void);
void rig_truth_stop(void);

#endif
