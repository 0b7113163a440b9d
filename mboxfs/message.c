// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message bodies: make, fill, copy out, free.
 *
 * A body begins behind its header in one object from a cache of a fitting size
 * and goes on in segments of at most a page, so no allocation is of a higher
 * order, however long the message. The caches are our own and have a usercopy
 * window: they are never merged with others, so a message has only messages
 * next to it. Copies check their bounds here, see copy.h.
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
	{ "mboxfs_msg_256", 256 },
	{ "mboxfs_msg_512", 512 },
	{ "mboxfs_msg_1k", 1024 },
	{ "mboxfs_msg_2k", 2048 },
	{ "mboxfs_msg_4k", MBOX_OBJECT_MAX },
};

static struct kmem_cache *mbox_extra_cache;

/**
 * mbox_msg_sender - who sent a message
 * @msg:	the message
 * @ns:		the pid namespace of the one who asks
 *
 * Context: any.
 * Return: the process id as @ns knows it, or 0 if it does not; also of
 * processes that have ended.
 */
pid_t mbox_msg_sender(const struct mbox_msg *msg, struct pid_namespace *ns)
{
	struct pid *pid = mbox_msg_sender_pid(msg);

	if (pid)
		return pid_nr_ns(pid, ns);
	return ns == &init_pid_ns ? msg->sender >> 1 : 0;
}

/* A copy has no segments of its own: its @segments are not to be seen here. */
static void mbox_msg_free_objects(struct mbox_msg *msg, bool may_sleep)
{
	unsigned int cache = msg->cache & ~MBOX_MSG_COPY;
	size_t left = msg->len - MBOX_FIRST_MAX;
	struct mbox_segment *segment, *next;

	for (segment = msg->segments; segment; segment = next) {
		next = segment->next;
		kmem_cache_free(mbox_msg_caches[mbox_segment_cache(left)].cache,
				segment);
		left -= MBOX_SEGMENT_MAX;
		if (may_sleep)
			cond_resched();
	}
	if (unlikely(msg->extra))
		kmem_cache_free(mbox_extra_cache, msg->extra);
	kmem_cache_free(mbox_msg_caches[cache].cache, msg);
}

static bool mbox_msg_add_segments(struct mbox_msg *msg, gfp_t gfp)
{
	struct mbox_segment **end = &msg->segments;
	size_t left = msg->len - MBOX_FIRST_MAX;
	struct kmem_cache *cache;

	for (;;) {
		if (gfpflags_allow_blocking(gfp)) {
			cond_resched();
			if (fatal_signal_pending(current))
				return false;
		}
		cache = mbox_msg_caches[mbox_segment_cache(left)].cache;
		*end = kmem_cache_alloc(cache, gfp);
		if (!*end)
			return false;
		(*end)->next = NULL;
		end = &(*end)->next;
		if (left <= MBOX_SEGMENT_MAX)
			return true;
		left -= MBOX_SEGMENT_MAX;
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
	unsigned int cache = mbox_msg_cache(sizeof(struct mbox_msg) + len);
	u32 size = mbox_msg_memory(len, extra);
	struct mbox_msg *msg;

	if (!mbox_pool_charge(pool, size))
		return ERR_PTR(-ENOSPC);
	msg = kmem_cache_alloc(mbox_msg_caches[cache].cache, gfp);
	if (!msg)
		goto out_uncharge;
	msg->len = len;
	msg->memory = size;
	msg->cache = cache;
	msg->segments = NULL;
	msg->extra = NULL;
	refcount_set(&msg->refs, 1);
	if (unlikely(extra)) {
		msg->extra = kmem_cache_zalloc(mbox_extra_cache, gfp);
		if (!msg->extra)
			goto out_free;
	}
	if (unlikely(len > MBOX_FIRST_MAX) && !mbox_msg_add_segments(msg, gfp))
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
	msg->cache |= MBOX_MSG_COPY;
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
	u32 size = msg->memory;

	if (likely(refcount_read(&msg->refs) == 1))
		smp_rmb(); /* pairs with the release of whoever put it last */
	else if (!refcount_dec_and_test(&msg->refs))
		return;
	mbox_msg_put_sender(msg);
	if (unlikely(msg->cache & MBOX_MSG_COPY)) {
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

/* The same of a segment that was made for @left bytes. */
static size_t mbox_segment_room(size_t left)
{
	return MBOX_OBJECT_ROOM(MBOX_OBJECT_MIN << mbox_segment_cache(left)) -
	       sizeof(struct mbox_segment);
}

/* mbox_msg_copy_from() of what has segments. */
int mbox_msg_copy_from_long(struct mbox_msg *msg, struct iov_iter *from)
{
	size_t left = msg->len;
	size_t part = min(left, mbox_msg_room(msg));
	struct mbox_segment *segment;

	if (!mbox_copy_in(msg->body, mbox_msg_room(msg), part, from))
		return -EFAULT;
	for (segment = msg->segments; segment; segment = segment->next) {
		left -= part;
		part = min(left, MBOX_SEGMENT_MAX);
		if (!mbox_copy_in(segment->data, mbox_segment_room(left), part,
				  from))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/* mbox_msg_copy_to() of what has segments, or those of another message. */
int mbox_msg_copy_to_long(struct mbox_msg *msg, size_t offset, size_t len,
			  struct iov_iter *to)
{
	struct mbox_segment *segment;
	size_t room, part;
	u8 *data;

	if (unlikely(msg->cache & MBOX_MSG_COPY))
		msg = msg->original;
	segment = msg->segments;
	room = mbox_msg_room(msg);
	data = msg->body;
	while (len) {
		if (offset < room) {
			part = min(len, room - offset);
			if (!mbox_copy_out(data + offset, room - offset, part,
					   to))
				return -EFAULT;
			len -= part;
			if (!len)
				break;
			offset += part;
			cond_resched();
		}
		offset -= room;
		data = segment->data;
		room = MBOX_SEGMENT_MAX;
		segment = segment->next;
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
