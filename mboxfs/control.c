// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mailbox as a whole: poll, purge, stop, limits, counters, its begin and its end.
 * "__" means that the mailbox's lock is held.
 */
#include "control.h"

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "barrier.h"
#include "clock.h"
#include "dead.h"
#include "delay.h"
#include "lease.h"
#include "outcome.h"
#include "place.h"
#include "spare.h"
#include "step.h"

/**
 * mbox_init - set up a mailbox
 * @box:	the mailbox
 * @pool:	what its messages are charged to; outlives it
 * @group:	where it is made, whose limits and policies it begins with
 * @dev:	what it is called in traces
 * @ino:	as well
 *
 * Return: 0, -EDQUOT if there are too many in the group, or -ENOMEM; mbox_exit()
 * is to be called in any case.
 */
int mbox_init(struct mbox *box, struct mbox_pool *pool,
	      struct mbox_group *group, dev_t dev, u64 ino)
{
	int err;

	memset(box, 0, sizeof(*box));
	spin_lock_init(&box->lock);
	mbox_store_init(&box->store);
	mbox_readers_init(&box->readers);
	INIT_LIST_HEAD(&box->writers);
	INIT_LIST_HEAD(&box->lobby);
	INIT_LIST_HEAD(&box->rendezvous);
	INIT_LIST_HEAD(&box->keeper);
	mbox_group_get_limits(group, &box->limits);
	init_waitqueue_head(&box->poll);
	box->spare_from = U32_MAX;
	box->pool = pool;
	box->dev = dev;
	box->ino = ino;
	box->special = __mbox_special(box);
	err = mbox_account_init(&box->account, group);
	if (!err && (__mbox_limit(box, MBOX_SEND_DELAY_MS) ||
		     __mbox_limit(box, MBOX_LEASE_MS)))
		err = mbox_need_clock(box, MBOX_GFP);
	return err;
}

/**
 * mbox_exit - free what is left in a mailbox
 * @box:	the mailbox; nobody else knows it any more
 *
 * Context: sleeps.
 */
void mbox_exit(struct mbox *box)
{
	LIST_HEAD(left);

	WARN_ON(box->readers.waiting || box->writers_waiting ||
		box->copying.messages);
	mbox_place_forget(&box->readers);
	mbox_place_forget(&box->writers);
	mbox_clock_exit(box);
	mbox_leases_exit(box);
	mbox_drop_spares(box);
	mbox_store_list(&box->store, &left);
	mbox_msg_put_list(box->pool, &left);
	mbox_account_exit(&box->account);
	mbox_barrier_free(box->barrier);
}

/**
 * mbox_poll - what a mailbox is ready for
 * @box:	the mailbox
 *
 * To be called after poll_wait(), see MBOX_POLL.
 *
 * Context: may sleep for a moment; takes the lock.
 * Return: EPOLLIN, EPOLLOUT (with their twins) and EPOLLHUP.
 */
__poll_t mbox_poll(struct mbox *box)
{
	struct mbox_after after;
	__poll_t events = 0;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	if (!mbox_store_empty(&box->store) || __mbox_over(box))
		events |= EPOLLIN | EPOLLRDNORM;
	if (__mbox_writable(box))
		events |= EPOLLOUT | EPOLLWRNORM;
	else
		box->owes_room = true;
	if (box->stopped || __mbox_hung_up(box))
		events |= EPOLLHUP;
	mbox_unlock(box, &after);
	return events;
}

/**
 * struct mbox_purge - how far a purge has come
 * @last:	the last message that had been published when it began
 * @priority:	where it is: nothing is left of lower ones
 * @count:	how many have gone
 */
struct mbox_purge {
	u64	last;
	u32	priority;
	u64	count;
};

/* Go on with a purge of what is published; whether that is all. */
static bool __mbox_purge(struct mbox *box, struct mbox_purge *purge,
			 struct mbox_after *after)
{
	struct mbox_msg *msg;

	while ((msg = mbox_store_oldest(&box->store, purge->priority))) {
		if (__mbox_step_full(after))
			return false;
		after->visits++;
		if (msg->order > purge->last) {
			purge->priority = msg->priority + 1;
			continue;
		}
		__mbox_discard(box, msg, after);
		box->purged_total++;
		purge->count++;
	}
	return true;
}

static u64 mbox_purge_published(struct mbox *box)
{
	struct mbox_purge purge = {};
	struct mbox_after after;
	u64 before;
	bool done;

	mbox_lock(box, &after);
	before = box->purged;
	box->purged = box->published;
	purge.last = box->published;
	for (;;) {
		done = __mbox_purge(box, &purge, &after);
		if (done || fatal_signal_pending(current))
			break;
		mbox_unlock(box, &after);
		cond_resched();
		mbox_lock(box, &after);
	}
	/* What is being copied goes if it comes back; or stays, as the rest. */
	if (!done)
		box->purged = before;
	mbox_unlock(box, &after);
	return purge.count;
}

/**
 * mbox_purge - throw away all messages: readable, delayed, dead
 * @box:	the mailbox
 *
 * Those that readers are copying, or have on lease, are received, or go if they
 * come back. What is sent meanwhile stays.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been thrown away; less than all if killed.
 */
u64 mbox_purge(struct mbox *box)
{
	u64 count = mbox_take_back(box, INVALID_UID, &box->purged_total);

	count += mbox_purge_published(box);
	return count + mbox_purge_dead(box);
}

/**
 * mbox_set_once_tag - which tag is the highest that has been sent only once
 * @box:	the mailbox
 * @tag:	the tag
 *
 * Context: takes the lock.
 */
void mbox_set_once_tag(struct mbox *box, u64 tag)
{
	spin_lock(&box->lock);
	box->once_tag = tag;
	spin_unlock(&box->lock);
}

/**
 * mbox_open_writer - somebody has opened a mailbox for writing
 * @box:	the mailbox
 *
 * Context: takes the lock.
 */
void mbox_open_writer(struct mbox *box)
{
	spin_lock(&box->lock);
	box->open_writers++;
	box->had_writers = true;
	spin_unlock(&box->lock);
}

/**
 * mbox_close_writer - the opposite; if it was the last, readers may care
 * @box:	the mailbox
 *
 * Context: may sleep; no lock held.
 */
void mbox_close_writer(struct mbox *box)
{
	struct mbox_after after;

	mbox_lock(box, &after);
	box->open_writers--;
	if (unlikely(__mbox_hung_up(box))) {
		after.hangup = true;
		after.event = true;
	}
	mbox_unlock(box, &after);
}

/* Senders leave at the end of the step, see __mbox_refuse(). */
static void __mbox_stop(struct mbox *box, struct mbox_after *after)
{
	box->stopped = true;
	box->stops++;
	WRITE_ONCE(box->limits.value[MBOX_STOPPED], 1);
	after->hangup = true;
	after->event = true;
}

/**
 * mbox_set_stopped - stop a mailbox, or start it again
 * @box:	the mailbox
 * @stopped:	which
 *
 * Waiting writers leave; so do waiting readers, once it is drained.
 *
 * Context: no lock held.
 * Return: 0, or -ESHUTDOWN if it is stopped for good.
 */
int mbox_set_stopped(struct mbox *box, bool stopped)
{
	struct mbox_after after;
	int ret = 0;

	mbox_lock(box, &after);
	if (box->dead) {
		ret = -ESHUTDOWN;
	} else if (stopped && !box->stopped) {
		__mbox_stop(box, &after);
	} else if (!stopped) {
		box->stopped = false;
		WRITE_ONCE(box->limits.value[MBOX_STOPPED], 0);
	}
	mbox_unlock(box, &after);
	return ret;
}

/**
 * mbox_kill - stop a mailbox for good
 * @box:	the mailbox, whose name or process has gone
 * @error:	what its senders get: -ESHUTDOWN or -ESRCH
 *
 * Context: may sleep; no lock held.
 */
void mbox_kill(struct mbox *box, int error)
{
	struct mbox_barrier *barrier;
	struct mbox_after after;

	mbox_lock(box, &after);
	/* What it has died of first is what counts. */
	if (!box->dead)
		WRITE_ONCE(box->dead, error);
	__mbox_stop(box, &after);
	mbox_unlock(box, &after);
	smp_mb(); /* pairs with the exchange in mbox_get_barrier() */
	barrier = READ_ONCE(box->barrier);
	if (barrier)
		mbox_barrier_close(barrier);
}

/**
 * mbox_get_barrier - the barrier of a mailbox, to sleep or to meet there
 * @box:	the mailbox
 *
 * Context: sleeps.
 * Return: the barrier; -ESHUTDOWN if the mailbox is stopped for good, -ENOMEM.
 */
struct mbox_barrier *mbox_get_barrier(struct mbox *box)
{
	struct mbox_barrier *barrier = mbox_barrier_get(&box->barrier);

	if (!barrier)
		return ERR_PTR(-ENOMEM);
	/* Either this sees that it is dead, or mbox_kill() the barrier. */
	smp_mb();
	if (READ_ONCE(box->dead))
		return ERR_PTR(-ESHUTDOWN);
	return barrier;
}

static bool __mbox_may_set(struct mbox *box, enum mbox_limit limit)
{
	return limit != MBOX_SEND_DELAY_MS || !box->delayed.messages ||
	       __mbox_limit(box, MBOX_DELAY_CHANGE) != MBOXFS_DELAY_CHANGE_IDLE;
}

/**
 * mbox_set_limit - change a limit or policy
 * @box:	the mailbox
 * @limit:	which, but MBOX_STOPPED
 * @value:	from mbox_limit_parse()
 *
 * What is queued stays. Who waits is judged anew: writers for whom there is
 * room now get in, those whose message can never fit any more, or who are not
 * to wait any more, leave with the error.
 *
 * Context: no lock held.
 * Return: 0; -EBUSY if delay_change forbids it now; -ENOMEM.
 */
int mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value)
{
	struct mbox_after after;
	int ret = 0;

	if ((limit == MBOX_SEND_DELAY_MS || limit == MBOX_LEASE_MS) && value)
		ret = mbox_need_clock(box, MBOX_GFP);
	if (ret)
		return ret;
	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	if (__mbox_may_set(box, limit)) {
		/* Whoever polls has seen what was before, or sees what is now. */
		__mbox_owe_room(box);
		WRITE_ONCE(box->limits.value[limit], value);
		after.event = true;
	} else {
		ret = -EBUSY;
	}
	mbox_unlock(box, &after);
	return ret;
}

static void mbox_get_lease_stat(const struct mbox *box, struct mbox_stat *stat)
{
	static const struct mbox_leases none;
	const struct mbox_leases *leases = box->leases ? box->leases : &none;

	stat->leased_messages = leases->on_lease.messages;
	stat->leased_bytes = leases->on_lease.bytes;
	stat->dead_messages = leases->buried.messages;
	stat->dead_bytes = leases->buried.bytes;
	stat->returned_total = leases->returned_total;
}

/**
 * mbox_get_stat - the counters of a mailbox at one moment
 * @box:	the mailbox
 * @stat:	where to put them
 *
 * Context: may sleep for a moment; takes the lock.
 */
void mbox_get_stat(struct mbox *box, struct mbox_stat *stat)
{
	struct mbox_after after;
	struct mbox_msg *next;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	next = mbox_store_first(&box->store);
	mbox_get_lease_stat(box, stat);
	stat->messages = box->held.messages - stat->leased_messages -
			 stat->dead_messages;
	stat->bytes = box->held.bytes - stat->leased_bytes - stat->dead_bytes;
	stat->once_tag = box->once_tag;
	stat->delayed_messages = box->delayed.messages;
	stat->delayed_bytes = box->delayed.bytes;
	stat->next_size = next ? (s64)next->len : -1;
	stat->readers_waiting = box->readers.waiting;
	stat->writers_waiting = box->writers_waiting;
	stat->sent_total = box->sent_total;
	stat->received_total = box->received_total;
	stat->dropped_total = box->dropped_total;
	stat->expired_total = box->expired_total;
	stat->revoked_total = box->revoked_total;
	stat->purged_total = box->purged_total;
	stat->truncated_total = box->truncated_total;
	stat->barrier_sleepers = mbox_barrier_sleepers(box->barrier);
	stat->memory = box->held.memory + box->delayed.memory;
	mbox_unlock(box, &after);
}

/**
 * mbox_take_times - when a mailbox was last used
 * @box:	the mailbox
 * @sent:	when the last message was sent, CLOCK_REALTIME, ns
 * @received:	when the last one was received
 *
 * Each time is told once: it is 0 if there was none since the last call.
 *
 * Context: takes the lock.
 */
void mbox_take_times(struct mbox *box, u64 *sent, u64 *received)
{
	unsigned long seen;

	spin_lock(&box->lock);
	*sent = box->sent_at;
	box->sent_at = 0;
	spin_unlock(&box->lock);
	/* By the last tick, as the coarse clock is. */
	seen = xchg(&box->received_at, 0);
	*received = !seen ? 0 : ktime_get_coarse_real_ns() -
			       (jiffies - seen) * TICK_NSEC;
}

static u64 mbox_too_much(const struct mbox_account *account)
{
	const struct mbox *box = container_of(account, struct mbox, account);
	u64 used = READ_ONCE(box->held.bytes) + READ_ONCE(box->delayed.bytes);
	u64 reserved = READ_ONCE(account->reserved);

	return reserved - min(reserved, used);
}

/**
 * mbox_get_group_stat - the counters of a group
 * @group:	the group
 * @stat:	where to put them
 *
 * Context: sleeps.
 * Return: 0, or -EINTR if killed.
 */
int mbox_get_group_stat(struct mbox_group *group, struct mbox_group_stat *stat)
{
	return mbox_group_get_stat(group, mbox_too_much, stat);
}
