/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine of one mailbox. Knows no inode, no file and no kiocb.
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
 * So a message that has been sent is delayed, stored or being copied, and it
 * leaves in one of six ways: received, dropped (for a newer one), expired
 * (unread for too long), revoked (taken back), purged, or with its mailbox.
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
 * copied, allocated, freed, woken or notified while it is held. It is never
 * taken in interrupt context, nor two at a time: the timer only queues work. A
 * long job lets it go after having looked at MBOX_BATCH messages and waiters.
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
 *	What is published goes to the first waiting reader who wants it. So as
 *	long as readers wait, nothing in the store is for any of them, and a
 *	newcomer who finds something takes it from nobody. As long as writers
 *	wait, the first of them does not fit, and a newcomer queues behind.
 *	Writers wait with their messages, but those may be no more than the
 *	mailbox itself takes (max_bytes, or one). Who comes then waits without
 *	(@lobby), and is sent to make its message anew once there is room among
 *	those who wait. It keeps its place for that, but is not waited for: who
 *	takes longer to come back than its turn is away is overtaken.
 *
 * MBOX_SETTLE: who changes something sees to what it means to those who wait.
 *	At the end of each step, and nowhere else, __mbox_settle() looks at all
 *	that may have to happen now: it lets writers in for whom there is room,
 *	lets everyone go who waits for what will not come any more, gives back
 *	what is reserved without need, tells of events. What has to happen is
 *	seen from the state of the mailbox alone. A step looks at a thousand
 *	messages and waiters at most (@visits); is that not enough, the mailbox
 *	stays @unsettled: who has made the step goes on in another one, and so
 *	does whoever comes first, before anything of its own. So all others see
 *	a mailbox where everything has happened; and as nobody begins to wait
 *	meanwhile, that ends.
 *
 * MBOX_SEARCH: a long search goes on where it was.
 *	Who wants one sender's messages, or those with one tag, may have to look
 *	at many. It lets the lock go after a batch, with a mark at the last one
 *	it has looked at; if that one leaves the store, the mark moves to the one
 *	before it. What comes in behind the mark will be looked at; what gets a
 *	place in front of it, because it is more urgent or comes back from a
 *	reader, is offered to who searches at once. There is one such search at a time, so
 *	that this costs others next to nothing: a second one waits for its turn.
 *
 * MBOX_POLL: pollers register first and test second, we change first and look
 *	for pollers second, both with the lock in between.
 *	mbox_poll() runs after poll_wait() and takes the lock. If it comes
 *	before our change, then its registration is visible to us, who hold
 *	the lock later, and waitqueue_active() needs no barrier of its own; if
 *	it comes after, it sees the change itself. Blocked readers and writers
 *	are not on that queue, so exclusive pollers never take their wake-ups.
 *
 * MBOX_QUICK: most messages need no step.
 *	As long as nobody waits, nothing is due and no event is owed to anyone,
 *	a message that nobody waits for only comes in and goes out. All that
 *	can end this state is done in steps, and each step notes whether it
 *	holds when it ends (@special); whether anyone polls is looked up. So
 *	mbox_send(), mbox_receive() and mbox_consume() first try to do
 *	just that, with the lock held as briefly as can be, and leave all else
 *	to a step, which begins with the lock they hold.
 *
 * MBOX_DUE: the clock decides, not the timer.
 *	Whoever looks for messages or counts them calls __mbox_catch_up() first:
 *	what is due by the clock is published, what has expired goes. The timer
 *	does no more than make that happen if nobody looks. There is one, armed
 *	for the next event (@armed); an event that comes before it rearms it, one
 *	that goes away lets it fire for nothing. The work arms it anew.
 *
 * MBOX_RENDEZVOUS: a sender who waits owns its message again only if it finds
 *	it under the lock.
 *	Its waiter is known by the message (extra->sender) and is on
 *	mbox->rendezvous. Whoever ends the message ends the wait with it. A
 *	sender who is interrupted or timed out takes the message back if it is
 *	delayed or stored. If it is being copied, a signal lets the sender wait
 *	for the outcome; at its deadline, or if it is killed, it leaves all the
 *	same, and the message is its reader's (@sender is cleared, and it is
 *	discarded should that copy fail).
 */
#ifndef _MBOXFS_QUEUE_H
#define _MBOXFS_QUEUE_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "group.h"
#include "message.h"
#include "place.h"
#include "readers.h"
#include "store.h"

#include "uapi/linux/mboxfs.h"

struct fasync_struct;
struct mbox_barrier;
struct mbox_search;
struct pid_namespace;

/**
 * struct mbox_clock - what is about time in a mailbox, see MBOX_DUE
 * @box:	the mailbox, whose lock guards this
 * @due:	the delayed messages by the time when they are
 * @last_due:	the last of them
 * @expiring:	stored messages with a time to live, by the time when it ends
 * @armed:	when @timer is to fire, CLOCK_BOOTTIME, ns; U64_MAX: not at all
 * @timer:	queues @work
 * @work:	publishes and discards
 *
 * Most mailboxes never need one, so it is made by who makes the first message
 * that is delayed or expires, or sets a delay: mbox_need_clock().
 */
struct mbox_clock {
	struct mbox		*box;
	struct rb_root_cached	due;
	struct rb_node		*last_due;
	struct rb_root_cached	expiring;
	u64			armed;
	struct hrtimer		timer;
	struct work_struct	work;
};

/**
 * struct mbox - a mailbox
 * @lock:	guards everything up to @poll
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
 * @search:	a long search that goes on, see MBOX_SEARCH
 * @turn:	held by who searches, see MBOX_SEARCH
 * @held:	all published messages, those being copied included
 * @copying:	those being copied out by readers
 * @delayed:	those sent and not yet published
 * @clock:	what is about time, or NULL as long as nothing has been; set with
 *		the lock held, and kept
 * @published:	the running number that gives messages their order
 * @purged:	value of @published at the last purge
 * @sent_at:	when the last message was sent, CLOCK_REALTIME, ns; 0 once that
 *		is known elsewhere, see mbox_take_times()
 * @received_at: when the last one was received; written without the lock
 * @sent_total:	messages taken from senders
 * @received_total: messages given to readers
 * @dropped_total: messages that made room for newer ones
 * @expired_total: messages unread for too long
 * @revoked_total: messages taken back
 * @purged_total: messages purged
 * @truncated_total: messages of which a reader has lost bytes
 * @spare:	messages that are kept for reuse, see spare.c
 * @spare_memory: bytes of them
 * @slept_at:	the low part of @received_total when a reader fell asleep;
 *		written without the lock, as it is but a hint
 * @keeper:	place among its pool's keepers, as long as any may be there;
 *		changed with the pool's lock held, too
 * @limits:	limits and policies
 * @account:	what is reserved in groups, see MBOX_CEILING in group.h
 * @poll:	those who poll; has its own lock, see MBOX_POLL
 * @fasync:	those who want SIGIO; has its own locks
 * @barrier:	see mbox_barrier_get()
 * @pool:	what the memory of messages is charged to; constant
 * @dev:	what it is called in traces, as is @ino; constant
 * @ino:	see @dev
 */
struct mbox {
	spinlock_t		lock;	/* innermost, see "Locking" */
	bool			stopped;
	bool			special;
	bool			owes_room;
	bool			exiting;
	bool			unsettled;
	bool			drained;
	int			dead;
	struct mbox_store	store;
	struct mbox_readers	readers;
	struct list_head	writers;
	struct list_head	lobby;
	struct list_head	rendezvous;
	u64			waiting_bytes;
	u32			writers_waiting;
	u32			stops;
	struct mbox_msg		*parked;
	struct mbox_search	*search;
	unsigned long		turn;
	u32			spare_memory;
	u32			slept_at;
	struct mbox_msg		*spare;
	struct list_head	keeper;
	struct mbox_sum		held;
	struct mbox_sum		copying;
	struct mbox_sum		delayed;
	struct mbox_clock	*clock;
	u64			published;
	u64			purged;
	u64			sent_at;
	u64			received_at;
	u64			sent_total;
	u64			received_total;
	u64			dropped_total;
	u64			expired_total;
	u64			revoked_total;
	u64			purged_total;
	u64			truncated_total;
	struct mbox_limits	limits;
	struct mbox_account	account;

	wait_queue_head_t	poll;
	struct fasync_struct	*fasync;
	struct mbox_barrier	*barrier;
	struct mbox_pool	*pool;
	dev_t			dev;
	u64			ino;
};

/*
 * The counters of a mailbox at one moment, named as users know them. next_size
 * is -1 while nothing is there; memory is what published and delayed messages
 * use.
 */
struct mbox_stat {
	u64	messages;
	u64	bytes;
	u64	delayed_messages;
	u64	delayed_bytes;
	s64	next_size;
	u64	readers_waiting;
	u64	writers_waiting;
	u64	sent_total;
	u64	received_total;
	u64	dropped_total;
	u64	expired_total;
	u64	revoked_total;
	u64	purged_total;
	u64	barrier_sleepers;
	u64	truncated_total;
	u64	memory;
};

/* How to send or receive. */
#define MBOX_NONBLOCK	0x01	/* -EAGAIN instead of waiting */
#define MBOX_WHOLE	0x02	/* -EMSGSIZE rather than too little room */
#define MBOX_EOF	0x04	/* obey when_empty: -ENODATA for "eof" */
#define MBOX_PEEK	0x08	/* the message stays */
#define MBOX_SYNC	0x10	/* return when it has been received */
#define MBOX_FROM	0x20	/* only from one process */
#define MBOX_TAGGED	0x40	/* only with one tag */

/* The message is gone: it is to be made again, and sent. */
#define MBOX_AGAIN	(-ERESTART)

/* For ever, as a timeout. */
#define MBOX_FOREVER	(-1)

/**
 * struct mbox_want - what a reader wants
 * @flags:	MBOX_*
 * @sender:	with MBOX_FROM: the process
 * @ns:		with MBOX_FROM: the pid namespace that knows it by that number
 * @room:	bytes of room, which matters with MBOX_WHOLE
 * @len:	set with -EMSGSIZE: the length of the message that stays
 * @tag:	with MBOX_TAGGED: the tag
 * @timeout:	ns to wait at most, or MBOX_FOREVER; gets what is left of it with
 *		-ERESTARTNOHAND
 */
struct mbox_want {
	unsigned int		flags;
	pid_t			sender;
	struct pid_namespace	*ns;
	size_t			room;
	u32			len;
	u64			tag;
	s64			timeout;
};

int mbox_init(struct mbox *box, struct mbox_pool *pool,
	      struct mbox_group *group, dev_t dev, u64 ino);
void mbox_exit(struct mbox *box);

struct mbox_msg *mbox_new_copy(struct mbox *box, struct mbox_msg *original,
			       gfp_t gfp);
int mbox_set_delay(struct mbox *box, struct mbox_msg *msg, u64 delay,
		   gfp_t gfp);
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 *timeout);
int mbox_receive_batch(struct mbox *box, struct mbox_want *want,
		       struct mbox_msg **msgs, int count);
void mbox_return(struct mbox *box, struct mbox_msg **msgs, int count);
void mbox_truncated(struct mbox *box, const struct mbox_msg *msg);

void mbox_give_up(struct mbox *box);
__poll_t mbox_poll(struct mbox *box);
u64 mbox_purge(struct mbox *box);
int mbox_flush(struct mbox *box);
u64 mbox_revoke(struct mbox *box, kuid_t uid);
int mbox_set_stopped(struct mbox *box, bool stopped);
void mbox_kill(struct mbox *box, int error);
void mbox_reclaim(struct mbox_group *group);
int mbox_get_group_stat(struct mbox_group *group, struct mbox_group_stat *stat);
void mbox_drop_spares(struct mbox *box);
extern const struct mbox_pool_ops mbox_spare_ops;
int mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value);
void mbox_get_stat(struct mbox *box, struct mbox_stat *stat);
void mbox_take_times(struct mbox *box, u64 *sent, u64 *received);

struct mbox_barrier *mbox_get_barrier(struct mbox *box);

int mbox_timer_init(void);
void mbox_timer_exit(void);

/* A limit or policy read without the lock: it may change at once anyhow. */
static inline u64 mbox_get_limit(const struct mbox *box, enum mbox_limit limit)
{
	return READ_ONCE(box->limits.value[limit]);
}

/**
 * mbox_sent - what has been sent, or not, with a timeout is over
 * @box:	the mailbox
 *
 * If it was interrupted, and has been made again, nothing is to be left of that.
 *
 * Context: no lock held.
 */
static inline void mbox_sent(struct mbox *box)
{
	mbox_place_drop(&box->writers);
}

/**
 * mbox_received - the same of what has been received
 * @box:	the mailbox
 *
 * Context: no lock held.
 */
static inline void mbox_received(struct mbox *box)
{
	mbox_place_drop(&box->readers);
}

/**
 * mbox_check_send - whether it is worth making a message
 * @box:	the mailbox
 * @len:	bytes of its body
 * @flags:	as for mbox_send()
 *
 * To be asked before a message is allocated. Takes no lock: mbox_send() will
 * look again, so all that this says is what was so a moment ago.
 *
 * Return: 0; -EMSGSIZE; -EAGAIN if it would have to wait but may not.
 */
static inline int mbox_check_send(const struct mbox *box, u64 len,
				  unsigned int flags)
{
	if (unlikely(len > MBOXFS_MESSAGE_MAX ||
		     len > mbox_get_limit(box, MBOX_MAX_MESSAGE_SIZE) ||
		     len > mbox_get_limit(box, MBOX_MAX_BYTES)))
		return -EMSGSIZE;
	if ((flags & MBOX_NONBLOCK) && !READ_ONCE(box->stopped) &&
	    mbox_get_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_BLOCK &&
	    !mbox_get_limit(box, MBOX_TTL_MS) &&
	    READ_ONCE(box->held.messages) >=
		    mbox_get_limit(box, MBOX_MAX_MESSAGES))
		return -EAGAIN;
	return 0;
}

#endif /* _MBOXFS_QUEUE_H */
