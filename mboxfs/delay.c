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
	struct rb_node **link = &box->due.rb_root.rb_node, *parent = NULL;
	struct mbox_msg *last = mbox_due_msg(box->last_due);
	bool first = true;

	msg->state = MBOX_MSG_DELAYED;
	msg->time = due;
	mbox_sum_add(&box->delayed, msg);
	if (last && due >= last->time) {
		parent = box->last_due;
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
	rb_insert_color_cached(&msg->due_node, &box->due, first);
	if (!last || due >= last->time)
		box->last_due = &msg->due_node;
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
	if (box->last_due == &msg->due_node)
		box->last_due = rb_prev(&msg->due_node);
	rb_erase_cached(&msg->due_node, &box->due);
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
	struct rb_root root = box->due.rb_root;

	box->due = RB_ROOT_CACHED;
	box->last_due = NULL;
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
	struct rb_node **link = &box->expiring.rb_root.rb_node, *parent = NULL;
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
	rb_insert_color_cached(&msg->extra->expiry, &box->expiring, first);
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
	rb_erase_cached(&msg->extra->expiry, &box->expiring);
}

static u64 __mbox_next_due(const struct mbox *box)
{
	struct mbox_msg *msg = mbox_due_msg(rb_first_cached(&box->due));

	return msg ? msg->time : U64_MAX;
}

static u64 __mbox_next_expiry(const struct mbox *box)
{
	struct mbox_extra *extra =
		mbox_expiry_extra(rb_first_cached(&box->expiring));

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
		msg = mbox_due_msg(rb_first_cached(&box->due));
		__mbox_undelay(box, msg);
		trace_mboxfs_publish(box, msg);
		__mbox_publish(box, msg, now, after);
	}
	for (; batch && __mbox_next_expiry(box) <= now; batch--) {
		msg = mbox_expiry_extra(rb_first_cached(&box->expiring))->msg;
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

	if (next >= box->armed || box->exiting)
		return;
	box->armed = next;
	hrtimer_start(&box->timer, ns_to_ktime(next), HRTIMER_MODE_ABS);
}

/* In interrupt context, where the mailbox's lock is not to be taken. */
static enum hrtimer_restart mbox_timer_fires(struct hrtimer *timer)
{
	struct mbox *box = container_of(timer, struct mbox, timer);

	queue_work(mbox_workqueue, &box->work);
	return HRTIMER_NORESTART;
}

static void mbox_timer_work(struct work_struct *work)
{
	struct mbox *box = container_of(work, struct mbox, work);
	struct mbox_after after;
	bool more;

	do {
		mbox_lock(box, &after);
		more = __mbox_catch_up(box, &after);
		if (!more) {
			box->armed = U64_MAX;
			__mbox_arm(box);
		}
		mbox_unlock(box, &after);
		cond_resched();
	} while (more);
}

/**
 * __mbox_timed_init - set up what is about time
 * @box:	a mailbox that nobody knows yet
 */
void __mbox_timed_init(struct mbox *box)
{
	box->due = RB_ROOT_CACHED;
	box->expiring = RB_ROOT_CACHED;
	box->armed = U64_MAX;
	hrtimer_setup(&box->timer, mbox_timer_fires, CLOCK_BOOTTIME,
		      HRTIMER_MODE_ABS);
	INIT_WORK(&box->work, mbox_timer_work);
}

/**
 * mbox_timed_exit - stop the timer, free the delayed messages
 * @box:	a mailbox that nobody but its timer knows any more
 *
 * First nothing arms the timer any more, then it stops, then its work does.
 *
 * Context: sleeps.
 */
void mbox_timed_exit(struct mbox *box)
{
	spin_lock(&box->lock);
	box->exiting = true;
	spin_unlock(&box->lock);
	hrtimer_cancel(&box->timer);
	cancel_work_sync(&box->work);
	mbox_free_delayed(box, &box->due.rb_root);
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
	unsigned int batch;
	struct mbox_msg *msg;
	struct mbox_after after;
	u64 last = 0, now;

	do {
		mbox_lock(box, &after);
		/* What is sent meanwhile and due later need not go along. */
		if (!last && box->last_due)
			last = mbox_due_msg(box->last_due)->time;
		now = box->last_due ? ktime_get_boottime_ns() : 0;
		for (batch = MBOX_BATCH; batch; batch--) {
			if (!last || __mbox_next_due(box) > last)
				break;
			msg = mbox_due_msg(rb_first_cached(&box->due));
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
