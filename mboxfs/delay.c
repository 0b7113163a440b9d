// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time: messages that become readable later, and messages that expire.
 *
 * Two trees by time, and one timer for the nearer of their first events; see
 * MBOX_DUE in queue.h. To add a message that is due last, as all are while the
 * delay is constant, takes no search.
 */
#include "engine.h"

#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "compat.h"
#include "trace.h"

static struct workqueue_struct *mbox_workqueue;

static struct mbox_msg *mbox_due_msg(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_msg, due_node);
}

static struct mbox_extra *mbox_expiry_extra(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_extra, expiry);
}

/**
 * __mbox_delay - a message becomes readable later
 * @box:	the mailbox, which has taken it
 * @msg:	the message
 * @due:	when, CLOCK_BOOTTIME, ns
 *
 * Context: lock held.
 */
void __mbox_delay(struct mbox *box, struct mbox_msg *msg, u64 due)
{
	struct mbox_clock *clock = box->clock;
	struct rb_node **link = &clock->due.rb_root.rb_node, *parent = NULL;
	struct mbox_msg *last = mbox_due_msg(clock->last_due);
	bool first = true;

	msg->state = MBOX_MSG_DELAYED;
	msg->time = due;
	mbox_sum_add(&box->delayed, msg);
	if (last && due >= last->time) {
		parent = clock->last_due;
		link = &parent->rb_right;
		first = false;
	}
	while (*link) {
		parent = *link;
		if (due < mbox_due_msg(parent)->time) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(&msg->due_node, parent, link);
	rb_insert_color_cached(&msg->due_node, &clock->due, first);
	if (!last || due >= last->time)
		clock->last_due = &msg->due_node;
	__mbox_arm(box);
}

/**
 * __mbox_undelay - take a message out of the delayed ones
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 */
void __mbox_undelay(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_clock *clock = box->clock;

	if (clock->last_due == &msg->due_node)
		clock->last_due = rb_prev(&msg->due_node);
	rb_erase_cached(&msg->due_node, &clock->due);
	mbox_sum_sub(&box->delayed, msg);
}

/**
 * __mbox_expire_at - a stored message goes when its time comes
 * @box:	the mailbox
 * @msg:	the message, which has a time to live; @time is set
 *
 * Context: lock held.
 */
void __mbox_expire_at(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_clock *clock = box->clock;
	struct rb_node **link = &clock->expiring.rb_root.rb_node, *parent = NULL;
	bool first = true;

	while (*link) {
		parent = *link;
		if (msg->time < mbox_expiry_extra(parent)->msg->time) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	msg->extra->msg = msg;
	rb_link_node(&msg->extra->expiry, parent, link);
	rb_insert_color_cached(&msg->extra->expiry, &clock->expiring, first);
	__mbox_arm(box);
}

/**
 * __mbox_unexpire - a message with a time to live leaves the store
 * @box:	the mailbox
 * @msg:	the message
 *
 * Context: lock held.
 */
void __mbox_unexpire(struct mbox *box, struct mbox_msg *msg)
{
	rb_erase_cached(&msg->extra->expiry, &box->clock->expiring);
}

static struct mbox_msg *__mbox_first_due(const struct mbox *box)
{
	return mbox_due_msg(rb_first_cached(&box->clock->due));
}

static u64 __mbox_next_due(const struct mbox *box)
{
	struct mbox_msg *msg = __mbox_first_due(box);

	return msg ? msg->time : U64_MAX;
}

static struct mbox_extra *__mbox_first_expiring(const struct mbox *box)
{
	return mbox_expiry_extra(rb_first_cached(&box->clock->expiring));
}

static u64 __mbox_next_expiry(const struct mbox *box)
{
	struct mbox_extra *extra = __mbox_first_expiring(box);

	return extra ? extra->msg->time : U64_MAX;
}

/**
 * __mbox_catch_up_now - __mbox_catch_up() where something may be due
 * @box:	the mailbox
 * @after:	of this step
 *
 * Context: lock held.
 * Return: whether there is more to do after a batch.
 */
bool __mbox_catch_up_now(struct mbox *box, struct mbox_after *after)
{
	struct mbox_msg *msg;
	u64 now = ktime_get_boottime_ns();

	while (!__mbox_step_full(after) && __mbox_next_due(box) <= now) {
		msg = __mbox_first_due(box);
		__mbox_undelay(box, msg);
		trace_mboxfs_publish(box, msg);
		__mbox_publish(box, msg, now, after);
	}
	while (!__mbox_step_full(after) && __mbox_next_expiry(box) <= now) {
		msg = __mbox_first_expiring(box)->msg;
		trace_mboxfs_expire(box, msg);
		__mbox_discard(box, msg, after);
		box->expired_total++;
		after->visits++;
	}
	return __mbox_step_full(after);
}

/**
 * __mbox_arm - see to it that the timer fires for the next event
 * @box:	the mailbox
 *
 * Context: lock held.
 */
void __mbox_arm(struct mbox *box)
{
	u64 next = min(__mbox_next_due(box), __mbox_next_expiry(box));
	struct mbox_clock *clock = box->clock;

	if (next >= clock->armed || box->exiting)
		return;
	clock->armed = next;
	hrtimer_start(&clock->timer, ns_to_ktime(next), HRTIMER_MODE_ABS);
}

/* In interrupt context, where the mailbox's lock is not to be taken. */
static enum hrtimer_restart mbox_timer_fires(struct hrtimer *timer)
{
	struct mbox_clock *clock = container_of(timer, struct mbox_clock, timer);

	queue_work(mbox_workqueue, &clock->work);
	return HRTIMER_NORESTART;
}

static void mbox_timer_work(struct work_struct *work)
{
	struct mbox_clock *clock = container_of(work, struct mbox_clock, work);
	struct mbox *box = clock->box;
	struct mbox_after after;
	bool more;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		if (!more) {
			clock->armed = U64_MAX;
			__mbox_arm(box);
		}
		mbox_unlock(box, &after);
		cond_resched();
	} while (more);
}

/**
 * mbox_need_clock - see to it that a mailbox has a clock
 * @box:	the mailbox
 * @gfp:	whether this may sleep
 *
 * To be called before a message that is delayed or expires is sent, and before
 * a delay is set.
 *
 * Context: takes the lock.
 * Return: 0 or -ENOMEM.
 */
int mbox_need_clock(struct mbox *box, gfp_t gfp)
{
	struct mbox_clock *clock;

	if (READ_ONCE(box->clock))
		return 0;
	clock = kmalloc(sizeof(*clock), gfp);
	if (!clock)
		return -ENOMEM;
	clock->box = box;
	clock->due = RB_ROOT_CACHED;
	clock->last_due = NULL;
	clock->expiring = RB_ROOT_CACHED;
	clock->armed = U64_MAX;
	hrtimer_setup(&clock->timer, mbox_timer_fires, CLOCK_BOOTTIME,
		      HRTIMER_MODE_ABS);
	INIT_WORK(&clock->work, mbox_timer_work);
	spin_lock(&box->lock);
	/* Who comes second does without. */
	if (!box->clock) {
		WRITE_ONCE(box->clock, clock);
		clock = NULL;
	}
	spin_unlock(&box->lock);
	kfree(clock);
	return 0;
}

/**
 * mbox_clock_exit - stop the timer, free the delayed messages and the clock
 * @box:	a mailbox that nobody but its timer knows any more
 *
 * First nothing arms the timer any more, then it stops, then its work does.
 *
 * Context: sleeps.
 */
void mbox_clock_exit(struct mbox *box)
{
	struct mbox_clock *clock = box->clock;
	struct mbox_msg *msg, *next;

	if (!clock)
		return;
	spin_lock(&box->lock);
	box->exiting = true;
	spin_unlock(&box->lock);
	hrtimer_cancel(&clock->timer);
	cancel_work_sync(&clock->work);
	rbtree_postorder_for_each_entry_safe(msg, next, &clock->due.rb_root,
					     due_node) {
		mbox_msg_put(box->pool, msg);
		cond_resched();
	}
	kfree(clock);
}

/**
 * mbox_flush - publish what is delayed at once, in due order
 * @box:	the mailbox
 *
 * Context: sleeps; no lock held.
 * Return: 0, or -EINTR if killed; what has been published stays so.
 */
int mbox_flush(struct mbox *box)
{
	struct mbox_clock *clock = READ_ONCE(box->clock);
	struct mbox_msg *msg;
	struct mbox_after after;
	u64 last = 0, now;
	bool more;

	if (!clock)
		return 0;
	do {
		mbox_lock(box, &after);
		/* What is sent meanwhile and due later need not go along. */
		if (!last && clock->last_due)
			last = mbox_due_msg(clock->last_due)->time;
		now = clock->last_due ? ktime_get_boottime_ns() : 0;
		while (!__mbox_step_full(&after) && last &&
		       __mbox_next_due(box) <= last) {
			msg = __mbox_first_due(box);
			__mbox_undelay(box, msg);
			trace_mboxfs_publish(box, msg);
			__mbox_publish(box, msg, now, &after);
		}
		more = __mbox_step_full(&after);
		mbox_unlock(box, &after);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (more);
	return 0;
}

/**
 * struct mbox_take_back - how far the taking back of messages has come
 * @uid:	whose, or INVALID_UID: everyone's
 * @last:	the last message that had been sent when it began
 * @due:	where it is in the order in which they are due
 * @seq:	and of those that are due then
 * @count:	how many have been taken back
 */
struct mbox_take_back {
	kuid_t	uid;
	u64	last;
	u64	due;
	u64	seq;
	u64	count;
};

/* The first delayed message that is behind a place in the order. */
static struct mbox_msg *__mbox_delayed_from(const struct mbox *box, u64 due,
					    u64 seq)
{
	struct rb_node *node = box->clock->due.rb_root.rb_node, *found = NULL;
	struct mbox_msg *msg;

	while (node) {
		msg = mbox_due_msg(node);
		if (msg->time > due || (msg->time == due && msg->seq > seq)) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return mbox_due_msg(found);
}

/* Go on taking back; whether that is all. */
static bool __mbox_take_back(struct mbox *box, struct mbox_take_back *back,
			     u64 *total, struct mbox_after *after)
{
	struct mbox_msg *msg, *next;

	msg = __mbox_delayed_from(box, back->due, back->seq);
	for (; msg && !__mbox_step_full(after); msg = next) {
		next = mbox_due_msg(rb_next(&msg->due_node));
		after->visits++;
		back->due = msg->time;
		back->seq = msg->seq;
		if (msg->seq > back->last || (uid_valid(back->uid) &&
					      !uid_eq(back->uid, msg->uid)))
			continue;
		__mbox_undelay(box, msg);
		msg->state = MBOX_MSG_OUTSIDE;
		mbox_cancel_sender(msg, after);
		mbox_after_put(after, msg);
		(*total)++;
		back->count++;
	}
	return !msg;
}

/**
 * mbox_take_back - take back messages that are delayed
 * @box:	the mailbox
 * @uid:	whose, or INVALID_UID: everyone's
 * @total:	the mailbox's counter of what has become of them
 *
 * What is sent meanwhile stays.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been taken back; less than all if killed.
 */
u64 mbox_take_back(struct mbox *box, kuid_t uid, u64 *total)
{
	struct mbox_take_back back = { .uid = uid };
	struct mbox_after after;
	bool done;

	if (!READ_ONCE(box->clock))
		return 0;
	mbox_lock(box, &after);
	back.last = box->sent_total;
	for (;;) {
		done = __mbox_take_back(box, &back, total, &after);
		mbox_unlock(box, &after);
		if (done || fatal_signal_pending(current))
			return back.count;
		cond_resched();
		mbox_lock(box, &after);
	}
}

/**
 * mbox_revoke - take back what is not due yet
 * @box:	the mailbox
 * @uid:	whose, or INVALID_UID: everyone's
 *
 * What is due by the clock is published first.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been taken back; less than all if killed.
 */
u64 mbox_revoke(struct mbox *box, kuid_t uid)
{
	struct mbox_after after;
	bool more;
	u64 count;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		mbox_unlock(box, &after);
		cond_resched();
		if (fatal_signal_pending(current))
			return 0;
	} while (more);
	count = mbox_take_back(box, uid, &box->revoked_total);
	trace_mboxfs_revoke(box, count);
	return count;
}

/**
 * mbox_timer_init - make what the timers of all mailboxes need
 *
 * Return: 0 or -ENOMEM.
 */
int __init mbox_timer_init(void)
{
	mbox_workqueue = alloc_workqueue("mboxfs", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return mbox_workqueue ? 0 : -ENOMEM;
}

/**
 * mbox_timer_exit - undo mbox_timer_init(); no mailbox is left
 */
void mbox_timer_exit(void)
{
	destroy_workqueue(mbox_workqueue);
}
