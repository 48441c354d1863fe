/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What each process draws while it runs, learned from what the counter says of the mixtures it ran in.
 *
 * A power is a guess that only decides shares: the energy itself is the counter's. Each window corrects
 * the powers of who ran in it by the surplus of counted over predicted energy, each the more the larger
 * its share of the window and the less is known of it: a Kalman filter with a diagonal covariance.
 */
#ifndef POWERS_BPF_H
#define POWERS_BPF_H

#define ONE	      (1 << 16) /* of relative quantities */
#define WATT	      17592	/* 2^32 / 10^9 units per ns, 2^-12 */
#define POWER_MIN     (WATT / 20)
#define POWER_MAX     (1 << 24)
#define VARIANCE_NEW  16384 /* of a process of which nothing is known: +-50 % */
#define VARIANCE_KIN  2621  /* of one whose executable is known: +-20 % */
#define VARIANCE_MIN  80    /* +-3.5 %: powers change */
#define VARIANCE_STEP 20    /* ... and so what is known of them fades */
#define VARIANCE_IDLE 32768 /* idle cores draw more at first, and for waking up */
#define VARIANCE_REST 3277  /* of what ran beside: the sibling's, and those that found no room in the list */
#define NOISE	      200   /* of a window by itself: +-5.5 % */
#define PRIOR_NS      2000000  /* what the mean of all counts for beside that of a name */
#define KNOWN_NS      20000000 /* ... after which a name is known */
#define FADE_NS	      (1ULL << 31)
#define IDLE_FADE_NS  (1ULL << 27) /* idle: C-states change with the load */
#define SMALLEST      (1ULL << 20) /* units (0.24 mJ): less is too coarse to learn from */

/* Units drawn in a time (up to 2^47 ns) at a power. */
static __always_inline __u64 predict(__u64 weight_ns, __u32 power)
{
	if (weight_ns < 1ULL << 40)
		return weight_ns * power >> ENERGY_POWER_FRACTION;
	return (weight_ns >> ENERGY_POWER_FRACTION) * power;
}

/* Adds to a mean, which forgets: there is never more than `fade_ns` in it. */
static __always_inline void remember(struct energy_class *mean, __u64 energy, __u64 ns, __u64 fade_ns)
{
	__u64 times;

	mean->energy += energy;
	mean->time_ns += ns;
	if (mean->time_ns <= fade_ns)
		return;
	times = mean->time_ns / fade_ns + 1;
	mean->energy /= times;
	mean->time_ns /= times;
}

/* Never 0: what is predicted to draw nothing is charged nothing, and nothing is learned of it again. */
static __always_inline __u64 mean_power(struct energy_class *mean)
{
	__u64 power = mean->time_ns ? (mean->energy << ENERGY_POWER_FRACTION) / mean->time_ns : first_power;

	return !power ? 1 : power > POWER_MAX ? POWER_MAX : power;
}

static __always_inline __u64 idle_power(struct energy_cpu *c)
{
	return mean_power(idle_pays ? &c->mean : &c->idle);
}

static __always_inline __u32 clamp_power(__u64 power)
{
	return power < POWER_MIN ? POWER_MIN : power > POWER_MAX ? POWER_MAX : power;
}

static __always_inline struct energy_power *slot_of(__u32 owner)
{
	__u32 slot = (owner * HASH_MULTIPLIER) >> (32 - ENERGY_POWER_BITS);

	return bpf_map_lookup_elem(&powers, &slot);
}

static __always_inline __u32 power_of(struct energy_cpu *c, __u32 tgid)
{
	struct energy_power *known = slot_of(tgid + 1);

	return known && known->owner == tgid + 1 ? known->power : c->power;
}

static __always_inline __u16 class_of(const char *comm)
{
	__u64 low = ((const __u64 *)comm)[0], high = ((const __u64 *)comm)[1];
	__u64 mixed = (low ^ (high * 3)) * 0x9E3779B97F4A7C15; /* 2^64 / golden ratio */

	return mixed >> (64 - ENERGY_CLASS_BITS);
}

/* The power of a row's process, as of now; of a process or name not yet known, what its kin draws. */
static __always_inline struct energy_power *expect(struct energy_cpu *c, __u32 owner, struct energy_cold *row)
{
	struct energy_power *known;
	struct energy_class *kin;
	__u16 class = class_of(row->comm);
	__u32 index = class;

	known = slot_of(owner);
	kin = bpf_map_lookup_elem(&classes, &index);
	if (!known || !kin) /* the verifier does not know that these cannot fail */
		return 0;
	if (known->owner == owner && known->start == (__u32)row->start_ns && known->kin == class)
		return known;
	known->owner = owner;
	known->start = row->start_ns;
	known->kin = class;
	known->variance = kin->time_ns > KNOWN_NS ? VARIANCE_KIN : VARIANCE_NEW;
	known->power =
		clamp_power(((kin->energy << ENERGY_POWER_FRACTION) + mean_power(&c->mean) * PRIOR_NS) /
			    (kin->time_ns + PRIOR_NS));
	return known;
}

/* One row's part of a window: its energy is known, and its power is corrected by the surplus. */
static __always_inline void correct(struct energy_power *known, __u32 share, __s64 surplus, __u64 spread)
{
	__u64 gain = (__u64)known->variance * share / spread, power = known->power, shrink, variance;
	__u64 by = surplus < 0 ? -surplus : surplus;

	/* Down is divided by what up is multiplied with: else noise alone would drive powers down. */
	by = ONE + (gain * by >> 16);
	power = surplus < 0 ? (power << 16) / by : power * by >> 16;
	known->power = clamp_power(power);
	shrink = (gain * share >> 16) * share >> 16;
	if (shrink > ONE)
		shrink = ONE;
	variance = known->variance - (known->variance * shrink >> 16);
	if (variance < VARIANCE_MIN)
		variance = VARIANCE_MIN;
	variance += VARIANCE_STEP * share >> 16;
	known->variance = variance < ONE ? variance : ONE - 1;
}

/* One row of an epoch that has got its price. A function of its own so that the verifier checks it once. */
__noinline int learn_row(struct energy_cpu *c, __u32 i, __u64 counted, __s64 surplus, __u64 spread)
{
	struct energy_power *known;
	struct energy_class *kin;
	struct energy_cold *cold;
	struct energy_hot *hot;
	struct energy_bank *b;
	__u64 energy, ns;
	__u32 class, share;

	if (!c)
		return 0;
	i &= ENERGY_LEARNED - 1;
	b = bank_of(c);
	hot = hot_at(b, c->learned[i]);
	cold = cold_at(b, c->learned[i]);
	share = c->share[i];
	if (!hot->pending)
		return 0;
	energy = hot->pending * b->price[hot->epoch & (ENERGY_PRICES - 1)] >> 16;
	cold->certain += energy * share;
	ns = (hot->pending << ENERGY_POWER_FRACTION) / (hot->power ? hot->power : 1);
	if (hot->owner == 1) {
		remember(&c->idle, energy, ns, IDLE_FADE_NS);
		return 0;
	}
	known = expect(c, hot->owner, cold);
	if (!known)
		return 0;
	if (surplus && share)
		correct(known, share, surplus, spread);
	cold->variance = known->variance;
	/* Of the window, of which the epoch may be but the end: flush() ends epochs at any time. */
	energy = counted * share >> 16;
	class = known->kin;
	kin = bpf_map_lookup_elem(&classes, &class);
	if (kin)
		remember(kin, energy, ns, FADE_NS);
	remember(&c->mean, energy, ns, FADE_NS);
	return 0;
}

/* One row's share of a window, and what the doubt in its power adds to the doubt in the window. */
__noinline int weigh_row(struct energy_cpu *c, __u32 i, __u64 predicted)
{
	struct energy_bank *b;
	__u64 share;

	if (!c)
		return 0;
	i &= ENERGY_LEARNED - 1;
	b = bank_of(c);
	share = predicted ? (hot_at(b, c->learned[i])->pending << 16) / predicted : ONE;
	if (share > ONE)
		share = ONE;
	c->share[i] = share;
	c->share_sum += share;
	c->share_doubt += cold_at(b, c->learned[i])->variance * (share * share >> 16) >> 16;
	return 0;
}

/*
 * An epoch has got its price: what does that say of those who ran in it? `counted` and `predicted` are
 * those of the whole core, in units.
 */
__noinline int learn(struct energy_cpu *c, __u64 counted, __u64 predicted)
{
	__u64 spread, rest, square, noise, size;
	__s64 surplus = 0;
	__u32 i;

	if (!c)
		return 0;
	if (counted >= SMALLEST && predicted) {
		__u64 ratio = (counted << 16) / predicted;

		if (ratio > 3 * ONE)
			ratio = 3 * ONE;
		if (ratio < ONE * 3 / 10)
			ratio = ONE * 3 / 10;
		surplus = (__s64)ratio - ONE;
	}
	/* Sums of the loop are in the map: of scalars that grow the verifier of Linux 6.1 follows every
	 * value. */
	c->share_sum = c->share_doubt = 0;
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= c->touched)
			break;
		weigh_row(c, i, predicted);
	}
	rest = c->share_sum < ONE ? ONE - c->share_sum : 0;
	spread = c->share_doubt + (VARIANCE_REST * (rest * rest >> 16) >> 16);
	square = (__u64)(surplus * surplus) >> 16;
	/* What of surprises the doubt in powers does not explain is noise, which differs from machine to
	 * machine. */
	noise = square > spread ? square - spread : 0;
	spread += c->surprise > NOISE ? c->surprise : NOISE;
	c->surprise += ((__s64)noise - (__s64)c->surprise) >> 8;
	/* Where it is not certain that a window ends where we think, a great surprise says that it does not;
	 * a greater one than that can explain says something nevertheless. */
	size = surplus < 0 ? -surplus : surplus;
	if (square > 2 * spread && size < 2 * (__u64)c->owed_unsure)
		surplus = 0;
	for (i = 0; i < ENERGY_LEARNED; i++) {
		if (i >= c->touched)
			break;
		learn_row(c, i, counted, surplus, spread);
	}
	return 0;
}

#endif
