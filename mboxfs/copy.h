/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bodies of messages, from and to user space. Most are one piece: those are
 * copied right here.
 */
#ifndef _MBOXFS_COPY_H
#define _MBOXFS_COPY_H

#include <linux/bug.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "message.h"

/*
 * copy_from_user() and its like search for the object that is copied from or
 * to, in order to check its bounds: a third of what a message costs. Here it is
 * known, and its bounds are checked as strictly. Nearly all buffers are one
 * piece of user space, and need no more than a plain copy.
 */
static inline void __user *mbox_user_buffer(const struct iov_iter *iter)
{
	if (iter_is_ubuf(iter))
		return iter->ubuf + iter->iov_offset;
	if (iter_is_iovec(iter) && iter->nr_segs == 1)
		return iter_iov_addr(iter);
	return NULL;
}

static inline bool mbox_copy_in(void *data, size_t room, size_t len,
				struct iov_iter *from)
{
	void __user *buffer = mbox_user_buffer(from);

	if (WARN_ON_ONCE(len > room))
		return false;
	if (unlikely(!buffer))
		return _copy_from_iter(data, len, from) == len;
	if (unlikely(_copy_from_user(data, buffer, len)))
		return false;
	from->iov_offset += len;
	from->count -= len;
	return true;
}

static inline bool mbox_copy_out(const void *data, size_t room, size_t len,
				 struct iov_iter *to)
{
	void __user *buffer = mbox_user_buffer(to);

	if (WARN_ON_ONCE(len > room))
		return false;
	if (unlikely(!buffer))
		return _copy_to_iter(data, len, to) == len;
	if (unlikely(_copy_to_user(buffer, data, len)))
		return false;
	to->iov_offset += len;
	to->count -= len;
	return true;
}

/* Bytes of the body that have room behind the header. */
static inline size_t mbox_msg_room(const struct mbox_msg *msg)
{
	return MBOX_OBJECT_ROOM(MBOX_OBJECT_MIN << msg->cache) - sizeof(*msg);
}

int mbox_msg_copy_from_long(struct mbox_msg *msg, struct iov_iter *from);
int mbox_msg_copy_to_long(struct mbox_msg *msg, size_t offset, size_t len,
			  struct iov_iter *to);

/**
 * mbox_msg_copy_from - fill a message
 * @msg:	the message, not yet sent
 * @from:	at least as many bytes as the message has
 *
 * Context: may sleep.
 * Return: 0, or -EFAULT.
 */
static inline int mbox_msg_copy_from(struct mbox_msg *msg,
				     struct iov_iter *from)
{
	if (unlikely(msg->segments))
		return mbox_msg_copy_from_long(msg, from);
	return mbox_copy_in(msg->body, mbox_msg_room(msg), msg->len, from) ?
		       0 : -EFAULT;
}

/**
 * mbox_msg_copy_to - copy a part of a message out
 * @msg:	the message, which no one frees meanwhile
 * @offset:	where to begin
 * @len:	how many bytes; @offset + @len is within the message
 * @to:		room for at least as many
 *
 * Context: may sleep.
 * Return: 0, or -EFAULT if not all could be copied.
 */
static inline int mbox_msg_copy_to(struct mbox_msg *msg, size_t offset,
				   size_t len, struct iov_iter *to)
{
	size_t room;

	/* A copy has its original where others have segments. */
	if (unlikely(msg->segments))
		return mbox_msg_copy_to_long(msg, offset, len, to);
	room = mbox_msg_room(msg);
	if (WARN_ON_ONCE(offset > room))
		return -EFAULT;
	return mbox_copy_out(msg->body + offset, room - offset, len, to) ?
		       0 : -EFAULT;
}

#endif /* _MBOXFS_COPY_H */
