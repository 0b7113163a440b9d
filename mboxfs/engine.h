/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the engine share. The rules are in queue.h. "__" means that
 * the mailbox's lock is held.
 */
#ifndef _MBOXFS_ENGINE_H
#define _MBOXFS_ENGINE_H

#include <linux/mm.h>

#include "queue.h"
#include "wait.h"

#include "uapi/linux/mboxfs.h"

/* Messages and waiters looked at before the lock is let go for a moment. */
#define MBOX_BATCH		1000

/* Bytes of messages that a mailbox keeps for reuse, see spare.c. */
#define MBOX_KEEP_MAX		(64 << 10)

/**
 * struct mbox_after - what a step has led to, done after the unlock
 * @ended:	waits that are over
 * @garbage:	messages to put
 * @full:	a group whose holders are to give back what they do not need, and
 *		then the mailbox is to be settled; with a reference, or NULL
 * @readable:	messages that have become readable
 * @writable:	there is room now and was not before
 * @hangup:	the mailbox has been stopped, or is drained after that
 * @event:	something may matter to those who poll
 * @more:	there is something to do after the unlock
 * @visits:	messages and waiters that have been looked at, see MBOX_BATCH
 */
struct mbox_after {
	struct list_head	ended;
	struct list_head	garbage;
	struct mbox_group	*full;
	unsigned int		readable;
	bool			writable;
	bool			hangup;
	bool			event;
	bool			more;
	unsigned int		visits;
};

static inline u64 __mbox_limit(const struct mbox *box, enum mbox_limit limit)
{
	return box->limits.value[limit];
}

/* Nothing can become readable any more. */
static inline bool __mbox_over(const struct mbox *box)
{
	return unlikely(box->stopped) && !box->delayed.messages &&
	       !box->copying.messages;
}

/* Body bytes for which limits and ceilings count. */
static inline u64 __mbox_used(const struct mbox *box)
{
	return box->held.bytes + box->delayed.bytes;
}

/* Whether more is reserved than is to stay. */
static inline bool __mbox_too_much(const struct mbox *box)
{
	return mbox_account_too_much(&box->account, __mbox_used(box));
}

/* Keep reserved what is needed, and some more far from the ceilings. */
static inline void __mbox_give_back(struct mbox *box)
{
	if (unlikely(__mbox_too_much(box)))
		mbox_account_release(&box->account, __mbox_used(box));
}

/* Why a stopped mailbox refuses messages. */
static inline int __mbox_refusal(const struct mbox *box)
{
	return box->dead ? box->dead : -ESHUTDOWN;
}

/* In queue.c */
void __mbox_owe_room(struct mbox *box);
void mbox_finish(struct mbox *box, struct mbox_after *after, bool watched);
void __mbox_help(struct mbox *box, struct mbox_after *after);
void __mbox_discard(struct mbox *box, struct mbox_msg *msg,
		    struct mbox_after *after);
bool mbox_leave(struct mbox_waiter *waiter, int why, bool at_once);

/* In match.c */
void __mbox_publish(struct mbox *box, struct mbox_msg *msg, u64 now,
		    struct mbox_after *after);
void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
		     struct mbox_msg *prev, struct mbox_after *after);
bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg);
void __mbox_settle(struct mbox *box, struct mbox_after *after);

/* In send.c */
bool __mbox_writable(const struct mbox *box);
bool __mbox_admit(struct mbox *box, struct mbox_after *after);
bool __mbox_call_in(struct mbox *box, struct mbox_after *after);
void __mbox_leave_writers(struct mbox *box, const struct mbox_waiter *writer);
void mbox_cancel_sender(struct mbox_msg *msg, struct mbox_after *after);
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender);

/* In receive.c */
bool mbox_matches(const struct mbox_msg *msg, const struct mbox_want *want);
bool mbox_too_long(const struct mbox_msg *msg, const struct mbox_want *want);
bool __mbox_found(struct mbox *box, struct mbox_msg *msg, bool back);
void __mbox_pass_mark(struct mbox *box, const struct mbox_msg *msg);

/* In delay.c */
int mbox_need_clock(struct mbox *box, gfp_t gfp);
void mbox_clock_exit(struct mbox *box);
void __mbox_delay(struct mbox *box, struct mbox_msg *msg, u64 due);
void __mbox_undelay(struct mbox *box, struct mbox_msg *msg);
u64 mbox_take_back(struct mbox *box, kuid_t uid, u64 *total);
void __mbox_expire_at(struct mbox *box, struct mbox_msg *msg);
void __mbox_unexpire(struct mbox *box, struct mbox_msg *msg);
bool __mbox_catch_up_now(struct mbox *box, struct mbox_after *after);
void __mbox_arm(struct mbox *box);

/* Begin a step with the lock held. */
static inline void __mbox_begin_step(struct mbox_after *after)
{
	INIT_LIST_HEAD(&after->ended);
	INIT_LIST_HEAD(&after->garbage);
	after->full = NULL;
	after->readable = 0;
	after->writable = false;
	after->hangup = false;
	after->event = false;
	after->more = false;
	after->visits = 0;
}

/* Take the lock and begin a step, also where the mailbox is not settled. */
static inline void mbox_lock_unsettled(struct mbox *box,
				       struct mbox_after *after)
	__acquires(&box->lock)
{
	spin_lock(&box->lock);
	__mbox_begin_step(after);
}

/* Begin a step with the lock held, which may be let go for a moment. */
static inline void __mbox_begin(struct mbox *box, struct mbox_after *after)
{
	__mbox_begin_step(after);
	if (unlikely(box->unsettled))
		__mbox_help(box, after);
}

/**
 * mbox_lock - take the lock and begin a step
 * @box:	the mailbox
 * @after:	collects what the step leads to
 *
 * What another step has left to be done is done first, see MBOX_SETTLE.
 *
 * Context: may sleep.
 */
static inline void mbox_lock(struct mbox *box, struct mbox_after *after)
	__acquires(&box->lock)
{
	spin_lock(&box->lock);
	__mbox_begin(box, after);
}

/* Whether a step has to end, to go on in another one. */
static inline bool __mbox_step_full(const struct mbox_after *after)
{
	return unlikely(after->visits >= MBOX_BATCH);
}

/* End a wait for good. */
static inline void mbox_end_wait(struct mbox_waiter *waiter, int result,
				 struct mbox_after *after)
{
	__mbox_end_wait(waiter, result, &after->ended);
	after->more = true;
	after->visits++;
}

/* Whether anyone polls. */
static inline bool __mbox_watched(struct mbox *box)
{
	/* See MBOX_POLL for why waitqueue_active() needs no barrier. */
	return waitqueue_active(&box->poll) || READ_ONCE(box->fasync);
}

/* Whether there are messages that will be due, or expire. */
static inline bool __mbox_timed(const struct mbox *box)
{
	const struct mbox_clock *clock = box->clock;

	return unlikely(clock) && (!RB_EMPTY_ROOT(&clock->due.rb_root) ||
				   !RB_EMPTY_ROOT(&clock->expiring.rb_root));
}

/* Whether someone waits for room; whoever comes now queues behind. */
static inline bool __mbox_writers_wait(const struct mbox *box)
{
	return !list_empty(&box->writers) || unlikely(!list_empty(&box->lobby));
}

/* Whether there is more to think about than messages that come and go. */
static inline bool __mbox_special(const struct mbox *box)
{
	return box->stopped || box->owes_room || box->unsettled ||
	       box->readers.waiting || __mbox_writers_wait(box) ||
	       __mbox_timed(box) || box->search ||
	       __mbox_limit(box, MBOX_SEND_DELAY_MS);
}

/* Whether someone waits for whom an empty mailbox is the end. */
static inline bool __mbox_at_eof(const struct mbox *box)
{
	return unlikely(__mbox_limit(box, MBOX_WHEN_EMPTY) ==
			MBOXFS_WHEN_EMPTY_EOF) &&
	       !list_empty(&box->readers.eof);
}

/* Whether what has changed may matter to those who wait, see MBOX_SETTLE. */
static inline bool __mbox_must_settle(const struct mbox *box)
{
	return box->stopped || box->drained || box->owes_room ||
	       box->parked || box->unsettled ||
	       __mbox_writers_wait(box) || __mbox_at_eof(box) ||
	       __mbox_too_much(box);
}

/* Drop the lock; whether there is an event, and someone who polls. */
static inline bool __mbox_end_step(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock)
{
	bool watched;

	if (unlikely(__mbox_must_settle(box)))
		__mbox_settle(box, after);
	watched = after->event && __mbox_watched(box);
	if (unlikely(watched))
		__mbox_owe_room(box);
	box->special = __mbox_special(box);
	spin_unlock(&box->lock);
	return watched;
}

/**
 * mbox_unlock - end a step: drop the lock, then do what it has led to
 * @box:	the mailbox
 * @after:	from mbox_lock()
 *
 * Context: may sleep.
 */
static inline void mbox_unlock(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock)
{
	bool watched = __mbox_end_step(box, after);

	if (unlikely(watched || after->more))
		mbox_finish(box, after, watched);
}

/* A message goes when the lock has been dropped. */
static inline void mbox_after_put(struct mbox_after *after,
				  struct mbox_msg *msg)
{
	list_add_tail(&msg->node, &after->garbage);
	after->more = true;
}

/**
 * __mbox_catch_up - publish what is due by the clock, discard what has expired
 * @box:	the mailbox
 * @after:	of this step, which has not done anything else yet
 *
 * Context: lock held, and may be let go for a moment.
 * Return: whether there is more to do after a batch.
 */
static inline bool __mbox_catch_up(struct mbox *box, struct mbox_after *after)
{
	bool more;

	if (likely(!__mbox_timed(box)))
		return false;
	more = __mbox_catch_up_now(box, after);
	if (unlikely(box->parked))
		__mbox_help(box, after);
	return more;
}

/* Take a message out of the store. */
static inline void __mbox_unstore(struct mbox *box, struct mbox_msg *msg)
{
	if (unlikely(box->search))
		__mbox_pass_mark(box, msg);
	if (unlikely(box->parked == msg))
		box->parked = NULL;
	mbox_store_del(&box->store, msg);
	if (unlikely(mbox_msg_ttl(msg)))
		__mbox_unexpire(box, msg);
}

/**
 * __mbox_keep - keep a message that has been received
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 * Return: whether it is kept; if not, it is still the caller's.
 */
static inline bool __mbox_keep(struct mbox *box, struct mbox_msg *msg)
{
	/* Someone may peek still; or it has no body of its own. */
	if (refcount_read(&msg->refs) != 1 || (msg->cache & MBOX_MSG_COPY))
		return false;
	/* What is to be cleared when it is freed is not to stay. */
	if (want_init_on_free() || unlikely(mbox_msg_sender_pid(msg)))
		return false;
	if (box->spare && box->spare->memory != msg->memory)
		return false;
	if (box->spare_memory + msg->memory > MBOX_KEEP_MAX)
		return false;
	if (unlikely(list_empty(&box->keeper)) &&
	    !mbox_pool_add_keeper(box->pool, &box->keeper))
		return false;
	msg->next_spare = box->spare;
	box->spare = msg;
	box->spare_memory += msg->memory;
	return true;
}

/**
 * mbox_take_spare - take a message that is kept
 * @box:	the mailbox
 * @memory:	what it has to have, see mbox_msg_memory()
 *
 * Context: takes the lock.
 * Return: a message for mbox_msg_reuse(), or NULL.
 */
static inline struct mbox_msg *mbox_take_spare(struct mbox *box, u32 memory)
{
	struct mbox_msg *msg;

	spin_lock(&box->lock);
	msg = box->spare;
	if (likely(msg)) {
		box->spare = msg->next_spare;
		box->spare_memory -= msg->memory;
	}
	spin_unlock(&box->lock);
	if (likely(!msg || msg->memory == memory))
		return msg;
	mbox_msg_free_spare(box->pool, msg);
	return NULL;
}

#endif /* _MBOXFS_ENGINE_H */
