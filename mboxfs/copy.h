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

/**
 * struct mbox_buffer - one piece of memory
 * @user:	in user space, checked by access_ok()
 * @kernel:	or else of the kernel
 *
 * If it is neither there is no such piece.
 */
struct mbox_buffer {
	void __user	*user;
	u8		*kernel;
};

static inline struct mbox_buffer mbox_one_buffer(const struct iov_iter *iter)
{
	struct mbox_buffer buffer = { .user = mbox_user_buffer(iter) };

	if (unlikely(!buffer.user) && iov_iter_is_kvec(iter) &&
	    iter->nr_segs == 1)
		buffer.kernel = iter->kvec->iov_base + iter->iov_offset;
	return buffer;
}

/* Bytes of the body that have room behind the header. */
static inline size_t mbox_msg_room(const struct mbox_msg *msg)
{
	return MBOX_OBJECT_ROOM(mbox_msg_size(msg)) - sizeof(*msg);
}

/* Whether a body is within its message, which is one object. */
static inline bool mbox_is_within(const struct mbox_msg *msg, size_t len)
{
	return !WARN_ON_ONCE(len > mbox_msg_room(msg));
}

bool mbox_copy_in_now_long(struct mbox_msg *msg, size_t len,
			   struct mbox_buffer from);
bool mbox_copy_out_now_long(const struct mbox_msg *msg, struct mbox_buffer to);

/**
 * mbox_copy_in_now - fill a message with a lock held
 * @msg:	the message
 * @len:	bytes of its body, which are in its mbox_msg_range()
 * @from:	at least as many
 *
 * Page faults are not taken: what is not in memory now is not copied.
 *
 * Context: any but interrupts; does not sleep.
 * Return: whether all has been copied.
 */
static __always_inline bool
mbox_copy_in_now(struct mbox_msg *msg, size_t len, struct mbox_buffer from)
{
	unsigned long left = 0;

	if (unlikely(len > MBOX_FIRST_MAX))
		return mbox_copy_in_now_long(msg, len, from);
	if (unlikely(from.kernel)) {
		memcpy(msg->body, from.kernel, len);
		return true;
	}
	pagefault_disable();
	left = _copy_from_user(msg->body, from.user, len);
	pagefault_enable();
	return likely(!left);
}

/**
 * mbox_copy_out_now - copy a message out with a lock held
 * @msg:	the message, which is no copy
 * @to:		room for all of it
 *
 * Context: as mbox_copy_in_now().
 * Return: likewise.
 */
static __always_inline bool mbox_copy_out_now(const struct mbox_msg *msg,
					      struct mbox_buffer to)
{
	unsigned long left = 0;

	if (unlikely(msg->len > MBOX_FIRST_MAX))
		return mbox_copy_out_now_long(msg, to);
	if (!mbox_is_within(msg, msg->len))
		return false;
	if (unlikely(to.kernel)) {
		memcpy(to.kernel, msg->body, msg->len);
		return true;
	}
	pagefault_disable();
	left = _copy_to_user(to.user, msg->body, msg->len);
	pagefault_enable();
	return likely(!left);
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
