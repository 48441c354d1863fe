/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fixed point: BPF has 64-bit integers and no floating point. */
#ifndef ARITHMETIC_BPF_H
#define ARITHMETIC_BPF_H

#include "kernel.bpf.h"
#include "energy.h"

#define ONE (1 << 16) /* 1 as a relative quantity */

/* whole * some / of, for a whole below 2^47 and some <= of < 2^47; 0 of nothing. */
static __always_inline __u64 part(__u64 whole, __u64 some, __u64 of)
{
	return of ? (whole * ((some << 16) / of)) >> 16 : 0;
}

/* Units drawn in a run time (up to 2^47 ns) at a power (2^-12 units per ns). */
static __always_inline __u64 predict(__u64 ns, __u32 power)
{
	if (ns < 1ULL << 40)
		return ns * power >> ENERGY_POWER_FRACTION;
	return (ns >> ENERGY_POWER_FRACTION) * power;
}

/* A time that clocks of two CPUs gave, which may be a little off: from 0 to `ns`. */
static __always_inline __u64 within(__s64 time, __u64 ns)
{
	return time < 0 ? 0 : time < ns ? time : ns;
}

#endif
