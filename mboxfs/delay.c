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
 * __mbox_take_delayed - take all delayed messages out
 * @box:	the mailbox
 *
 * Context: lock held.
 * Return: their tree, for mbox_free_delayed().
 */
struct rb_root __mbox_take_delayed(struct mbox *box)
{
	struct mbox_clock *clock = box->clock;
	struct rb_root root = RB_ROOT;

	if (!clock)
		return root;
	root = clock->due.rb_root;
	clock->due = RB_ROOT_CACHED;
	clock->last_due = NULL;
	box->delayed = (struct mbox_sum){};
	return root;
}

/**
 * mbox_free_delayed - free messages that have been taken out
 * @box:	the mailbox
 * @delayed:	from __mbox_take_delayed()
 *
 * Context: sleeps; no lock held.
 */
void mbox_free_delayed(struct mbox *box, struct rb_root *delayed)
{
	struct mbox_msg *msg, *next;

	rbtree_postorder_for_each_entry_safe(msg, next, delayed, due_node) {
		mbox_msg_put(box->pool, msg);
		cond_resched();
	}
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

/**
 * __mbox_forget_expiring - __mbox_unexpire() for all stored messages
 * @box:	the mailbox
 *
 * Context: lock held.
 */
void __mbox_forget_expiring(struct mbox *box)
{
	if (box->clock)
		box->clock->expiring = RB_ROOT_CACHED;
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
	unsigned int batch = MBOX_BATCH;
	struct mbox_msg *msg;
	u64 now = ktime_get_boottime_ns();
	bool expired = false;

	for (; batch && __mbox_next_due(box) <= now; batch--) {
		msg = __mbox_first_due(box);
		__mbox_undelay(box, msg);
		trace_mboxfs_publish(box, msg);
		__mbox_publish(box, msg, now, after);
	}
	for (; batch && __mbox_next_expiry(box) <= now; batch--) {
		msg = __mbox_first_expiring(box)->msg;
		trace_mboxfs_expire(box, msg);
		__mbox_discard(box, msg, after);
		box->expired_total++;
		expired = true;
	}
	if (expired)
		__mbox_settle(box, after);
	return !batch;
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

	if (!clock)
		return;
	spin_lock(&box->lock);
	box->exiting = true;
	spin_unlock(&box->lock);
	hrtimer_cancel(&clock->timer);
	cancel_work_sync(&clock->work);
	mbox_free_delayed(box, &clock->due.rb_root);
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
	unsigned int batch;
	struct mbox_msg *msg;
	struct mbox_after after;
	u64 last = 0, now;

	if (!clock)
		return 0;
	do {
		mbox_lock(box, &after);
		/* What is sent meanwhile and due later need not go along. */
		if (!last && clock->last_due)
			last = mbox_due_msg(clock->last_due)->time;
		now = clock->last_due ? ktime_get_boottime_ns() : 0;
		for (batch = MBOX_BATCH; batch; batch--) {
			if (!last || __mbox_next_due(box) > last)
				break;
			msg = __mbox_first_due(box);
			__mbox_undelay(box, msg);
			trace_mboxfs_publish(box, msg);
			__mbox_publish(box, msg, now, &after);
		}
		mbox_unlock(box, &after);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (!batch);
	return 0;
}

static struct rb_root __mbox_revoke_all(struct mbox *box,
					struct mbox_after *after)
{
	struct mbox_waiter *sender, *next;
	struct rb_root revoked;

	list_for_each_entry_safe(sender, next, &box->rendezvous, node)
		if (sender->msg->state == MBOX_MSG_DELAYED)
			mbox_cancel_sender(sender->msg, after);
	box->revoked_total += box->delayed.messages;
	trace_mboxfs_revoke(box, box->delayed.messages);
	revoked = __mbox_take_delayed(box);
	__mbox_settle(box, after);
	return revoked;
}

/**
 * mbox_revoke - take back what is not due yet
 * @box:	the mailbox
 *
 * What is due by the clock is published first.
 *
 * Context: sleeps; no lock held.
 * Return: how many have been taken back; 0 also if killed before.
 */
u64 mbox_revoke(struct mbox *box)
{
	struct rb_root revoked = RB_ROOT;
	struct mbox_after after;
	u64 count = 0;
	bool more;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		if (!more && box->delayed.messages) {
			count = box->delayed.messages;
			revoked = __mbox_revoke_all(box, &after);
		}
		mbox_unlock(box, &after);
		cond_resched();
	} while (more && !fatal_signal_pending(current));

	mbox_free_delayed(box, &revoked);
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
