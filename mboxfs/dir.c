// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group as a file: readdir, and calls for all mailboxes in it.
 */
#include "barrier.h"
#include "compat.h"
#include "copy.h"
#include "delay.h"
#include "mboxfs.h"
#include "send.h"

#include <linux/fsnotify.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

/* In order of the members' index; positions 0 and 1 are "." and "..". */
static int mboxfs_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file_inode(file);
	struct mboxfs_inode_info *info;
	const struct qstr *name;
	umode_t mode;

	if (!dir_emit_dots(file, ctx))
		return 0;
	while ((info = mboxfs_member_from(dir, ctx->pos - 1))) {
		name = &info->dentry->d_name;
		mode = mboxfs_shown_mode(&info->vfs_inode);
		if (!dir_emit(ctx, name->name, name->len,
			      info->vfs_inode.i_ino, fs_umode_to_dtype(mode)))
			break;
		ctx->pos = info->index + 2;
	}
	return 0;
}

/**
 * struct mboxfs_group_call - a call for all mailboxes of a group
 * @idmap:	of the mount it comes through
 * @nr:		which
 * @count:	how many messages it has concerned
 */
struct mboxfs_group_call {
	struct mnt_idmap	*idmap;
	unsigned int		nr;
	u64			count;
};

static int mboxfs_flush_one(struct inode *inode, void *data)
{
	struct mboxfs_group_call *call = data;

	if (inode_permission(call->idmap, inode, MAY_WRITE))
		return 0;
	return mbox_flush(mboxfs_box(inode));
}

static int mboxfs_revoke_one(struct inode *inode, void *data)
{
	struct mboxfs_group_call *call = data;
	s64 count;

	if (inode_permission(call->idmap, inode, MAY_WRITE))
		return 0;
	count = mboxfs_revoke(call->idmap, inode);
	if (count > 0)
		call->count += count;
	return 0;
}

static int mboxfs_stop_one(struct inode *inode, void *data)
{
	struct mboxfs_group_call *call = data;

	if (inode_owner_or_capable(call->idmap, inode))
		mbox_set_stopped(mboxfs_box(inode),
				 call->nr == MBOXFS_NR(STOP));
	return 0;
}

/* Publishes what is delayed where the caller may write. */
static int mboxfs_dir_fsync(struct file *file, loff_t start, loff_t end,
			    int datasync)
{
	struct mboxfs_group_call call = { .idmap = file_mnt_idmap(file) };
	int err;

	err = mnt_want_write_file(file);
	if (err)
		return err;
	err = mboxfs_each_mailbox(file, true, mboxfs_flush_one, &call);
	mnt_drop_write_file(file);
	return err;
}

static long mboxfs_group_ioctl(struct file *file, unsigned int nr)
{
	struct mboxfs_group_call call = {
		.idmap = file_mnt_idmap(file),
		.nr = nr,
	};
	int err;

	err = mboxfs_each_mailbox(file, true,
				  nr == MBOXFS_NR(REVOKE) ?
					  mboxfs_revoke_one : mboxfs_stop_one,
				  &call);
	return err ? err : min_t(u64, call.count, INT_MAX);
}

/**
 * struct mboxfs_broadcast - one message for many mailboxes
 * @idmap:	of the mount it comes through
 * @msg:	what each gets a header for, with its own body
 * @taken:	by how many it has been taken
 */
struct mboxfs_broadcast {
	struct mnt_idmap	*idmap;
	struct mbox_msg		*msg;
	int			taken;
};

static void mboxfs_notify_modify(struct inode *inode)
{
	struct dentry *dentry = mboxfs_get_name(inode);

	if (!dentry)
		return;
	fsnotify_dentry(dentry, FS_MODIFY);
	dput(dentry);
}

/* A mailbox that does not take it is skipped; without memory all are. */
static int mboxfs_broadcast_one(struct inode *inode, void *data)
{
	struct mboxfs_broadcast *bc = data;
	struct mbox *box = mboxfs_box(inode);
	struct mbox_msg *msg;
	s64 timeout = 0;

	if (mboxfs_process_gone(inode) ||
	    inode_permission(bc->idmap, inode, MAY_WRITE) ||
	    mbox_check_send(box, bc->msg->len, MBOX_NONBLOCK))
		return 0;
	msg = mbox_new_copy(box, bc->msg, MBOX_GFP);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	if (mbox_send(box, msg, MBOX_NONBLOCK, &timeout))
		return 0;
	mboxfs_notify_modify(inode);
	bc->taken++;
	return 0;
}

static long mboxfs_ioc_broadcast(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_broadcast bc = { .idmap = file_mnt_idmap(file) };
	struct mbox_pool *memory = &MBOXFS_SB(file_inode(file)->i_sb)->memory;
	struct mboxfs_msg m;
	struct iov_iter from;
	int err;

	err = mboxfs_get_arg(&m, sizeof(m), call);
	if (!err)
		err = mboxfs_check_msg(&m, MBOXFS_NONBLOCK | MBOXFS_DELAY);
	if (err)
		return err;
	if (m.len > MBOXFS_MESSAGE_MAX)
		return -EMSGSIZE;
	err = mboxfs_iter(&from, ITER_SOURCE, m.data, m.len);
	if (err)
		return err;
	bc.msg = mbox_msg_alloc(memory, m.len, false, current_cred(), MBOX_GFP);
	if (IS_ERR(bc.msg))
		return PTR_ERR(bc.msg);
	bc.msg->priority = m.priority;
	bc.msg->tag = m.tag;
	if (m.flags & MBOXFS_DELAY)
		bc.msg->time = min_t(u64, m.delay_ns, KTIME_MAX);
	err = -EFAULT;
	if (!mbox_msg_copy_from(bc.msg, &from))
		err = mboxfs_each_mailbox(file, false, mboxfs_broadcast_one,
					  &bc);
	mbox_msg_put(memory, bc.msg);
	return bc.taken ? bc.taken : err;
}

/* Commands that change something. */
static long mboxfs_changing_dir_ioctl(struct file *file,
				      struct mboxfs_call call)
{
	struct mbox_barrier *barrier;
	long ret = 0;

	if (call.nr != MBOXFS_NR(BROADCAST))
		ret = mboxfs_no_arg(call);
	if (!ret)
		ret = mnt_want_write_file(file);
	if (ret)
		return ret;
	switch (call.nr) {
	case MBOXFS_NR(BARRIER_AWAKE):
		barrier = READ_ONCE(mboxfs_group(file_inode(file))->barrier);
		if (barrier)
			ret = mbox_barrier_awake(barrier);
		break;
	case MBOXFS_NR(BROADCAST):
		ret = mboxfs_ioc_broadcast(file, call);
		break;
	default:
		ret = mboxfs_group_ioctl(file, call.nr);
	}
	mnt_drop_write_file(file);
	return ret;
}

/*
 * A directory is always opened for reading alone, so the right to what a
 * command does is asked for at the call.
 */
static long mboxfs_dir_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	struct mbox_group *group = mboxfs_group(file_inode(file));
	struct mbox_barrier *barrier;
	struct mboxfs_call call;
	int mask = 0;
	long ret;

	if (!mboxfs_decode(&call, cmd, arg))
		return -ENOTTY;
	switch (call.nr) {
	case MBOXFS_NR(BARRIER_SLEEP):
	case MBOXFS_NR(BARRIER_WAIT):
		mask = MAY_READ;
		break;
	case MBOXFS_NR(BARRIER_AWAKE):
	case MBOXFS_NR(BROADCAST):
		mask = MAY_WRITE;
		break;
	case MBOXFS_NR(REVOKE):
	case MBOXFS_NR(STOP):
	case MBOXFS_NR(START):
		break;
	default:
		return -ENOTTY;
	}
	ret = mask ? inode_permission(file_mnt_idmap(file), file_inode(file),
				      mask) : 0;
	if (ret)
		return ret;
	if (mask != MAY_READ)
		return mboxfs_changing_dir_ioctl(file, call);
	barrier = mbox_barrier_get(&group->barrier);
	if (!barrier)
		return -ENOMEM;
	return mboxfs_ioc_barrier(file, barrier, call);
}

const struct file_operations mboxfs_dir_operations = {
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= mboxfs_readdir,
	.unlocked_ioctl	= mboxfs_dir_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.fsync		= mboxfs_dir_fsync,
};
