// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message bodies: make, fill, copy out, free.
 *
 * A body begins behind its header in one object from a cache of a fitting size
 * and goes on in segments of a page, so no allocation is of a higher order,
 * however long the message. The caches are our own and have a usercopy window:
 * they are never merged with others, so a message has only messages next to
 * it, and a copy that strays out of the bodies is caught by the kernel.
 *
 * Everything here may sleep unless it says otherwise; nothing takes a lock.
 */
#include "message.h"

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "compat.h"

struct mbox_segment {
	struct mbox_segment	*next;
	u8			data[];
};

#define MBOX_OBJECT_MAX		4096
#define MBOX_FIRST_MAX		(MBOX_OBJECT_MAX - sizeof(struct mbox_msg))
#define MBOX_SEGMENT_MAX	(MBOX_OBJECT_MAX - sizeof(struct mbox_segment))

static struct {
	const char		*name;
	unsigned int		size;
	struct kmem_cache	*cache;
} mbox_msg_caches[] = {
	{ "mboxfs_msg_128", 128 },
	{ "mboxfs_msg_256", 256 },
	{ "mboxfs_msg_512", 512 },
	{ "mboxfs_msg_1k", 1024 },
	{ "mboxfs_msg_2k", 2048 },
	{ "mboxfs_msg_4k", MBOX_OBJECT_MAX },
};

static struct kmem_cache *mbox_segment_cache;

/**
 * mbox_pool_init - set up a bound
 * @pool:	the pool
 * @max:	the bound, U64_MAX for none
 * @parent:	charged along with @pool, or NULL; outlives it
 */
void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent)
{
	atomic64_set(&pool->used, 0);
	pool->max = max;
	pool->parent = parent;
}

static bool mbox_pool_charge_one(struct mbox_pool *pool, u64 amount)
{
	u64 max = READ_ONCE(pool->max);
	s64 used = atomic64_read(&pool->used);

	do {
		if (amount > max || (u64)used > max - amount)
			return false;
	} while (!atomic64_try_cmpxchg(&pool->used, &used, used + amount));

	/* Lowered meanwhile? Either we see that, or mbox_pool_resize() us. */
	if (likely((u64)used + amount <= READ_ONCE(pool->max)))
		return true;
	atomic64_sub(amount, &pool->used);
	return false;
}

/**
 * mbox_pool_charge - take from a pool, and from those above it
 * @pool:	the pool
 * @amount:	how much
 *
 * Context: any.
 * Return: whether there was enough; if not, nothing is taken.
 */
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount)
{
	struct mbox_pool *p, *full;

	for (p = pool; p; p = p->parent)
		if (!mbox_pool_charge_one(p, amount))
			break;
	if (likely(!p))
		return true;
	full = p;
	for (p = pool; p != full; p = p->parent)
		atomic64_sub(amount, &p->used);
	return false;
}

/**
 * mbox_pool_uncharge - give back what mbox_pool_charge() took
 * @pool:	the pool
 * @amount:	how much
 *
 * Context: any.
 */
void mbox_pool_uncharge(struct mbox_pool *pool, u64 amount)
{
	for (; pool; pool = pool->parent)
		atomic64_sub(amount, &pool->used);
}

/**
 * mbox_pool_resize - change the bound
 * @pool:	the pool
 * @max:	the new bound, U64_MAX for none
 *
 * Context: serialized by the caller.
 * Return: 0, or -EINVAL if more than @max is in use.
 */
int mbox_pool_resize(struct mbox_pool *pool, u64 max)
{
	u64 old = pool->max;

	/* Set first, so that what is charged meanwhile keeps to it. */
	WRITE_ONCE(pool->max, max);
	smp_mb(); /* pairs with the exchange in mbox_pool_charge_one() */
	if (mbox_pool_used(pool) <= max)
		return 0;
	WRITE_ONCE(pool->max, old);
	return -EINVAL;
}

static unsigned int mbox_msg_cache(size_t len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mbox_msg_caches) - 1; i++)
		if (sizeof(struct mbox_msg) + len <= mbox_msg_caches[i].size)
			break;
	return i;
}

static size_t mbox_msg_segments(size_t len)
{
	if (len <= MBOX_FIRST_MAX)
		return 0;
	return DIV_ROUND_UP(len - MBOX_FIRST_MAX, MBOX_SEGMENT_MAX);
}

static u64 mbox_msg_size(unsigned int cache, size_t len)
{
	return mbox_msg_caches[cache].size +
	       (u64)mbox_msg_segments(len) * MBOX_OBJECT_MAX;
}

/**
 * mbox_msg_memory - the memory a message uses
 * @msg:	the message
 *
 * Context: any.
 * Return: bytes of all its objects, which is what its pool is charged.
 */
u64 mbox_msg_memory(const struct mbox_msg *msg)
{
	return mbox_msg_size(msg->cache, msg->len);
}

static void mbox_msg_free_objects(struct mbox_msg *msg)
{
	struct mbox_segment *segment, *next;

	for (segment = msg->segments; segment; segment = next) {
		next = segment->next;
		kmem_cache_free(mbox_segment_cache, segment);
		cond_resched();
	}
	kmem_cache_free(mbox_msg_caches[msg->cache].cache, msg);
}

static bool mbox_msg_add_segments(struct mbox_msg *msg, gfp_t gfp)
{
	struct mbox_segment **end = &msg->segments;
	size_t n;

	for (n = mbox_msg_segments(msg->len); n; n--) {
		if (gfpflags_allow_blocking(gfp)) {
			cond_resched();
			if (fatal_signal_pending(current))
				return false;
		}
		*end = kmem_cache_alloc(mbox_segment_cache, gfp);
		if (!*end)
			return false;
		(*end)->next = NULL;
		end = &(*end)->next;
	}
	return true;
}

/**
 * mbox_msg_alloc - make a message with room for its body
 * @pool:	charged with all of its memory
 * @len:	bytes of the body, at most MBOXFS_MESSAGE_MAX
 * @gfp:	whether this may sleep
 *
 * The caller's memory cgroup pays.
 *
 * Return: the message, its body not yet written; -ENOSPC if the pool is
 * exhausted, -ENOMEM if memory is.
 */
struct mbox_msg *mbox_msg_alloc(struct mbox_pool *pool, size_t len, gfp_t gfp)
{
	unsigned int cache = mbox_msg_cache(len);
	u64 size = mbox_msg_size(cache, len);
	struct mbox_msg *msg;

	if (!mbox_pool_charge(pool, size))
		return ERR_PTR(-ENOSPC);
	msg = kmem_cache_alloc(mbox_msg_caches[cache].cache, gfp);
	if (!msg)
		goto out_uncharge;
	msg->len = len;
	msg->cache = cache;
	msg->segments = NULL;
	if (!mbox_msg_add_segments(msg, gfp))
		goto out_free;
	return msg;

out_free:
	mbox_msg_free_objects(msg);
out_uncharge:
	mbox_pool_uncharge(pool, size);
	return ERR_PTR(-ENOMEM);
}

/**
 * mbox_msg_free - the end of a message
 * @pool:	what it was charged to
 * @msg:	the message; nobody else knows it any more
 */
void mbox_msg_free(struct mbox_pool *pool, struct mbox_msg *msg)
{
	u64 size = mbox_msg_memory(msg);

	mbox_msg_free_objects(msg);
	mbox_pool_uncharge(pool, size);
}

/**
 * mbox_msg_free_list - the end of many messages
 * @pool:	what they were charged to
 * @list:	linked by their @node; empty afterwards
 */
void mbox_msg_free_list(struct mbox_pool *pool, struct list_head *list)
{
	struct mbox_msg *msg, *next;

	list_for_each_entry_safe(msg, next, list, node) {
		mbox_msg_free(pool, msg);
		cond_resched();
	}
	INIT_LIST_HEAD(list);
}

/**
 * mbox_msg_copy_from - fill a message
 * @msg:	the message, not yet sent
 * @from:	at least as many bytes as the message has
 *
 * Return: 0, or -EFAULT.
 */
int mbox_msg_copy_from(struct mbox_msg *msg, struct iov_iter *from)
{
	size_t left = msg->len;
	size_t part = min(left, MBOX_FIRST_MAX);
	struct mbox_segment *segment;

	if (!copy_from_iter_full(msg->body, part, from))
		return -EFAULT;
	for (segment = msg->segments; segment; segment = segment->next) {
		left -= part;
		part = min(left, MBOX_SEGMENT_MAX);
		if (!copy_from_iter_full(segment->data, part, from))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/**
 * mbox_msg_copy_to - copy a part of a message out
 * @msg:	the message, which no one frees meanwhile
 * @offset:	where to begin
 * @len:	how many bytes; @offset + @len is within the message
 * @to:		room for at least as many
 *
 * Return: 0, or -EFAULT if not all could be copied.
 */
int mbox_msg_copy_to(struct mbox_msg *msg, size_t offset, size_t len,
		     struct iov_iter *to)
{
	struct mbox_segment *segment = msg->segments;
	size_t room = MBOX_FIRST_MAX;
	u8 *data = msg->body;
	size_t part;

	while (len) {
		if (offset < room) {
			part = min(len, room - offset);
			if (copy_to_iter(data + offset, part, to) != part)
				return -EFAULT;
			len -= part;
			offset += part;
			if (!len)
				break;
			cond_resched();
		}
		offset -= room;
		data = segment->data;
		room = MBOX_SEGMENT_MAX;
		segment = segment->next;
	}
	return 0;
}

/* A cache of objects of which all but the first @head bytes are user data. */
static struct kmem_cache *mbox_msg_create_cache(const char *name,
						unsigned int size,
						unsigned int head)
{
	return kmem_cache_create_usercopy(name, size, 0, SLAB_ACCOUNT, head,
					  size - head, NULL);
}

/**
 * mbox_msg_init - make the caches
 *
 * Return: 0 or -ENOMEM.
 */
int __init mbox_msg_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mbox_msg_caches); i++) {
		mbox_msg_caches[i].cache =
			mbox_msg_create_cache(mbox_msg_caches[i].name,
					      mbox_msg_caches[i].size,
					      sizeof(struct mbox_msg));
		if (!mbox_msg_caches[i].cache)
			goto fail;
	}
	mbox_segment_cache = mbox_msg_create_cache("mboxfs_segment",
						   MBOX_OBJECT_MAX,
						   sizeof(struct mbox_segment));
	if (mbox_segment_cache)
		return 0;
fail:
	mbox_msg_exit();
	return -ENOMEM;
}

/**
 * mbox_msg_exit - give the caches back
 */
void mbox_msg_exit(void)
{
	unsigned int i;

	kmem_cache_destroy(mbox_segment_cache);
	for (i = 0; i < ARRAY_SIZE(mbox_msg_caches); i++)
		kmem_cache_destroy(mbox_msg_caches[i].cache);
}
