/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups: what they hand down, their ceilings, and how they nest. Knows no
 * mailbox (only what one has reserved) and no file.
 *
 * MBOX_CEILING: a mailbox reserves bytes before it takes a message.
 *	What a mailbox has reserved counts in its group and in all those above
 *	it, never beyond their ceilings. Far from the ceilings it reserves more
 *	than it needs, so that most messages touch nothing that is shared; such
 *	a mailbox is a holder. At the end of each step it gives back what is
 *	too much. Who finds that something does not fit makes all holders
 *	below that ceiling give back what they do not need, and only then
 *	believes it. A holder is one until its bytes are back, and as long as
 *	somebody makes them give back, nobody below becomes one; so whoever
 *	finds no holders knows that nothing is left, and whoever finds some
 *	comes to an end. So ceilings hold exactly, both ways. Who only wants
 *	to know how much is used looks at the holders and leaves them alone.
 *
 *	One lock for all groups of a mount, the root's, guards all numbers: each
 *	change, also a rename from one group to another, is made in all the
 *	groups it concerns at once, or not at all. It is taken inside of a
 *	mailbox's lock. What a mailbox has reserved changes only with both held,
 *	and which group it is in only with the root's.
 *
 *	A group lives as long as anything charges it, with or without a name.
 */
#ifndef _MBOXFS_GROUP_H
#define _MBOXFS_GROUP_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "limit.h"

struct mbox_barrier;

/* Groups below the root nest so deep at most. */
#define MBOX_GROUP_DEPTH	32

/**
 * struct mbox_group - a group
 * @root:	the group of the mount's root; constant
 * @parent:	the group this is in, with a reference; NULL for the root
 * @refs:	its directory, its mailboxes, and the groups in it
 * @lock:	of the root alone: guards all that follows, of all groups;
 *		inside of mbox->lock, innermost
 * @look:	of the root alone: one at a time looks at all holders; outside
 *		of @lock
 * @limits:	what is given to mailboxes and groups created in this one, and
 *		its own ceilings and naming
 * @bytes:	reserved by all mailboxes here and below
 * @mailboxes:	how many there are
 * @below:	how many groups are so many levels below; [0] is this one, 1 as
 *		long as it has its name
 * @holders:	mailboxes here that have reserved more than they need
 * @nr_holders:	how many there are, here and below
 * @reclaims:	how many make the holders give back: nobody becomes one
 * @looks:	of the root alone: how often that has been done with @look held
 * @looked:	which of them has been through here last
 * @busy:	groups in this one with holders
 * @busy_node:	place in the parent's @busy, as long as there are any here
 * @barrier:	see mbox_barrier_get()
 */
struct mbox_group {
	struct mbox_group		*root;
	struct mbox_group		*parent;
	refcount_t			refs;
	spinlock_t			lock;	/* see MBOX_CEILING; innermost */
	struct mutex			look;	/* outside of @lock */
	struct mbox_group_limits	limits;
	u64				bytes;
	u64				mailboxes;
	u32				below[MBOX_GROUP_DEPTH + 1];
	struct list_head		holders;
	u64				nr_holders;
	u32				reclaims;
	u64				looks;
	u64				looked;
	struct list_head		busy;
	struct list_head		busy_node;
	struct mbox_barrier		*barrier;
};

/**
 * struct mbox_account - what a mailbox has reserved
 * @root:	whose lock to take, with a reference; constant
 * @group:	where it counts, with a reference; NULL: nowhere any more
 * @reserved:	bytes, at least as many as are used
 * @spare:	how many more than used may stay reserved
 * @low:	the low-water mark: used less, something is given back
 * @looked:	which look at holders has been here last, see mbox_group.looks
 * @node:	in @group's @holders, if @spare is not 0
 */
struct mbox_account {
	struct mbox_group	*root;
	struct mbox_group	*group;
	u64			reserved;
	u64			spare;
	u64			low;
	u64			looked;
	struct list_head	node;
};

/**
 * struct mbox_entry - what a name stands for, as far as groups care
 * @account:	of a mailbox, or NULL
 * @group:	of a group, or NULL
 */
struct mbox_entry {
	struct mbox_account	*account;
	struct mbox_group	*group;
};

/* What mbox_group_get_stat() tells; named as users know it. */
struct mbox_group_stat {
	u64	group_bytes;
	u64	group_mailboxes;
	u64	barrier_sleepers;
};

struct mbox_group *mbox_group_alloc(struct mbox_group *parent,
				    const struct mbox_group_limits *limits);
void mbox_group_remove(struct mbox_group *group);
void mbox_group_put(struct mbox_group *group);
void mbox_group_get_limits(struct mbox_group *group,
			   struct mbox_limits *limits);
u64 mbox_group_limit(struct mbox_group *group, enum mbox_limit limit);
void mbox_group_set_limit(struct mbox_group *group, enum mbox_limit limit,
			  u64 value);
int mbox_group_get_stat(struct mbox_group *group,
			u64 (*too_much)(const struct mbox_account *account),
			struct mbox_group_stat *stat);
void mbox_group_begin_reclaim(struct mbox_group *group);
void mbox_group_end_reclaim(struct mbox_group *group);
int mbox_group_move(struct mbox_group *from, const struct mbox_entry *there,
		    struct mbox_group *to, const struct mbox_entry *back,
		    struct mbox_account *gone, struct mbox_group **full);

int mbox_account_init(struct mbox_account *account, struct mbox_group *group);
void mbox_account_leave(struct mbox_account *account);
void mbox_account_exit(struct mbox_account *account);
int mbox_account_reserve(struct mbox_account *account, u64 need,
			 struct mbox_group **full);
int mbox_account_check(struct mbox_account *account, u64 need,
		       struct mbox_group **full);
void mbox_account_release(struct mbox_account *account, u64 used);
void mbox_account_release_all(struct mbox_account *account, u64 used);
struct mbox_account *mbox_group_next_holder(struct mbox_group *group);

static inline struct mbox_group *mbox_group_get(struct mbox_group *group)
{
	refcount_inc(&group->refs);
	return group;
}

/* Whether more is reserved than is to stay; with the mailbox's lock held. */
static inline bool mbox_account_too_much(const struct mbox_account *account,
					 u64 used)
{
	return used < account->low;
}

#endif /* _MBOXFS_GROUP_H */
