/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounds on something that many share.
 */
#ifndef _MBOXFS_POOL_H
#define _MBOXFS_POOL_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu-defs.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct mbox_pool_ops - what those who keep something charged can be asked
 * @release:	to give it back: mbox_pool_del_keeper(); does not sleep; under RCU
 * @kept:	how much that is now; with the pools' lock held
 */
struct mbox_pool_ops {
	void	(*release)(struct list_head *keeper);
	u64	(*kept)(const struct list_head *keeper);
};

/**
 * struct mbox_pool - a bound on something that many share
 * @root:	the pool above all; constant
 * @parent:	charged with the same amount, or NULL; constant
 * @ops:	of those who keep something, or NULL; constant
 * @stock:	what each CPU has taken in advance, or NULL; see pool.c
 * @lock:	of the root alone: guards all that follows, of all pools below;
 *		innermost, also inside of mbox->lock
 * @used:	how much is in use, in stock or kept; never made more than @max
 * @max:	the bound; U64_MAX where there is none
 * @stocked:	there may be something in @stock
 * @keepers:	those who keep something charged that they do not need
 * @nr_keepers:	how many of them there are
 * @busy:	pools below this one in which something is in stock or kept
 * @busy_node:	place in @parent's @busy
 * @reclaims:	how many have that given back: it does not become more
 * @look:	one at a time looks at what is kept; outside of @lock
 * @look_at:	at whom it looks next, or NULL
 *
 * Counts bytes of messages, or inodes: whatever its owner charges.
 */
struct mbox_pool {
	struct mbox_pool		*root;
	struct mbox_pool		*parent;
	const struct mbox_pool_ops	*ops;
	atomic64_t __percpu		*stock;
	spinlock_t			lock;	/* see above; innermost */
	u64				used;
	u64				max;
	bool				stocked;
	struct list_head		keepers;
	unsigned long			nr_keepers;
	struct list_head		busy;
	struct list_head		busy_node;
	unsigned int			reclaims;
	struct mutex			look;	/* outside of @lock */
	struct list_head		*look_at;
};

void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent);
int mbox_pool_init_stock(struct mbox_pool *pool);
void mbox_pool_exit(struct mbox_pool *pool);
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount);
void mbox_pool_uncharge(struct mbox_pool *pool, u64 amount);
int mbox_pool_resize(struct mbox_pool *pool, u64 max);
u64 mbox_pool_used(struct mbox_pool *pool);
bool mbox_pool_add_keeper(struct mbox_pool *pool, struct list_head *node);
unsigned long mbox_pool_keepers(const struct mbox_pool *pool);
unsigned long mbox_pool_shrink(struct mbox_pool *pool, unsigned long count);
void mbox_pool_del_keeper(struct mbox_pool *pool, struct list_head *node,
			  u64 kept);

#endif /* _MBOXFS_POOL_H */
