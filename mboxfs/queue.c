// SPDX-License-Identifier: GPL-2.0-only
/*
 * One mailbox: send, receive, wait, wake, purge, stop.
 *
 * The locking rules are in queue.h. "__" means that the lock is held.
 */
#include "queue.h"

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat.h"
#include "uapi/linux/mboxfs.h"

/* Messages dropped for a new one before the lock is let go for a moment. */
#define MBOX_DROP_BATCH		1000

/**
 * struct mbox_waiter - a task that waits, on its own stack
 * @node:	in mbox->readers or ->writers, later on a list of ended waits
 * @task:	who waits
 * @prio:	its real-time priority; all others are equal
 * @queued:	still waiting; guarded by the mailbox's lock
 * @ended:	the wait is over and the waker is gone, see MBOX_HANDOFF
 * @flags:	how to receive
 * @result:	0 or an error
 * @room:	the reader's room
 * @msg:	what a writer sends; what a reader got
 */
struct mbox_waiter {
	struct list_head	node;
	struct task_struct	*task;
	int			prio;
	bool			queued;
	bool			ended;
	unsigned int		flags;
	int			result;
	size_t			room;
	struct mbox_msg		*msg;
};

/**
 * struct mbox_after - what a step has led to, done after the unlock
 * @ended:	waits that are over
 * @garbage:	messages to free
 * @readable:	messages that have become readable
 * @writable:	there is room now and was not before
 * @hangup:	the mailbox has been stopped, or is drained after that
 */
struct mbox_after {
	struct list_head	ended;
	struct list_head	garbage;
	unsigned int		readable;
	bool			writable;
	bool			hangup;
};

static void mbox_lock(struct mbox *box, struct mbox_after *after)
	__acquires(&box->lock)
{
	INIT_LIST_HEAD(&after->ended);
	INIT_LIST_HEAD(&after->garbage);
	after->readable = 0;
	after->writable = false;
	after->hangup = false;
	spin_lock(&box->lock);
}

/* Let the tasks go whose waits have ended; see MBOX_HANDOFF for the order. */
static void mbox_wake(struct list_head *ended)
{
	struct mbox_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, ended, node) {
		struct task_struct *task = get_task_struct(waiter->task);

		/* Pairs with the acquire in mbox_wait(); @waiter may go now. */
		smp_store_release(&waiter->ended, true);
		wake_up_process(task);
		put_task_struct(task);
	}
}

/*
 * Each kind of event is a wake-up of its own: an exclusive poller counts as
 * woken when the key has any bit it asked for, and must not take an event of
 * the other kind along.
 */
static void mbox_notify(struct mbox *box, const struct mbox_after *after)
{
	if (after->hangup)
		__wake_up(&box->poll, TASK_NORMAL, 0,
			  poll_to_key(EPOLLHUP | EPOLLIN | EPOLLRDNORM |
				      EPOLLOUT | EPOLLWRNORM));
	if (after->readable)
		__wake_up(&box->poll, TASK_NORMAL, after->readable,
			  poll_to_key(EPOLLIN | EPOLLRDNORM));
	if (after->writable)
		__wake_up(&box->poll, TASK_NORMAL, 1,
			  poll_to_key(EPOLLOUT | EPOLLWRNORM));
	if (after->readable || after->hangup)
		kill_fasync(&box->fasync, SIGIO, POLL_IN);
	if (after->writable)
		kill_fasync(&box->fasync, SIGIO, POLL_OUT);
}

static void mbox_unlock(struct mbox *box, struct mbox_after *after)
	__releases(&box->lock)
{
	bool event = after->readable || after->writable || after->hangup;

	if (event)
		/* See MBOX_POLL for why waitqueue_active() needs no barrier. */
		event = waitqueue_active(&box->poll) ||
			READ_ONCE(box->fasync);
	spin_unlock(&box->lock);

	mbox_wake(&after->ended);
	if (unlikely(event))
		mbox_notify(box, after);
	if (unlikely(!list_empty(&after->garbage)))
		mbox_msg_free_list(box->pool, &after->garbage);
}

static void mbox_sum_add(struct mbox_sum *sum, const struct mbox_msg *msg)
{
	sum->messages++;
	sum->bytes += msg->len;
	sum->memory += mbox_msg_memory(msg);
}

static void mbox_sum_sub(struct mbox_sum *sum, const struct mbox_msg *msg)
{
	sum->messages--;
	sum->bytes -= msg->len;
	sum->memory -= mbox_msg_memory(msg);
}

static u64 __mbox_limit(const struct mbox *box, enum mbox_limit limit)
{
	return box->limits.value[limit];
}

static bool __mbox_drained(const struct mbox *box)
{
	return box->stopped && !box->held.messages;
}

static u64 __mbox_max_length(const struct mbox *box)
{
	return min3(__mbox_limit(box, MBOX_MAX_MESSAGE_SIZE),
		    __mbox_limit(box, MBOX_MAX_BYTES),
		    (u64)MBOXFS_MESSAGE_MAX);
}

static bool __mbox_fits_beside(const struct mbox *box,
			       const struct mbox_sum *sum, u64 len)
{
	u64 max_bytes = __mbox_limit(box, MBOX_MAX_BYTES);

	/* More than the limits may be queued, from before they were lowered. */
	return sum->messages < __mbox_limit(box, MBOX_MAX_MESSAGES) &&
	       len <= max_bytes && sum->bytes <= max_bytes - len;
}

static bool __mbox_fits(const struct mbox *box, u64 len)
{
	return __mbox_fits_beside(box, &box->held, len);
}

/* What EPOLLOUT means: no sender of any legal message would have to wait. */
static bool __mbox_writable(const struct mbox *box)
{
	if (__mbox_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_DROP_OLDEST)
		return true;
	return list_empty(&box->writers) &&
	       __mbox_fits(box, __mbox_max_length(box));
}

/* Take a waiter off its queue. */
static void __mbox_unqueue(struct mbox *box, struct mbox_waiter *waiter,
			   u32 *waiting)
{
	list_del(&waiter->node);
	waiter->queued = false;
	(*waiting)--;
}

/* End a wait for good; see MBOX_HANDOFF. */
static void __mbox_end_wait(struct mbox *box, struct mbox_waiter *waiter,
			    u32 *waiting, int result, struct mbox_after *after)
{
	__mbox_unqueue(box, waiter, waiting);
	waiter->result = result;
	list_add_tail(&waiter->node, &after->ended);
}

static void __mbox_end_all(struct mbox *box, struct list_head *queue,
			   u32 *waiting, int result, struct mbox_after *after)
{
	struct mbox_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, queue, node)
		__mbox_end_wait(box, waiter, waiting, result, after);
}

/* Real-time tasks first, by priority; otherwise in the order of arrival. */
static void __mbox_queue(struct list_head *queue, struct mbox_waiter *waiter)
{
	struct mbox_waiter *prev;

	list_for_each_entry_reverse(prev, queue, node)
		if (prev->prio <= waiter->prio)
			break;
	/* Behind @prev, or behind the head if nobody is to stay in front. */
	list_add(&waiter->node, &prev->node);
}

static bool mbox_leave(struct mbox *box, struct mbox_waiter *waiter,
		       u32 *waiting);

/*
 * Wait in @queue until the wait is ended, or a signal comes. Entered with the
 * lock held, left without it.
 *
 * Return: what the wait ended with, or -ERESTARTSYS.
 */
static int mbox_wait(struct mbox *box, struct mbox_after *after,
		     struct list_head *queue, u32 *waiting,
		     struct mbox_waiter *waiter)
	__releases(&box->lock)
{
	unsigned int state = TASK_INTERRUPTIBLE;

	waiter->task = current;
	waiter->prio = min(current->prio, MAX_RT_PRIO);
	waiter->queued = true;
	waiter->ended = false;
	__mbox_queue(queue, waiter);
	(*waiting)++;
	mbox_unlock(box, after);

	for (;;) {
		set_current_state(state);
		/* See MBOX_HANDOFF; pairs with the release in mbox_wake(). */
		if (smp_load_acquire(&waiter->ended))
			break;
		if (state == TASK_INTERRUPTIBLE && signal_pending(current)) {
			__set_current_state(TASK_RUNNING);
			if (mbox_leave(box, waiter, waiting))
				return -ERESTARTSYS;
			state = TASK_UNINTERRUPTIBLE;
			continue;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return waiter->result;
}

/* Hand a message to the first reader who waits and takes it. */
static bool __mbox_hand_over(struct mbox *box, struct mbox_msg *msg,
			     struct mbox_after *after)
{
	struct mbox_waiter *reader;

	while (!list_empty(&box->readers)) {
		reader = list_first_entry(&box->readers, struct mbox_waiter,
					  node);
		if ((reader->flags & MBOX_WHOLE) && msg->len > reader->room) {
			__mbox_end_wait(box, reader, &box->readers_waiting,
					-EMSGSIZE, after);
			continue;
		}
		reader->msg = msg;
		mbox_sum_add(&box->copying, msg);
		__mbox_end_wait(box, reader, &box->readers_waiting, 0, after);
		return true;
	}
	return false;
}

static void __mbox_publish(struct mbox *box, struct mbox_msg *msg,
			   struct mbox_after *after)
{
	msg->order = ++box->published;
	if (__mbox_hand_over(box, msg, after))
		return;
	list_add_tail(&msg->node, &box->store);
	after->readable++;
}

static void __mbox_accept(struct mbox *box, struct mbox_msg *msg,
			  struct mbox_after *after)
{
	box->sent_total++;
	mbox_sum_add(&box->held, msg);
	__mbox_publish(box, msg, after);
}

/*
 * Make room for @msg by dropping older messages, if that can make enough:
 * those being copied stay.
 *
 * Return: 0, -ENOSPC if it cannot (nothing is dropped then), or -EAGAIN after
 * a batch, to go on in another step.
 */
static int __mbox_drop_oldest(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_after *after)
{
	unsigned int batch = MBOX_DROP_BATCH;
	struct mbox_msg *oldest;

	if (!__mbox_fits_beside(box, &box->copying, msg->len))
		return -ENOSPC;
	while (!__mbox_fits(box, msg->len)) {
		if (!batch--)
			return -EAGAIN;
		oldest = list_first_entry(&box->store, struct mbox_msg, node);
		list_move_tail(&oldest->node, &after->garbage);
		mbox_sum_sub(&box->held, oldest);
		box->dropped_total++;
	}
	return 0;
}

/*
 * Whether @msg can be taken now, after making room if that is the policy.
 *
 * Return: 0, -EAGAIN if it would have to wait, or the error for its sender.
 */
static int __mbox_make_room(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
{
	if (unlikely(msg->len > __mbox_max_length(box)))
		return -EMSGSIZE;
	if (likely(__mbox_fits(box, msg->len)))
		return 0;
	switch (__mbox_limit(box, MBOX_WHEN_FULL)) {
	case MBOXFS_WHEN_FULL_FAIL:
		return -ENOSPC;
	case MBOXFS_WHEN_FULL_DROP_OLDEST:
		return __mbox_drop_oldest(box, msg, after);
	default:
		return -EAGAIN;
	}
}

/* Let waiting writers in, in order, as long as the first one fits. */
static void __mbox_admit(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *writer;
	int ret;

	while (!list_empty(&box->writers)) {
		writer = list_first_entry(&box->writers, struct mbox_waiter,
					  node);
		ret = __mbox_make_room(box, writer->msg, after);
		if (ret == -EAGAIN)
			break;
		if (!ret)
			__mbox_accept(box, writer->msg, after);
		__mbox_end_wait(box, writer, &box->writers_waiting, ret, after);
	}
}

/*
 * Something that kept messages out has changed, or messages have gone.
 * @was_writable is from before that.
 */
static void __mbox_settle(struct mbox *box, bool was_writable,
			  struct mbox_after *after)
{
	if (unlikely(!list_empty(&box->writers)))
		__mbox_admit(box, after);
	if (!was_writable && __mbox_writable(box))
		after->writable = true;
	if (unlikely(__mbox_drained(box))) {
		__mbox_end_all(box, &box->readers, &box->readers_waiting,
			       -ESHUTDOWN, after);
		after->hangup = true;
	}
}

/*
 * Leave a queue because of a signal. What the waiter stood in the way of goes
 * on.
 *
 * Return: whether it was still queued; if not, its wait has been ended.
 */
static bool mbox_leave(struct mbox *box, struct mbox_waiter *waiter,
		       u32 *waiting)
{
	struct mbox_after after;
	bool was_writable, left;

	mbox_lock(box, &after);
	was_writable = __mbox_writable(box);
	left = waiter->queued;
	if (left) {
		__mbox_unqueue(box, waiter, waiting);
		__mbox_settle(box, was_writable, &after);
	}
	mbox_unlock(box, &after);
	return left;
}

/**
 * mbox_init - set up a mailbox
 * @box:	the mailbox
 * @pool:	what its messages are charged to; outlives it
 * @limits:	limits and policies to begin with
 */
void mbox_init(struct mbox *box, struct mbox_pool *pool,
	       const struct mbox_limits *limits)
{
	memset(box, 0, sizeof(*box));
	spin_lock_init(&box->lock);
	INIT_LIST_HEAD(&box->store);
	INIT_LIST_HEAD(&box->readers);
	INIT_LIST_HEAD(&box->writers);
	box->limits = *limits;
	init_waitqueue_head(&box->poll);
	box->pool = pool;
}

/**
 * mbox_exit - free what is left in a mailbox
 * @box:	the mailbox; nobody else knows it any more
 *
 * Context: may sleep.
 */
void mbox_exit(struct mbox *box)
{
	WARN_ON(!list_empty(&box->readers) || !list_empty(&box->writers) ||
		box->copying.messages);
	mbox_msg_free_list(box->pool, &box->store);
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
int mbox_check_send(struct mbox *box, u64 len, unsigned int flags)
{
	if (len > MBOXFS_MESSAGE_MAX ||
	    len > mbox_get_limit(box, MBOX_MAX_MESSAGE_SIZE) ||
	    len > mbox_get_limit(box, MBOX_MAX_BYTES))
		return -EMSGSIZE;
	if ((flags & MBOX_NONBLOCK) && !READ_ONCE(box->stopped) &&
	    mbox_get_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_BLOCK &&
	    READ_ONCE(box->held.messages) >=
		    mbox_get_limit(box, MBOX_MAX_MESSAGES))
		return -EAGAIN;
	return 0;
}

/**
 * mbox_send - send a message
 * @box:	the mailbox
 * @msg:	the message, filled; belongs to the mailbox on success
 * @flags:	MBOX_NONBLOCK
 *
 * Context: may sleep, if there is no room; no lock held.
 * Return: 0; -EMSGSIZE; -ENOSPC if there is no room and when_full is not
 * "block"; -EAGAIN if it would have to wait but may not; -ESHUTDOWN if the
 * mailbox is stopped, or has been while this waited; -ERESTARTSYS.
 */
int mbox_send(struct mbox *box, struct mbox_msg *msg, unsigned int flags)
{
	struct mbox_waiter waiter;
	struct mbox_after after;
	bool dropping;
	int ret;

	do {
		mbox_lock(box, &after);
		dropping = false;
		if (unlikely(box->stopped)) {
			ret = -ESHUTDOWN;
		} else if (unlikely(!list_empty(&box->writers))) {
			/* See MBOX_FAIR. */
			ret = -EAGAIN;
		} else {
			ret = __mbox_make_room(box, msg, &after);
			dropping = ret == -EAGAIN &&
				   !list_empty(&after.garbage);
		}
		if (likely(!ret))
			__mbox_accept(box, msg, &after);
		if (ret == -EAGAIN && !dropping && !(flags & MBOX_NONBLOCK)) {
			waiter.msg = msg;
			return mbox_wait(box, &after, &box->writers,
					 &box->writers_waiting, &waiter);
		}
		mbox_unlock(box, &after);
	} while (unlikely(dropping));
	return ret;
}

/* Take the next message for a reader, or say why there is none. */
static struct mbox_msg *__mbox_take(struct mbox *box, size_t room,
				    unsigned int flags)
{
	struct mbox_msg *msg;

	msg = list_first_entry_or_null(&box->store, struct mbox_msg, node);
	if (likely(msg)) {
		if (unlikely((flags & MBOX_WHOLE) && msg->len > room))
			return ERR_PTR(-EMSGSIZE);
		list_del(&msg->node);
		mbox_sum_add(&box->copying, msg);
		return msg;
	}
	if (__mbox_drained(box))
		return ERR_PTR(-ESHUTDOWN);
	if ((flags & MBOX_EOF) &&
	    __mbox_limit(box, MBOX_WHEN_EMPTY) == MBOXFS_WHEN_EMPTY_EOF)
		return ERR_PTR(-ENODATA);
	return ERR_PTR(-EAGAIN);
}

/**
 * mbox_receive - take a message, to copy it out
 * @box:	the mailbox
 * @room:	bytes the caller has room for, which matters with MBOX_WHOLE
 * @flags:	MBOX_NONBLOCK, MBOX_WHOLE, MBOX_EOF
 *
 * The caller copies what it wants out of the message and then calls
 * mbox_consume(), or mbox_return() if that failed.
 *
 * Context: may sleep, if there is no message; no lock held.
 * Return: the message; -EAGAIN if it would have to wait but may not;
 * -EMSGSIZE, the message stays; -ENODATA for the end that when_empty asks for;
 * -ESHUTDOWN if the mailbox is stopped and drained; -ERESTARTSYS.
 */
struct mbox_msg *mbox_receive(struct mbox *box, size_t room,
			      unsigned int flags)
{
	struct mbox_waiter waiter;
	struct mbox_after after;
	struct mbox_msg *msg;
	int ret;

	mbox_lock(box, &after);
	msg = __mbox_take(box, room, flags);
	if (likely(msg != ERR_PTR(-EAGAIN)) || (flags & MBOX_NONBLOCK)) {
		mbox_unlock(box, &after);
		return msg;
	}
	waiter.flags = flags;
	waiter.room = room;
	ret = mbox_wait(box, &after, &box->readers, &box->readers_waiting,
			&waiter);
	return ret ? ERR_PTR(ret) : waiter.msg;
}

/**
 * mbox_consume - a message has been received
 * @box:	the mailbox
 * @msg:	from mbox_receive(); belongs to the caller from now on
 *
 * Context: no lock held.
 */
void mbox_consume(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_after after;
	bool was_writable;

	mbox_lock(box, &after);
	was_writable = __mbox_writable(box);
	mbox_sum_sub(&box->copying, msg);
	mbox_sum_sub(&box->held, msg);
	box->received_total++;
	__mbox_settle(box, was_writable, &after);
	mbox_unlock(box, &after);
}

/* Put a message back as the next one; several come back in their order. */
static void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
{
	struct mbox_msg *next;

	if (__mbox_hand_over(box, msg, after))
		return;
	list_for_each_entry(next, &box->store, node)
		if (next->order > msg->order)
			break;
	list_add_tail(&msg->node, &next->node);
	after->readable++;
}

/**
 * mbox_return - a message could not be copied out
 * @box:	the mailbox
 * @msg:	from mbox_receive(); belongs to the mailbox from now on
 *
 * It is the next one again, or goes if the mailbox has been purged meanwhile.
 *
 * Context: no lock held.
 */
void mbox_return(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_after after;
	bool was_writable;

	mbox_lock(box, &after);
	was_writable = __mbox_writable(box);
	mbox_sum_sub(&box->copying, msg);
	if (msg->order > box->purged) {
		__mbox_put_back(box, msg, &after);
	} else {
		mbox_sum_sub(&box->held, msg);
		box->purged_total++;
		list_add_tail(&msg->node, &after.garbage);
		__mbox_settle(box, was_writable, &after);
	}
	mbox_unlock(box, &after);
}

/**
 * mbox_poll - what a mailbox is ready for
 * @box:	the mailbox
 *
 * To be called after poll_wait(), see MBOX_POLL.
 *
 * Context: any but interrupts; takes the lock.
 * Return: EPOLLIN, EPOLLOUT (with their twins) and EPOLLHUP.
 */
__poll_t mbox_poll(struct mbox *box)
{
	__poll_t events = 0;

	spin_lock(&box->lock);
	if (!list_empty(&box->store) || __mbox_drained(box))
		events |= EPOLLIN | EPOLLRDNORM;
	if (__mbox_writable(box))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (box->stopped)
		events |= EPOLLHUP;
	spin_unlock(&box->lock);
	return events;
}

/**
 * mbox_purge - throw away all messages
 * @box:	the mailbox
 *
 * Those that readers are copying are received, or go if the copy fails.
 *
 * Context: may sleep; no lock held.
 * Return: how many have been thrown away.
 */
u64 mbox_purge(struct mbox *box)
{
	struct mbox_after after;
	bool was_writable;
	u64 count;

	mbox_lock(box, &after);
	was_writable = __mbox_writable(box);
	count = box->held.messages - box->copying.messages;
	list_splice_init(&box->store, &after.garbage);
	box->held = box->copying;
	box->purged = box->published;
	box->purged_total += count;
	__mbox_settle(box, was_writable, &after);
	mbox_unlock(box, &after);
	return count;
}

/**
 * mbox_kill - stop a mailbox for good
 * @box:	the mailbox, whose name has gone
 *
 * Waiting writers leave; so do waiting readers, once it is drained.
 *
 * Context: no lock held.
 */
void mbox_kill(struct mbox *box)
{
	struct mbox_after after;

	mbox_lock(box, &after);
	box->stopped = true;
	box->dead = true;
	__mbox_end_all(box, &box->writers, &box->writers_waiting, -ESHUTDOWN,
		       &after);
	__mbox_settle(box, true, &after);
	after.hangup = true;
	mbox_unlock(box, &after);
}

/* An empty mailbox is the end now for those who care. */
static void __mbox_end_readers_eof(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *reader, *next;

	list_for_each_entry_safe(reader, next, &box->readers, node)
		if (reader->flags & MBOX_EOF)
			__mbox_end_wait(box, reader, &box->readers_waiting,
					-ENODATA, after);
}

/**
 * mbox_set_limit - change a limit or policy
 * @box:	the mailbox
 * @limit:	which
 * @value:	from mbox_limit_parse()
 *
 * What is queued stays. Who waits is judged anew: writers for whom there is
 * room now get in, those whose message can never fit any more, or who are not
 * to wait any more, leave with the error.
 *
 * Context: no lock held.
 */
void mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value)
{
	bool was_writable, dropping;
	struct mbox_after after;

	do {
		mbox_lock(box, &after);
		was_writable = __mbox_writable(box);
		WRITE_ONCE(box->limits.value[limit], value);
		if (limit == MBOX_WHEN_EMPTY && value == MBOXFS_WHEN_EMPTY_EOF)
			__mbox_end_readers_eof(box, &after);
		__mbox_settle(box, was_writable, &after);
		/* Writers wait on only if a batch of drops was not enough. */
		dropping = !list_empty(&after.garbage) &&
			   !list_empty(&box->writers);
		mbox_unlock(box, &after);
	} while (unlikely(dropping));
}

/**
 * mbox_get_stat - the counters of a mailbox at one moment
 * @box:	the mailbox
 * @stat:	where to put them
 *
 * Context: takes the lock.
 */
void mbox_get_stat(struct mbox *box, struct mbox_stat *stat)
{
	struct mbox_msg *next;

	spin_lock(&box->lock);
	next = list_first_entry_or_null(&box->store, struct mbox_msg, node);
	stat->messages = box->held.messages;
	stat->bytes = box->held.bytes;
	stat->next_size = next ? (s64)next->len : -1;
	stat->readers_waiting = box->readers_waiting;
	stat->writers_waiting = box->writers_waiting;
	stat->sent_total = box->sent_total;
	stat->received_total = box->received_total;
	stat->dropped_total = box->dropped_total;
	stat->purged_total = box->purged_total;
	stat->memory = box->held.memory;
	stat->stopped = box->stopped;
	spin_unlock(&box->lock);
}
