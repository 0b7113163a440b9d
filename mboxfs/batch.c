// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several messages in one call: arrays of them, and packed into one buffer.
 */
#include "transfer.h"

#include <linux/fsnotify.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "copy.h"
#include "dead.h"
#include "receive.h"
#include "send.h"

static struct mbox_buffer mboxfs_buffer(const struct mboxfs_msg *m)
{
	return (struct mbox_buffer){ .user = u64_to_user_ptr(m->data) };
}

static int mboxfs_get_batch(struct mboxfs_batch *b, u32 allowed,
			    struct mboxfs_call call)
{
	int err = mboxfs_get_arg(b, sizeof(*b), call);

	if (err)
		return err;
	if ((b->flags & ~allowed) || b->reserved32)
		return -EINVAL;
	/* No longer than what a command could say. */
	if (b->size > _IOC_SIZEMASK)
		return -E2BIG;
	if (!b->size)
		b->size = MBOXFS_MSG_SIZE_1;
	b->count = min_t(u32, b->count, MBOXFS_BATCH_MAX);
	return 0;
}

/* One of the messages of a batch. */
static struct mboxfs_msg __user *mboxfs_batch_msg(const struct mboxfs_batch *b,
						  u32 i)
{
	return u64_to_user_ptr(b->msgs + (u64)i * b->size);
}

/* Memory of the messages that are made before the first of them is sent. */
#define MBOXFS_CHUNK	(64 << 10)

/*
 * Make messages of a batch, from the one numbered @i on: as many as are made at a
 * time, up to the first bad one; *@err says what is bad about it.
 *
 * Return: how many.
 */
static int mboxfs_make_chunk(struct file *file, const struct mboxfs_batch *b,
			     u32 i, struct list_head *msgs, int *err)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	size_t memory = 0;
	struct mboxfs_msg m;
	struct mbox_msg *msg;
	int made = 0;

	for (; i < b->count && memory < MBOXFS_CHUNK; i++) {
		*err = mboxfs_get_struct(&m, sizeof(m), mboxfs_batch_msg(b, i),
					 b->size);
		if (!*err)
			*err = mboxfs_check_msg(&m, MBOXFS_DELAY);
		if (*err)
			break;
		msg = mboxfs_make_msg(box, &m, 0);
		*err = PTR_ERR_OR_ZERO(msg);
		if (*err)
			break;
		list_add_tail(&msg->node, msgs);
		memory += msg->memory;
		made++;
		cond_resched();
	}
	return made;
}

/**
 * struct mboxfs_feed - messages in user space, one after the other
 * @pos:	where the next one is
 * @end:	where the last one ends, if they are packed
 * @size:	bytes of each, if they are an array
 * @left:	how many there are still
 * @behind:	where the one behind @m is
 * @m:		what is known about the one at hand: here, as kernels may clear
 *		what is declared in a loop again and again
 */
struct mboxfs_feed {
	u64			pos;
	u64			end;
	u32			size;
	u32			left;
	u64			behind;
	struct mboxfs_msg	m;
};

/* Sees what the next one is; with page faults off. */
typedef bool (*mboxfs_next_t)(struct mboxfs_feed *feed);

/* Bytes of messages that are copied before the lock is let go for a moment. */
#define MBOXFS_SECTION		MBOX_IN_PLACE

/*
 * Send as many as can be sent from where they lie, some with each section: see
 * MBOX_IN_PLACE. Stops at the first one that is not as simple, or is not right.
 *
 * Return: how many.
 */
static __always_inline u32 mboxfs_send_now(struct mbox *box,
					   struct mboxfs_feed *feed,
					   mboxfs_next_t next)
{
	const struct cred *cred = current_cred();
	const struct mboxfs_msg *m = &feed->m;
	u32 bytes, was = feed->left;
	struct mbox_buffer from;
	u64 now;

	do {
		bytes = 0;
		now = ktime_get_real_ns();
		spin_lock(&box->lock);
		pagefault_disable();
		while (feed->left && bytes < MBOXFS_SECTION) {
			if (!next(feed))
				break;
			from = mboxfs_buffer(m);
			if (!access_ok(from.user, m->len) ||
			    !__mbox_send_now(box, from, m->len, m->tag, cred,
					     now))
				break;
			feed->pos = feed->behind;
			feed->left--;
			bytes += m->len + sizeof(struct mboxfs_record);
		}
		pagefault_enable();
		spin_unlock(&box->lock);
		cond_resched();
	} while (feed->left && bytes >= MBOXFS_SECTION &&
		 !fatal_signal_pending(current));
	return was - feed->left;
}

/* The next one of an array, if there is nothing special about it. */
static __always_inline bool mboxfs_next_msg(struct mboxfs_feed *feed)
{
	struct mboxfs_msg __user *user = u64_to_user_ptr(feed->pos);
	struct mboxfs_msg *m = &feed->m;

	if (unlikely(feed->size != sizeof(*m) ||
		     !user_read_access_begin(user, sizeof(*m))))
		return false;
	unsafe_get_user(m->data, &user->data, fault);
	unsafe_get_user(m->len, &user->len, fault);
	unsafe_get_user(m->flags, &user->flags, fault);
	unsafe_get_user(m->priority, &user->priority, fault);
	unsafe_get_user(m->tag, &user->tag, fault);
	unsafe_get_user(m->reserved[0], &user->reserved[0], fault);
	unsafe_get_user(m->reserved[1], &user->reserved[1], fault);
	unsafe_get_user(m->reserved[2], &user->reserved[2], fault);
	user_read_access_end();
	if (unlikely(m->flags || m->priority || !mboxfs_no_reserved(m)))
		return false;
	feed->behind = feed->pos + sizeof(*m);
	return true;
fault:
	user_read_access_end();
	return false;
}

static struct mboxfs_feed mboxfs_batch_feed(const struct mboxfs_batch *b)
{
	return (struct mboxfs_feed){
		.pos = b->msgs,
		.size = b->size,
		.left = b->count,
	};
}

/**
 * mboxfs_ioc_send_batch - MBOXFS_IOC_SEND_BATCH
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been sent, or the error of the first one.
 */
long mboxfs_ioc_send_batch(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_batch __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	int err = 0, total = 0, made, done = 0;
	struct mboxfs_feed feed;
	struct mboxfs_batch b;
	unsigned int flags;
	LIST_HEAD(msgs);
	bool waits;

	err = mboxfs_get_batch(&b, MBOXFS_NONBLOCK, call);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, b.flags, b.timeout_ns);
	feed = mboxfs_batch_feed(&b);
	total = mboxfs_send_now(box, &feed, mboxfs_next_msg);
	/* Only the first is waited for. */
	if (total)
		flags |= MBOX_NONBLOCK;
	while (total < b.count) {
		waits = !(flags & MBOX_NONBLOCK);
		made = mboxfs_make_chunk(file, &b, total, &msgs, &err);
		if (!made)
			break;
		done = mbox_send_batch(box, &msgs, flags, &b.timeout_ns);
		if (unlikely(done == MBOX_AGAIN))
			continue;
		if (done <= 0) {
			err = done;
			break;
		}
		total += done;
		/* Who has been waited for was alone. */
		flags |= MBOX_NONBLOCK;
		if ((done < made && !waits) || fatal_signal_pending(current))
			break;
	}
	if (unlikely(done == MBOX_AGAIN))
		mbox_give_up(box);
	if (total)
		fsnotify_modify(file);
	return mboxfs_end_wait(&box->writers, total ? total : err, b.timeout_ns,
			       &user->timeout_ns);
}

/* In the messages of a RECV_BATCH. */
#define MBOXFS_BATCH_RECV_FLAGS	(MBOXFS_FROM | MBOXFS_TAGGED | MBOXFS_TRUNC | \
				 MBOXFS_LEASE | MBOXFS_DEAD)

/* Messages have been copied out: they are received, or on lease; how many. */
static int mboxfs_finish_batch(struct file *file, struct mbox_msg **msgs,
			       int count, u32 flags)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	int done;

	if (!(flags & MBOXFS_LEASE)) {
		mbox_consume(box, msgs, count);
		return count;
	}
	done = mbox_lease(box, msgs, count, mboxfs_holder(file), false);
	if (done < count)
		mbox_return(box, msgs + max(done, 0), count - max(done, 0));
	return done;
}

/* Copy out what has been taken; return what could not be, or has no room. */
static long mboxfs_put_batch(struct file *file, const struct mboxfs_batch *b,
			     struct mbox_msg **msgs, int count, u32 flags,
			     bool whole)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg __user *user;
	struct mboxfs_msg m;
	int done, err = 0;

	for (done = 0; done < count; done++) {
		user = mboxfs_batch_msg(b, done);
		err = mboxfs_get_room(&m, MBOXFS_BATCH_RECV_FLAGS, user,
				      b->size);
		if (!err && whole && m.len < msgs[done]->len)
			err = -EMSGSIZE;
		if (!err)
			err = mboxfs_put_msg(msgs[done], &m, 0,
					     mboxfs_attempts(msgs[done], flags),
					     user, b->size);
		if (err)
			break;
		if (unlikely(m.len < msgs[done]->len))
			mbox_truncated(box, msgs[done]);
		cond_resched();
	}
	if (done < count)
		mbox_return(box, msgs + done, count - done);
	if (!done)
		return err;
	done = mboxfs_finish_batch(file, msgs, done, flags);
	if (done > 0)
		mboxfs_ioctl_received(file);
	return done;
}

/*
 * Receive as many as can be copied with the lock held, some with each section: see
 * MBOX_IN_PLACE. Stops at the first one that is not as simple.
 *
 * Return: how many.
 */
static __always_inline u32 mboxfs_receive_now(struct file *file,
					      struct mboxfs_feed *feed,
					      mbox_drain_t drain)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	bool seen = mboxfs_notes_reading(file);
	struct mbox_msg *gone = NULL;
	u32 bytes, was = feed->left;
	s64 len;

	do {
		bytes = 0;
		spin_lock(&box->lock);
		pagefault_disable();
		while (feed->left && bytes < MBOXFS_SECTION) {
			len = __mbox_receive_now(box, seen, drain, feed, &gone);
			if (len < 0)
				break;
			bytes += len + sizeof(struct mboxfs_record);
		}
		pagefault_enable();
		spin_unlock(&box->lock);
		if (unlikely(gone))
			mbox_free_gone(box, gone);
		gone = NULL;
		cond_resched();
	} while (feed->left && bytes >= MBOXFS_SECTION &&
		 !fatal_signal_pending(current));
	return was - feed->left;
}

/* Copy a message out to the next one of an array; with page faults off. */
static __always_inline bool mboxfs_drain_next(const struct mbox_msg *msg,
					      void *data)
{
	struct mboxfs_feed *feed = data;
	struct mboxfs_msg __user *user = u64_to_user_ptr(feed->pos);
	struct mboxfs_msg *m = &feed->m;
	struct mbox_buffer to;

	if (unlikely(feed->size != sizeof(*m) ||
		     mboxfs_get_room(m, MBOXFS_BATCH_RECV_FLAGS, user,
				     sizeof(*m)) ||
		     m->len < msg->len))
		return false;
	to = mboxfs_buffer(m);
	/* The body first: what says how much room there is may be read again. */
	if (unlikely(!access_ok(to.user, msg->len) ||
		     !mbox_copy_out_now(msg, to) ||
		     __mboxfs_put_meta(msg, m->flags & ~MBOXFS_TRUNC, 0, user,
				       MBOXFS_UPTO(attempts))))
		return false;
	feed->pos += sizeof(*m);
	feed->left--;
	return true;
}

/* The same by way of a list of messages, without the lock. */
static long mboxfs_receive_list(struct file *file, struct mboxfs_batch *b,
				struct mbox_want *want, u32 flags)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	bool whole = want->flags & MBOX_WHOLE;
	struct mbox_msg **msgs;
	long ret;

	msgs = kmalloc_array(b->count, sizeof(*msgs), GFP_KERNEL_ACCOUNT);
	if (!msgs)
		return -ENOMEM;
	if (flags & MBOXFS_DEAD)
		ret = mbox_receive_dead(box, want, msgs, b->count);
	else
		ret = mbox_receive_batch(box, want, msgs, b->count);
	if (ret > 0)
		ret = mboxfs_put_batch(file, b, msgs, ret, flags, whole);
	else if (ret == -EMSGSIZE &&
		 mboxfs_put_len(want->len, mboxfs_batch_msg(b, 0), b->size))
		ret = -EFAULT;
	kfree(msgs);
	return ret;
}

/**
 * mboxfs_ioc_recv_batch - MBOXFS_IOC_RECV_BATCH
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been received, or the error of the first one.
 */
long mboxfs_ioc_recv_batch(struct file *file, struct mboxfs_call call)
{
	const u32 both = MBOXFS_LEASE | MBOXFS_DEAD;
	struct mboxfs_batch __user *batch = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_feed feed = {};
	struct mbox_want want;
	struct mboxfs_batch b;
	struct mboxfs_msg m;
	long ret, done = 0;
	u32 flags;

	ret = mboxfs_get_batch(&b, MBOXFS_NONBLOCK | both, call);
	if (ret || !b.count)
		return ret;
	ret = mboxfs_get_struct(&m, sizeof(m), mboxfs_batch_msg(&b, 0), b.size);
	if (ret)
		return ret;
	m.timeout_ns = b.timeout_ns;
	ret = mboxfs_get_want(file, &m, MBOXFS_BATCH_RECV_FLAGS, &want);
	if (ret)
		return ret;
	flags = (m.flags | b.flags) & both;
	want.flags |= mboxfs_wait_flags(file, b.flags, b.timeout_ns);

	if (likely(!(want.flags & MBOX_CHOOSY) && !flags)) {
		feed = mboxfs_batch_feed(&b);
		done = mboxfs_receive_now(file, &feed, mboxfs_drain_next);
	}
	if (done) {
		fsnotify_access(file);
		b.msgs = feed.pos;
		b.count = feed.left;
		want.flags |= MBOX_NONBLOCK;
	}
	/* What the first part has left is not as simple, or not there. */
	if (b.count && (!done || !mbox_is_empty(box))) {
		ret = mboxfs_get_room(&m, MBOXFS_BATCH_RECV_FLAGS,
				      mboxfs_batch_msg(&b, 0), b.size);
		want.room = m.len;
		if (!ret)
			ret = mboxfs_receive_list(file, &b, &want, flags);
	}
	if (done)
		ret = done + max(ret, 0L);
	return mboxfs_end_wait(&box->readers, ret, want.timeout, &batch->timeout_ns);
}

static int mboxfs_get_packed(struct mboxfs_packed *p, u32 allowed,
			     struct mboxfs_call call)
{
	int err = mboxfs_get_arg(p, sizeof(*p), call);

	if (err)
		return err;
	if ((p->flags & ~allowed) || p->reserved32 || p->reserved[0] ||
	    p->reserved[1])
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(p->buf), p->len))
		return -EFAULT;
	return 0;
}

static struct mboxfs_feed mboxfs_packed_feed(const struct mboxfs_packed *p)
{
	return (struct mboxfs_feed){
		.pos = p->buf,
		.end = p->buf + p->len,
		.left = p->count ? p->count : U32_MAX,
	};
}

/* Where the record behind one with so many bytes is; the last needs no padding. */
static u64 mboxfs_behind_record(const struct mboxfs_feed *feed, u32 len)
{
	return min(feed->pos + ALIGN((u64)sizeof(struct mboxfs_record) + len, 8),
		   feed->end);
}

/* A record, which @r is a copy of, is within the buffer. */
static bool mboxfs_is_within(const struct mboxfs_feed *feed,
			     const struct mboxfs_record *r)
{
	return r->len <= feed->end - feed->pos - sizeof(*r);
}

static void mboxfs_unpack(const struct mboxfs_feed *feed,
			  const struct mboxfs_record *r, struct mboxfs_msg *m)
{
	m->data = feed->pos + sizeof(*r);
	m->len = r->len;
	m->flags = 0;
	m->priority = r->priority;
	m->tag = r->tag;
}

/* The next record, with page faults off. */
static __always_inline bool mboxfs_next_record(struct mboxfs_feed *feed)
{
	struct mboxfs_record __user *user = u64_to_user_ptr(feed->pos);
	struct mboxfs_record r;

	if (unlikely(feed->end - feed->pos < sizeof(r) ||
		     !user_read_access_begin(user, sizeof(r))))
		return false;
	unsafe_get_user(r.len, &user->len, fault);
	unsafe_get_user(r.priority, &user->priority, fault);
	unsafe_get_user(r.tag, &user->tag, fault);
	user_read_access_end();
	if (unlikely(r.priority || !mboxfs_is_within(feed, &r)))
		return false;
	mboxfs_unpack(feed, &r, &feed->m);
	feed->behind = mboxfs_behind_record(feed, r.len);
	return true;
fault:
	user_read_access_end();
	return false;
}

/* Send one record, with all that this may take. */
static int mboxfs_send_record(struct mbox *box, struct mboxfs_feed *feed,
			      unsigned int flags, s64 *timeout)
{
	struct mboxfs_msg m = { .timeout_ns = *timeout };
	struct mboxfs_record r;
	int err;

	if (feed->end - feed->pos < sizeof(r))
		return -EINVAL;
	if (copy_from_user(&r, u64_to_user_ptr(feed->pos), sizeof(r)))
		return -EFAULT;
	if (r.priority > MBOXFS_PRIORITY_MAX || !mboxfs_is_within(feed, &r))
		return -EINVAL;
	mboxfs_unpack(feed, &r, &m);
	err = mboxfs_send_msg(box, &m, flags);
	*timeout = m.timeout_ns;
	if (err)
		return err;
	feed->pos = mboxfs_behind_record(feed, r.len);
	feed->left--;
	return 0;
}

/**
 * mboxfs_ioc_send_packed - MBOXFS_IOC_SEND_PACKED
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been sent, or the error of the first one.
 */
long mboxfs_ioc_send_packed(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_packed __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_feed feed;
	struct mboxfs_packed p;
	unsigned int flags;
	long total;
	int err;

	err = mboxfs_get_packed(&p, MBOXFS_NONBLOCK, call);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, p.flags, p.timeout_ns);
	feed = mboxfs_packed_feed(&p);
	total = mboxfs_send_now(box, &feed, mboxfs_next_record);
	while (feed.left && feed.pos < feed.end) {
		if (total)
			flags |= MBOX_NONBLOCK;
		err = mboxfs_send_record(box, &feed, flags, &p.timeout_ns);
		if (err)
			break;
		total++;
		total += mboxfs_send_now(box, &feed, mboxfs_next_record);
		if (fatal_signal_pending(current))
			break;
	}
	if (total)
		fsnotify_modify(file);
	return mboxfs_end_wait(&box->writers, total ? total : err, p.timeout_ns,
			       &user->timeout_ns);
}

/* What is in front of a message. */
static __always_inline int mboxfs_put_record(const struct mbox_msg *msg,
					     struct mboxfs_record __user *user)
{
	if (!user_write_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_put_user(msg->len, &user->len, fault);
	unsafe_put_user(msg->priority, &user->priority, fault);
	unsafe_put_user(msg->tag, &user->tag, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Copy a message out to the next record; with page faults off. */
static __always_inline bool mboxfs_drain_record(const struct mbox_msg *msg,
						void *data)
{
	struct mboxfs_feed *feed = data;
	struct mboxfs_record __user *user = u64_to_user_ptr(feed->pos);
	struct mbox_buffer to = { .user = user + 1 };

	if (unlikely(feed->end - feed->pos < sizeof(*user) + msg->len ||
		     mboxfs_put_record(msg, user) ||
		     !mbox_copy_out_now(msg, to)))
		return false;
	feed->pos = mboxfs_behind_record(feed, msg->len);
	feed->left--;
	return true;
}

/* Copy a message out to a record; on lease, its number is in front of that. */
static int mboxfs_put_packed(struct mbox_msg *msg, u64 pos, u32 flags)
{
	struct mboxfs_record __user *user;
	struct iov_iter to;

	if (flags & MBOXFS_LEASE) {
		if (put_user(msg->seq, (u64 __user *)u64_to_user_ptr(pos)))
			return -EFAULT;
		pos += sizeof(msg->seq);
	}
	user = u64_to_user_ptr(pos);
	if (mboxfs_put_record(msg, user) ||
	    mboxfs_iter(&to, ITER_DEST, pos + sizeof(*user), msg->len) ||
	    mbox_msg_copy_to(msg, 0, msg->len, &to))
		return -EFAULT;
	return 0;
}

/* What is in front of a packed message. */
static u32 mboxfs_packed_head(u32 flags)
{
	return sizeof(struct mboxfs_record) +
	       (flags & MBOXFS_LEASE ? sizeof(u64) : 0);
}

/* Receive one record, with all that this may take; -EMSGSIZE sets @want->len. */
static int mboxfs_receive_record(struct file *file, struct mboxfs_feed *feed,
				 struct mbox_want *want, u32 flags)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	u64 room = feed->end - feed->pos;
	u32 head = mboxfs_packed_head(flags), len;
	struct mbox_msg *msg;
	int ret;

	want->room = room - min_t(u64, room, head);
	msg = mbox_receive(box, want);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	len = msg->len;
	want->len = len;
	ret = room < head ? -EMSGSIZE : mboxfs_put_packed(msg, feed->pos, flags);
	if (ret) {
		mbox_return(box, &msg, 1);
		return ret;
	}
	ret = mboxfs_finish_batch(file, &msg, 1, flags);
	if (ret < 0)
		return ret;
	feed->pos = min(feed->pos + ALIGN((u64)head + len, 8), feed->end);
	feed->left--;
	mboxfs_ioctl_received(file);
	return 0;
}

/* Receive as many records as can be copied with the lock held; how many. */
static u32 mboxfs_receive_records(struct file *file, struct mboxfs_feed *feed,
				  u32 flags)
{
	if (unlikely(flags & MBOXFS_LEASE))
		return 0;
	return mboxfs_receive_now(file, feed, mboxfs_drain_record);
}

/**
 * mboxfs_ioc_recv_packed - MBOXFS_IOC_RECV_PACKED
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been received, or the error of the first one.
 */
long mboxfs_ioc_recv_packed(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_packed __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mbox_want want = { .flags = MBOX_WHOLE };
	struct mboxfs_feed feed;
	struct mboxfs_packed p;
	long total;
	int err;

	err = mboxfs_get_packed(&p, MBOXFS_NONBLOCK | MBOXFS_LEASE, call);
	/* What has been received is not to be lost for want of this. */
	if (!err)
		err = put_user(p.len, &user->len);
	if (err)
		return err;
	want.flags |= mboxfs_wait_flags(file, p.flags, p.timeout_ns);
	want.timeout = p.timeout_ns;
	feed = mboxfs_packed_feed(&p);
	total = mboxfs_receive_records(file, &feed, p.flags);
	if (total)
		fsnotify_access(file);
	while (feed.left && (!total || !mbox_is_empty(box))) {
		if (total)
			want.flags |= MBOX_NONBLOCK;
		err = mboxfs_receive_record(file, &feed, &want, p.flags);
		if (err)
			break;
		total++;
		total += mboxfs_receive_records(file, &feed, p.flags);
		if (fatal_signal_pending(current))
			break;
	}
	p.len = feed.pos - p.buf;
	if (!total && err == -EMSGSIZE)
		p.len = mboxfs_packed_head(p.flags) + want.len;
	if ((total || err == -EMSGSIZE) && put_user(p.len, &user->len) &&
	    !total)
		err = -EFAULT;
	return mboxfs_end_wait(&box->readers, total ? total : err, want.timeout,
				  &user->timeout_ns);
}
