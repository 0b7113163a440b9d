// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mailbox as a file: one write sends one message, one read receives one.
 *
 * The VFS thinks that regular files have positions and that short reads are to
 * be continued; each place that talks it out of that says so.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/fsnotify.h>
#include <linux/mount.h>
#include <linux/poll.h>
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

	file->f_mode &= ~FMODE_ATOMIC_POS;
	file->f_mode |= FMODE_NOWAIT | MBOXFS_FMODE_WASYNC;
	if (!(file->f_mode & FMODE_READ))
		return 0;

	mf = kzalloc(sizeof(*mf), GFP_KERNEL_ACCOUNT);
	if (!mf)
		return -ENOMEM;
	mutex_init(&mf->lock);
	file->private_data = mf;
	return 0;
}

static int mboxfs_release(struct inode *inode, struct file *file)
{
	struct mboxfs_file *mf = file->private_data;

	if (!mf)
		return 0;
	if (mf->rest)
		mbox_msg_free(mboxfs_box(inode)->pool, mf->rest);
	mutex_destroy(&mf->lock);
	kfree(mf);
	return 0;
}

static bool mboxfs_nonblock(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

static void mboxfs_received(struct kiocb *iocb, size_t len)
{
	struct file *file = iocb->ki_filp;
	struct inode *inode = file_inode(file);

	/* Not file_accessed(), which goes by relatime. */
	if (!(file->f_flags & O_NOATIME) && !IS_NOATIME(inode) &&
	    !(file->f_path.mnt->mnt_flags & MNT_NOATIME))
		inode_set_atime_to_ts(inode, current_time(inode));
	/* The VFS reports what it takes for a read: of at least one byte. */
	if (!len && is_sync_kiocb(iocb))
		fsnotify_access(file);
}

static void mboxfs_sent(struct kiocb *iocb, size_t len)
{
	struct inode *inode = file_inode(iocb->ki_filp);

	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
	if (!len && is_sync_kiocb(iocb))
		fsnotify_modify(iocb->ki_filp);
}

/*
 * Receive one message. With @keep its rest, if there is one, stays at the open
 * file, whose lock is held.
 */
static ssize_t mboxfs_receive(struct kiocb *iocb, struct iov_iter *to,
			      bool keep)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	size_t room = iov_iter_count(to), len;
	unsigned int flags = MBOX_EOF;
	struct mbox_msg *msg;

	if (mboxfs_nonblock(iocb))
		flags |= MBOX_NONBLOCK;
	if (mbox_get_limit(box, MBOX_SHORT_READ) == MBOXFS_SHORT_READ_REFUSE)
		flags |= MBOX_WHOLE;
	msg = mbox_receive(box, room, flags);
	if (IS_ERR(msg)) {
		/* Both are an end of file to those who read. */
		if (PTR_ERR(msg) == -ESHUTDOWN || PTR_ERR(msg) == -ENODATA)
			return 0;
		return PTR_ERR(msg);
	}

	len = min_t(size_t, room, msg->len);
	if (mbox_msg_copy_to(msg, 0, len, to)) {
		mbox_return(box, msg);
		return -EFAULT;
	}
	mbox_consume(box, msg);
	if (keep && len < msg->len) {
		mf->offset = len;
		WRITE_ONCE(mf->rest, msg);
	} else {
		mbox_msg_free(box->pool, msg);
	}
	mboxfs_received(iocb, len);
	return len;
}

/* Go on in the message whose begin has been read. */
static ssize_t mboxfs_read_rest(struct kiocb *iocb, struct iov_iter *to)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	struct mbox_msg *rest = mf->rest;
	size_t len = min_t(size_t, iov_iter_count(to), rest->len - mf->offset);

	if (mbox_msg_copy_to(rest, mf->offset, len, to))
		return -EFAULT;
	mf->offset += len;
	if (mf->offset == rest->len) {
		WRITE_ONCE(mf->rest, NULL);
		mbox_msg_free(mboxfs_box(file_inode(iocb->ki_filp))->pool,
			      rest);
	}
	mboxfs_received(iocb, len);
	return len;
}

/* short_read=keep: one read at a time, so that the parts stay in order. */
static ssize_t mboxfs_read_keep(struct kiocb *iocb, struct iov_iter *to)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	ssize_t ret;

	if (mboxfs_nonblock(iocb)) {
		if (!mutex_trylock(&mf->lock))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&mf->lock)) {
		return -ERESTARTSYS;
	}
	if (mf->rest)
		ret = mboxfs_read_rest(iocb, to);
	else
		ret = mboxfs_receive(iocb, to, true);
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

static ssize_t mboxfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct mboxfs_file *mf = iocb->ki_filp->private_data;
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;
	/* A rest is read on even if the policy has changed since. */
	if (mbox_get_limit(box, MBOX_SHORT_READ) == MBOXFS_SHORT_READ_KEEP ||
	    READ_ONCE(mf->rest))
		ret = mboxfs_read_keep(iocb, to);
	else
		ret = mboxfs_receive(iocb, to, false);
	return mboxfs_complete_read(iocb, ret);
}

/*
 * Memory for a message: rather an error for its sender than an OOM killer, and
 * no sleep where io_uring must not wait.
 */
static struct mbox_msg *mboxfs_alloc(struct kiocb *iocb, struct mbox *box,
				     size_t len)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	struct mbox_msg *msg;

	if (!(iocb->ki_flags & IOCB_NOWAIT))
		return mbox_msg_alloc(box->pool, len, gfp);
	msg = mbox_msg_alloc(box->pool, len,
			     GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN);
	return msg == ERR_PTR(-ENOMEM) ? ERR_PTR(-EAGAIN) : msg;
}

static ssize_t mboxfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct mbox *box = mboxfs_box(file_inode(iocb->ki_filp));
	size_t len = iov_iter_count(from);
	unsigned int flags = 0;
	struct mbox_msg *msg;
	int err;

	if (mboxfs_nonblock(iocb))
		flags |= MBOX_NONBLOCK;
	err = mbox_check_send(box, len, flags);
	if (err)
		return err;
	msg = mboxfs_alloc(iocb, box, len);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	err = mbox_msg_copy_from(msg, from);
	if (!err)
		err = mbox_send(box, msg, flags);
	if (err) {
		mbox_msg_free(box->pool, msg);
		return err;
	}
	mboxfs_sent(iocb, len);
	return len;
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
 * There is no position, so every seek ends at 0; that lets a shell's read take
 * a whole message. Where the rest of one is kept, shells are to go byte by
 * byte, which they do on what cannot seek.
 */
static loff_t mboxfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	if (mbox_get_limit(box, MBOX_SHORT_READ) == MBOXFS_SHORT_READ_KEEP)
		return -ESPIPE;
	if (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END)
		return -EINVAL;
	return 0;
}

/* Nothing is delayed yet that could be published; the right is needed. */
static int mboxfs_fsync(struct file *file, loff_t start, loff_t end,
			int datasync)
{
	if (!(file->f_mode & FMODE_WRITE) &&
	    inode_permission(file_mnt_idmap(file), file_inode(file), MAY_WRITE))
		return -EACCES;
	return 0;
}

static int mboxfs_fasync(int fd, struct file *file, int on)
{
	struct mbox *box = mboxfs_box(file_inode(file));

	return fasync_helper(fd, file, on, &box->fasync);
}

static void mboxfs_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct mboxfs_file *mf = file->private_data;
	struct mbox_stat stat;

	mbox_get_stat(mboxfs_box(file_inode(file)), &stat);
	seq_printf(m, "mbox-messages:\t%llu\n", stat.messages);
	seq_printf(m, "mbox-bytes:\t%llu\n", stat.bytes);
	seq_printf(m, "mbox-readers-waiting:\t%llu\n", stat.readers_waiting);
	seq_printf(m, "mbox-writers-waiting:\t%llu\n", stat.writers_waiting);
	seq_printf(m, "mbox-stopped:\t%d\n", stat.stopped);
	seq_printf(m, "mbox-rest:\t%d\n", mf && READ_ONCE(mf->rest));
}

/*
 * No ->splice_read and no ->splice_write: the one would wait for a message
 * with a pipe's lock held, the other would cut messages anew. Tools fall back
 * to read() and write().
 */
const struct file_operations mboxfs_file_operations = {
	.owner		= THIS_MODULE,
	.open		= mboxfs_open,
	.release	= mboxfs_release,
	.read_iter	= mboxfs_read_iter,
	.write_iter	= mboxfs_write_iter,
	.poll		= mboxfs_poll,
	.llseek		= mboxfs_llseek,
	.fsync		= mboxfs_fsync,
	.fasync		= mboxfs_fasync,
	.show_fdinfo	= mboxfs_show_fdinfo,
	MBOXFS_FOP_FLAGS
};
