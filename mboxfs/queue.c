// SPDX-License-Identifier: GPL-2.0-only
/*
 * One mailbox: send, receive, purge, stop.
 *
 * The locking rules are in queue.h. "__" means that the lock is held.
 */
#include "engine.h"

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "trace.h"

static bool __mbox_writable(const struct mbox *box);

/**
 * mbox_lock - begin a step
 * @box:	the mailbox
 * @after:	collects what the step leads to
 */
void mbox_lock(struct mbox *box, struct mbox_after *after)
	__acquires(&box->lock)
{
	INIT_LIST_HEAD(&after->ended);
	INIT_LIST_HEAD(&after->garbage);
	after->readable = 0;
	after->writable = false;
	after->hangup = false;
	spin_lock(&box->lock);
	after->was_writable = __mbox_writable(box);
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

/**
 * mbox_unlock - end a step: drop the lock, then do what it has led to
 * @box:	the mailbox
 * @after:	from mbox_lock()
 *
 * Context: may sleep.
 */
void mbox_unlock(struct mbox *box, struct mbox_after *after)
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
		mbox_msg_put_list(box->pool, &after->garbage);
}

/* Nothing can become readable any more. */
static bool __mbox_over(const struct mbox *box)
{
	return unlikely(box->stopped) && !box->delayed.messages &&
	       !box->copying.messages;
}

static u64 __mbox_max_length(const struct mbox *box)
{
	return min3(__mbox_limit(box, MBOX_MAX_MESSAGE_SIZE),
		    __mbox_limit(box, MBOX_MAX_BYTES),
		    (u64)MBOXFS_MESSAGE_MAX);
}

/* Whether a message fits beside so many others. */
static bool __mbox_fits_beside(const struct mbox *box, u64 messages, u64 bytes,
			       u64 len)
{
	u64 max_bytes = __mbox_limit(box, MBOX_MAX_BYTES);

	/* More than the limits may be queued, from before they were lowered. */
	return messages < __mbox_limit(box, MBOX_MAX_MESSAGES) &&
	       len <= max_bytes && bytes <= max_bytes - len;
}

static bool __mbox_fits(const struct mbox *box, u64 len)
{
	return __mbox_fits_beside(box,
				  box->held.messages + box->delayed.messages,
				  box->held.bytes + box->delayed.bytes, len);
}

/* What EPOLLOUT means: no sender of any legal message would have to wait. */
static bool __mbox_writable(const struct mbox *box)
{
	if (__mbox_limit(box, MBOX_WHEN_FULL) == MBOXFS_WHEN_FULL_DROP_OLDEST)
		return true;
	return list_empty(&box->writers) &&
	       __mbox_fits(box, __mbox_max_length(box));
}

/* The next message to be received, or NULL. */
static struct mbox_msg *__mbox_first(struct mbox *box)
{
	return mbox_store_next(&box->store, NULL);
}

static bool mbox_matches(const struct mbox_msg *msg,
			 const struct mbox_want *want)
{
	if ((want->flags & MBOX_TAGGED) && msg->tag != want->tag)
		return false;
	return !(want->flags & MBOX_FROM) ||
	       mbox_msg_sender(msg, want->ns) == want->sender;
}

static bool mbox_too_long(const struct mbox_msg *msg,
			  const struct mbox_want *want)
{
	return (want->flags & MBOX_WHOLE) && msg->len > want->room;
}

/* A message is with a reader now, who copies it out. */
static void __mbox_begin_copy(struct mbox *box, struct mbox_msg *msg)
{
	msg->state = MBOX_MSG_COPYING;
	mbox_sum_add(&box->copying, msg);
}

static void __mbox_unstore(struct mbox *box, struct mbox_msg *msg)
{
	mbox_store_del(&box->store, msg);
	if (unlikely(msg->ttl_ms))
		__mbox_unexpire(box, msg);
}

/* Give a message to those who wait and want it; true if one has taken it. */
static bool __mbox_hand_over(struct mbox *box, struct mbox_msg *msg,
			     struct mbox_after *after)
{
	struct mbox_waiter *reader, *next;

	list_for_each_entry_safe(reader, next, &box->readers, node) {
		if (!mbox_matches(msg, reader->want))
			continue;
		if (mbox_too_long(msg, reader->want)) {
			reader->msg = NULL;
			reader->len = msg->len;
			__mbox_end_wait(reader, -EMSGSIZE, after);
			continue;
		}
		reader->msg = msg;
		__mbox_end_wait(reader, 0, after);
		if (reader->want->flags & MBOX_PEEK) {
			refcount_inc(&msg->refs);
			continue;
		}
		__mbox_begin_copy(box, msg);
		return true;
	}
	return false;
}

/* Whether someone waits who would take this message. */
static bool __mbox_wanted(const struct mbox *box, const struct mbox_msg *msg)
{
	struct mbox_waiter *reader;

	list_for_each_entry(reader, &box->readers, node)
		if (!(reader->want->flags & MBOX_PEEK) &&
		    mbox_matches(msg, reader->want) &&
		    !mbox_too_long(msg, reader->want))
			return true;
	return false;
}

/**
 * __mbox_publish - a message that has been sent becomes readable
 * @box:	the mailbox
 * @msg:	the message
 * @now:	CLOCK_BOOTTIME, ns, or 0 if the caller does not know
 * @after:	of this step
 *
 * Context: lock held.
 */
void __mbox_publish(struct mbox *box, struct mbox_msg *msg, u64 now,
		    struct mbox_after *after)
{
	msg->order = ++box->published;
	mbox_sum_add(&box->held, msg);
	if (unlikely(msg->ttl_ms))
		msg->time = (now ? now : ktime_get_boottime_ns()) +
			    (u64)msg->ttl_ms * NSEC_PER_MSEC;
	if (unlikely(!list_empty(&box->readers)) &&
	    __mbox_hand_over(box, msg, after))
		return;
	msg->state = MBOX_MSG_STORED;
	mbox_store_add(&box->store, msg);
	if (unlikely(msg->ttl_ms))
		__mbox_expire_at(box, msg);
	after->readable++;
}

/* When a message that is sent now is due; 0: at once. */
static u64 __mbox_due(const struct mbox *box, const struct mbox_msg *msg)
{
	u64 delay = msg->time;

	if (likely(delay == MBOX_DELAY_DEFAULT))
		delay = __mbox_limit(box, MBOX_SEND_DELAY_MS) * NSEC_PER_MSEC;
	if (likely(!delay))
		return 0;
	/* Beyond what a clock can show is for ever. */
	delay = min_t(u64, delay, KTIME_MAX / 2);
	return ktime_get_boottime_ns() + delay;
}

static void __mbox_accept(struct mbox *box, struct mbox_msg *msg,
			  struct mbox_after *after)
{
	u64 due = __mbox_due(box, msg);

	msg->seq = ++box->sent_total;
	msg->sent = ktime_get_real_ns();
	trace_mboxfs_send(box, msg);
	if (unlikely(due))
		__mbox_delay(box, msg, due);
	else
		__mbox_publish(box, msg, 0, after);
}

/**
 * mbox_cancel_sender - who waits for a message learns that it goes unread
 * @msg:	the message
 * @after:	of this step
 *
 * Context: lock of its mailbox held.
 */
void mbox_cancel_sender(struct mbox_msg *msg, struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra ? msg->extra->sender : NULL;

	if (likely(!sender))
		return;
	msg->extra->sender = NULL;
	sender->msg = NULL;
	__mbox_end_wait(sender, -ECANCELED, after);
}

/**
 * __mbox_discard - a message goes without having been received
 * @box:	the mailbox
 * @msg:	stored, or being copied no more (@copying does not count it)
 * @after:	of this step
 *
 * Context: lock held.
 */
void __mbox_discard(struct mbox *box, struct mbox_msg *msg,
		    struct mbox_after *after)
{
	if (msg->state == MBOX_MSG_STORED)
		__mbox_unstore(box, msg);
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	mbox_cancel_sender(msg, after);
	list_add_tail(&msg->node, &after->garbage);
}

/**
 * __mbox_withdraw - a sender takes the message back that it waits for
 * @box:	the mailbox
 * @sender:	who waits; its message is its own again
 *
 * Context: lock held.
 * Return: false if the message is being copied.
 */
bool __mbox_withdraw(struct mbox *box, struct mbox_waiter *sender)
{
	struct mbox_msg *msg = sender->msg;

	switch (msg->state) {
	case MBOX_MSG_DELAYED:
		__mbox_undelay(box, msg);
		break;
	case MBOX_MSG_STORED:
		__mbox_unstore(box, msg);
		mbox_sum_sub(&box->held, msg);
		break;
	default:
		return false;
	}
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	trace_mboxfs_revoke(box, 1);
	return true;
}

/*
 * Make room for @msg by dropping older messages, if that can make enough: none
 * of a higher priority, none that are delayed or being copied.
 *
 * Return: 0, -ENOSPC if it cannot (nothing is dropped then), or -EAGAIN after
 * a batch, to go on in another step.
 */
static int __mbox_drop_oldest(struct mbox *box, struct mbox_msg *msg,
			      struct mbox_after *after)
{
	unsigned int batch = MBOX_BATCH;
	struct mbox_sum stay = box->copying;
	struct mbox_msg *worst;

	mbox_store_above(&box->store, msg->priority, &stay);
	if (!__mbox_fits_beside(box, stay.messages + box->delayed.messages,
				stay.bytes + box->delayed.bytes, msg->len))
		return -ENOSPC;
	while (!__mbox_fits(box, msg->len)) {
		if (!batch--)
			return -EAGAIN;
		worst = mbox_store_worst(&box->store);
		trace_mboxfs_drop(box, worst);
		__mbox_discard(box, worst, after);
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

/* A message is known by who waits for it; see MBOX_RENDEZVOUS. */
static void __mbox_meet(struct mbox *box, struct mbox_waiter *sender)
{
	__mbox_queue(&box->rendezvous, &box->writers_waiting, sender);
	sender->msg->extra->sender = sender;
}

/* Let waiting writers in, in order, as long as the first one fits. */
static void __mbox_admit(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *writer;
	struct mbox_msg *msg;
	int ret;

	while (!list_empty(&box->writers)) {
		writer = list_first_entry(&box->writers, struct mbox_waiter,
					  node);
		msg = writer->msg;
		ret = __mbox_make_room(box, msg, after);
		if (ret == -EAGAIN)
			break;
		if (!ret && writer->sync) {
			/* It goes on waiting, for another thing. */
			list_move_tail(&writer->node, &box->rendezvous);
			msg->extra->sender = writer;
			__mbox_accept(box, msg, after);
			continue;
		}
		if (!ret) {
			writer->msg = NULL;
			__mbox_accept(box, msg, after);
		}
		__mbox_end_wait(writer, ret, after);
	}
}

static void __mbox_end_all(struct list_head *queue, int result,
			   struct mbox_after *after)
{
	struct mbox_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, queue, node)
		__mbox_end_wait(waiter, result, after);
}

/**
 * __mbox_settle - messages have gone, or what kept them out has changed
 * @box:	the mailbox
 * @after:	of this step
 *
 * Context: lock held.
 */
void __mbox_settle(struct mbox *box, struct mbox_after *after)
{
	if (unlikely(!list_empty(&box->writers)))
		__mbox_admit(box, after);
	if (!after->was_writable && __mbox_writable(box))
		after->writable = true;
	if (__mbox_over(box)) {
		__mbox_end_all(&box->readers, -ESHUTDOWN, after);
		after->hangup |= mbox_store_empty(&box->store);
	}
}

/**
 * mbox_init - set up a mailbox
 * @box:	the mailbox
 * @pool:	what its messages are charged to; outlives it
 * @limits:	limits and policies to begin with
 * @dev:	what it is called in traces
 * @ino:	as well
 */
void mbox_init(struct mbox *box, struct mbox_pool *pool,
	       const struct mbox_limits *limits, dev_t dev, u64 ino)
{
	memset(box, 0, sizeof(*box));
	spin_lock_init(&box->lock);
	mbox_store_init(&box->store);
	INIT_LIST_HEAD(&box->readers);
	INIT_LIST_HEAD(&box->writers);
	INIT_LIST_HEAD(&box->rendezvous);
	box->limits = *limits;
	init_waitqueue_head(&box->poll);
	box->pool = pool;
	box->dev = dev;
	box->ino = ino;
	__mbox_timed_init(box);
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

	WARN_ON(!list_empty(&box->readers) || !list_empty(&box->writers) ||
		!list_empty(&box->rendezvous) || box->copying.messages);
	mbox_timed_exit(box);
	mbox_store_take_all(&box->store, &left);
	mbox_msg_put_list(box->pool, &left);
}

/**
 * mbox_new_msg - make a message to send to a mailbox
 * @box:	the mailbox
 * @len:	bytes of its body
 * @priority:	its priority
 * @flags:	as for mbox_send()
 * @gfp:	whether this may sleep
 *
 * Return: as mbox_msg_alloc().
 */
struct mbox_msg *mbox_new_msg(struct mbox *box, size_t len, u16 priority,
			      unsigned int flags, gfp_t gfp)
{
	u32 ttl_ms = mbox_get_limit(box, MBOX_TTL_MS);
	bool extra = priority || ttl_ms || (flags & MBOX_SYNC);
	struct mbox_msg *msg;

	msg = mbox_msg_alloc(box->pool, len, extra, gfp);
	if (!IS_ERR(msg)) {
		msg->priority = priority;
		msg->ttl_ms = ttl_ms;
	}
	return msg;
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
	    !mbox_get_limit(box, MBOX_TTL_MS) &&
	    READ_ONCE(box->held.messages) >=
		    mbox_get_limit(box, MBOX_MAX_MESSAGES))
		return -EAGAIN;
	return 0;
}

/* Whether @msg can be sent now; as __mbox_make_room(). */
static int __mbox_try_send(struct mbox *box, struct mbox_msg *msg,
			   unsigned int flags, struct mbox_after *after)
{
	int ret;

	if (unlikely(box->stopped))
		return -ESHUTDOWN;
	if (unlikely(!list_empty(&box->writers)))
		return -EAGAIN; /* see MBOX_FAIR */
	ret = __mbox_make_room(box, msg, after);
	if (unlikely(ret))
		trace_mboxfs_limit(box, msg->len, msg->priority, ret);
	/* Without waiting, one can only meet who is there already. */
	if (!ret && (flags & MBOX_SYNC) && (flags & MBOX_NONBLOCK) &&
	    (__mbox_due(box, msg) || !__mbox_wanted(box, msg)))
		return -EAGAIN;
	return ret;
}

/* Wait with a message in a queue; the lock is dropped. */
static int mbox_send_wait(struct mbox *box, struct mbox_after *after,
			  struct mbox_waiter *waiter, s64 timeout)
	__releases(&box->lock)
{
	int ret = mbox_wait(box, after, waiter, timeout);

	/* What is still the sender's has not been sent. */
	if (waiter->msg)
		mbox_msg_put(box->pool, waiter->msg);
	return ret;
}

/**
 * mbox_send - send a message
 * @box:	the mailbox
 * @msg:	the message, filled; not the caller's any more, whatever is returned
 * @flags:	MBOX_NONBLOCK, MBOX_SYNC (@msg has an extra then)
 * @timeout:	ns to wait at most, or MBOX_FOREVER
 *
 * Context: may sleep; no lock held.
 * Return: 0; -EMSGSIZE; -ENOSPC if there is no room and when_full is not
 * "block"; -EAGAIN if it would have to wait but may not; -ESHUTDOWN if the
 * mailbox is stopped, or has been while this waited; with MBOX_SYNC -ECANCELED
 * if it went unread; -ETIMEDOUT; -ERESTARTSYS or, with a timeout, -EINTR.
 */
int mbox_send(struct mbox *box, struct mbox_msg *msg, unsigned int flags,
	      s64 timeout)
{
	struct mbox_waiter waiter;
	struct mbox_after after;
	bool dropping;
	int ret;

	do {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		ret = __mbox_try_send(box, msg, flags, &after);
		dropping = ret == -EAGAIN && !list_empty(&after.garbage) &&
			   __mbox_limit(box, MBOX_WHEN_FULL) ==
				   MBOXFS_WHEN_FULL_DROP_OLDEST;
		if (likely(!ret && !(flags & MBOX_SYNC))) {
			__mbox_accept(box, msg, &after);
			mbox_unlock(box, &after);
			return 0;
		}
		if (!dropping && (!ret || (ret == -EAGAIN &&
					   !(flags & MBOX_NONBLOCK)))) {
			waiter.msg = msg;
			waiter.sync = flags & MBOX_SYNC;
			waiter.leaving = flags & MBOX_NONBLOCK ? -EAGAIN : 0;
			trace_mboxfs_block(box, true, msg->len);
			if (ret) {
				__mbox_queue(&box->writers,
					     &box->writers_waiting, &waiter);
			} else {
				__mbox_meet(box, &waiter);
				__mbox_accept(box, msg, &after);
			}
			return mbox_send_wait(box, &after, &waiter, timeout);
		}
		mbox_unlock(box, &after);
	} while (unlikely(dropping));
	mbox_msg_put(box->pool, msg);
	return ret;
}

/* Send as many as can be sent now; *@err says why it was not more. */
static int mbox_send_some(struct mbox *box, struct list_head *msgs,
			  unsigned int flags, int *err)
{
	struct mbox_after after;
	struct mbox_msg *msg;
	int done = 0;

	mbox_lock(box, &after);
	__mbox_catch_up(box, &after);
	while (!list_empty(msgs)) {
		msg = list_first_entry(msgs, struct mbox_msg, node);
		*err = __mbox_try_send(box, msg, flags, &after);
		if (*err)
			break;
		list_del(&msg->node);
		__mbox_accept(box, msg, &after);
		done++;
	}
	mbox_unlock(box, &after);
	return done;
}

/**
 * mbox_send_batch - send several messages in one step
 * @box:	the mailbox
 * @msgs:	linked by their @node; empty afterwards
 * @flags:	MBOX_NONBLOCK
 * @timeout:	ns to wait at most for the first one, or MBOX_FOREVER
 *
 * Context: may sleep; no lock held.
 * Return: how many have been sent, or the error of the first one.
 */
int mbox_send_batch(struct mbox *box, struct list_head *msgs,
		    unsigned int flags, s64 timeout)
{
	struct mbox_msg *first;
	int err = 0, done;

	done = mbox_send_some(box, msgs, flags, &err);
	if (!done && err == -EAGAIN) {
		first = list_first_entry(msgs, struct mbox_msg, node);
		list_del(&first->node);
		err = mbox_send(box, first, flags, timeout);
		if (!err)
			done = 1 + mbox_send_some(box, msgs, flags, &err);
	}
	mbox_msg_put_list(box->pool, msgs);
	return done ? done : err;
}

/*
 * Look for a message that is wanted, behind *@from (NULL: from the first on),
 * a batch at most; *@from is then where to go on.
 *
 * Return: the message; NULL if there is none; -EINPROGRESS after a batch.
 */
static struct mbox_msg *__mbox_search(struct mbox *box,
				      const struct mbox_want *want,
				      struct mbox_msg **from)
{
	unsigned int batch = MBOX_BATCH;
	struct mbox_msg *msg = *from;

	while ((msg = mbox_store_next(&box->store, msg))) {
		if (mbox_matches(msg, want))
			return msg;
		*from = msg;
		if (!--batch)
			return ERR_PTR(-EINPROGRESS);
	}
	return NULL;
}

/* Take the next message for a reader, or say why there is none. */
static struct mbox_msg *__mbox_take(struct mbox *box, struct mbox_want *want,
				    struct mbox_msg **from)
{
	struct mbox_msg *msg;

	if (likely(!(want->flags & (MBOX_FROM | MBOX_TAGGED))))
		msg = __mbox_first(box);
	else
		msg = __mbox_search(box, want, from);
	if (IS_ERR(msg))
		return msg;
	if (likely(msg)) {
		if (unlikely(mbox_too_long(msg, want))) {
			want->len = msg->len;
			return ERR_PTR(-EMSGSIZE);
		}
		if (unlikely(want->flags & MBOX_PEEK)) {
			refcount_inc(&msg->refs);
			return msg;
		}
		__mbox_unstore(box, msg);
		__mbox_begin_copy(box, msg);
		return msg;
	}
	if (__mbox_over(box))
		return ERR_PTR(-ESHUTDOWN);
	if ((want->flags & MBOX_EOF) &&
	    __mbox_limit(box, MBOX_WHEN_EMPTY) == MBOXFS_WHEN_EMPTY_EOF)
		return ERR_PTR(-ENODATA);
	return ERR_PTR(-EAGAIN);
}

/*
 * A search goes on where it was, which is in the store still, unless messages
 * may have come in front of it.
 */
static bool __mbox_can_go_on(const struct mbox *box,
			     const struct mbox_msg *mark, u64 published)
{
	return mark->state == MBOX_MSG_STORED && mark->order > box->purged &&
	       (box->published == published ||
		RB_EMPTY_ROOT(&box->store.levels.rb_root));
}

/**
 * mbox_receive - take a message, to copy it out
 * @box:	the mailbox
 * @want:	what is wanted
 *
 * The caller copies what it wants out of the message and then calls
 * mbox_consume(), or mbox_return() if that failed; with MBOX_PEEK just
 * mbox_msg_put().
 *
 * Context: may sleep, if there is no message; no lock held.
 * Return: the message; -EAGAIN if it would have to wait but may not;
 * -EMSGSIZE, the message stays; -ENODATA for the end that when_empty asks for;
 * -ESHUTDOWN if the mailbox is stopped and drained; -ETIMEDOUT; -ERESTARTSYS
 * or, with a timeout, -EINTR.
 */
struct mbox_msg *mbox_receive(struct mbox *box, struct mbox_want *want)
{
	struct mbox_msg *msg, *mark = NULL, *from;
	struct mbox_waiter waiter;
	struct mbox_after after;
	u64 published = 0;
	int ret;

	for (;;) {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		from = NULL;
		if (mark && __mbox_can_go_on(box, mark, published))
			from = mark;
		msg = __mbox_take(box, want, &from);
		if (likely(msg != ERR_PTR(-EINPROGRESS)))
			break;
		published = box->published;
		refcount_inc(&from->refs);
		mbox_unlock(box, &after);
		if (mark)
			mbox_msg_put(box->pool, mark);
		mark = from;
		if (signal_pending(current)) {
			mbox_msg_put(box->pool, mark);
			return ERR_PTR(want->timeout < 0 ? -ERESTARTSYS :
							   -EINTR);
		}
		cond_resched();
	}

	if (likely(msg != ERR_PTR(-EAGAIN)) || (want->flags & MBOX_NONBLOCK)) {
		mbox_unlock(box, &after);
	} else {
		waiter.msg = NULL;
		waiter.want = want;
		waiter.leaving = 0;
		trace_mboxfs_block(box, false, want->room);
		__mbox_queue(&box->readers, &box->readers_waiting, &waiter);
		ret = mbox_wait(box, &after, &waiter, want->timeout);
		if (ret == -EMSGSIZE)
			want->len = waiter.len;
		msg = ret ? ERR_PTR(ret) : waiter.msg;
	}
	if (unlikely(mark))
		mbox_msg_put(box->pool, mark);
	return msg;
}

/**
 * mbox_receive_batch - take several messages, waiting for the first one only
 * @box:	the mailbox
 * @want:	what is wanted; not MBOX_PEEK
 * @msgs:	where to put them
 * @count:	how many at most
 *
 * Context: as mbox_receive().
 * Return: how many there are, or the error of the first one.
 */
int mbox_receive_batch(struct mbox *box, struct mbox_want *want,
		       struct mbox_msg **msgs, int count)
{
	struct mbox_after after;
	struct mbox_msg *from;
	int n;

	msgs[0] = mbox_receive(box, want);
	if (IS_ERR(msgs[0]))
		return PTR_ERR(msgs[0]);
	mbox_lock(box, &after);
	for (n = 1; n < count; n++) {
		from = NULL;
		msgs[n] = __mbox_take(box, want, &from);
		if (IS_ERR(msgs[n]))
			break;
	}
	mbox_unlock(box, &after);
	return n;
}

/* The first copy to a reader has succeeded: that is what its sender waits for. */
static void mbox_tell_sender(struct mbox_msg *msg, struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra->sender;

	if (!sender)
		return;
	msg->extra->sender = NULL;
	sender->msg = NULL;
	__mbox_end_wait(sender, 0, after);
}

/**
 * mbox_consume - messages have been received
 * @box:	the mailbox
 * @msgs:	from mbox_receive(); belong to the caller from now on
 * @count:	how many
 *
 * Context: no lock held.
 */
void mbox_consume(struct mbox *box, struct mbox_msg **msgs, int count)
{
	struct mbox_after after;
	int i;

	mbox_lock(box, &after);
	for (i = 0; i < count; i++) {
		mbox_sum_sub(&box->copying, msgs[i]);
		mbox_sum_sub(&box->held, msgs[i]);
		msgs[i]->state = MBOX_MSG_OUTSIDE;
		trace_mboxfs_recv(box, msgs[i]);
		if (unlikely(msgs[i]->extra))
			mbox_tell_sender(msgs[i], &after);
	}
	box->received_total += count;
	__mbox_settle(box, &after);
	mbox_unlock(box, &after);
}

/* A sender who had to leave while its message was copied can leave now. */
static bool __mbox_let_sender_leave(struct mbox *box, struct mbox_msg *msg,
				    struct mbox_after *after)
{
	struct mbox_waiter *sender = msg->extra->sender;
	int why = sender ? sender->leaving : 0;

	if (sender && box->stopped)
		why = -ESHUTDOWN;
	if (!why)
		return false;
	mbox_sum_sub(&box->held, msg);
	msg->state = MBOX_MSG_OUTSIDE;
	msg->extra->sender = NULL;
	box->revoked_total++;
	__mbox_end_wait(sender, why, after);
	return true;
}

/* Put a message back as the next one. */
static void __mbox_put_back(struct mbox *box, struct mbox_msg *msg,
			    struct mbox_after *after)
{
	if (msg->order <= box->purged) {
		__mbox_discard(box, msg, after);
		box->purged_total++;
		return;
	}
	if (unlikely(msg->extra)) {
		if (msg->extra->orphan) {
			__mbox_discard(box, msg, after);
			box->revoked_total++;
			return;
		}
		if (__mbox_let_sender_leave(box, msg, after))
			return;
	}
	if (__mbox_hand_over(box, msg, after))
		return;
	msg->state = MBOX_MSG_STORED;
	mbox_store_put_back(&box->store, msg);
	if (unlikely(msg->ttl_ms))
		__mbox_expire_at(box, msg);
	after->readable++;
}

/**
 * mbox_return - messages could not be copied out
 * @box:	the mailbox
 * @msgs:	from mbox_receive(); belong to the mailbox from now on
 * @count:	how many
 *
 * They are the next ones again, or go if the mailbox has been purged meanwhile.
 *
 * Context: no lock held.
 */
void mbox_return(struct mbox *box, struct mbox_msg **msgs, int count)
{
	struct mbox_after after;
	int i;

	mbox_lock(box, &after);
	for (i = 0; i < count; i++) {
		mbox_sum_sub(&box->copying, msgs[i]);
		__mbox_put_back(box, msgs[i], &after);
	}
	__mbox_settle(box, &after);
	mbox_unlock(box, &after);
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
	if (box->stopped)
		events |= EPOLLHUP;
	mbox_unlock(box, &after);
	return events;
}

/* All that are delayed or stored go; those who wait for a reader are let go. */
static u64 __mbox_purge(struct mbox *box, struct rb_root *delayed,
			struct mbox_after *after)
{
	u64 count = box->held.messages - box->copying.messages +
		    box->delayed.messages;
	struct mbox_waiter *sender, *next;

	list_for_each_entry_safe(sender, next, &box->rendezvous, node)
		if (sender->msg->state != MBOX_MSG_COPYING)
			mbox_cancel_sender(sender->msg, after);
	*delayed = __mbox_take_delayed(box);
	mbox_store_take_all(&box->store, &after->garbage);
	box->expiring = RB_ROOT_CACHED;
	box->held = box->copying;
	box->purged = box->published;
	box->purged_total += count;
	__mbox_settle(box, after);
	return count;
}

/**
 * mbox_purge - throw away all messages, published or delayed
 * @box:	the mailbox
 *
 * Those that readers are copying are received, or go if the copy fails.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been thrown away.
 */
u64 mbox_purge(struct mbox *box)
{
	struct mbox_after after;
	struct rb_root delayed;
	u64 count;

	mbox_lock(box, &after);
	count = __mbox_purge(box, &delayed, &after);
	mbox_unlock(box, &after);
	mbox_free_delayed(box, &delayed);
	return count;
}

/* Senders leave, those who wait for a reader with their message. */
static void __mbox_stop(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *sender, *next;

	box->stopped = true;
	WRITE_ONCE(box->limits.value[MBOX_STOPPED], 1);
	__mbox_end_all(&box->writers, -ESHUTDOWN, after);
	list_for_each_entry_safe(sender, next, &box->rendezvous, node)
		if (__mbox_withdraw(box, sender))
			__mbox_end_wait(sender, -ESHUTDOWN, after);
	__mbox_settle(box, after);
	after->hangup = true;
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
 * @box:	the mailbox, whose name has gone
 *
 * Context: no lock held.
 */
void mbox_kill(struct mbox *box)
{
	struct mbox_after after;

	mbox_lock(box, &after);
	box->dead = true;
	__mbox_stop(box, &after);
	mbox_unlock(box, &after);
}

/* An empty mailbox is the end now for those who care. */
static void __mbox_end_readers_eof(struct mbox *box, struct mbox_after *after)
{
	struct mbox_waiter *reader, *next;

	list_for_each_entry_safe(reader, next, &box->readers, node)
		if (reader->want->flags & MBOX_EOF)
			__mbox_end_wait(reader, -ENODATA, after);
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
 * Return: 0, or -EBUSY if delay_change forbids it now.
 */
int mbox_set_limit(struct mbox *box, enum mbox_limit limit, u64 value)
{
	struct mbox_after after;
	bool dropping;
	int ret = 0;

	do {
		mbox_lock(box, &after);
		__mbox_catch_up(box, &after);
		dropping = false;
		if (!__mbox_may_set(box, limit)) {
			ret = -EBUSY;
		} else {
			WRITE_ONCE(box->limits.value[limit], value);
			if (limit == MBOX_WHEN_EMPTY &&
			    value == MBOXFS_WHEN_EMPTY_EOF)
				__mbox_end_readers_eof(box, &after);
			__mbox_settle(box, &after);
			/* They wait on only if a batch was not enough. */
			dropping = !list_empty(&after.garbage) &&
				   !list_empty(&box->writers);
		}
		mbox_unlock(box, &after);
	} while (unlikely(dropping));
	return ret;
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
	next = __mbox_first(box);
	stat->messages = box->held.messages;
	stat->bytes = box->held.bytes;
	stat->delayed_messages = box->delayed.messages;
	stat->delayed_bytes = box->delayed.bytes;
	stat->next_size = next ? (s64)next->len : -1;
	stat->readers_waiting = box->readers_waiting;
	stat->writers_waiting = box->writers_waiting;
	stat->sent_total = box->sent_total;
	stat->received_total = box->received_total;
	stat->dropped_total = box->dropped_total;
	stat->expired_total = box->expired_total;
	stat->revoked_total = box->revoked_total;
	stat->purged_total = box->purged_total;
	stat->memory = box->held.memory + box->delayed.memory;
	mbox_unlock(box, &after);
}
