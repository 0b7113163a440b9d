/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages: headers and bodies. Knows no mailbox.
 */
#ifndef _MBOXFS_MESSAGE_H
#define _MBOXFS_MESSAGE_H

#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "pool.h"

/* Memory for messages: rather an error for the sender than an OOM killer. */
#define MBOX_GFP	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

struct iov_iter;
struct mbox_holder;
struct mbox_waiter;
struct pid_namespace;

/**
 * struct mbox_segment - a part of a body that does not fit behind its header
 * @next:	the next one
 * @data:	the part
 */
struct mbox_segment {
	struct mbox_segment	*next;
	u8			data[];
};

/* Where a message is; guarded by its mailbox's lock. */
enum mbox_msg_state {
	MBOX_MSG_OUTSIDE,	/* not sent yet, or not the mailbox's any more */
	MBOX_MSG_DELAYED,	/* sent, to become readable later */
	MBOX_MSG_STORED,	/* readable, in a list */
	MBOX_MSG_BACK,		/* readable again, see store.c */
	MBOX_MSG_COPYING,	/* with a reader */
	MBOX_MSG_LEASED,	/* on lease */
	MBOX_MSG_DEAD,		/* tried too often */
};

/**
 * struct mbox_sum - some messages, added up
 * @messages:	how many
 * @bytes:	their bodies
 * @memory:	what they use of their pool
 */
struct mbox_sum {
	u64	messages;
	u64	bytes;
	u64	memory;
};

/**
 * struct mbox_level - the messages of one priority above the default
 * @node:	place in mbox_store->levels
 * @messages:	first in, first out; those of the default priority are elsewhere
 * @back:	those that have come back between them, by their order
 * @sum:	of both
 * @priority:	their priority
 *
 * Lives in one of its own messages, and moves to another one with it: so a
 * level never needs memory at a moment when there may be none.
 */
struct mbox_level {
	struct rb_node		node;
	struct list_head	messages;
	struct rb_root_cached	back;
	struct mbox_sum		sum;
	u32			priority;
};

/**
 * struct mbox_lease - what is known about a message that is on lease, or dead
 * @node:	place among those on lease by @seq, or among the dead
 * @of_holder:	on one of the lists of @holder
 * @holder:	whose lease it is
 *
 * Such a message is not in the store, and does not expire.
 */
struct mbox_lease {
	struct rb_node		node;
	struct list_head	of_holder;
	struct mbox_holder	*holder;
};

/**
 * struct mbox_extra - what few messages need
 * @level:	the level of its priority, as long as it is kept here
 * @lease:	of a message that is on lease, or dead
 * @expiry:	place among the messages that expire, or whose lease ends
 * @msg:	whose this is, while @expiry or @lease is in use
 * @sender:	who waits for it to be received, or NULL
 * @order:	that of the message, while it is in a tree of those that are back;
 *		of one that is dead the running number of its death
 * @left:	ns left to live while that stands still; 0: all of @ttl_ms
 * @ttl_ms:	how long it may stay unread once readable, or 0
 * @attempts:	how often it has been on lease
 * @orphan:	who waited was killed: received now, or not at all
 * @was_dead:	is dead, or has been taken from among the dead
 * @once:	to be sent only if its tag is the highest so far
 *
 * Made along with messages that have a priority, a time to live, or a sender
 * who waits; else it is lent with the first lease, and no memory of the mount: who
 * takes messages on lease from one that is full makes room. Guarded by the
 * mailbox's lock once the message is sent.
 */
struct mbox_extra {
	union {
		struct mbox_level	level;
		struct mbox_lease	lease;
	};
	struct rb_node		expiry;
	struct mbox_msg		*msg;
	struct mbox_waiter	*sender;
	u64			order;
	u64			left;
	u32			ttl_ms;
	u32			attempts;
	bool			orphan;
	bool			was_dead;
	bool			once;
};

/* In @units: has no body of its own; its extra is lent, and none of its memory. */
#define MBOX_MSG_COPY		0x80
#define MBOX_MSG_LENT		0x40
#define MBOX_MSG_UNITS		0x3f

/* @time of a message for which the mailbox's own delay holds. */
#define MBOX_DELAY_DEFAULT	U64_MAX

/**
 * struct mbox_msg - one message: its header, and its body
 * @node:	place in a mailbox's store, or on another list
 * @order:	place among all messages the mailbox ever published
 * @due_node:	place among the delayed messages, or those that are back
 * @next_spare:	the next of those that are kept for reuse
 * @segments:	the body, if it is not in @body
 * @original:	of a copy, instead: the message whose body it has, with a
 *		reference
 * @extra:	what only few messages need, or NULL
 * @sender:	process that sent it, see mbox_msg_sender()
 * @uid:	its user
 * @gid:	its group
 * @tag:	any number the sender likes
 * @seq:	the mailbox's running number
 * @sent:	when it was sent, CLOCK_REALTIME, ns
 * @time:	CLOCK_BOOTTIME, ns: when it becomes readable, as long as it is
 *		delayed; later when it expires, if it has a time to live. Before
 *		it is sent: the delay that its sender wants
 * @refs:	who knows it: its mailbox, and those who peek
 * @len:	bytes of the body
 * @memory:	bytes of all its own objects, which is what its pool is charged
 * @priority:	higher ones are received first
 * @state:	where it is
 * @units:	of how many MBOX_OBJECT_UNIT bytes this object is, less one; and
 *		MBOX_MSG_COPY, MBOX_MSG_LENT
 * @body:	the body, if there are no segments
 *
 * Between being made and being sent a message belongs to its sender, and while
 * it is copied out to one reader; neither needs a lock then. In between all
 * but the body is guarded by the mailbox's lock.
 */
struct mbox_msg {
	union {
		struct {
			struct list_head	node;
			u64			order;
		};
		struct rb_node	due_node;
		struct mbox_msg	*next_spare;
	};
	union {
		struct mbox_segment	*segments;
		struct mbox_msg		*original;
	};
	struct mbox_extra	*extra;
	unsigned long		sender;
	kuid_t			uid;
	kgid_t			gid;
	u64			tag;
	u64			seq;
	u64			sent;
	u64			time;
	refcount_t		refs;
	u32			len;
	u32			memory;
	u16			priority;
	u8			state;
	u8			units;
	u8			body[] __aligned(8);
};

struct mbox_msg *mbox_msg_alloc(struct mbox_pool *pool, size_t len, bool extra,
				const struct cred *cred, gfp_t gfp);
struct mbox_msg *mbox_msg_copy(struct mbox_pool *pool, struct mbox_msg *original,
			       bool extra, gfp_t gfp);
void mbox_msg_free_spare(struct mbox_pool *pool, struct mbox_msg *msg);
struct mbox_extra *mbox_extra_alloc(gfp_t gfp);
void mbox_extra_free(struct mbox_extra *extra);
void mbox_msg_put(struct mbox_pool *pool, struct mbox_msg *msg);
void mbox_msg_put_list(struct mbox_pool *pool, struct list_head *list);

int mbox_msg_init(void);
void mbox_msg_exit(void);

/*
 * A body is behind its header, in one object from a cache of a fitting size: they
 * are a half apart (128, 192, 256, 384... 4096), all multiples of a unit. What does
 * not fit into the largest is in segments, of up to a page of the body each, the
 * last one in a fitting object. Behind each object is the allocator's own pointer.
 */
#define MBOX_MSG_CACHES		12
#define MBOX_OBJECT_UNIT	64
#define MBOX_OBJECT_MIN		128
#define MBOX_OBJECT_MAX		4096
#define MBOX_OBJECT_ROOM(size)	((size) - sizeof(void *))
#define MBOX_FIRST_MAX		(MBOX_OBJECT_ROOM(MBOX_OBJECT_MAX) - \
				 sizeof(struct mbox_msg))
#define MBOX_SEGMENT_MAX	4096
#define MBOX_SEGMENT_SIZE	(MBOX_SEGMENT_MAX + 16)
#define MBOX_SEGMENT_CACHE	(MBOX_MSG_CACHES - 1)

/* Never a multiple of 16, as what all other objects use is. */
#define MBOX_EXTRA_SIZE		(ALIGN(sizeof(struct mbox_extra), 16) + 8)

/* The size of the smallest object that has room for so many bytes. */
static inline u32 mbox_object_size(u32 room)
{
	u32 last = room + sizeof(void *) - 1;

	if (last < MBOX_OBJECT_MIN)
		return MBOX_OBJECT_MIN;
	return (last | ((1U << (ilog2(last) - 1)) - 1)) + 1;
}

/* The same of a segment for so many bytes of a body. */
static inline u32 mbox_segment_size(size_t part)
{
	u32 room = sizeof(struct mbox_segment) + part;

	return room > MBOX_OBJECT_ROOM(MBOX_OBJECT_MAX) ?
		       MBOX_SEGMENT_SIZE : mbox_object_size(room);
}

/**
 * mbox_msg_memory - the memory that a message needs
 * @len:	bytes of the body, at most MBOXFS_MESSAGE_MAX
 * @extra:	whether it has a struct mbox_extra
 *
 * Messages that need the same have the same objects.
 *
 * Context: any.
 */
static inline u32 mbox_msg_memory(size_t len, bool extra)
{
	u32 size;

	if (likely(len <= MBOX_FIRST_MAX)) {
		size = mbox_object_size(sizeof(struct mbox_msg) + len);
	} else {
		size = MBOX_OBJECT_MIN +
		       len / MBOX_SEGMENT_MAX * MBOX_SEGMENT_SIZE;
		len %= MBOX_SEGMENT_MAX;
		if (len)
			size += mbox_segment_size(len);
	}
	return extra ? size + MBOX_EXTRA_SIZE : size;
}

void mbox_msg_range(const struct mbox_msg *msg, u32 *from, u32 *span);

/* Its place among all messages that the mailbox has published. */
static inline u64 mbox_msg_order(const struct mbox_msg *msg)
{
	return unlikely(msg->state == MBOX_MSG_BACK) ? msg->extra->order :
						       msg->order;
}

/* Whether it is in the store; guarded by its mailbox's lock. */
static inline bool mbox_msg_stored(const struct mbox_msg *msg)
{
	return msg->state == MBOX_MSG_STORED || msg->state == MBOX_MSG_BACK;
}

/* How long a message may stay unread, in ms, or 0. */
static inline u32 mbox_msg_ttl(const struct mbox_msg *msg)
{
	return unlikely(msg->extra) ? msg->extra->ttl_ms : 0;
}

/*
 * The sender's number: that of most processes means the same for as long as
 * the message lives, and needs no reference. One in a pid namespace has a
 * number for each namespace above it, which only its struct pid knows.
 */
static inline void mbox_msg_set_sender(struct mbox_msg *msg,
				       const struct cred *cred)
{
	struct pid *pid = task_tgid(current);

	if (likely(!pid->level))
		msg->sender = ((unsigned long)pid_nr(pid) << 1) | 1;
	else
		msg->sender = (unsigned long)get_pid(pid);
	msg->uid = cred->euid;
	msg->gid = cred->egid;
}

/* The caller is going to send it as @cred; all that is not about memory. */
static inline void mbox_msg_begin(struct mbox_msg *msg, const struct cred *cred)
{
	msg->state = MBOX_MSG_OUTSIDE;
	msg->priority = 0;
	msg->tag = 0;
	msg->time = MBOX_DELAY_DEFAULT;
	mbox_msg_set_sender(msg, cred);
}

/* The sender's struct pid, if it is one. */
static inline struct pid *mbox_msg_sender_pid(const struct mbox_msg *msg)
{
	return likely(msg->sender & 1) ? NULL : (struct pid *)msg->sender;
}

/**
 * mbox_msg_sender - who sent a message
 * @msg:	the message
 * @ns:		the pid namespace of the one who asks
 *
 * Context: any.
 * Return: the process id as @ns knows it, or 0 if it does not; also of
 * processes that have ended.
 */
static inline pid_t mbox_msg_sender(const struct mbox_msg *msg,
				    struct pid_namespace *ns)
{
	struct pid *pid = mbox_msg_sender_pid(msg);

	if (unlikely(pid))
		return pid_nr_ns(pid, ns);
	return ns == &init_pid_ns ? msg->sender >> 1 : 0;
}

/* Nobody will ask for the sender any more. */
static inline void mbox_msg_put_sender(struct mbox_msg *msg)
{
	struct pid *pid = mbox_msg_sender_pid(msg);

	if (unlikely(pid))
		put_pid(pid);
}

/*
 * What is kept for reuse knows its sender no more: a struct pid would keep its
 * namespace. Called by who has the message to himself, without a lock.
 */
static inline void mbox_msg_forget_sender(struct mbox_msg *msg)
{
	if (likely(!mbox_msg_sender_pid(msg)) || refcount_read(&msg->refs) != 1)
		return;
	mbox_msg_put_sender(msg);
	msg->sender = 1;
}

/**
 * mbox_msg_reuse - make a new message of one that is kept
 * @msg:	a message of the same mbox_msg_memory() that nobody knows any more,
 *		and that knows its sender no more
 * @len:	bytes of the new body
 * @cred:	as for mbox_msg_alloc()
 *
 * As mbox_msg_alloc(), but who has paid for it goes on paying.
 */
static inline void mbox_msg_reuse(struct mbox_msg *msg, size_t len,
				  const struct cred *cred)
{
	msg->len = len;
	mbox_msg_begin(msg, cred);
}

/* Bytes of the object that a message is. */
static inline u32 mbox_msg_size(const struct mbox_msg *msg)
{
	return ((READ_ONCE(msg->units) & MBOX_MSG_UNITS) + 1) *
	       MBOX_OBJECT_UNIT;
}

/* An extra begins anew. */
static inline void mbox_extra_reset(struct mbox_extra *extra)
{
	extra->sender = NULL;
	extra->left = 0;
	extra->ttl_ms = 0;
	extra->attempts = 0;
	extra->orphan = false;
	extra->was_dead = false;
	extra->once = false;
}

/* What a message that is kept with its extra does not know any more, either. */
static inline void mbox_msg_reuse_extra(struct mbox_msg *msg)
{
	if (unlikely(msg->extra))
		mbox_extra_reset(msg->extra);
}

/**
 * mbox_sum_add - one more message
 * @sum:	the sum
 * @msg:	the message
 */
static inline void mbox_sum_add(struct mbox_sum *sum,
				const struct mbox_msg *msg)
{
	sum->messages++;
	sum->bytes += msg->len;
	sum->memory += msg->memory;
}

/**
 * mbox_sum_sub - one message less
 * @sum:	the sum
 * @msg:	the message
 */
static inline void mbox_sum_sub(struct mbox_sum *sum,
				const struct mbox_msg *msg)
{
	sum->messages--;
	sum->bytes -= msg->len;
	sum->memory -= msg->memory;
}

#endif /* _MBOXFS_MESSAGE_H */
