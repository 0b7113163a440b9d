// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said about messages by their numbers: settled, cancelled; and looking at
 * them.
 */
#include "transfer.h"

#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uio.h>

#include "look.h"
#include "settle.h"

/* Numbers that are copied in at a time. */
#define MBOXFS_NUMBERS		32

/* Messages that are looked at in one go. */
#define MBOXFS_SIGHTS		64

static int mboxfs_get_settle(struct mboxfs_settle *s, u32 most,
			     struct mboxfs_call call)
{
	int err = mboxfs_get_arg(s, sizeof(*s), call);

	if (err)
		return err;
	if (s->how > most || s->reserved[0] || s->reserved[1])
		return -EINVAL;
	s->count = min_t(u32, s->count, MBOXFS_BATCH_MAX);
	return 0;
}

/* Settle some at a time; how many, or the error of the first one. */
static long mboxfs_settle_all(struct file *file, const struct mboxfs_settle *s)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	u64 seqs[MBOXFS_NUMBERS];
	int ret = -ENOENT, done = 0;
	u32 i, n;

	for (i = 0; i < s->count; i += n) {
		n = min_t(u32, s->count - i, MBOXFS_NUMBERS);
		ret = -EFAULT;
		if (copy_from_user(seqs, u64_to_user_ptr(s->seqs + i * 8ULL),
				   n * sizeof(*seqs)))
			break;
		/* What user space calls it is what the engine does. */
		ret = mbox_settle(box, mboxfs_holder(file), seqs, n, s->how,
				  s->how == MBOXFS_RETURN ? s->delay_ns : 0);
		if (ret < 0)
			break;
		done += ret;
	}
	if (done)
		return done;
	return ret < 0 ? ret : -ENOENT;
}

/**
 * mboxfs_ioc_settle - MBOXFS_IOC_SETTLE
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been settled; -ENOENT if it was none; -EFAULT; -ENOMEM.
 */
long mboxfs_ioc_settle(struct file *file, struct mboxfs_call call)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_settle s;
	int ret;
	u64 seq;

	ret = mboxfs_get_settle(&s, MBOXFS_TOUCH, call);
	if (ret)
		return ret;
	if (likely(s.count == 1 && s.how == MBOXFS_ACK &&
		   !get_user(seq, (u64 __user *)u64_to_user_ptr(s.seqs)) &&
		   mbox_acknowledge(box, mboxfs_holder(file), seq)))
		return 1;
	return mboxfs_settle_all(file, &s);
}

static int mboxfs_compare_numbers(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Sort numbers, and leave out those that are there twice; how many are left. */
static u32 mboxfs_sort_numbers(u64 *numbers, u32 count)
{
	u32 i, left = 0;

	sort(numbers, count, sizeof(*numbers), mboxfs_compare_numbers, NULL);
	for (i = 0; i < count; i++)
		if (!left || numbers[left - 1] != numbers[i])
			numbers[left++] = numbers[i];
	return left;
}

/**
 * mboxfs_ioc_cancel - MBOXFS_IOC_CANCEL
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been taken back; -ENOENT if it was none; -EFAULT;
 * -ENOMEM.
 */
long mboxfs_ioc_cancel(struct file *file, struct mboxfs_call call)
{
	kuid_t uid = mboxfs_owns(file) ? INVALID_UID : current_euid();
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_settle s;
	u64 *numbers;
	s64 done;
	int err;

	err = mboxfs_get_settle(&s, MBOXFS_BY_TAG, call);
	if (err)
		return err;
	if (!s.count)
		return -ENOENT;
	numbers = memdup_user(u64_to_user_ptr(s.seqs),
			      s.count * sizeof(*numbers));
	if (IS_ERR(numbers))
		return PTR_ERR(numbers);
	s.count = mboxfs_sort_numbers(numbers, s.count);
	done = mbox_cancel(box, numbers, s.count, s.how == MBOXFS_BY_TAG, uid);
	kfree(numbers);
	return done ? min_t(s64, done, INT_MAX) : -ENOENT;
}

/* What may come in again in the flags of a message that is looked at. */
#define MBOXFS_LOOK_FLAGS	(MBOXFS_TRUNC | MBOXFS_IS_DELAYED | \
				 MBOXFS_IS_LEASED | MBOXFS_IS_DEAD)
#define MBOXFS_LOOK_ALL		(MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED | \
				 MBOXFS_LOOK_LEASED | MBOXFS_LOOK_DEAD)

/* Copy out one message that has been seen. */
static int mboxfs_put_sight(const struct mbox_sight *sight,
			    struct mboxfs_msg __user *user)
{
	struct mboxfs_msg m;
	int err;

	err = mboxfs_get_room(&m, MBOXFS_LOOK_FLAGS, user, sizeof(m));
	if (err)
		return err;
	m.flags = 0;
	err = mboxfs_put_msg(sight->msg, &m, sight->state, sight->attempts,
			     user, sizeof(m));
	if (!err && (put_user(sight->delay, &user->delay_ns) ||
		     put_user(sight->left, &user->timeout_ns)))
		err = -EFAULT;
	return err;
}

/* Look once, and copy out what is seen; how many. */
static int mboxfs_look_once(struct file *file, struct mboxfs_look *look,
			    struct mboxfs_msg __user *msgs,
			    struct mbox_sight *sights, int count)
{
	struct mbox *box = mboxfs_box(file_inode(file));
	struct mboxfs_file *mf = file->private_data;
	u64 cursor[2] = { look->cursor[0], look->cursor[1] };
	int i, seen, done = 0, err = 0;

	if (mutex_lock_interruptible(&mf->lock))
		return -ERESTARTSYS;
	seen = mbox_look(box, &mf->mark, look->what, cursor, sights, count);
	mutex_unlock(&mf->lock);
	if (seen <= 0) {
		look->cursor[0] = cursor[0];
		look->cursor[1] = cursor[1];
		return seen;
	}
	for (i = 0; i < seen; i++) {
		if (!err)
			err = mboxfs_put_sight(&sights[i], msgs + i);
		if (!err) {
			look->cursor[0] = sights[i].cursor[0];
			look->cursor[1] = sights[i].cursor[1];
			done++;
		}
		mbox_msg_put(box->pool, sights[i].msg);
		cond_resched();
	}
	return done ? done : err;
}

/* Look as often as it takes; how many, or the error of the first one. */
static long mboxfs_look_on(struct file *file, struct mboxfs_look *look,
			   struct mbox_sight *sights)
{
	struct mboxfs_msg __user *msgs = u64_to_user_ptr(look->msgs);
	u32 total = 0;
	int ret, want;

	while (total < look->count) {
		want = min_t(u32, look->count - total, MBOXFS_SIGHTS);
		ret = mboxfs_look_once(file, look, msgs + total, sights, want);
		if (ret <= 0)
			return total ? total : ret;
		total += ret;
		if (signal_pending(current))
			break;
	}
	return total;
}

/**
 * mboxfs_ioc_look - MBOXFS_IOC_LOOK
 * @file:	the open mailbox
 * @call:	the command
 *
 * Return: how many have been copied; 0 at the end; -EFAULT; -ENOMEM; -EINTR.
 */
long mboxfs_ioc_look(struct file *file, struct mboxfs_call call)
{
	struct mboxfs_look __user *user = call.arg;
	struct mbox_sight *sights;
	struct mboxfs_look look;
	long ret;

	ret = mboxfs_get_arg(&look, sizeof(look), call);
	if (ret)
		return ret;
	if (!look.what || (look.what & ~MBOXFS_LOOK_ALL) || look.reserved[0] ||
	    look.reserved[1])
		return -EINVAL;
	look.count = min_t(u32, look.count, MBOXFS_BATCH_MAX);
	sights = kmalloc_array(MBOXFS_SIGHTS, sizeof(*sights),
			       GFP_KERNEL_ACCOUNT);
	if (!sights)
		return -ENOMEM;
	ret = mboxfs_look_on(file, &look, sights);
	kfree(sights);
	if (ret >= 0 && call.size >= offsetofend(struct mboxfs_look, cursor) &&
	    (put_user(look.cursor[0], &user->cursor[0]) ||
	     put_user(look.cursor[1], &user->cursor[1])))
		ret = -EFAULT;
	return ret;
}
