// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that are on lease, and those that are dead; see MBOX_LEASE in lease.h.
 * "__" means that the mailbox's lock is held.
 */
#include "lease.h"

#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "trace.h"

/**
 * mbox_need_leases - see to it that a mailbox can have messages on lease
 * @box:	the mailbox
 * @gfp:	whether this may sleep
 *
 * Context: takes the lock.
 * Return: 0 or -ENOMEM.
 */
int mbox_need_leases(struct mbox *box, gfp_t gfp)
{
	struct mbox_leases *leases;

	if (likely(READ_ONCE(box->leases)))
		return 0;
	leases = kzalloc(sizeof(*leases), gfp);
	if (!leases)
		return -ENOMEM;
	leases->leased = RB_ROOT;
	leases->dead = RB_ROOT_CACHED;
	spin_lock(&box->lock);
	/* Who comes second does without. */
	if (!box->leases) {
		WRITE_ONCE(box->leases, leases);
		leases = NULL;
	}
	spin_unlock(&box->lock);
	kfree(leases);
	return 0;
}

/**
 * mbox_holder_init - set up a holder of leases
 * @holder:	the holder
 */
void mbox_holder_init(struct mbox_holder *holder)
{
	INIT_LIST_HEAD(&holder->leases);
	INIT_LIST_HEAD(&holder->read);
	INIT_LIST_HEAD(&holder->spares);
	holder->count = 0;
	holder->nr_spares = 0;
}

static struct mbox_extra *mbox_spare_extra(struct mbox_holder *holder)
{
	return list_first_entry_or_null(&holder->spares, struct mbox_extra,
					lease.of_holder);
}

/**
 * mbox_holder_fill - see to it that a holder has extras for its next leases
 * @box:	the mailbox
 * @holder:	the holder
 * @count:	how many
 * @gfp:	whether this may sleep
 *
 * Context: takes the lock.
 * Return: 0 or -ENOMEM.
 */
int mbox_holder_fill(struct mbox *box, struct mbox_holder *holder, u32 count,
		     gfp_t gfp)
{
	struct mbox_extra *extra;

	while (READ_ONCE(holder->nr_spares) < count) {
		extra = mbox_extra_alloc(gfp);
		if (!extra)
			return -ENOMEM;
		spin_lock(&box->lock);
		list_add(&extra->lease.of_holder, &holder->spares);
		holder->nr_spares++;
		spin_unlock(&box->lock);
	}
	return 0;
}

/**
 * mbox_holder_exit - free what a holder has kept
 * @holder:	the holder, which has nothing on lease any more
 *
 * Context: nobody else knows @holder.
 */
void mbox_holder_exit(struct mbox_holder *holder)
{
	struct mbox_extra *extra;

	WARN_ON(holder->count);
	while ((extra = mbox_spare_extra(holder))) {
		list_del(&extra->lease.of_holder);
		mbox_extra_free(extra);
	}
}

/**
 * __mbox_get_extra - a message gets an extra, if it has none
 * @msg:	the message
 * @holder:	who has some
 *
 * Context: lock held.
 * Return: false if there is none left.
 */
bool __mbox_get_extra(struct mbox_msg *msg, struct mbox_holder *holder)
{
	struct mbox_extra *extra;

	if (msg->extra)
		return true;
	extra = mbox_spare_extra(holder);
	if (!extra)
		return false;
	list_del(&extra->lease.of_holder);
	holder->nr_spares--;
	mbox_extra_reset(extra);
	msg->extra = extra;
	WRITE_ONCE(msg->units, msg->units | MBOX_MSG_LENT);
	return true;
}

/**
 * __mbox_put_extra - a message that has been received gives its extra back
 * @msg:	the message, which has no sender who waits
 * @holder:	whose it becomes, unless that has enough
 *
 * Context: lock held.
 */
void __mbox_put_extra(struct mbox_msg *msg, struct mbox_holder *holder)
{
	if (!(msg->units & MBOX_MSG_LENT) ||
	    holder->nr_spares >= MBOX_HOLDER_SPARES)
		return;
	list_add(&msg->extra->lease.of_holder, &holder->spares);
	holder->nr_spares++;
	msg->extra = NULL;
	WRITE_ONCE(msg->units, msg->units & ~MBOX_MSG_LENT);
}

/* The first with a number or a higher one; that is @seq, or else the death's. */
static struct rb_node *mbox_lease_from(struct rb_node *node, u64 number,
				       bool dead)
{
	struct rb_node *found = NULL;
	struct mbox_extra *extra;

	while (node) {
		extra = rb_entry(node, struct mbox_extra, lease.node);
		if ((dead ? extra->order : extra->msg->seq) < number) {
			node = node->rb_right;
		} else {
			found = node;
			node = node->rb_left;
		}
	}
	return found;
}

/**
 * __mbox_leased_from - the first message on lease from a number on
 * @box:	the mailbox
 * @seq:	the number
 *
 * Context: lock held.
 * Return: the message, or NULL.
 */
struct mbox_msg *__mbox_leased_from(const struct mbox *box, u64 seq)
{
	if (!box->leases)
		return NULL;
	return mbox_lease_msg(mbox_lease_from(box->leases->leased.rb_node, seq,
					      false));
}

/**
 * __mbox_dead_from - the first of the dead from a running number of deaths on
 * @box:	the mailbox
 * @death:	the number, from 1
 *
 * Context: lock held.
 * Return: the message, or NULL.
 */
struct mbox_msg *__mbox_dead_from(const struct mbox *box, u64 death)
{
	if (!box->leases)
		return NULL;
	return mbox_lease_msg(mbox_lease_from(box->leases->dead.rb_root.rb_node,
					      death, true));
}

/* The lease of a message begins now, and may end by itself. */
static void __mbox_begin_term(struct mbox *box, struct mbox_msg *msg)
{
	u64 term = __mbox_limit(box, MBOX_LEASE_MS) * NSEC_PER_MSEC;

	RB_CLEAR_NODE(&msg->extra->expiry);
	if (!term)
		return;
	msg->time = ktime_get_boottime_ns() + term;
	__mbox_expire_at(box, msg);
}

static void __mbox_end_term(struct mbox *box, struct mbox_msg *msg)
{
	if (!RB_EMPTY_NODE(&msg->extra->expiry))
		__mbox_unexpire(box, msg);
}

static void mbox_insert_leased(struct mbox_leases *leases, struct mbox_msg *msg)
{
	struct rb_node **link = &leases->leased.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = msg->seq < mbox_lease_msg(parent)->seq ?
			       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&msg->extra->lease.node, parent, link);
	rb_insert_color(&msg->extra->lease.node, &leases->leased);
}

/**
 * __mbox_lease - a message goes on lease
 * @box:	the mailbox, which has its struct mbox_leases
 * @msg:	the message, which has an extra, counts in @held, and is nowhere
 * @holder:	whose it is
 * @read:	whether the next read settles it
 *
 * Context: lock held.
 */
void __mbox_lease(struct mbox *box, struct mbox_msg *msg,
		  struct mbox_holder *holder, bool read)
{
	struct mbox_extra *extra = msg->extra;
	u64 now;

	if (unlikely(extra->ttl_ms) && !extra->was_dead) {
		now = ktime_get_boottime_ns();
		extra->left = msg->time > now ? msg->time - now : 1;
	}
	if (likely(extra->attempts < U32_MAX))
		extra->attempts++;
	extra->msg = msg;
	extra->lease.holder = holder;
	list_add_tail(&extra->lease.of_holder,
		      read ? &holder->read : &holder->leases);
	holder->count++;
	msg->state = MBOX_MSG_LEASED;
	mbox_insert_leased(box->leases, msg);
	mbox_sum_add(&box->leases->on_lease, msg);
	__mbox_begin_term(box, msg);
	trace_mboxfs_lease(box, msg);
}

/**
 * __mbox_touch - the time of a lease begins anew
 * @box:	the mailbox
 * @msg:	a message on lease
 *
 * Context: lock held.
 */
void __mbox_touch(struct mbox *box, struct mbox_msg *msg)
{
	__mbox_end_term(box, msg);
	__mbox_begin_term(box, msg);
}

/**
 * __mbox_unlease - a lease is over
 * @box:	the mailbox
 * @msg:	a message on lease; counts in @held, and is nowhere then
 *
 * Context: lock held.
 */
void __mbox_unlease(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_lease *lease = &msg->extra->lease;

	__mbox_end_term(box, msg);
	rb_erase(&lease->node, &box->leases->leased);
	list_del(&lease->of_holder);
	lease->holder->count--;
	mbox_sum_sub(&box->leases->on_lease, msg);
	msg->state = MBOX_MSG_OUTSIDE;
}

/**
 * __mbox_lay_dead - a message is dead
 * @box:	the mailbox, which has its struct mbox_leases
 * @msg:	the message, which has an extra, counts in @held, and is nowhere
 *
 * One that has been among the dead before gets its old place.
 *
 * Context: lock held.
 */
void __mbox_lay_dead(struct mbox *box, struct mbox_msg *msg)
{
	struct mbox_leases *leases = box->leases;
	struct rb_node **link = &leases->dead.rb_root.rb_node, *parent = NULL;
	struct mbox_extra *extra = msg->extra;
	bool first = true;

	if (!extra->was_dead)
		extra->order = ++leases->deaths;
	extra->was_dead = true;
	extra->msg = msg;
	msg->state = MBOX_MSG_DEAD;
	while (*link) {
		parent = *link;
		if (extra->order < mbox_lease_msg(parent)->extra->order) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(&extra->lease.node, parent, link);
	rb_insert_color_cached(&extra->lease.node, &leases->dead, first);
	mbox_sum_add(&leases->buried, msg);
}

/**
 * __mbox_undead - a dead message leaves the others
 * @box:	the mailbox
 * @msg:	the message; counts in @held, and is nowhere then
 *
 * Context: lock held.
 */
void __mbox_undead(struct mbox *box, struct mbox_msg *msg)
{
	rb_erase_cached(&msg->extra->lease.node, &box->leases->dead);
	mbox_sum_sub(&box->leases->buried, msg);
	msg->state = MBOX_MSG_OUTSIDE;
}

/**
 * mbox_leases_exit - free the dead, and what a mailbox needed for leases
 * @box:	a mailbox that nobody knows any more
 *
 * Context: sleeps.
 */
void mbox_leases_exit(struct mbox *box)
{
	struct mbox_leases *leases = box->leases;
	struct mbox_extra *extra, *next;

	if (!leases)
		return;
	WARN_ON(leases->on_lease.messages);
	rbtree_postorder_for_each_entry_safe(extra, next, &leases->dead.rb_root,
					     lease.node) {
		mbox_msg_put(box->pool, extra->msg);
		cond_resched();
	}
	kfree(leases);
}
