// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mailbox as a file: one write sends one message, one read receives one.
 *
 * The VFS thinks that regular files have positions and that short reads are to
 * be continued; each place that talks it out of that says so.
 */
#include "compat.h"
#include "copy.h"
#include "delay.h"
#include "mboxfs.h"
#include "receive.h"
#include "send.h"
#include "settle.h"

#include <linux/fsnotify.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

/*
 * Two tasks that share an open file would lock each other out for as long as
 * one of them waits, because the VFS holds the position's lock during read()
 * and write(). There is no position here, so no lock is needed. stream_open()
 * would do that too but take lseek() and pread() away, which tools try.
 */
static int mboxfs_open(struct inode *inode, struct file *file)
{
	struct mboxfs_file *mf;

	if (mboxfs_dumping_core())
		return -EPERM;
	file->f_mode &= ~FMODE_ATOMIC_POS;
	file->f_mode |= FMODE_NOWAIT | MBOXFS_FMODE_WASYNC;
	if (file->f_mode & FMODE_READ) {
		mf = kzalloc(sizeof(*mf), GFP_KERNEL_ACCOUNT);
		if (!mf)
			return -ENOMEM;
		mutex_init(&mf->lock);
		mbox_holder_init(&mf->holder);
		file->private_data = mf;
	}
	if (file->f_mode & FMODE_WRITE)
		mbox_open_writer(mboxfs_box(inode));
	atomic_inc(&MBOXFS_I(inode)->opens);
	return 0;
}

/* Called for each close() of a descriptor. */
static int mboxfs_flush(struct file *file, fl_owner_t id)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if ((file->f_mode & FMODE_WRITE) &&
	    mbox_get_limit(box, MBOX_FLUSH_ON_CLOSE))
		return mbox_flush(box);
	return 0;
}

/* What an open file has had to itself goes back. */
static void mboxfs_release_reader(struct mbox *box, struct mboxfs_file *mf)
{
	mbox_end_leases(box, &mf->holder);
	mbox_holder_exit(&mf->holder);
	mbox_mark_exit(box, &mf->mark);
	if (mf->rest) {
		/* What was on lease comes back as a whole. */
		if (!mf->leased)
			mbox_truncated(box, mf->rest);
		mbox_msg_put(box->pool, mf->rest);
	}
	mutex_destroy(&mf->lock);
	kfree(mf);
}

static int mboxfs_release(struct inode *inode, struct file *file)
{
	struct mboxfs_file *mf = file->private_data;
	struct mbox *box = mboxfs_box(inode);

	if (mf)
		mboxfs_release_reader(box, mf);
	if (file->f_mode & FMODE_WRITE)
		mbox_close_writer(box);
	mboxfs_unbind(inode, file);
	if (atomic_dec_and_test(&MBOXFS_I(inode)->opens)) {
		mbox_drop_spares(box);
		if (mboxfs_ended(inode))
			mboxfs_abandon(inode);
	}
	return 0;
}

static bool mboxfs_nonblock(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

/*
 * Pass over an empty message, so that a read of 0 always means the end: who
 * sends one means it for MBOXFS_IOC_RECV. Others may send them without end.
 */
static int mboxfs_pass_over(struct kiocb *iocb, struct mbox_msg *msg)
{
	mbox_consume(mboxfs_box(file_inode(iocb->ki_filp)), &msg, 1);
	mboxfs_received(iocb->ki_filp);
	fsnotify_access(iocb->ki_filp);
	if (signal_pending(current))
		return iocb->ki_flags & IOCB_NOWAIT ? -EAGAIN : -ERESTARTSYS;
	cond_resched();
	return 0;
}

/* Another reader of this open file has a rest, or is about to: look there. */
#define MBOXFS_HAS_REST		(-EINPROGRESS)

/* Whether what is read is on lease. */
static bool mboxfs_reads_on_lease(const struct mbox *box)
{
	return mbox_get_limit(box, MBOX_WHEN_READ) == MBOXFS_WHEN_READ_LEASE;
}

/* Copy out so much of a message, and be done with it, or have it on lease. */
static ssize_t mboxfs_finish_read(struct kiocb *iocb, struct iov_iter *to,
				  struct mbox_msg *msg, size_t len, bool lease)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));

	int ret = 1;

	if (mbox_msg_copy_to(msg, 0, len, to))
		ret = -EFAULT;
	else if (lease)
		ret = mbox_lease(box, &msg, 1, mboxfs_holder(iocb->ki_filp),
				 true);
	else
		mbox_consume(box, &msg, 1);
	if (ret < 0) {
		mbox_return(box, &msg, 1);
		return ret;
	}
	mboxfs_received(iocb->ki_filp);
	return len;
}

/* Read the begin of a message; its rest stays at the open file, or is lost. */
static ssize_t mboxfs_read_begin(struct kiocb *iocb, struct iov_iter *to,
				 struct mbox_msg *msg, bool keep)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	bool lease = mboxfs_reads_on_lease(box);
	ssize_t ret;

	refcount_inc(&msg->refs);
	ret = mboxfs_finish_read(iocb, to, msg, iov_iter_count(to), lease);
	if (ret > 0 && keep) {
		mf->offset = ret;
		mf->leased = lease;
		WRITE_ONCE(mf->rest, msg);
		return ret;
	}
	if (ret > 0)
		mbox_truncated(box, msg);
	mbox_msg_put(box->pool, msg);
	return ret;
}

/*
 * A message is longer than the buffer. Of those that are kept, one is partly
 * read at a time, so that its parts stay together: who has taken another one
 * meanwhile gives it back. That needs no lock around the waiting, and none for
 * messages that fit.
 */
static ssize_t mboxfs_read_short(struct kiocb *iocb, struct iov_iter *to,
				 struct mbox_msg *msg)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	u64 policy = mbox_get_limit(box, MBOX_SHORT_READ);
	ssize_t ret;

	if (policy == MBOXFS_SHORT_READ_TRUNCATE)
		return mboxfs_read_begin(iocb, to, msg, false);
	ret = -EMSGSIZE; /* the policy has changed since this has begun */
	if (policy == MBOXFS_SHORT_READ_KEEP) {
		ret = MBOXFS_HAS_REST;
		if (mutex_trylock(&mf->lock)) {
			if (!mf->rest) {
				ret = mboxfs_read_begin(iocb, to, msg, true);
				msg = NULL;
			}
			mutex_unlock(&mf->lock);
		}
	}
	if (msg)
		mbox_return(box, &msg, 1);
	return ret;
}

/* Receive one message, or its begin, with the lock held, which is dropped. */
static noinline ssize_t mboxfs_receive_locked(struct kiocb *iocb,
					      struct iov_iter *to)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	struct mbox_want want = {
		.flags = MBOX_EOF,
		.room = iov_iter_count(to),
		.timeout = MBOX_FOREVER,
	};
	struct mbox_msg *msg;
	int err;

	if (mboxfs_nonblock(iocb))
		want.flags |= MBOX_NONBLOCK;
	if (mbox_get_limit(box, MBOX_SHORT_READ) == MBOXFS_SHORT_READ_REFUSE)
		want.flags |= MBOX_WHOLE;
	msg = mbox_receive_locked(box, &want);
	while (!IS_ERR(msg) && !msg->len) {
		err = mboxfs_pass_over(iocb, msg);
		if (err)
			return err;
		msg = mbox_receive(box, &want);
	}
	/* Both are an end of file to those who read. */
	if (msg == ERR_PTR(-ESHUTDOWN) || msg == ERR_PTR(-ENODATA))
		return 0;
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	if (unlikely(msg->len > iov_iter_count(to)))
		return mboxfs_read_short(iocb, to, msg);
	return mboxfs_finish_read(iocb, to, msg, msg->len,
				  mboxfs_reads_on_lease(box));
}

static __always_inline bool mboxfs_drain(const struct mbox_msg *msg, void *to)
{
	return mbox_copy_out_now(msg, *(struct mbox_buffer *)to);
}

/* The same without the lock: the next message, if it is a short one, as most are. */
static __always_inline ssize_t mboxfs_receive(struct kiocb *iocb,
					      struct iov_iter *to)
{
	struct mbox_buffer buffer = mbox_one_buffer(to);
	struct file *file = iocb->ki_filp;
	size_t room = iov_iter_count(to);
	u32 len;

	if (unlikely(!buffer.user && !buffer.kernel))
		room = 0;
	len = mbox_receive_in_place(mboxfs_box(file_inode(file)), room,
				    mboxfs_notes_reading(file), mboxfs_drain,
				    &buffer);
	return likely(len) ? len : mboxfs_receive_locked(iocb, to);
}

/* One at a time begins, or goes on in, a message that it does not finish. */
static int mboxfs_lock_rest(struct kiocb *iocb)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;

	if (mboxfs_nonblock(iocb))
		return mutex_trylock(&mf->lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&mf->lock) ? -ERESTARTSYS : 0;
}

/*
 * Go on in the message whose begin has been read.
 *
 * Return: the bytes; 0 if there is none any more; or an error.
 */
static ssize_t mboxfs_read_rest(struct kiocb *iocb, struct iov_iter *to)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	struct mbox_msg *rest;
	ssize_t ret;

	ret = mboxfs_lock_rest(iocb);
	if (ret)
		return ret;
	rest = mf->rest;
	if (!rest)
		goto out;
	ret = min_t(size_t, iov_iter_count(to), rest->len - mf->offset);
	if (mbox_msg_copy_to(rest, mf->offset, ret, to)) {
		ret = -EFAULT;
		goto out;
	}
	mf->offset += ret;
	if (mf->offset == rest->len) {
		WRITE_ONCE(mf->rest, NULL);
		mbox_msg_put(mboxfs_box(file_inode(iocb->ki_filp))->pool, rest);
	}
	mboxfs_received(iocb->ki_filp);
out:
	mutex_unlock(&mf->lock);
	return ret;
}

/*
 * io_uring would continue the short read of a regular file in the rest of the
 * buffer, so that messages get glued together or lost. A request that is said
 * to be complete is not continued.
 */
static ssize_t mboxfs_complete_read(struct kiocb *iocb, ssize_t ret)
{
	if (ret <= 0 || is_sync_kiocb(iocb) || !(iocb->ki_flags & IOCB_NOWAIT))
		return ret;
	iocb->ki_complete(iocb, ret);
	return -EIOCBQUEUED;
}

/* Read where a rest is kept, or may be. */
static noinline ssize_t mboxfs_read_on(struct kiocb *iocb, struct iov_iter *to)
{
	ssize_t ret;

	do {
		ret = mboxfs_read_rest(iocb, to);
		if (!ret)
			ret = mboxfs_receive(iocb, to);
	} while (unlikely(ret == MBOXFS_HAS_REST));
	return ret;
}

/* What has been read to its last byte has been dealt with (when_read=lease). */
static void mboxfs_settle_read(struct file *file)
{
	struct mboxfs_file *mf = file->private_data;

	if (!READ_ONCE(mf->rest))
		mbox_settle_read(mboxfs_box(file_inode(file)), &mf->holder);
}

static ssize_t mboxfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	ssize_t ret = MBOXFS_HAS_REST;

	if (unlikely(!list_empty(&mf->holder.read)))
		mboxfs_settle_read(iocb->ki_filp);
	if (!iov_iter_count(to))
		return 0;
	if (!mboxfs_may_receive(file_inode(iocb->ki_filp)))
		return -EPERM;
	/* A rest is read on even if the policy has changed since. */
	if (likely(!READ_ONCE(mf->rest)))
		ret = mboxfs_receive(iocb, to);
	if (unlikely(ret == MBOXFS_HAS_REST))
		ret = mboxfs_read_on(iocb, to);
	return mboxfs_complete_read(iocb, ret);
}

/*
 * Make the message of a write, without sleeping where io_uring must not wait. It is
 * sent by who has opened the file: a program that runs with more rights than its
 * caller writes to what the caller has opened, its standard error for one, and
 * must not speak in its own name there.
 */
static struct mbox_msg *mboxfs_make(struct kiocb *iocb, struct mbox *box,
				    struct iov_iter *from, unsigned int flags)
{
	bool wait = !(iocb->ki_flags & IOCB_NOWAIT);
	struct mbox_msg *msg;

	msg = mbox_new_msg(box, iov_iter_count(from), 0, flags,
			   iocb->ki_filp->f_cred,
			   wait ? MBOX_GFP :
			   GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	if (IS_ERR(msg))
		return unlikely(msg == ERR_PTR(-ENOMEM)) && !wait ?
		       ERR_PTR(-EAGAIN) : msg;
	if (mbox_msg_copy_from(msg, from)) {
		mbox_msg_put(box->pool, msg);
		return ERR_PTR(-EFAULT);
	}
	return msg;
}

/* How a write is to be sent. */
static unsigned int mboxfs_write_flags(const struct kiocb *iocb)
{
	return (mboxfs_nonblock(iocb) ? MBOX_NONBLOCK : 0) |
	       (iocb->ki_flags & IOCB_DSYNC ? MBOX_SYNC : 0);
}

/* Send a message where that was not done at once; @made, with the lock held. */
static noinline ssize_t mboxfs_write(struct kiocb *iocb, struct iov_iter *from,
				     struct mbox_msg *made)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	unsigned int flags = mboxfs_write_flags(iocb);
	size_t len = iov_iter_count(from);
	s64 forever = MBOX_FOREVER;
	struct mbox_msg *msg;
	bool again = false;
	int err = MBOX_MAKE;

	if (made)
		err = mbox_send_made(box, made, flags, &forever);
	/* Many wait for room: a message is made again at its turn. */
	while (err == MBOX_MAKE || err == MBOX_AGAIN) {
		again |= err == MBOX_AGAIN;
		if (unlikely(iov_iter_count(from) != len))
			iov_iter_revert(from, len - iov_iter_count(from));
		err = mbox_check_send(box, len, flags);
		if (err)
			break;
		msg = mboxfs_make(iocb, box, from, flags);
		err = PTR_ERR_OR_ZERO(msg);
		if (!err)
			err = mbox_send(box, msg, flags, &forever);
	}
	if (unlikely(again))
		mbox_give_up(box);
	return err ? err : len;
}

static ssize_t mboxfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	size_t len = iov_iter_count(from);
	struct mbox_msg *msg;
	int err;

	/* As on a pipe: who means an empty message uses MBOXFS_IOC_SEND. */
	if (!len)
		return 0;
	if (mboxfs_process_gone(file_inode(iocb->ki_filp)))
		return -ESRCH;
	if (unlikely(iocb->ki_flags & IOCB_DSYNC))
		return mboxfs_write(iocb, from, NULL);
	err = mbox_send_in_place(box, mbox_one_buffer(from), len, 0,
				 iocb->ki_filp->f_cred, &msg);
	if (likely(!err))
		return len;
	return mboxfs_write(iocb, from, err == MBOX_MADE ? msg : NULL);
}

static __poll_t mboxfs_poll(struct file *file, struct poll_table_struct *wait)
{
	struct mboxfs_file *mf = file->private_data;
	struct mbox *box = mboxfs_box(file_inode(file));
	__poll_t events;

	poll_wait(file, &box->poll, wait); /* first, see MBOX_POLL */
	events = mbox_poll(box);
	if (mf && READ_ONCE(mf->rest))
		events |= EPOLLIN | EPOLLRDNORM;
	if (!(file->f_mode & FMODE_READ))
		events &= ~(EPOLLIN | EPOLLRDNORM);
	if (!(file->f_mode & FMODE_WRITE))
		events &= ~(EPOLLOUT | EPOLLWRNORM);
	return events;
}

/*
 * There is no position, so every seek ends at 0. But who asks where it is, as
 * shells and libraries do, wants to know whether it may read more than it needs
 * and seek back. Where rests are kept it is to read as from a pipe.
 */
static loff_t mboxfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if (whence == SEEK_CUR &&
	    mbox_get_limit(box, MBOX_SHORT_READ) == MBOXFS_SHORT_READ_KEEP)
		return -ESPIPE;
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	return 0;
}

/*
 * Acknowledges what has been read, for who reads on lease; publishes what is
 * delayed, which is for those who may write.
 */
static int mboxfs_fsync(struct file *file, loff_t start, loff_t end,
			int datasync)
{
	bool reads = (file->f_mode & FMODE_READ) &&
		     !list_empty(&mboxfs_holder(file)->read);
	int err;

	if (unlikely(reads)) {
		mboxfs_settle_read(file);
		return 0;
	}
	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (!(file->f_mode & FMODE_WRITE) &&
	    inode_permission(file_mnt_idmap(file), file_inode(file), MAY_WRITE))
		err = -EACCES;
	else
		err = mbox_flush(mboxfs_box(file_inode(file)));
	mnt_drop_write_file(file);
	return err;
}

static int mboxfs_fasync(int fd, struct file *file, int on)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	int ret = fasync_helper(fd, file, on, &box->fasync);

	/* As who polls: if there is no room now, tell when there is. */
	if (ret > 0 && on)
		mbox_poll(box);
	return ret;
}

static void mboxfs_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_file *mf = file->private_data;
	struct mbox_stat stat;

	mbox_get_stat(box, &stat);
	seq_printf(m, "mbox-messages:\t%llu\n", stat.messages);
	seq_printf(m, "mbox-bytes:\t%llu\n", stat.bytes);
	seq_printf(m, "mbox-delayed-messages:\t%llu\n", stat.delayed_messages);
	seq_printf(m, "mbox-readers-waiting:\t%llu\n", stat.readers_waiting);
	seq_printf(m, "mbox-writers-waiting:\t%llu\n", stat.writers_waiting);
	seq_printf(m, "mbox-stopped:\t%llu\n",
		   mbox_get_limit(box, MBOX_STOPPED));
	seq_printf(m, "mbox-rest:\t%d\n", mf && READ_ONCE(mf->rest));
	seq_printf(m, "mbox-leases:\t%u\n",
		   mf ? READ_ONCE(mf->holder.count) : 0);
}

/*
 * No ->splice_read and no ->splice_write: the one would wait for a message
 * with a pipe's lock held, the other would cut messages anew. Tools fall back
 * to read() and write().
 */
const struct file_operations mboxfs_file_operations = {
	.owner		= THIS_MODULE,
	.open		= mboxfs_open,
	.flush		= mboxfs_flush,
	.release	= mboxfs_release,
	.read_iter	= mboxfs_read_iter,
	.write_iter	= mboxfs_write_iter,
	.poll		= mboxfs_poll,
	.llseek		= mboxfs_llseek,
	.unlocked_ioctl	= mboxfs_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.fsync		= mboxfs_fsync,
	.fasync		= mboxfs_fasync,
	.show_fdinfo	= mboxfs_show_fdinfo,
	MBOXFS_FOP_FLAGS
};
