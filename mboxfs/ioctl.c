// SPDX-License-Identifier: GPL-2.0-only
/*
 * What read and write cannot say: see the comment of uapi/linux/mboxfs.h.
 * Each command is copied in, checked, handed to the engine, and copied out.
 */
#include "barrier.h"
#include "compat.h"
#include "copy.h"
#include "delay.h"
#include "mboxfs.h"
#include "receive.h"
#include "send.h"

#include <linux/fsnotify.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#define MBOXFS_SEND_FLAGS	(MBOXFS_NONBLOCK | MBOXFS_SYNC | MBOXFS_DELAY)
#define MBOXFS_RECV_FLAGS	(MBOXFS_NONBLOCK | MBOXFS_PEEK | MBOXFS_FROM | \
				 MBOXFS_TAGGED | MBOXFS_TRUNC)

/**
 * mboxfs_wait_flags - how to wait
 * @file:	the open file
 * @flags:	from user space
 * @timeout:	from user space
 *
 * O_NONBLOCK, NONBLOCK and a timeout of 0 are all the same.
 *
 * Return: MBOX_NONBLOCK or 0.
 */
unsigned int mboxfs_wait_flags(struct file *file, u32 flags, s64 timeout)
{
	if ((file->f_flags & O_NONBLOCK) || (flags & MBOXFS_NONBLOCK) ||
	    !timeout)
		return MBOX_NONBLOCK;
	return 0;
}

/**
 * mboxfs_iter - user space's buffer
 * @iter:	set up for it
 * @direction:	ITER_SOURCE or ITER_DEST
 * @data:	where it is
 * @len:	its length
 *
 * Return: 0, or -EFAULT.
 */
int mboxfs_iter(struct iov_iter *iter, unsigned int direction, u64 data,
		size_t len)
{
	void __user *buffer = u64_to_user_ptr(data);

	if (len && !access_ok(buffer, len))
		return -EFAULT;
	iov_iter_ubuf(iter, direction, buffer, len);
	return 0;
}

/**
 * mboxfs_check_msg - whether a message can be sent as it says
 * @m:		the message
 * @allowed:	the flags that make sense
 *
 * Return: 0 or -EINVAL.
 */
int mboxfs_check_msg(const struct mboxfs_msg *m, u32 allowed)
{
	if ((m->flags & ~allowed) || m->reserved[0] || m->reserved[1] ||
	    m->priority > MBOXFS_PRIORITY_MAX)
		return -EINVAL;
	if ((m->flags & MBOXFS_SYNC) && (m->flags & MBOXFS_DELAY))
		return -EINVAL;
	return 0;
}

/* Make the message that user space describes. */
static struct mbox_msg *mboxfs_make_msg(struct mbox *box,
					const struct mboxfs_msg *m,
					unsigned int flags)
{
	struct mbox_msg *msg;
	struct iov_iter from;
	int err;

	err = mbox_check_send(box, m->len, flags);
	if (!err)
		err = mboxfs_iter(&from, ITER_SOURCE, m->data, m->len);
	if (err)
		return ERR_PTR(err);
	msg = mbox_new_msg(box, m->len, m->priority, flags, current_cred(),
			   MBOX_GFP);
	if (IS_ERR(msg))
		return msg;
	msg->tag = m->tag;
	if (m->flags & MBOXFS_DELAY)
		err = mbox_set_delay(box, msg, m->delay_ns, MBOX_GFP);
	if (!err && mbox_msg_copy_from(msg, &from))
		err = -EFAULT;
	if (unlikely(err)) {
		mbox_msg_put(box->pool, msg);
		return ERR_PTR(err);
	}
	return msg;
}

static void mboxfs_ioctl_received(struct file *file)
{
	mboxfs_received(file);
	fsnotify_access(file);
}

/*
 * If a wait with a timeout has been interrupted, but no handler is going to run,
 * the command will be given again: it has to find what is left of its timeout.
 */
static long mboxfs_go_on(long ret, s64 left, __s64 __user *timeout)
{
	if (unlikely(ret == -ERESTARTNOHAND) && put_user(left, timeout))
		return -EINTR;
	return ret;
}

static long mboxfs_end_send(struct mbox *box, long ret, s64 left,
			    __s64 __user *timeout)
{
	if (unlikely(left > 0) && ret != -ERESTARTNOHAND)
		mbox_sent(box);
	return mboxfs_go_on(ret, left, timeout);
}

static long mboxfs_end_receive(struct mbox *box, long ret, s64 left,
			       __s64 __user *timeout)
{
	if (unlikely(left > 0) && ret != -ERESTARTNOHAND)
		mbox_received(box);
	return mboxfs_go_on(ret, left, timeout);
}

static long mboxfs_ioc_send(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_msg __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg m;
	struct mbox_msg *msg;
	unsigned int flags;
	int err, again = 0;

	err = mboxfs_get_arg(&m, sizeof(m), call);
	if (!err)
		err = mboxfs_check_msg(&m, MBOXFS_SEND_FLAGS);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, m.flags, m.timeout_ns);
	if (m.flags & MBOXFS_SYNC)
		flags |= MBOX_SYNC;
	do {
		msg = mboxfs_make_msg(box, &m, flags);
		if (IS_ERR(msg)) {
			if (unlikely(again))
				mbox_give_up(box);
			return PTR_ERR(msg);
		}
		err = mbox_send(box, msg, flags, &m.timeout_ns);
		again = err;
	} while (unlikely(err == MBOX_AGAIN));
	if (!err)
		fsnotify_modify(file);
	return mboxfs_end_send(box, err, m.timeout_ns, &user->timeout_ns);
}

/* What is wanted, from what user space says. */
static int mboxfs_get_want(struct file *file, const struct mboxfs_msg *m,
			   u32 allowed, struct mbox_want *want)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if ((m->flags & ~allowed) || m->reserved[0] || m->reserved[1])
		return -EINVAL;
	if ((m->flags & MBOXFS_FROM) && m->pid < 0)
		return -EINVAL;
	*want = (struct mbox_want){
		.flags = mboxfs_wait_flags(file, m->flags, m->timeout_ns),
		.sender = m->pid,
		.ns = task_active_pid_ns(current),
		.room = m->len,
		.tag = m->tag,
		.timeout = m->timeout_ns,
	};
	if (m->flags & MBOXFS_PEEK)
		want->flags |= MBOX_PEEK;
	if (m->flags & MBOXFS_FROM)
		want->flags |= MBOX_FROM;
	if (m->flags & MBOXFS_TAGGED)
		want->flags |= MBOX_TAGGED;
	/* There is no rest of an ioctl. */
	if (mbox_get_limit(box, MBOX_SHORT_READ) != MBOXFS_SHORT_READ_TRUNCATE)
		want->flags |= MBOX_WHOLE;
	return 0;
}

/* The sender's ids as the caller knows them; most know them as they are. */
static u32 mboxfs_show_uid(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kuid_val(uid) :
					     from_kuid_munged(ns, uid);
}

static u32 mboxfs_show_gid(kgid_t gid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kgid_val(gid) :
					     from_kgid_munged(ns, gid);
}

/* Where a field of a message ends. */
#define MBOXFS_UPTO(field)	offsetofend(struct mboxfs_msg, field)

/* What a structure of @size bytes does not have is not told. */
static __always_inline int __mboxfs_put_meta(struct mbox_msg *msg, u32 flags,
					     struct mboxfs_msg __user *user,
					     size_t size)
{
	pid_t pid = mbox_msg_sender(msg, task_active_pid_ns(current));
	u32 uid = mboxfs_show_uid(msg->uid), gid = mboxfs_show_gid(msg->gid);

	if (!user_write_access_begin(user, size))
		return -EFAULT;
	if (size >= MBOXFS_UPTO(len))
		unsafe_put_user(msg->len, &user->len, fault);
	if (size >= MBOXFS_UPTO(flags))
		unsafe_put_user(flags, &user->flags, fault);
	if (size >= MBOXFS_UPTO(priority))
		unsafe_put_user(msg->priority, &user->priority, fault);
	if (size >= MBOXFS_UPTO(pid))
		unsafe_put_user(pid, &user->pid, fault);
	if (size >= MBOXFS_UPTO(uid))
		unsafe_put_user(uid, &user->uid, fault);
	if (size >= MBOXFS_UPTO(gid))
		unsafe_put_user(gid, &user->gid, fault);
	if (size >= MBOXFS_UPTO(tag))
		unsafe_put_user(msg->tag, &user->tag, fault);
	if (size >= MBOXFS_UPTO(sent_ns))
		unsafe_put_user(msg->sent, &user->sent_ns, fault);
	if (size >= MBOXFS_UPTO(seq))
		unsafe_put_user(msg->seq, &user->seq, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Copy out what is known about a message; nearly all have room for all of it. */
static int mboxfs_put_meta(struct mbox_msg *msg, u32 flags,
			   struct mboxfs_msg __user *user, size_t size)
{
	if (likely(size >= MBOXFS_UPTO(seq)))
		return __mboxfs_put_meta(msg, flags, user, MBOXFS_UPTO(seq));
	return __mboxfs_put_meta(msg, flags, user, size);
}

/* Copy out a message, its body first. */
static int mboxfs_put_msg(struct mbox_msg *msg, const struct mboxfs_msg *m,
			  struct mboxfs_msg __user *user, size_t size)
{
	size_t len = min(m->len, msg->len);
	u32 flags = m->flags & ~MBOXFS_TRUNC;
	struct iov_iter to;

	if (mboxfs_iter(&to, ITER_DEST, m->data, len) ||
	    mbox_msg_copy_to(msg, 0, len, &to))
		return -EFAULT;
	if (len < msg->len)
		flags |= MBOXFS_TRUNC;
	return mboxfs_put_meta(msg, flags, user, size);
}

/* Tell how long the message is that stays, for which there was no room. */
static int mboxfs_put_len(u32 len, struct mboxfs_msg __user *user, size_t size)
{
	if (size < MBOXFS_UPTO(len))
		return 0;
	return put_user(len, &user->len);
}

/* Copy in what matters of a message that is to be received. */
static int mboxfs_get_room(struct mboxfs_msg *m, u32 allowed,
			   const struct mboxfs_msg __user *user, size_t size)
{
	int err;

	if (unlikely(size != sizeof(*m))) {
		err = mboxfs_get_struct(m, sizeof(*m), user, size);
		if (err)
			return err;
		goto check;
	}
	if (!user_read_access_begin(user, sizeof(*user)))
		return -EFAULT;
	unsafe_get_user(m->data, &user->data, fault);
	unsafe_get_user(m->len, &user->len, fault);
	unsafe_get_user(m->flags, &user->flags, fault);
	unsafe_get_user(m->reserved[0], &user->reserved[0], fault);
	unsafe_get_user(m->reserved[1], &user->reserved[1], fault);
	user_read_access_end();
check:
	if ((m->flags & ~allowed) || m->reserved[0] || m->reserved[1])
		return -EINVAL;
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static long mboxfs_ioc_recv(struct file *file, struct mboxfs_call call)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg __user *user = call.arg;
	struct mbox_want want;
	struct mboxfs_msg m;
	struct mbox_msg *msg;
	int err;

	err = mboxfs_get_arg(&m, sizeof(m), call);
	if (!err)
		err = mboxfs_get_want(file, &m, MBOXFS_RECV_FLAGS, &want);
	if (err)
		return err;
	msg = mbox_receive(box, &want);
	if (msg == ERR_PTR(-EMSGSIZE) &&
	    mboxfs_put_len(want.len, user, call.size))
		return -EFAULT;
	err = mboxfs_end_receive(box, PTR_ERR_OR_ZERO(msg), want.timeout,
				 &user->timeout_ns);
	if (err)
		return err;
	err = mboxfs_put_msg(msg, &m, user, call.size);
	if (want.flags & MBOX_PEEK) {
		mbox_msg_put(box->pool, msg);
		return err;
	}
	if (err) {
		mbox_return(box, &msg, 1);
		return err;
	}
	if (unlikely(m.len < msg->len))
		mbox_truncated(box, msg);
	mbox_consume(box, &msg, 1);
	mboxfs_ioctl_received(file);
	return 0;
}

static int mboxfs_get_batch(struct mboxfs_batch *b, struct mboxfs_call call)
{
	int err = mboxfs_get_arg(b, sizeof(*b), call);

	if (err)
		return err;
	if ((b->flags & ~MBOXFS_NONBLOCK) || b->reserved32)
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

static long mboxfs_ioc_send_batch(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_batch __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	int err = 0, total = 0, made, done = 0;
	struct mboxfs_batch b;
	unsigned int flags;
	LIST_HEAD(msgs);
	bool waits;

	err = mboxfs_get_batch(&b, call);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, b.flags, b.timeout_ns);
	do {
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
		/* Only the first is waited for, and then it was alone. */
		flags |= MBOX_NONBLOCK;
	} while (total < b.count && (done == made || waits) &&
		 !fatal_signal_pending(current));
	if (unlikely(done == MBOX_AGAIN))
		mbox_give_up(box);
	if (total)
		fsnotify_modify(file);
	return mboxfs_end_send(box, total ? total : err, b.timeout_ns,
			       &user->timeout_ns);
}

/* Copy out what has been taken; return what could not be, or has no room. */
static long mboxfs_put_batch(struct file *file, const struct mboxfs_batch *b,
			     struct mbox_msg **msgs, int count, u32 allowed,
			     bool whole)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg __user *user;
	struct mboxfs_msg m;
	int done, err = 0;

	for (done = 0; done < count; done++) {
		user = mboxfs_batch_msg(b, done);
		err = mboxfs_get_room(&m, allowed, user, b->size);
		if (!err && whole && m.len < msgs[done]->len)
			err = -EMSGSIZE;
		if (!err)
			err = mboxfs_put_msg(msgs[done], &m, user, b->size);
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
	mbox_consume(box, msgs, done);
	mboxfs_ioctl_received(file);
	return done;
}

static long mboxfs_ioc_recv_batch(struct file *file, struct mboxfs_call call)
{
	const u32 allowed = MBOXFS_FROM | MBOXFS_TAGGED | MBOXFS_TRUNC;
	struct mboxfs_batch __user *batch = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mbox_want want;
	struct mbox_msg **msgs;
	struct mboxfs_batch b;
	struct mboxfs_msg m;
	bool whole;
	long ret;

	ret = mboxfs_get_batch(&b, call);
	if (ret || !b.count)
		return ret;
	ret = mboxfs_get_struct(&m, sizeof(m), mboxfs_batch_msg(&b, 0), b.size);
	if (ret)
		return ret;
	m.timeout_ns = b.timeout_ns;
	ret = mboxfs_get_want(file, &m, allowed, &want);
	if (ret)
		return ret;
	want.flags |= mboxfs_wait_flags(file, b.flags, b.timeout_ns);
	whole = want.flags & MBOX_WHOLE;

	msgs = kmalloc_array(b.count, sizeof(*msgs), GFP_KERNEL_ACCOUNT);
	if (!msgs)
		return -ENOMEM;
	ret = mbox_receive_batch(box, &want, msgs, b.count);
	if (ret > 0)
		ret = mboxfs_put_batch(file, &b, msgs, ret, allowed, whole);
	else if (ret == -EMSGSIZE &&
		 mboxfs_put_len(want.len, mboxfs_batch_msg(&b, 0), b.size))
		ret = -EFAULT;
	kfree(msgs);
	return mboxfs_end_receive(box, ret, want.timeout, &batch->timeout_ns);
}

/* 0 is how "no bound" is shown. */
static u64 mboxfs_limit_number(const struct mbox *box, enum mbox_limit limit)
{
	u64 value = mbox_get_limit(box, limit);

	return value == MBOX_NO_BOUND ? 0 : value;
}

/* Copy out a structure as far as the caller knows it. */
static int mboxfs_put_arg(const void *from, size_t known,
			  struct mboxfs_call call)
{
	size_t size = min_t(size_t, known, call.size);

	if (copy_to_user(call.arg, from, size) ||
	    clear_user(call.arg + size, call.size - size))
		return -EFAULT;
	return 0;
}

static long mboxfs_ioc_stat(struct file *file, struct mboxfs_call call)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mbox_stat stat;
	struct mboxfs_stat s = {
		.max_message_size =
			mboxfs_limit_number(box, MBOX_MAX_MESSAGE_SIZE),
		.max_messages = mboxfs_limit_number(box, MBOX_MAX_MESSAGES),
		.max_bytes = mboxfs_limit_number(box, MBOX_MAX_BYTES),
		.send_delay_ms = mboxfs_limit_number(box, MBOX_SEND_DELAY_MS),
		.delay_change = mboxfs_limit_number(box, MBOX_DELAY_CHANGE),
		.ttl_ms = mboxfs_limit_number(box, MBOX_TTL_MS),
		.short_read = mboxfs_limit_number(box, MBOX_SHORT_READ),
		.when_full = mboxfs_limit_number(box, MBOX_WHEN_FULL),
		.when_empty = mboxfs_limit_number(box, MBOX_WHEN_EMPTY),
		.flush_on_close = mboxfs_limit_number(box, MBOX_FLUSH_ON_CLOSE),
		.stopped = mboxfs_limit_number(box, MBOX_STOPPED),
		.type = mboxfs_limit_number(box, MBOX_TYPE),
	};

	mbox_get_stat(box, &stat);
	s.messages = stat.messages;
	s.bytes = stat.bytes;
	s.delayed_messages = stat.delayed_messages;
	s.delayed_bytes = stat.delayed_bytes;
	s.next_size = stat.next_size < 0 ? 0 : stat.next_size;
	s.readers_waiting = stat.readers_waiting;
	s.writers_waiting = stat.writers_waiting;
	s.sent_total = stat.sent_total;
	s.received_total = stat.received_total;
	s.dropped_total = stat.dropped_total;
	s.expired_total = stat.expired_total;
	s.revoked_total = stat.revoked_total;
	s.purged_total = stat.purged_total;
	s.barrier_sleepers = stat.barrier_sleepers;
	s.truncated_total = stat.truncated_total;
	return mboxfs_put_arg(&s, sizeof(s), call);
}

static bool mboxfs_owns(struct file *file)
{
	return inode_owner_or_capable(file_mnt_idmap(file), file_inode(file));
}

/**
 * mboxfs_revoke - take back what the caller may, of what is delayed
 * @idmap:	of the mount it comes through
 * @inode:	a mailbox that the caller may write
 *
 * The owner takes back all, others what they have sent themselves; in the
 * mailbox of a process, to which all may write, they do not even that.
 *
 * Return: how many have been taken back, or -EPERM.
 */
s64 mboxfs_revoke(struct mnt_idmap *idmap, struct inode *inode)
{
	if (inode_owner_or_capable(idmap, inode))
		return mbox_revoke(mboxfs_box(inode), INVALID_UID);
	if (MBOXFS_I(inode)->owner)
		return -EPERM;
	return mbox_revoke(mboxfs_box(inode), current_euid());
}

/*
 * The right of an owner to remove the name that the mailbox has, if it has one;
 * sticky groups do not keep owners from that.
 */
static int mboxfs_may_unlink(struct file *file)
{
	struct dentry *dentry = mboxfs_get_name(file_inode(file)), *parent;
	int err;

	if (!dentry)
		return 0;
	parent = dget_parent(dentry);
	err = inode_permission(file_mnt_idmap(file), d_inode(parent),
			       MAY_WRITE | MAY_EXEC);
	if (!err)
		err = mboxfs_may_move(file_mnt_idmap(file), d_inode(parent),
				      file_inode(file));
	dput(parent);
	dput(dentry);
	return err;
}

static long mboxfs_ioc_bind(struct file *file)
{
	int err;

	if (!mboxfs_owns(file))
		return -EPERM;
	err = mboxfs_may_unlink(file);
	return err ? err : mboxfs_bind(file_inode(file), file);
}

/**
 * mboxfs_ioc_barrier - sleep, or wait for the other parties
 * @file:	the open mailbox or group
 * @barrier:	of which
 * @call:	MBOXFS_IOC_BARRIER_SLEEP or _WAIT
 *
 * Return: as mbox_barrier_sleep() and mbox_barrier_wait(); -EFAULT; -E2BIG;
 * -EINVAL.
 */
long mboxfs_ioc_barrier(struct file *file, struct mbox_barrier *barrier,
			struct mboxfs_call call)
{
	struct mboxfs_barrier __user *user = call.arg;
	struct mboxfs_barrier b;
	s64 timeout;
	int err;

	err = mboxfs_get_arg(&b, sizeof(b), call);
	if (err)
		return err;
	if (b.flags & ~MBOXFS_NONBLOCK)
		return -EINVAL;
	timeout = b.timeout_ns;
	if (mboxfs_wait_flags(file, b.flags, timeout))
		timeout = 0;
	if (call.nr == MBOXFS_NR(BARRIER_SLEEP))
		err = mbox_barrier_sleep(barrier, &timeout);
	else
		err = mbox_barrier_wait(barrier, b.parties, &timeout);
	return mboxfs_go_on(err, timeout, &user->timeout_ns);
}

/* Commands that change a mailbox on behalf of its owner. */
static long mboxfs_owner_ioctl(struct file *file, unsigned int nr)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if (!mboxfs_owns(file))
		return -EPERM;
	switch (nr) {
	case MBOXFS_NR(STOP):
		return mbox_set_stopped(box, true);
	case MBOXFS_NR(START):
		return mbox_set_stopped(box, false);
	case MBOXFS_NR(PURGE):
		return min_t(u64, mbox_purge(box), INT_MAX);
	default:
		return mboxfs_ioc_bind(file);
	}
}

static long mboxfs_ioc_awake(struct file *file)
{
	struct mbox_barrier *barrier =
		READ_ONCE(mboxfs_box(file_inode(file))->barrier);

	return barrier ? mbox_barrier_awake(barrier) : 0;
}

static long mboxfs_sleeping_ioctl(struct file *file, struct mboxfs_call call)
{
	struct mbox_barrier *barrier;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	barrier = mbox_get_barrier(mboxfs_box(file_inode(file)));
	if (IS_ERR(barrier))
		return PTR_ERR(barrier);
	return mboxfs_ioc_barrier(file, barrier, call);
}

/* Commands that take messages: what read() is asked for, they are asked, too. */
static long mboxfs_reading_ioctl(struct file *file, struct mboxfs_call call)
{
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	err = rw_verify_area(READ, file, NULL, 0);
	if (err)
		return err;
	if (!mboxfs_may_receive(file_inode(file)))
		return -EPERM;
	return call.nr == MBOXFS_NR(RECV) ? mboxfs_ioc_recv(file, call) :
					    mboxfs_ioc_recv_batch(file, call);
}

/*
 * Commands that send. As for write(), who is asked may have to write to this
 * mount himself: so that comes first.
 */
static long mboxfs_sending_ioctl(struct file *file, struct mboxfs_call call)
{
	long ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = rw_verify_area(WRITE, file, NULL, 0);
	if (!ret)
		ret = mnt_want_write_file(file);
	if (ret)
		return ret;
	if (mboxfs_process_gone(file_inode(file)))
		ret = -ESRCH;
	else if (call.nr == MBOXFS_NR(SEND))
		ret = mboxfs_ioc_send(file, call);
	else
		ret = mboxfs_ioc_send_batch(file, call);
	mnt_drop_write_file(file);
	return ret;
}

/* Commands that change something else, and have no argument. */
static long mboxfs_changing_ioctl(struct file *file, struct mboxfs_call call)
{
	long ret;

	ret = mboxfs_no_arg(call);
	if (!ret)
		ret = mnt_want_write_file(file);
	if (ret)
		return ret;
	switch (call.nr) {
	case MBOXFS_NR(REVOKE):
		ret = min_t(s64, mboxfs_revoke(file_mnt_idmap(file),
					       file_inode(file)), INT_MAX);
		break;
	case MBOXFS_NR(BARRIER_AWAKE):
		ret = mboxfs_ioc_awake(file);
		break;
	default:
		ret = mboxfs_owner_ioctl(file, call.nr);
	}
	mnt_drop_write_file(file);
	return ret;
}

/**
 * mboxfs_ioctl - the commands of uapi/linux/mboxfs.h on a mailbox
 * @file:	the open mailbox
 * @cmd:	the command
 * @arg:	its argument
 *
 * Return: 0 or a count, or an error; -ENOTTY for what is no command.
 */
long mboxfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct mboxfs_call call;

	if (!mboxfs_decode(&call, cmd, arg))
		return -ENOTTY;
	switch (call.nr) {
	case MBOXFS_NR(SEND):
	case MBOXFS_NR(SEND_BATCH):
		return mboxfs_sending_ioctl(file, call);
	case MBOXFS_NR(RECV):
	case MBOXFS_NR(RECV_BATCH):
		return mboxfs_reading_ioctl(file, call);
	case MBOXFS_NR(STAT):
		return mboxfs_ioc_stat(file, call);
	case MBOXFS_NR(BARRIER_SLEEP):
	case MBOXFS_NR(BARRIER_WAIT):
		return mboxfs_sleeping_ioctl(file, call);
	case MBOXFS_NR(REVOKE):
	case MBOXFS_NR(BARRIER_AWAKE):
		if (!(file->f_mode & FMODE_WRITE))
			return -EBADF;
		fallthrough;
	case MBOXFS_NR(STOP):
	case MBOXFS_NR(START):
	case MBOXFS_NR(PURGE):
	case MBOXFS_NR(BIND):
		return mboxfs_changing_ioctl(file, call);
	default:
		return -ENOTTY;
	}
}
