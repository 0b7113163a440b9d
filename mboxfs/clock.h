/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is about time in a mailbox: messages that become readable later, and
 * messages that expire. "__" means that the mailbox's lock is held.
 *
 * MBOX_DUE: the clock decides, not the timer.
 *	Whoever looks for messages or counts them calls __mbox_catch_up() first:
 *	what is due by the clock is published, what has expired goes. The timer
 *	does no more than make that happen if nobody looks. There is one, armed
 *	for the next event (@armed); an event that comes before it rearms it, one
 *	that goes away lets it fire for nothing. The work arms it anew.
 */
#ifndef _MBOXFS_CLOCK_H
#define _MBOXFS_CLOCK_H

#include <linux/hrtimer.h>
#include <linux/rbtree.h>
#include <linux/workqueue.h>

#include "mbox.h"

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

int mbox_clock_init(work_func_t work);
void mbox_clock_end(void);
int mbox_need_clock(struct mbox *box, gfp_t gfp);
void mbox_clock_exit(struct mbox *box);
void __mbox_delay(struct mbox *box, struct mbox_msg *msg, u64 due);
void __mbox_undelay(struct mbox *box, struct mbox_msg *msg);
void __mbox_expire_at(struct mbox *box, struct mbox_msg *msg);
void __mbox_unexpire(struct mbox *box, struct mbox_msg *msg);
struct mbox_msg *__mbox_first_due(const struct mbox *box);
u64 __mbox_next_due(const struct mbox *box);
struct mbox_msg *__mbox_first_expiring(const struct mbox *box);
u64 __mbox_next_expiry(const struct mbox *box);
struct mbox_msg *__mbox_delayed_from(const struct mbox *box, u64 due, u64 seq);
void __mbox_arm(struct mbox *box);

/* Whether there are messages that will be due, or expire. */
static inline bool __mbox_timed(const struct mbox *box)
{
	const struct mbox_clock *clock = box->clock;

	return unlikely(clock) && (!RB_EMPTY_ROOT(&clock->due.rb_root) ||
				   !RB_EMPTY_ROOT(&clock->expiring.rb_root));
}

static inline struct mbox_msg *mbox_due_msg(struct rb_node *node)
{
	return rb_entry_safe(node, struct mbox_msg, due_node);
}

#endif /* _MBOXFS_CLOCK_H */
