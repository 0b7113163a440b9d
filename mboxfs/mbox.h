/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One mailbox: what it is made of, and what a step has led to. The engine knows
 * no inode, no file and no kiocb.
 *
 * Life of a message
 * -----------------
 * A sender makes a message, fills it from user space and sends it. The mailbox
 * charges it and, unless it is to be delayed, publishes it: to the reader who
 * waits longest, or else into the store. A reader takes it out of the store,
 * and copies it to user space while the mailbox goes on counting it
 * (@copying); then it either consumes it, and the charge ends, or returns it,
 * and it is the next one again.
 *
 * A reader may also take it on lease: then it goes on counting until the reader
 * settles it, or goes away; see MBOX_LEASE in lease.h.
 *
 * So a message that has been sent is delayed, stored, being copied, on lease or
 * dead, and it leaves in one of six ways: received, dropped (for a newer one, or
 * tried too often), expired (unread for too long), revoked (taken back), purged,
 * or with its mailbox.
 * All six happen under the lock and take it out of where it is; whoever comes
 * second does not find it any more. That settles every race of the timer, of
 * readers, of revoke, fsync, purge and unlink with each other. Of those that
 * are being copied only their reader decides; the one exception, a purge
 * meanwhile, is remembered by the place in the order (@purged).
 *
 * Locking
 * -------
 * mbox->lock guards all that is not said to be guarded otherwise. Only the lock
 * of the groups is taken inside of it, see MBOX_CEILING in group.h: nothing is
 * allocated, freed, woken or notified while it is held, and copied only what is
 * short and there (MBOX_IN_PLACE). It is never taken in interrupt context, nor two
 * at a time: the timer only queues work. A long job lets it go after having looked
 * at MBOX_BATCH messages and waiters.
 *
 * Every step that changes a mailbox is the same: mbox_lock(), the change, and
 * mbox_unlock(), which after dropping the lock does what the change has led
 * to, collected in a struct mbox_after: waits that are over, events for those
 * who poll, messages to free. The named rules below are cited where they hold.
 */
#ifndef _MBOXFS_MBOX_H
#define _MBOXFS_MBOX_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "group.h"
#include "message.h"
#include "readers.h"
#include "store.h"
#include "wait.h"

#include "uapi/linux/mboxfs.h"

struct fasync_struct;
struct mbox_barrier;
struct mbox_clock;
struct mbox_leases;
struct mbox_search;

/* Messages and waiters looked at before the lock is let go for a moment. */
#define MBOX_BATCH		1000

/* Bytes that are copied with the lock held at most, see MBOX_IN_PLACE in step.h. */
#define MBOX_IN_PLACE		8192U

/**
 * struct mbox - a mailbox
 * @lock:	guards all that is not said to be guarded otherwise
 * @stopped:	takes no more messages
 * @special:	there is more to think about, see MBOX_QUICK
 * @owes_room:	there was no room when someone who polls could have seen that:
 *		they are told when there is
 * @dead:	stopped, and never to be started again: the error for senders
 * @exiting:	the timer is not to be armed any more
 * @unsettled:	a step was not enough for what it has led to, see MBOX_SETTLE
 * @drained:	stopped, and nothing is left: those who poll have been told
 * @store:	published messages that no one is copying
 * @readers:	tasks waiting for a message, see MBOX_FAIR
 * @writers:	tasks waiting for room, each with its message
 * @lobby:	tasks waiting for room among @writers, without a message
 * @rendezvous:	tasks waiting for their message to be received
 * @writers_waiting: number of @writers, of @lobby and of @rendezvous
 * @waiting_bytes: of the messages of @writers
 * @stops:	how often it has been stopped
 * @parked:	a message in @store that has not been offered to all who wait
 * @leases:	what is on lease and what is dead, or NULL as long as nothing has
 *		been; set with the lock held, and kept
 * @search:	a long search that goes on, see MBOX_SEARCH
 * @turn:	held by who searches, see MBOX_SEARCH
 * @held:	all published messages, those being copied, on lease and dead ones
 *		included
 * @copying:	those being copied out by readers
 * @delayed:	those sent and not yet published
 * @clock:	what is about time, or NULL as long as nothing has been; set with
 *		the lock held, and kept
 * @published:	the running number that gives messages their order
 * @purged:	value of @published at the last purge
 * @sent_at:	when the last message was sent, CLOCK_REALTIME, ns; 0 once that
 *		is known elsewhere, see mbox_take_times()
 * @received_at: when the last one was received, jiffies; 0 once that is known
 *		elsewhere; may be written without the lock
 * @sent_total:	messages taken from senders
 * @received_total: messages given to readers
 * @dropped_total: messages that made room for newer ones
 * @expired_total: messages unread for too long
 * @revoked_total: messages taken back
 * @purged_total: messages purged
 * @truncated_total: messages of which a reader has lost bytes
 * @spare:	messages that are kept for reuse, see spare.c
 * @spare_memory: bytes of them
 * @spare_size:	bytes of each of them, or of the last ones; 0: it is no keeper
 * @spare_from:	the shortest body that each has room for, and no smaller one has
 * @spare_span:	how much longer it may be
 * @keeper:	place among its pool's keepers, as long as any may be there;
 *		changed with the pool's lock held, too
 * @limits:	limits and policies
 * @account:	what is reserved in groups, see MBOX_CEILING in group.h
 * @poll:	those who poll; has its own lock, see MBOX_POLL
 * @fasync:	those who want SIGIO; has its own locks
 * @barrier:	see mbox_barrier_get()
 * @pool:	what the memory of messages is charged to; constant
 * @open_writers: open files for writing
 * @had_writers: there has been one
 * @once_tag:	the highest tag that has been sent so that it is sent only once
 * @dev:	what it is called in traces, as is @ino; constant
 * @ino:	see @dev
 */
struct mbox {
	/* Read by all, seldom written. */
	u32			spare_size;
	u32			spare_from;
	u32			spare_span;
	int			dead;
	wait_queue_head_t	poll;
	struct fasync_struct	*fasync;
	/* The begin of it, levels above the default, likewise. */
	struct mbox_store	store;
	/* Written by all: a message dirties this line, and one of the others. */
	spinlock_t		lock;	/* innermost, see "Locking" */
	bool			special;
	bool			stopped;
	bool			owes_room;
	struct mbox_sum		held;
	struct mbox_msg		*spare;
	u32			spare_memory;
	bool			exiting;
	bool			unsettled;
	bool			drained;
	/* By senders. */
	u64			published;
	u64			sent_total;
	u64			sent_at;
	u64			purged;
	u64			dropped_total;
	u64			expired_total;
	u64			revoked_total;
	u64			purged_total;
	/* By readers. */
	u64			received_total;
	unsigned long		received_at;
	struct mbox_sum		copying;
	u64			truncated_total;
	u32			stops;
	unsigned long		turn;
	/* Seldom written again. */
	struct mbox_limits	limits;
	struct mbox_account	account;
	struct mbox_clock	*clock;
	struct mbox_leases	*leases;
	struct mbox_search	*search;
	struct mbox_msg		*parked;
	struct mbox_pool	*pool;
	/* By those who wait. */
	struct mbox_readers	readers;
	struct list_head	writers;
	struct list_head	lobby;
	struct list_head	rendezvous;
	u64			waiting_bytes;
	u32			writers_waiting;
	struct list_head	keeper;
	struct mbox_sum		delayed;
	struct mbox_barrier	*barrier;
	u64			ino;
	u64			once_tag;
	dev_t			dev;
	u32			open_writers;
	bool			had_writers;
};

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

/* A limit or policy read without the lock: it may change at once anyhow. */
static inline u64 mbox_get_limit(const struct mbox *box, enum mbox_limit limit)
{
	return READ_ONCE(box->limits.value[limit]);
}

static inline u64 __mbox_limit(const struct mbox *box, enum mbox_limit limit)
{
	return box->limits.value[limit];
}

/* Body bytes for which limits and ceilings count. */
static inline u64 __mbox_used(const struct mbox *box)
{
	return box->held.bytes + box->delayed.bytes;
}

/* Why a stopped mailbox refuses messages. */
static inline int __mbox_refusal(const struct mbox *box)
{
	return box->dead ? box->dead : -ESHUTDOWN;
}

/* Whether anyone polls. */
static inline bool __mbox_watched(struct mbox *box)
{
	/* See MBOX_POLL for why waitqueue_active() needs no barrier. */
	return waitqueue_active(&box->poll) || READ_ONCE(box->fasync);
}

/* Whether someone waits for room; whoever comes now queues behind. */
static inline bool __mbox_writers_wait(const struct mbox *box)
{
	return !list_empty(&box->writers) || unlikely(!list_empty(&box->lobby));
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

/* A message goes when the lock has been dropped. */
static inline void mbox_after_put(struct mbox_after *after,
				  struct mbox_msg *msg)
{
	list_add_tail(&msg->node, &after->garbage);
	after->more = true;
}

/* A message is with a reader now, who copies it out. */
static inline void __mbox_begin_copy(struct mbox *box, struct mbox_msg *msg)
{
	msg->state = MBOX_MSG_COPYING;
	mbox_sum_add(&box->copying, msg);
}

#endif /* _MBOXFS_MBOX_H */
