/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounds on something that many share.
 */
#ifndef _MBOXFS_POOL_H
#define _MBOXFS_POOL_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/percpu-defs.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct mbox_pool - a bound on something that many share
 * @used:	how much is in use or in stock, never above @max
 * @max:	the bound; U64_MAX where there is none
 * @parent:	charged with the same amount, or NULL
 * @stock:	what each CPU has taken in advance, or NULL; see pool.c
 * @children:	the pools whose parent this is; read under RCU
 * @node:	in @parent's @children
 * @keepers:	those who keep something charged that they do not need
 * @release:	lets all @keepers give it back, and tells how much it was; set
 *		before the first one comes
 * @lock:	guards changes of @children, and @keepers; innermost
 *
 * Counts bytes of messages, or inodes: whatever its owner charges.
 */
struct mbox_pool {
	atomic64_t		used;
	u64			max;
	struct mbox_pool	*parent;
	atomic64_t __percpu	*stock;
	struct list_head	children;
	struct list_head	node;
	struct list_head	keepers;
	u64			(*release)(struct mbox_pool *pool);
	spinlock_t		lock;	/* @children, @keepers; innermost */
};

void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent);
int mbox_pool_init_stock(struct mbox_pool *pool);
void mbox_pool_exit(struct mbox_pool *pool);
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount);
void mbox_pool_uncharge(struct mbox_pool *pool, u64 amount);
int mbox_pool_resize(struct mbox_pool *pool, u64 max);
u64 mbox_pool_used(struct mbox_pool *pool);
bool mbox_pool_add_keeper(struct mbox_pool *pool, struct list_head *node);
void mbox_pool_del_keeper(struct mbox_pool *pool, struct list_head *node);
struct list_head *mbox_pool_first_keeper(struct mbox_pool *pool);

#endif /* _MBOXFS_POOL_H */
