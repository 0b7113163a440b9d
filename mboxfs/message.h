/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message bodies, and the memory they may use. Knows no mailbox.
 */
#ifndef _MBOXFS_MESSAGE_H
#define _MBOXFS_MESSAGE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/types.h>

struct iov_iter;

/**
 * struct mbox_pool - a bound on something that many share
 * @used:	how much is in use, never above @max
 * @max:	the bound; U64_MAX where there is none
 * @parent:	charged with the same amount, or NULL
 *
 * Counts bytes of messages, or inodes: whatever its owner charges.
 */
struct mbox_pool {
	atomic64_t		used;
	u64			max;
	struct mbox_pool	*parent;
};

void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent);
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount);
void mbox_pool_uncharge(struct mbox_pool *pool, u64 amount);
int mbox_pool_resize(struct mbox_pool *pool, u64 max);

static inline u64 mbox_pool_used(const struct mbox_pool *pool)
{
	return atomic64_read(&pool->used);
}

/* What does not fit behind a message's header, one page a piece. */
struct mbox_segment;

/**
 * struct mbox_msg - one message: its header, and the begin of its body
 * @node:	place in a mailbox's store, or on a list of the dead
 * @order:	place among all messages the mailbox ever published
 * @segments:	the rest of the body
 * @len:	bytes of the body
 * @cache:	which of the own caches this object is from
 * @body:	the body's begin
 *
 * Between being allocated and being sent a message belongs to its sender, and
 * while it is copied out to one reader; neither needs a lock then. In between
 * @node and @order are guarded by the mailbox's lock.
 */
struct mbox_msg {
	struct list_head	node;
	u64			order;
	struct mbox_segment	*segments;
	u32			len;
	u32			cache;
	u8			body[] __aligned(8);
};

struct mbox_msg *mbox_msg_alloc(struct mbox_pool *pool, size_t len, gfp_t gfp);
void mbox_msg_free(struct mbox_pool *pool, struct mbox_msg *msg);
void mbox_msg_free_list(struct mbox_pool *pool, struct list_head *list);
int mbox_msg_copy_from(struct mbox_msg *msg, struct iov_iter *from);
int mbox_msg_copy_to(struct mbox_msg *msg, size_t offset, size_t len,
		     struct iov_iter *to);
u64 mbox_msg_memory(const struct mbox_msg *msg);

int mbox_msg_init(void);
void mbox_msg_exit(void);

#endif /* _MBOXFS_MESSAGE_H */
