// SPDX-License-Identifier: GPL-2.0-only
/*
 * Barriers: tasks that wait for each other.
 *
 * Tasks wait at a gate. Who opens it takes all of them along, and from that
 * moment on their wait is over, whatever else happens to them: who comes later
 * waits for the next opening. There are two gates: one is opened by AWAKE, the
 * other by the last of the parties of a round. Waits end as everywhere, see
 * MBOX_HANDOFF in wait.h.
 */
#include "barrier.h"

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "place.h"
#include "wait.h"

/**
 * struct mbox_gate - tasks that wait for the same thing
 * @waiters:	who waits
 * @count:	how many
 * @opened:	how often it has been opened
 */
struct mbox_gate {
	struct list_head	waiters;
	u32			count;
	u64			opened;
};

/**
 * struct mbox_barrier - a barrier
 * @lock:	guards all that follows; innermost
 * @closed:	nobody is to wait here any more
 * @sleepers:	who waits for AWAKE
 * @round:	who waits for the other parties
 * @parties:	how many there are to be in this round
 */
struct mbox_barrier {
	spinlock_t		lock;	/* innermost */
	bool			closed;
	struct mbox_gate	sleepers;
	struct mbox_gate	round;
	u32			parties;
};

/* A task at a gate, and how often that had been opened before. */
struct mbox_gate_waiter {
	struct mbox_waiter	waiter;
	struct mbox_barrier	*barrier;
	struct mbox_gate	*gate;
	u64			opened;
};

/**
 * mbox_barrier_get - the barrier of something, made if it is not there
 * @where:	where it is kept
 *
 * Context: sleeps.
 * Return: the barrier, or NULL if there is no memory.
 */
struct mbox_barrier *mbox_barrier_get(struct mbox_barrier **where)
{
	/* Pairs with the exchange below. */
	struct mbox_barrier *barrier = smp_load_acquire(where), *old;

	if (barrier)
		return barrier;
	barrier = kzalloc(sizeof(*barrier), GFP_KERNEL_ACCOUNT);
	if (!barrier)
		return NULL;
	spin_lock_init(&barrier->lock);
	INIT_LIST_HEAD(&barrier->sleepers.waiters);
	INIT_LIST_HEAD(&barrier->round.waiters);
	old = cmpxchg(where, NULL, barrier);
	if (!old)
		return barrier;
	kfree(barrier);
	return old;
}

/**
 * mbox_barrier_free - the end of a barrier
 * @barrier:	nobody waits here, or NULL
 */
void mbox_barrier_free(struct mbox_barrier *barrier)
{
	if (!barrier)
		return;
	mbox_place_forget(&barrier->sleepers);
	mbox_place_forget(&barrier->round);
	kfree(barrier);
}

/* Leave a gate, unless it has been opened. */
static bool mbox_gate_leave(struct mbox_waiter *waiter, int why, bool at_once)
{
	struct mbox_gate_waiter *w =
		container_of(waiter, struct mbox_gate_waiter, waiter);
	bool left;

	spin_lock(&w->barrier->lock);
	left = w->opened == w->gate->opened;
	if (left)
		__mbox_unqueue(waiter);
	spin_unlock(&w->barrier->lock);
	return left;
}

/* Wait at a gate; the barrier's lock is dropped. */
static int mbox_gate_wait(struct mbox_barrier *barrier, struct mbox_gate *gate,
			  s64 *timeout)
	__releases(&barrier->lock)
{
	struct mbox_gate_waiter w = {
		.barrier = barrier,
		.gate = gate,
		.opened = gate->opened,
	};

	mbox_waiter_resume(&w.waiter, gate, *timeout);
	mbox_waiter_begin(&w.waiter, &gate->count);
	list_add_tail(&w.waiter.node, &gate->waiters);
	spin_unlock(&barrier->lock);
	return mbox_wait(&w.waiter, timeout, mbox_gate_leave);
}

/* All who wait go; they are on @gone then, and nobody else's. */
static u32 __mbox_gate_open(struct mbox_gate *gate, struct list_head *gone)
{
	u32 count = gate->count;

	gate->opened++;
	gate->count = 0;
	list_splice_tail_init(&gate->waiters, gone);
	return count;
}

static void mbox_gate_let_go(struct list_head *gone, int result)
{
	struct list_head *node;

	list_for_each(node, gone)
		list_entry(node, struct mbox_waiter, node)->result = result;
	mbox_wake(gone);
}

/**
 * mbox_barrier_sleep - wait until somebody calls mbox_barrier_awake()
 * @barrier:	the barrier
 * @timeout:	ns to wait at most, 0 for not at all, or MBOX_FOREVER; gets what
 *		is left of it with -ERESTARTNOHAND
 *
 * Context: sleeps.
 * Return: 0; -ESHUTDOWN if the barrier is closed; -EAGAIN; -ETIMEDOUT; and as
 * mbox_wait() if interrupted.
 */
int mbox_barrier_sleep(struct mbox_barrier *barrier, s64 *timeout)
{
	int ret;

	spin_lock(&barrier->lock);
	ret = barrier->closed ? -ESHUTDOWN : !*timeout ? -EAGAIN : 0;
	if (!ret)
		return mbox_gate_wait(barrier, &barrier->sleepers, timeout);
	spin_unlock(&barrier->lock);
	mbox_place_drop(&barrier->sleepers);
	return ret;
}

/**
 * mbox_barrier_awake - let all go who sleep now
 * @barrier:	the barrier
 *
 * Context: may sleep; no lock held.
 * Return: how many.
 */
u32 mbox_barrier_awake(struct mbox_barrier *barrier)
{
	LIST_HEAD(gone);
	u32 count;

	spin_lock(&barrier->lock);
	count = __mbox_gate_open(&barrier->sleepers, &gone);
	spin_unlock(&barrier->lock);
	mbox_gate_let_go(&gone, 0);
	return count;
}

/**
 * mbox_barrier_wait - wait until so many parties have come
 * @barrier:	the barrier
 * @parties:	how many, the same number for all of a round
 * @timeout:	as with mbox_barrier_sleep()
 *
 * Context: sleeps.
 * Return: 1 for the last of the round, 0 for the others; -EINVAL for no
 * parties, or not as many as the round has; else as mbox_barrier_sleep().
 */
int mbox_barrier_wait(struct mbox_barrier *barrier, u32 parties, s64 *timeout)
{
	struct mbox_gate *round = &barrier->round;
	LIST_HEAD(gone);
	int ret;

	if (!parties)
		return -EINVAL;
	spin_lock(&barrier->lock);
	if (barrier->closed) {
		ret = -ESHUTDOWN;
	} else if (round->count && parties != barrier->parties) {
		ret = -EINVAL;
	} else if (round->count + 1 == parties) {
		__mbox_gate_open(round, &gone);
		ret = 1;
	} else if (!*timeout) {
		ret = -EAGAIN;
	} else {
		barrier->parties = parties;
		return mbox_gate_wait(barrier, round, timeout);
	}
	spin_unlock(&barrier->lock);
	mbox_gate_let_go(&gone, 0);
	mbox_place_drop(round);
	return ret;
}

/**
 * mbox_barrier_close - nobody can wait at a barrier any more
 * @barrier:	the barrier
 *
 * Those who wait leave with -ESHUTDOWN.
 *
 * Context: may sleep; no lock held.
 */
void mbox_barrier_close(struct mbox_barrier *barrier)
{
	LIST_HEAD(gone);

	spin_lock(&barrier->lock);
	barrier->closed = true;
	__mbox_gate_open(&barrier->sleepers, &gone);
	__mbox_gate_open(&barrier->round, &gone);
	spin_unlock(&barrier->lock);
	mbox_gate_let_go(&gone, -ESHUTDOWN);
}

/**
 * mbox_barrier_close_idle - close a barrier if nobody waits
 * @barrier:	the barrier
 *
 * Return: whether it is closed now.
 */
bool mbox_barrier_close_idle(struct mbox_barrier *barrier)
{
	bool idle;

	spin_lock(&barrier->lock);
	idle = !barrier->sleepers.count && !barrier->round.count;
	if (idle)
		barrier->closed = true;
	spin_unlock(&barrier->lock);
	return idle;
}

/**
 * mbox_barrier_reopen - undo mbox_barrier_close_idle()
 * @barrier:	the barrier
 */
void mbox_barrier_reopen(struct mbox_barrier *barrier)
{
	spin_lock(&barrier->lock);
	barrier->closed = false;
	spin_unlock(&barrier->lock);
}

/**
 * mbox_barrier_sleepers - how many sleep
 * @barrier:	the barrier, or NULL
 */
u32 mbox_barrier_sleepers(struct mbox_barrier *barrier)
{
	return barrier ? READ_ONCE(barrier->sleepers.count) : 0;
}
