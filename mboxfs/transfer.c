// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message between user space's structure and a mailbox: copied in, checked,
 * handed to the engine, and copied out.
 */
#include "transfer.h"

#include <linux/fsnotify.h>
#include <linux/uio.h>

#include "copy.h"
#include "dead.h"
#include "receive.h"
#include "send.h"

#define MBOXFS_SEND_FLAGS	(MBOXFS_NONBLOCK | MBOXFS_SYNC | MBOXFS_DELAY | \
				 MBOXFS_SEQ | MBOXFS_ONCE)
#define MBOXFS_RESTORE_FLAGS	(MBOXFS_RESTORE | MBOXFS_NONBLOCK |	\
				 MBOXFS_DELAY | MBOXFS_SEQ | MBOXFS_ONCE | \
				 MBOXFS_IS_DEAD)
#define MBOXFS_RECV_FLAGS	(MBOXFS_NONBLOCK | MBOXFS_PEEK | MBOXFS_FROM | \
				 MBOXFS_TAGGED | MBOXFS_TRUNC |		\
				 MBOXFS_LEASE | MBOXFS_DEAD)

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
	if ((m->flags & ~allowed) || !mboxfs_no_reserved(m) ||
	    m->priority > MBOXFS_PRIORITY_MAX)
		return -EINVAL;
	if ((m->flags & MBOXFS_SYNC) && (m->flags & MBOXFS_DELAY))
		return -EINVAL;
	return 0;
}

/**
 * mboxfs_make_msg - make the message that user space describes
 * @box:	the mailbox
 * @m:		what is said about it
 * @flags:	as for mbox_send()
 *
 * Return: as mbox_msg_alloc(); -EMSGSIZE; -EAGAIN; -EFAULT.
 */
struct mbox_msg *mboxfs_make_msg(struct mbox *box, const struct mboxfs_msg *m,
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

void mboxfs_ioctl_received(struct file *file)
{
	mboxfs_received(file);
	fsnotify_access(file);
}

/**
 * mboxfs_go_on - let a command that was interrupted go on
 * @ret:	what it returns
 * @left:	what is left of its timeout
 * @timeout:	where that is in user space
 *
 * If a wait with a timeout has been interrupted, but no handler is going to run,
 * the command will be given again: it has to find what is left of its timeout.
 *
 * Return: @ret, or -EINTR.
 */
long mboxfs_go_on(long ret, s64 left, __s64 __user *timeout)
{
	if (unlikely(ret == -ERESTARTNOHAND) && put_user(left, timeout))
		return -EINTR;
	return ret;
}

/**
 * mboxfs_end_wait - a command that may have waited with a timeout is over
 * @where:	what it may have waited for
 * @ret:	what it returns
 * @left:	what is left of the timeout
 * @timeout:	where that is in user space
 *
 * What was remembered of it, had it been interrupted, is forgotten.
 *
 * Return: as mboxfs_go_on().
 */
long mboxfs_end_wait(const void *where, long ret, s64 left,
		     __s64 __user *timeout)
{
	if (unlikely(left > 0) && ret != -ERESTARTNOHAND)
		mbox_place_drop(where);
	return mboxfs_go_on(ret, left, timeout);
}

/* Send a short message from where it lies, if that is all it needs. */
static int mboxfs_send_in_place(struct mbox *box, struct mboxfs_msg *m,
				unsigned int flags)
{
	struct mbox_buffer from = { .user = u64_to_user_ptr(m->data) };
	struct mbox_msg *msg;
	int err;

	if (unlikely((m->flags & ~MBOXFS_NONBLOCK) || m->priority ||
		     m->len > MBOX_IN_PLACE))
		return MBOX_MAKE;
	/* What is wrong is found out when it is made, in its turn. */
	if (unlikely(m->len && !access_ok(from.user, m->len)))
		return MBOX_MAKE;
	err = mbox_send_in_place(box, from, m->len, m->tag, current_cred(),
				 &msg);
	if (unlikely(err == MBOX_MADE))
		err = mbox_send_made(box, msg, flags, &m->timeout_ns);
	return err;
}

/* Make a message and send it; if that is asked for, tell its number. */
static int mboxfs_make_and_send(struct mbox *box, struct mboxfs_msg *m,
				unsigned int flags)
{
	struct mbox_msg *msg = mboxfs_make_msg(box, m, flags);
	int err;

	if (IS_ERR(msg))
		return PTR_ERR(msg);
	if (likely(!(m->flags & MBOXFS_SEQ)))
		return mbox_send(box, msg, flags, &m->timeout_ns);
	refcount_inc(&msg->refs);
	err = mbox_send(box, msg, flags, &m->timeout_ns);
	if (!err)
		m->seq = msg->seq;
	mbox_msg_put(box->pool, msg);
	return err;
}

/**
 * mboxfs_send_msg - send the message that user space describes
 * @box:	the mailbox
 * @m:		what is said about it; @timeout_ns gets what is left, with
 *		MBOXFS_SEQ @seq its number
 * @flags:	as for mbox_send()
 *
 * Return: as mbox_send(), but MBOX_AGAIN; -EFAULT; -ENOMEM.
 */
int mboxfs_send_msg(struct mbox *box, struct mboxfs_msg *m, unsigned int flags)
{
	bool again = false;
	int err;

	err = mboxfs_send_in_place(box, m, flags);
	while (unlikely(err == MBOX_MAKE || err == MBOX_AGAIN)) {
		again |= err == MBOX_AGAIN;
		err = mboxfs_make_and_send(box, m, flags);
	}
	if (unlikely(again))
		mbox_give_up(box);
	return err;
}

/* Give a message back what has become of it before. */
static int mboxfs_remember(struct mbox *box, struct mbox_msg *msg,
			   const struct mboxfs_msg *m)
{
	struct mbox_extra *extra = msg->extra;
	s64 left = m->timeout_ns;

	extra->attempts = m->attempts;
	if (!(m->flags & MBOXFS_DELAY))
		msg->time = 0; /* not the mailbox's delay */
	if (left < 0)
		extra->ttl_ms = 0;
	if (left <= 0)
		return 0;
	extra->left = min_t(s64, left, KTIME_MAX / 2);
	if (!extra->ttl_ms)
		extra->ttl_ms = min_t(u64, U32_MAX,
				      div_u64(left, NSEC_PER_MSEC) + 1);
	return mbox_need_clock(box, MBOX_GFP);
}

/* Send what has been in a mailbox before, for its owner. */
static int mboxfs_restore(struct file *file, struct mboxfs_msg *m)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mbox_msg *msg;
	int err;

	if (!mboxfs_owns(file))
		return -EPERM;
	if (m->flags & MBOXFS_ONCE) {
		mbox_set_once_tag(box, m->tag);
		return 0;
	}
	/* One that is to be sent once has an extra, too. */
	msg = mboxfs_make_msg(box, m, MBOX_NONBLOCK | MBOX_ONCE);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	msg->extra->once = false;
	err = mboxfs_remember(box, msg, m);
	if (err) {
		mbox_msg_put(box->pool, msg);
		return err;
	}
	refcount_inc(&msg->refs);
	err = mbox_restore(box, msg, m->flags & MBOXFS_IS_DEAD);
	if (!err)
		m->seq = msg->seq;
	mbox_msg_put(box->pool, msg);
	return err;
}

/* Tell the number of a message; what has been sent is no error any more. */
static int mboxfs_put_seq(const struct mboxfs_msg *m, struct mboxfs_call call)
{
	struct mboxfs_msg __user *user = call.arg;

	if (likely(!(m->flags & MBOXFS_SEQ)) || call.size < MBOXFS_UPTO(seq))
		return 0;
	return put_user(m->seq, &user->seq);
}

/* Send a message about which there is more to say. */
static noinline long mboxfs_send_specially(struct file *file,
					   struct mboxfs_call call,
					   struct mboxfs_msg *m,
					   unsigned int flags)
{
	struct mboxfs_msg __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	int err;

	err = mboxfs_put_seq(m, call);
	if (err)
		return err;
	if (m->flags & MBOXFS_SYNC)
		flags |= MBOX_SYNC;
	if (m->flags & MBOXFS_ONCE)
		flags |= MBOX_ONCE;
	if (m->flags & MBOXFS_RESTORE)
		err = mboxfs_restore(file, m);
	else
		err = mboxfs_send_msg(box, m, flags);
	if (!err) {
		fsnotify_modify(file);
		mboxfs_put_seq(m, call);
	}
	if (m->flags & MBOXFS_RESTORE)
		return err;
	return mboxfs_end_wait(&box->writers, err, m->timeout_ns,
			       &user->timeout_ns);
}

/**
 * mboxfs_ioc_send - MBOXFS_IOC_SEND
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: 0, or as mbox_send(); -EFAULT; -E2BIG; -EINVAL; -EPERM.
 */
long mboxfs_ioc_send(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_msg __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg m;
	unsigned int flags;
	int err;

	err = mboxfs_get_arg(&m, sizeof(m), call);
	if (!err)
		err = mboxfs_check_msg(&m, unlikely(m.flags & MBOXFS_RESTORE) ?
						   MBOXFS_RESTORE_FLAGS :
						   MBOXFS_SEND_FLAGS);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, m.flags, m.timeout_ns);
	if (unlikely(m.flags & ~MBOXFS_NONBLOCK))
		return mboxfs_send_specially(file, call, &m, flags);
	err = mboxfs_send_msg(box, &m, flags);
	if (!err)
		fsnotify_modify(file);
	return mboxfs_end_wait(&box->writers, err, m.timeout_ns, &user->timeout_ns);
}

/* What is wanted, from what user space says. */
int mboxfs_get_want(struct file *file, const struct mboxfs_msg *m, u32 allowed,
		    struct mbox_want *want)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if ((m->flags & ~allowed) || !mboxfs_no_reserved(m))
		return -EINVAL;
	if ((m->flags & MBOXFS_FROM) && m->pid < 0)
		return -EINVAL;
	if ((m->flags & MBOXFS_PEEK) && (m->flags & MBOXFS_LEASE))
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

/* Copy out a message, its body first, and what its @state is. */
int mboxfs_put_msg(struct mbox_msg *msg, const struct mboxfs_msg *m, u32 state,
		   u32 attempts, struct mboxfs_msg __user *user, size_t size)
{
	size_t len = min(m->len, msg->len);
	u32 flags = (m->flags & ~MBOXFS_TRUNC) | state;
	struct iov_iter to;

	if (mboxfs_iter(&to, ITER_DEST, m->data, len) ||
	    mbox_msg_copy_to(msg, 0, len, &to))
		return -EFAULT;
	if (len < msg->len)
		flags |= MBOXFS_TRUNC;
	return mboxfs_put_meta(msg, flags, attempts, user, size);
}

/* Tell how long the message is that stays, for which there was no room. */
int mboxfs_put_len(u32 len, struct mboxfs_msg __user *user, size_t size)
{
	if (size < MBOXFS_UPTO(len))
		return 0;
	return put_user(len, &user->len);
}

/* Where a message goes that is received. */
struct mboxfs_room {
	struct mboxfs_msg		m;
	struct mboxfs_msg __user	*user;
	size_t				size;
};

/* With the mailbox's lock held: first all that is not the body. */
static __always_inline bool mboxfs_drain_room(const struct mbox_msg *msg,
					      struct mboxfs_room *room,
					      u32 attempts)
{
	struct mbox_buffer to = { .user = u64_to_user_ptr(room->m.data) };
	bool ok = false;

	if (unlikely(!access_ok(to.user, msg->len)))
		return false;
	pagefault_disable();
	if (likely(!mboxfs_put_meta(msg, room->m.flags & ~MBOXFS_TRUNC,
				    attempts, room->user, room->size)))
		ok = mbox_copy_out_now(msg, to);
	pagefault_enable();
	return ok;
}

static __always_inline bool mboxfs_drain_msg(const struct mbox_msg *msg,
					     void *room)
{
	return mboxfs_drain_room(msg, room, 0);
}

static bool mboxfs_drain_lease(const struct mbox_msg *msg, void *room)
{
	return mboxfs_drain_room(msg, room, mboxfs_attempts(msg, MBOXFS_LEASE));
}

/* Whether any message will do, for a command that is right. */
static bool mboxfs_wants_any(const struct mboxfs_msg *m)
{
	return !(m->flags & ~(MBOXFS_NONBLOCK | MBOXFS_TRUNC)) &&
	       mboxfs_no_reserved(m);
}

/* Take a message, from among the dead if that is wanted. */
static struct mbox_msg *mboxfs_take(struct mbox *box, struct mbox_want *want,
				    u32 flags, bool locked)
{
	struct mbox_msg *msg;
	int ret;

	if (unlikely(flags & MBOXFS_DEAD)) {
		ret = mbox_receive_dead(box, want, &msg, 1);
		return ret < 0 ? ERR_PTR(ret) : msg;
	}
	return locked ? mbox_receive_locked(box, want) : mbox_receive(box, want);
}

/* A message has been copied out: it is received, or on lease. */
static int mboxfs_finish_recv(struct file *file, const struct mboxfs_msg *m,
			      struct mbox_msg *msg)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	bool cut = m->len < msg->len;
	int ret;

	if (unlikely(cut))
		mbox_truncated(box, msg);
	if (m->flags & MBOXFS_LEASE) {
		ret = mbox_lease(box, &msg, 1, mboxfs_holder(file), false);
		if (ret < 0) {
			mbox_return(box, &msg, 1);
			return ret;
		}
	} else {
		mbox_consume(box, &msg, 1);
	}
	mboxfs_ioctl_received(file);
	return 0;
}

/* Receive a message where that was not done in place; @locked: with the lock. */
static noinline long mboxfs_recv(struct file *file, struct mboxfs_room *room,
				 bool locked)
{
	struct mboxfs_msg __user *user = room->user;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg *m = &room->m;
	struct mbox_want want;
	struct mbox_msg *msg;
	int err;

	err = mboxfs_get_want(file, m, MBOXFS_RECV_FLAGS, &want);
	if (err)
		return err;
	msg = mboxfs_take(box, &want, m->flags, locked);
	if (msg == ERR_PTR(-EMSGSIZE) &&
	    mboxfs_put_len(want.len, user, room->size))
		return -EFAULT;
	err = mboxfs_end_wait(&box->readers, PTR_ERR_OR_ZERO(msg),
			      want.timeout, &user->timeout_ns);
	if (err)
		return err;
	err = mboxfs_put_msg(msg, m, 0, mboxfs_attempts(msg, m->flags), user,
			     room->size);
	if (want.flags & MBOX_PEEK) {
		mbox_msg_put(box->pool, msg);
		return err;
	}
	if (err) {
		mbox_return(box, &msg, 1);
		return err;
	}
	return mboxfs_finish_recv(file, m, msg);
}

/* Receive a message on lease. */
static noinline long mboxfs_recv_lease(struct file *file,
				       struct mboxfs_room *room)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mbox_holder *holder = mboxfs_holder(file);

	if ((room->m.flags & ~(MBOXFS_NONBLOCK | MBOXFS_TRUNC |
			       MBOXFS_LEASE)) || !mboxfs_no_reserved(&room->m))
		return mboxfs_recv(file, room, false);
	/* What there is no memory for now is found out later, or is not needed. */
	if (unlikely(mbox_need_leases(box, MBOX_GFP) ||
		     mbox_holder_fill(box, holder, 1, MBOX_GFP)))
		return mboxfs_recv(file, room, false);
	if (unlikely(!mbox_lease_in_place(box, room->m.len,
					  mboxfs_notes_reading(file),
					  mboxfs_drain_lease, room, holder)))
		return mboxfs_recv(file, room, false);
	fsnotify_access(file);
	if (unlikely(room->m.timeout_ns > 0))
		mbox_received(box);
	return 0;
}

/**
 * mboxfs_ioc_recv - MBOXFS_IOC_RECV
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: 0, or as mbox_receive(); -EFAULT; -E2BIG; -EINVAL.
 */
long mboxfs_ioc_recv(struct file *file, struct mboxfs_call call)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_room room = { .user = call.arg, .size = call.size };
	int err;

	err = mboxfs_get_arg(&room.m, sizeof(room.m), call);
	if (err)
		return err;
	if (unlikely(!mboxfs_wants_any(&room.m)))
		return room.m.flags & MBOXFS_LEASE ?
			       mboxfs_recv_lease(file, &room) :
			       mboxfs_recv(file, &room, false);
	if (unlikely(!mbox_receive_in_place(box, room.m.len,
					    mboxfs_notes_reading(file),
					    mboxfs_drain_msg, &room)))
		return mboxfs_recv(file, &room, true);
	fsnotify_access(file);
	if (unlikely(room.m.timeout_ns > 0))
		mbox_received(box);
	return 0;
}
