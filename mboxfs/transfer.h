/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages between user space's structures and a mailbox: what single ones and
 * several have in common.
 */
#ifndef _MBOXFS_TRANSFER_H
#define _MBOXFS_TRANSFER_H

#include <linux/pid_namespace.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "mboxfs.h"
#include "receive.h"
#include "settle.h"

struct mbox_msg *mboxfs_make_msg(struct mbox *box, const struct mboxfs_msg *m,
				 unsigned int flags);
int mboxfs_get_want(struct file *file, const struct mboxfs_msg *m, u32 allowed,
		    struct mbox_want *want);
int mboxfs_put_msg(struct mbox_msg *msg, const struct mboxfs_msg *m, u32 state,
		   u32 attempts, struct mboxfs_msg __user *user, size_t size);
int mboxfs_put_len(u32 len, struct mboxfs_msg __user *user, size_t size);
void mboxfs_ioctl_received(struct file *file);
long mboxfs_end_wait(const void *where, long ret, s64 left,
		     __s64 __user *timeout);
int mboxfs_send_msg(struct mbox *box, struct mboxfs_msg *m, unsigned int flags);
long mboxfs_go_on(long ret, s64 left, __s64 __user *timeout);

long mboxfs_ioc_send(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_recv(struct file *file, struct mboxfs_call call);

/* In settling.c */
long mboxfs_ioc_settle(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_look(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_cancel(struct file *file, struct mboxfs_call call);

/* In batch.c */
long mboxfs_ioc_send_batch(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_recv_batch(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_send_packed(struct file *file, struct mboxfs_call call);
long mboxfs_ioc_recv_packed(struct file *file, struct mboxfs_call call);

/* The sender's ids as the caller knows them; most know them as they are. */
static inline u32 mboxfs_show_uid(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kuid_val(uid) :
					     from_kuid_munged(ns, uid);
}

static inline u32 mboxfs_show_gid(kgid_t gid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kgid_val(gid) :
					     from_kgid_munged(ns, gid);
}

/* Where a field of a message ends. */
#define MBOXFS_UPTO(field)	offsetofend(struct mboxfs_msg, field)

static inline bool mboxfs_owns(struct file *file)
{
	return inode_owner_or_capable(file_mnt_idmap(file), file_inode(file));
}

/* How often a message will have been on lease, if it is going to be. */
static inline u32 mboxfs_attempts(const struct mbox_msg *msg, u32 flags)
{
	if (likely(!(flags & MBOXFS_LEASE)))
		return 0;
	return msg->extra ? msg->extra->attempts + 1 : 1;
}

static inline bool mboxfs_no_reserved(const struct mboxfs_msg *m)
{
	return !(m->reserved[0] | m->reserved[1] | m->reserved[2]);
}

/* What a structure of @size bytes does not have is not told. */
static __always_inline int
__mboxfs_put_meta(const struct mbox_msg *msg, u32 flags, u32 attempts,
		  struct mboxfs_msg __user *user, size_t size)
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
	if (size >= MBOXFS_UPTO(attempts))
		unsafe_put_user(attempts, &user->attempts, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/* Copy out what is known about a message; nearly all have room for all of it. */
static inline int mboxfs_put_meta(const struct mbox_msg *msg, u32 flags,
				  u32 attempts, struct mboxfs_msg __user *user,
				  size_t size)
{
	if (likely(size >= MBOXFS_UPTO(attempts)))
		return __mboxfs_put_meta(msg, flags, attempts, user,
					 MBOXFS_UPTO(attempts));
	return __mboxfs_put_meta(msg, flags, attempts, user, size);
}

/* Copy in what matters of a message that is to be received. */
static __always_inline int
mboxfs_get_room(struct mboxfs_msg *m, u32 allowed,
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
	unsafe_get_user(m->reserved[2], &user->reserved[2], fault);
	user_read_access_end();
check:
	if ((m->flags & ~allowed) || !mboxfs_no_reserved(m))
		return -EINVAL;
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

#endif /* _MBOXFS_TRANSFER_H */
