// SPDX-License-Identifier: GPL-2.0-only
/*
 * What read and write cannot say: see the comment of uapi/linux/mboxfs.h.
 * Each command is copied in, checked, handed to the engine, and copied out.
 */
#include "barrier.h"
#include "compat.h"
#include "dead.h"
#include "delay.h"
#include "mboxfs.h"
#include "transfer.h"

#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/uaccess.h>

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
		.lease_ms = mboxfs_limit_number(box, MBOX_LEASE_MS),
		.max_attempts = mboxfs_limit_number(box, MBOX_MAX_ATTEMPTS),
		.when_dead = mboxfs_limit_number(box, MBOX_WHEN_DEAD),
		.when_read = mboxfs_limit_number(box, MBOX_WHEN_READ),
		.when_unlinked = mboxfs_limit_number(box, MBOX_WHEN_UNLINKED),
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
	s.leased_messages = stat.leased_messages;
	s.leased_bytes = stat.leased_bytes;
	s.dead_messages = stat.dead_messages;
	s.dead_bytes = stat.dead_bytes;
	s.returned_total = stat.returned_total;
	s.once_tag = stat.once_tag;
	return mboxfs_put_arg(&s, sizeof(s), call);
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
	case MBOXFS_NR(KICK):
		return min_t(u64, mbox_kick(box), INT_MAX);
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

/* Commands about what is there: what read() is asked for, they are asked, too. */
static long mboxfs_reading_ioctl(struct file *file, struct mboxfs_call call)
{
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	/* What it is about has been asked for when it was received. */
	if (call.nr == MBOXFS_NR(SETTLE))
		return mboxfs_ioc_settle(file, call);
	err = rw_verify_area(READ, file, NULL, 0);
	if (err)
		return err;
	if (!mboxfs_may_receive(file_inode(file)))
		return -EPERM;
	switch (call.nr) {
	case MBOXFS_NR(RECV):
		return mboxfs_ioc_recv(file, call);
	case MBOXFS_NR(RECV_BATCH):
		return mboxfs_ioc_recv_batch(file, call);
	case MBOXFS_NR(LOOK):
		return mboxfs_ioc_look(file, call);
	default:
		return mboxfs_ioc_recv_packed(file, call);
	}
}

/*
 * Commands that send, and take back. What is open for writing holds its mount writable, so it is
 * not asked for anew.
 */
static long mboxfs_sending_ioctl(struct file *file, struct mboxfs_call call)
{
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	err = rw_verify_area(WRITE, file, NULL, 0);
	if (err)
		return err;
	if (call.nr == MBOXFS_NR(CANCEL))
		return mboxfs_ioc_cancel(file, call);
	if (mboxfs_process_gone(file_inode(file)))
		return -ESRCH;
	switch (call.nr) {
	case MBOXFS_NR(SEND):
		return mboxfs_ioc_send(file, call);
	case MBOXFS_NR(SEND_BATCH):
		return mboxfs_ioc_send_batch(file, call);
	default:
		return mboxfs_ioc_send_packed(file, call);
	}
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
	case MBOXFS_NR(SEND_PACKED):
	case MBOXFS_NR(CANCEL):
		return mboxfs_sending_ioctl(file, call);
	case MBOXFS_NR(RECV):
	case MBOXFS_NR(RECV_BATCH):
	case MBOXFS_NR(RECV_PACKED):
	case MBOXFS_NR(SETTLE):
	case MBOXFS_NR(LOOK):
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
	case MBOXFS_NR(KICK):
	case MBOXFS_NR(BIND):
		return mboxfs_changing_ioctl(file, call);
	default:
		return -ENOTTY;
	}
}
