// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two trees by time, and one timer for the nearer of their first events; see
 * MBOX_DUE in clock.h. To add a message that is due last, as all are while the
 * delay is constant, takes no search.
 */
#include "clock.h"

#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "compat.h"

/* What publishes and discards: queued by the timers. */
static work_func_t mbox_clock_work;

static struct workqueue_struct *mbox_workqueue;

static struct mbox_extra *mbox_expiry_extra(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_extra, expiry);
}

/* Whether @msg is due before @other: of those that are due at once, by number. */
static bool mbox_due_before(const struct mbox_msg *msg,
			    const struct mbox_msg *other)
{
	if (msg->time != other->time)
		return msg->time < other->time;
	return msg->seq < other->seq;
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
	if (last && !mbox_due_before(msg, last)) {
		parent = clock->last_due;
		link = &parent->rb_right;
		first = false;
	}
	while (*link) {
		parent = *link;
		if (mbox_due_before(msg, mbox_due_msg(parent))) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(&msg->due_node, parent, link);
	rb_insert_color_cached(&msg->due_node, &clock->due, first);
	if (!last || !mbox_due_before(msg, last))
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

/**
 * __mbox_first_due - the delayed message that is due next
 * @box:	the mailbox, which has a clock
 *
 * Context: lock held.
 * Return: the message, or NULL.
 */
struct mbox_msg *__mbox_first_due(const struct mbox *box)
{
	return mbox_due_msg(rb_first_cached(&box->clock->due));
}

/**
 * __mbox_next_due - when it is due
 * @box:	the mailbox, which has a clock
 *
 * Context: lock held.
 * Return: CLOCK_BOOTTIME, ns; U64_MAX for never.
 */
u64 __mbox_next_due(const struct mbox *box)
{
	struct mbox_msg *msg = __mbox_first_due(box);

	return msg ? msg->time : U64_MAX;
}

/**
 * __mbox_first_expiring - the stored message that expires next
 * @box:	the mailbox, which has a clock
 *
 * Context: lock held.
 * Return: the message, or NULL.
 */
struct mbox_msg *__mbox_first_expiring(const struct mbox *box)
{
	struct rb_node *first = rb_first_cached(&box->clock->expiring);

	return first ? mbox_expiry_extra(first)->msg : NULL;
}

/**
 * __mbox_next_expiry - when it expires
 * @box:	the mailbox, which has a clock
 *
 * Context: lock held.
 * Return: CLOCK_BOOTTIME, ns; U64_MAX for never.
 */
u64 __mbox_next_expiry(const struct mbox *box)
{
	struct mbox_msg *msg = __mbox_first_expiring(box);

	return msg ? msg->time : U64_MAX;
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
	INIT_WORK(&clock->work, mbox_clock_work);
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
 * __mbox_delayed_from - the first delayed message behind a place in the order
 * @box:	the mailbox, which has a clock
 * @due:	what is due then, CLOCK_BOOTTIME, ns
 * @seq:	and has this number, or would be behind it
 *
 * Context: lock held.
 * Return: the message, or NULL.
 */
struct mbox_msg *__mbox_delayed_from(const struct mbox *box, u64 due, u64 seq)
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

/**
 * mbox_clock_init - make what the timers of all mailboxes need
 * @work:	what is done when one fires: it publishes and discards, with the
 *		work of a struct mbox_clock, and arms the timer anew
 *
 * Return: 0 or -ENOMEM.
 */
int __init mbox_clock_init(work_func_t work)
{
	mbox_clock_work = work;
	mbox_workqueue = alloc_workqueue("mboxfs", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return mbox_workqueue ? 0 : -ENOMEM;
}

/**
 * mbox_clock_end - undo mbox_clock_init(); no mailbox is left
 */
void mbox_clock_end(void)
{
	destroy_workqueue(mbox_workqueue);
}
