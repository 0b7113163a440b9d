/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine of one mailbox. Knows no inode, no file and no kiocb.
 *
 * Life of a message
 * -----------------
 * A sender makes a message, fills it from user space and sends it. The mailbox
 * charges and publishes it: to the reader who waits longest, or else into the
 * store. A reader takes it out of the store, and copies it to user space while
 * the mailbox goes on counting it (@copying); then it either consumes it, and
 * the charge ends, or returns it, and it is the next one again.
 *
 * Locking
 * -------
 * mbox->lock guards all that is not said to be guarded otherwise. It is the
 * innermost lock: nothing is copied, allocated, freed, woken or notified while
 * it is held. It is never taken in interrupt context, nor two at a time.
 *
 * Every step that changes a mailbox is the same: mbox_lock(), the change, and
 * mbox_unlock(), which after dropping the lock does what the change has led
 * to, collected in a struct mbox_after: waits that are over, events for those
 * who poll, messages to free. The named rules below are cited where they hold.
 *
 * MBOX_HANDOFF: who ends a wait, ends it for good.
 *	A task waits with a struct mbox_waiter on its stack. Whoever ends the
 *	wait takes the waiter off its queue under the lock, having written the
 *	result (and, for a reader, the message) into it; from then on nothing
 *	can change that result, neither a signal nor what becomes of the
 *	mailbox. After the unlock the waker stores @ended, with release
 *	semantics, having taken a reference to the task before:
 *
 *		waker				waiter
 *		get_task_struct(task)
 *		store_release(ended, true)
 *						load_acquire(ended): true
 *						reads result, returns, exits:
 *						the waiter's stack is gone
 *		wake_up_process(task)
 *		put_task_struct(task)
 *
 *	A waiter that is interrupted takes the lock. Still queued, it takes
 *	itself off: no trace is left. Not queued any more, its wait is over
 *	already and it sleeps for the moment that the waker needs to say so.
 *	set_current_state() before the load pairs with the full barrier in
 *	wake_up_process(), as always.
 *
 * MBOX_FAIR: a newcomer never overtakes a waiter.
 *	As long as readers wait, the store is empty: what is published goes to
 *	the first of them. As long as writers wait, the first of them does not
 *	fit; so whatever frees room, raises a limit or takes the first writer
 *	away must call __mbox_admit(), and a newcomer queues behind.
 *
 * MBOX_POLL: pollers register first and test second, we change first and look
 *	for pollers second, both with the lock in between.
 *	mbox_poll() runs after poll_wait() and takes the lock. If it comes
 *	before our change, then its registration is visible to us, who hold
 *	the lock later, and waitqueue_active() needs no barrier of its own; if
 *	it comes after, it sees the change itself. Blocked readers and writers
 *	are not on that queue, so exclusive pollers never take their wake-ups.
 */
#ifndef _MBOXFS_QUEUE_H
#define _MBOXFS_QUEUE_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "group.h"
#include "message.h"

struct fasync_struct;

/**
 * struct mbox_sum - some messages, added up
 * @messages:	how many
 * @bytes:	their bodies
 * @memory:	what they use of their pool
 */
struct mbox_sum {
	u64	messages;
	u64	bytes;
	u64	memory;
};

/**
 * struct mbox - a mailbox
 * @lock:	guards everything up to @poll
 * @store:	published messages that no one is copying, next one first
 * @readers:	tasks waiting for a message, see MBOX_FAIR
 * @writers:	tasks waiting for room, each with its message
 * @readers_waiting: number of @readers
 * @writers_waiting: number of @writers
 * @stopped:	takes no more messages
 * @dead:	stopped, and never to be started again
 * @held:	all published messages, those being copied included
 * @copying:	those being copied out by readers
 * @published:	the running number that gives messages their order
 * @purged:	value of @published at the last purge
 * @sent_total:	messages taken from senders
 * @received_total: messages given to readers
 * @dropped_total: messages that made room for newer ones
 * @purged_total: messages purged
 * @limits:	limits and policies
 * @poll:	those who poll; has its own lock, see MBOX_POLL
 * @fasync:	those who want SIGIO; has its own locks
 * @pool:	what the memory of messages is charged to; constant
 */
struct mbox {
	spinlock_t		lock;	/* innermost, see "Locking" */
	bool			stopped;
	bool			dead;
	struct list_head	store;
	struct list_head	readers;
	struct list_head	writers;
	u32			readers_waiting;
	u32			writers_waiting;
	struct mbox_sum		held;
	struct mbox_sum		copying;
	u64			published;
	u64			purged;
	u64			sent_total;
	u64			received_total;
	u64			dropped_total;
	u64			purged_total;
	struct mbox_limits	limits;

	wait_queue_head_t	poll;
	struct fasync_struct	*fasync;
	struct mbox_pool	*pool;
};

/*
 * The counters of a mailbox at one moment, named as users know them. next_size
 * is -1 while nothing is there; memory is what published messages use.
 */
struct mbox_stat {
	u64	messages;
	u64	bytes;
	s64	next_size;
	u64	readers_waiting;
	u64	writers_waiting;
	u64	sent_total;
	u64	received_total;
	u64	dropped_total;
	u64	purged_total;
	u64	memory;
	bool	stopped;
};

/* How to send or receive. */
#define MBOX_NONBLOCK	0x01	/* -EAGAIN instead of waiting */
#define MBOX_WHOLE	0x02	/* -EMSGSIZE rather than too little room */
#define MBOX_EOF	0x04	/* obey when_empty: -ENODATA for "eof" */

void mbox_init(struct mbox *box, struct mbox_pool *pool,
	       const struct mbox_limits *limits);
void mbox_exit(struct mbox *box);

int mbox_check_send(struct mbox *box, u64 len, unsigned int flags);
int mbox_send(struct mbox *box, struct mbox_msg *msg, unsigned int flags);
struct mbox_msg *mbox_receive(struct mbox *box, size_t room,
			      unsigned int flags);
void mbox_consume(struct mbox *box, struct mbox_msg *msg);
void mbox_return(struct mbox *box, struct mbox_msg *msg);

__poll_t mbox_poll(struct mbox *box);
u64 mbox_purge(struct mbox *box);
void mbox_kill(struct mbox *box);
void mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value);
void mbox_get_stat(struct mbox *box, struct mbox_stat *stat);

/* A limit or policy read without the lock: it may change at once anyhow. */
static inline u64 mbox_get_limit(const struct mbox *box, enum mbox_limit limit)
{
	return READ_ONCE(box->limits.value[limit]);
}

#endif /* _MBOXFS_QUEUE_H */
