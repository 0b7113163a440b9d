// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message bodies: make, fill, copy out, free.
 *
 * A body is behind its header in one object from a cache of a fitting size, or
 * else in segments of a page and their link, so that no allocation needs more than
 * two pages together, however long the message, and each copy is of a page. The
 * caches are our own and have a usercopy window: they are never merged with
 * others, so a message has only messages next to it. Copies check their bounds here, see copy.h.
 *
 * Everything here may sleep unless it says otherwise; nothing takes a lock.
 */
#include "message.h"

#include <linux/cred.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "copy.h"

static struct {
	const char		*name;
	unsigned int		size;
	struct kmem_cache	*cache;
} mbox_msg_caches[MBOX_MSG_CACHES] = {
	{ "mboxfs_msg_128", MBOX_OBJECT_MIN },
	{ "mboxfs_msg_192", 192 },
	{ "mboxfs_msg_256", 256 },
	{ "mboxfs_msg_384", 384 },
	{ "mboxfs_msg_512", 512 },
	{ "mboxfs_msg_768", 768 },
	{ "mboxfs_msg_1k", 1024 },
	{ "mboxfs_msg_1.5k", 1536 },
	{ "mboxfs_msg_2k", 2048 },
	{ "mboxfs_msg_3k", 3072 },
	{ "mboxfs_msg_4k", MBOX_OBJECT_MAX },
	[MBOX_SEGMENT_CACHE] = { "mboxfs_segment", MBOX_SEGMENT_SIZE },
};

static struct kmem_cache *mbox_extra_cache;

/* The cache of objects of a size from mbox_object_size() or mbox_segment_size(). */
static struct kmem_cache *mbox_object_cache(u32 size)
{
	unsigned int i = MBOX_SEGMENT_CACHE, power;

	if (size <= MBOX_OBJECT_MAX) {
		power = ilog2(size);
		i = 2 * (power - ilog2(MBOX_OBJECT_MIN)) + (size != 1U << power);
	}
	return mbox_msg_caches[i].cache;
}

/* A copy has no segments of its own: its @segments are not to be seen here. */
static void mbox_msg_free_objects(struct mbox_msg *msg, bool may_sleep)
{
	u32 size = mbox_msg_size(msg);
	struct mbox_segment *segment, *next;
	size_t left = msg->len, part;

	for (segment = msg->segments; segment; segment = next) {
		next = segment->next;
		part = min_t(size_t, left, MBOX_SEGMENT_MAX);
		kmem_cache_free(mbox_object_cache(mbox_segment_size(part)),
				segment);
		left -= part;
		if (may_sleep)
			cond_resched();
	}
	if (unlikely(msg->extra))
		kmem_cache_free(mbox_extra_cache, msg->extra);
	kmem_cache_free(mbox_object_cache(size), msg);
}

/* The size of an object before @size; 0 if there is none. */
static u32 mbox_smaller_object(u32 size)
{
	if (size == MBOX_SEGMENT_SIZE)
		return MBOX_OBJECT_MAX;
	if (size == MBOX_OBJECT_MIN)
		return 0;
	return is_power_of_2(size) ? size / 4 * 3 : size / 3 * 2;
}

/* The bodies that need an object of @size behind a head of @head bytes. */
static void mbox_object_range(u32 size, u32 head, u32 *low, u32 *high)
{
	u32 less = mbox_smaller_object(size);

	*high = MBOX_OBJECT_ROOM(size) - head;
	*low = less ? MBOX_OBJECT_ROOM(less) - head + 1 : 0;
}

/**
 * mbox_msg_range - which lengths have the same objects as a message
 * @msg:	the message, which has no extra
 * @from:	gets the least of them
 * @span:	gets how many more there are
 *
 * Context: any.
 */
void mbox_msg_range(const struct mbox_msg *msg, u32 *from, u32 *span)
{
	u32 base = 0, last, low, high;

	if (!msg->segments) {
		mbox_object_range(mbox_msg_size(msg), sizeof(*msg), &low,
				  &high);
	} else {
		base = (msg->len - 1) / MBOX_SEGMENT_MAX * MBOX_SEGMENT_MAX;
		last = mbox_segment_size(msg->len - base);
		mbox_object_range(last, sizeof(struct mbox_segment), &low,
				  &high);
		high = min_t(u32, high, MBOX_SEGMENT_MAX);
		low = max_t(u32, low, base ? 1 : MBOX_FIRST_MAX + 1);
	}
	*from = base + low;
	*span = high - low;
}

static bool mbox_msg_add_segments(struct mbox_msg *msg, gfp_t gfp)
{
	struct mbox_segment **end = &msg->segments;
	size_t left = msg->len, part;
	struct kmem_cache *cache;

	for (;;) {
		if (gfpflags_allow_blocking(gfp)) {
			cond_resched();
			if (fatal_signal_pending(current))
				return false;
		}
		part = min_t(size_t, left, MBOX_SEGMENT_MAX);
		cache = mbox_object_cache(mbox_segment_size(part));
		*end = kmem_cache_alloc(cache, gfp);
		if (!*end)
			return false;
		(*end)->next = NULL;
		end = &(*end)->next;
		left -= part;
		if (!left)
			return true;
	}
}

/**
 * mbox_msg_alloc - make a message with room for its body
 * @pool:	charged with all of its memory
 * @len:	bytes of the body, at most MBOXFS_MESSAGE_MAX
 * @extra:	whether it is to have a struct mbox_extra
 * @cred:	whose effective ids the sender has
 * @gfp:	whether this may sleep
 *
 * The caller's memory cgroup pays, and the caller's process is its sender. It
 * has the default priority, tag 0 and the mailbox's delay.
 *
 * Return: the message, its body not yet written; -ENOSPC if the pool is
 * exhausted, -ENOMEM if memory is.
 */
struct mbox_msg *mbox_msg_alloc(struct mbox_pool *pool, size_t len, bool extra,
				const struct cred *cred, gfp_t gfp)
{
	bool one = likely(len <= MBOX_FIRST_MAX);
	u32 first = mbox_object_size(sizeof(struct mbox_msg) + (one ? len : 0));
	u32 size = mbox_msg_memory(len, extra);
	struct mbox_msg *msg;

	if (!mbox_pool_charge(pool, size))
		return ERR_PTR(-ENOSPC);
	msg = kmem_cache_alloc(mbox_object_cache(first), gfp);
	if (!msg)
		goto out_uncharge;
	msg->len = len;
	msg->memory = size;
	msg->units = first / MBOX_OBJECT_UNIT - 1;
	msg->segments = NULL;
	msg->extra = NULL;
	refcount_set(&msg->refs, 1);
	if (unlikely(extra)) {
		msg->extra = kmem_cache_zalloc(mbox_extra_cache, gfp);
		if (!msg->extra)
			goto out_free;
	}
	if (unlikely(!one) && !mbox_msg_add_segments(msg, gfp))
		goto out_free;
	mbox_msg_begin(msg, cred);
	return msg;

out_free:
	mbox_msg_free_objects(msg, gfpflags_allow_blocking(gfp));
out_uncharge:
	mbox_pool_uncharge(pool, size);
	return ERR_PTR(-ENOMEM);
}

/**
 * mbox_msg_free_spare - free a message that is kept for reuse
 * @pool:	what it is charged to, or NULL if it is not any more
 * @msg:	the message
 *
 * Context: does not sleep.
 */
void mbox_msg_free_spare(struct mbox_pool *pool, struct mbox_msg *msg)
{
	u32 size = msg->memory;

	mbox_msg_put_sender(msg);
	mbox_msg_free_objects(msg, false);
	if (pool)
		mbox_pool_uncharge(pool, size);
}

/**
 * mbox_extra_alloc - make an extra to lend to messages that have none
 * @gfp:	whether this may sleep
 *
 * Return: the extra, or NULL.
 */
struct mbox_extra *mbox_extra_alloc(gfp_t gfp)
{
	return kmem_cache_zalloc(mbox_extra_cache, gfp);
}

/**
 * mbox_extra_free - free an extra that no message has
 * @extra:	the extra
 */
void mbox_extra_free(struct mbox_extra *extra)
{
	kmem_cache_free(mbox_extra_cache, extra);
}

/**
 * mbox_msg_copy - make a message with the body of another one
 * @pool:	charged with what the copy needs, which is no body
 * @original:	the other one, filled, from the same pool
 * @extra:	as with mbox_msg_alloc()
 * @gfp:	whether this may sleep
 *
 * It has the original's priority, tag and delay, too.
 *
 * Return: as mbox_msg_alloc().
 */
struct mbox_msg *mbox_msg_copy(struct mbox_pool *pool, struct mbox_msg *original,
			       bool extra, gfp_t gfp)
{
	struct mbox_msg *msg;

	msg = mbox_msg_alloc(pool, 0, extra, current_cred(), gfp);
	if (IS_ERR(msg))
		return msg;
	refcount_inc(&original->refs);
	msg->original = original;
	msg->units |= MBOX_MSG_COPY;
	msg->len = original->len;
	msg->priority = original->priority;
	msg->tag = original->tag;
	msg->time = original->time;
	return msg;
}

/**
 * mbox_msg_put - one less knows a message
 * @pool:	what it was charged to
 * @msg:	the message; freed if that was the last one
 *
 * New references are only made while the message is in its mailbox, where
 * everyone can find it. So whoever holds the only one needs no atomic
 * operation to know that.
 */
void mbox_msg_put(struct mbox_pool *pool, struct mbox_msg *msg)
{
	struct mbox_msg *original = NULL;
	u32 size;

	if (likely(refcount_read(&msg->refs) == 1))
		smp_rmb(); /* pairs with the release of whoever put it last */
	else if (!refcount_dec_and_test(&msg->refs))
		return;
	/* Not before: it may have changed while others knew the message. */
	size = msg->memory;
	mbox_msg_put_sender(msg);
	if (unlikely(msg->units & MBOX_MSG_COPY)) {
		original = msg->original;
		msg->segments = NULL;
	}
	mbox_msg_free_objects(msg, true);
	mbox_pool_uncharge(pool, size);
	if (unlikely(original))
		mbox_msg_put(pool, original); /* is no copy itself */
}

/**
 * mbox_msg_put_list - mbox_msg_put() for many messages
 * @pool:	what they were charged to
 * @list:	linked by their @node; empty afterwards
 */
void mbox_msg_put_list(struct mbox_pool *pool, struct list_head *list)
{
	struct mbox_msg *msg, *next;

	list_for_each_entry_safe(msg, next, list, node) {
		mbox_msg_put(pool, msg);
		cond_resched();
	}
	INIT_LIST_HEAD(list);
}

/* Room for the body in a segment that was made for so many bytes. */
static size_t mbox_segment_room(size_t part)
{
	return MBOX_OBJECT_ROOM(mbox_segment_size(part)) -
	       sizeof(struct mbox_segment);
}

/* mbox_msg_copy_from() of what has segments. */
int mbox_msg_copy_from_long(struct mbox_msg *msg, struct iov_iter *from)
{
	struct mbox_segment *segment;
	size_t left = msg->len, part;

	for (segment = msg->segments; segment; segment = segment->next) {
		part = min_t(size_t, left, MBOX_SEGMENT_MAX);
		if (!mbox_copy_in(segment->data, mbox_segment_room(part), part,
				  from))
			return -EFAULT;
		left -= part;
		if (left)
			cond_resched();
	}
	return 0;
}

/* mbox_copy_in_now() of what has segments. */
bool mbox_copy_in_now_long(struct mbox_msg *msg, size_t len,
			   struct mbox_buffer from)
{
	struct mbox_segment *segment;
	unsigned long left = 0;
	size_t done, part;

	pagefault_disable();
	segment = msg->segments;
	for (done = 0; done < len && !left; done += part) {
		part = min_t(size_t, len - done, MBOX_SEGMENT_MAX);
		if (WARN_ON_ONCE(part > mbox_segment_room(part)))
			left = part;
		else if (unlikely(from.kernel))
			memcpy(segment->data, from.kernel + done, part);
		else
			left = _copy_from_user(segment->data, from.user + done,
					       part);
		segment = segment->next;
	}
	pagefault_enable();
	return !left;
}

/* mbox_copy_out_now() of what has segments. */
bool mbox_copy_out_now_long(const struct mbox_msg *msg, struct mbox_buffer to)
{
	struct mbox_segment *segment;
	unsigned long left = 0;
	size_t done, part;

	pagefault_disable();
	segment = msg->segments;
	for (done = 0; done < msg->len && !left; done += part) {
		part = min_t(size_t, msg->len - done, MBOX_SEGMENT_MAX);
		if (unlikely(to.kernel))
			memcpy(to.kernel + done, segment->data, part);
		else
			left = _copy_to_user(to.user + done, segment->data,
					     part);
		segment = segment->next;
	}
	pagefault_enable();
	return !left;
}

/* mbox_msg_copy_to() of what has segments, or those of another message. */
int mbox_msg_copy_to_long(struct mbox_msg *msg, size_t offset, size_t len,
			  struct iov_iter *to)
{
	struct mbox_segment *segment;
	size_t left = msg->len, part;

	if (unlikely(READ_ONCE(msg->units) & MBOX_MSG_COPY)) {
		msg = msg->original;
		if (!msg->segments)
			return mbox_msg_copy_to(msg, offset, len, to);
	}
	segment = msg->segments;
	for (; offset >= MBOX_SEGMENT_MAX; offset -= MBOX_SEGMENT_MAX) {
		segment = segment->next;
		left -= MBOX_SEGMENT_MAX;
	}
	while (len) {
		part = min_t(size_t, len, MBOX_SEGMENT_MAX - offset);
		if (!mbox_copy_out(segment->data + offset,
				   min_t(size_t, left, MBOX_SEGMENT_MAX) -
					   offset, part, to))
			return -EFAULT;
		len -= part;
		if (!len)
			break;
		left -= MBOX_SEGMENT_MAX;
		segment = segment->next;
		offset = 0;
		cond_resched();
	}
	return 0;
}

/*
 * The kernel may clear all memory when it is allocated, but not objects that
 * have been constructed. Ours need no clearing: a header is written field by
 * field, and a body as a whole before anyone can see it. But it does not clear
 * such objects when they are freed, either; so where that is asked for, nothing
 * is constructed.
 */
static void mbox_msg_construct(void *object)
{
}

/* A cache of objects of which all but the header is user data. */
static struct kmem_cache *mbox_msg_create_cache(const char *name,
						unsigned int size)
{
	const unsigned int head = sizeof(struct mbox_segment);

	size = MBOX_OBJECT_ROOM(size);
	return kmem_cache_create_usercopy(name, size, 0, SLAB_ACCOUNT, head,
					  size - head,
					  want_init_on_free() ?
						  NULL : mbox_msg_construct);
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
					      mbox_msg_caches[i].size);
		if (!mbox_msg_caches[i].cache)
			goto fail;
	}
	mbox_extra_cache = KMEM_CACHE(mbox_extra, SLAB_ACCOUNT);
	if (mbox_extra_cache)
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

	kmem_cache_destroy(mbox_extra_cache);
	for (i = 0; i < ARRAY_SIZE(mbox_msg_caches); i++)
		kmem_cache_destroy(mbox_msg_caches[i].cache);
}
