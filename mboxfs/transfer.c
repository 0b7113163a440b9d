// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message between user space's structure and a mailbox: copied in, checked,
 * handed to the engine, and copied out.
 */
#include "transfer.h"

#include <linux/fsnotify.h>
#include <linux/uio.h>

#include "copy.h"
#include "receive.h"
#include "send.h"

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

	if (unlikely((m->flags & (MBOXFS_SYNC | MBOXFS_DELAY)) || m->priority ||
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

/**
 * mboxfs_send_msg - send the message that user space describes
 * @box:	the mailbox
 * @m:		what is said about it; @timeout_ns gets what is left
 * @flags:	as for mbox_send()
 *
 * Return: as mbox_send(), but MBOX_AGAIN; -EFAULT; -ENOMEM.
 */
int mboxfs_send_msg(struct mbox *box, struct mboxfs_msg *m, unsigned int flags)
{
	struct mbox_msg *msg;
	bool again = false;
	int err;

	err = mboxfs_send_in_place(box, m, flags);
	while (unlikely(err == MBOX_MAKE || err == MBOX_AGAIN)) {
		again |= err == MBOX_AGAIN;
		msg = mboxfs_make_msg(box, m, flags);
		err = PTR_ERR_OR_ZERO(msg);
		if (!err)
			err = mbox_send(box, msg, flags, &m->timeout_ns);
	}
	if (unlikely(again))
		mbox_give_up(box);
	return err;
}

long mboxfs_ioc_send(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_msg __user *user = call.arg;
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_msg m;
	unsigned int flags;
	int err;

	err = mboxfs_get_arg(&m, sizeof(m), call);
	if (!err)
		err = mboxfs_check_msg(&m, MBOXFS_SEND_FLAGS);
	if (err)
		return err;
	flags = mboxfs_wait_flags(file, m.flags, m.timeout_ns);
	if (m.flags & MBOXFS_SYNC)
		flags |= MBOX_SYNC;
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

/* Copy out a message, its body first. */
int mboxfs_put_msg(struct mbox_msg *msg, const struct mboxfs_msg *m,
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
static __always_inline bool mboxfs_drain_msg(const struct mbox_msg *msg,
					     void *data)
{
	struct mboxfs_room *room = data;
	struct mbox_buffer to = { .user = u64_to_user_ptr(room->m.data) };
	bool ok = false;

	if (unlikely(!access_ok(to.user, msg->len)))
		return false;
	pagefault_disable();
	if (likely(!mboxfs_put_meta(msg, room->m.flags & ~MBOXFS_TRUNC,
				    room->user, room->size)))
		ok = mbox_copy_out_now(msg, to);
	pagefault_enable();
	return ok;
}

/* Whether any message will do, for a command that is right. */
static bool mboxfs_wants_any(const struct mboxfs_msg *m)
{
	return !(m->flags & ~(MBOXFS_NONBLOCK | MBOXFS_TRUNC)) &&
	       !m->reserved[0] && !m->reserved[1];
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
	msg = locked ? mbox_receive_locked(box, &want) :
		       mbox_receive(box, &want);
	if (msg == ERR_PTR(-EMSGSIZE) &&
	    mboxfs_put_len(want.len, user, room->size))
		return -EFAULT;
	err = mboxfs_end_wait(&box->readers, PTR_ERR_OR_ZERO(msg),
			      want.timeout, &user->timeout_ns);
	if (err)
		return err;
	err = mboxfs_put_msg(msg, m, user, room->size);
	if (want.flags & MBOX_PEEK) {
		mbox_msg_put(box->pool, msg);
		return err;
	}
	if (err) {
		mbox_return(box, &msg, 1);
		return err;
	}
	if (unlikely(m->len < msg->len))
		mbox_truncated(box, msg);
	mbox_consume(box, &msg, 1);
	mboxfs_ioctl_received(file);
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
		return mboxfs_recv(file, &room, false);
	if (unlikely(!mbox_receive_in_place(box, room.m.len,
					    mboxfs_notes_reading(file),
					    mboxfs_drain_msg, &room)))
		return mboxfs_recv(file, &room, true);
	fsnotify_access(file);
	if (unlikely(room.m.timeout_ns > 0))
		mbox_received(box);
	return 0;
}
