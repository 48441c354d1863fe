// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend to RAM without firmware. The kernel does all that it does before and after: it freezes what runs,
 * takes all CPUs but one offline and stops its clocks; then, instead of handing over to ACPI, it waits here
 * with interrupts off, and the registers begin anew. Emulators lose their lives when they wake a machine in
 * the usual way (QEMU 10.0: a segmentation fault, one in some dozens of times, or `iotlb_to_section:
 * Assertion`), and do not sleep a second time.
 */
#include <linux/module.h>
#include <linux/suspend.h>
#include <asm/tsc.h>

#include "model.h"

static unsigned int sleep_reset;
module_param(sleep_reset, uint, 0444);
MODULE_PARM_DESC(sleep_reset, "registers lose so many units whenever the machine sleeps; 0: it cannot");

/* The real-time clock, from which the kernel takes how long it slept, knows whole seconds. */
#define SLEEP_MS 2000

static int sleep_enter(suspend_state_t state)
{
	u64 end = rdtsc() + (u64)SLEEP_MS * tsc_khz;
	int i;

	rig_registers_lose(sleep_reset);
	/* Not mdelay(): each PAUSE of it costs an emulator as much as many other instructions. */
	while (rdtsc() < end)
		for (i = 0; i < 10000; i++)
			barrier();
	return 0;
}

static const struct platform_suspend_ops sleep_ops = {.valid = suspend_valid_only_mem, .enter = sleep_enter};

void rig_sleep_start(void)
{
	if (sleep_reset)
		suspend_set_ops(&sleep_ops);
}

void rig_sleep_stop(void)
{
	if (sleep_reset)
		suspend_set_ops(NULL);
}
