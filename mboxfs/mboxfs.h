/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the VFS side share.
 */
#ifndef _MBOXFS_H
#define _MBOXFS_H

#include <linux/cache.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "control.h"
#include "group.h"
#include "lease.h"
#include "look.h"
#include "message.h"
#include "process.h"
#include "uapi/linux/mboxfs.h"

/**
 * struct mboxfs_sb_info - a mount
 * @memory:	bounds the memory of messages and symlink targets (size=)
 * @inodes:	bounds the number of inodes (nr_inodes=)
 * @next_ino:	the last inode number given out
 * @pid_ns:	in which naming=pid means numbers: that of who mounted
 * @lock:	guards @mortals and @leaving; outside of i_lock
 * @mortals:	mailboxes that may end by themselves, see ending.c
 * @leaving:	those whose names are to be removed
 * @removal:	does so
 * @removal_delay: jiffies until it tries again
 * @uid:	owner of the root, as mounted
 * @gid:	group of the root, as mounted
 * @mode:	permissions of the root, as mounted
 * @limits:	the root group's values, as mounted
 */
struct mboxfs_sb_info {
	struct mbox_pool	memory;
	struct mbox_pool	inodes;
	atomic64_t		next_ino;
	struct pid_namespace	*pid_ns;
	spinlock_t		lock;	/* @mortals, @leaving; outside of i_lock */
	struct list_head	mortals;
	struct list_head	leaving;
	struct delayed_work	removal;
	unsigned long		removal_delay;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
	struct mbox_group_limits limits;
};

/**
 * struct mboxfs_dir - a directory
 * @group:	the group it stands for
 * @members:	all that has a name here, by mboxfs_inode_info.index; guarded by
 *		the directory's i_rwsem
 * @last_index:	the last index given out, unless it is the name that gives it;
 *		guarded by the directory's i_rwsem
 */
struct mboxfs_dir {
	struct mbox_group	*group;
	struct rb_root		members;
	u64			last_index;
};

/**
 * struct mboxfs_inode_info - an inode, and what it stands for
 * @vfs_inode:	the inode
 * @box:	the mailbox of a regular file
 * @dir:	of a directory
 * @member:	place in its directory's @members, as long as it has a name
 * @index:	the number by which it is there; guarded by that directory's
 *		i_rwsem, as is @member
 * @dentry:	its name, or NULL; changes under i_lock, too
 * @bound:	the open file that a mailbox lives as long as, or NULL;
 *		MBOXFS_UNBOUND when that has been closed
 * @opens:	open files of a mailbox
 * @owner:	the process a mailbox belongs to, or NULL; constant
 * @owner_uid:	its effective user when the mailbox was made; constant
 * @owner_gid:	its effective group then; constant
 * @process:	sees @owner end
 * @mortal:	place in mboxfs_sb_info.mortals or .leaving, if there is an
 *		@owner, or @bound
 */
struct mboxfs_inode_info {
	struct inode			vfs_inode;
	struct dentry			*dentry;
	union {
		/* Whose members are sorted by who writes them. */
		struct mbox		box ____cacheline_aligned_in_smp;
		struct mboxfs_dir	dir;
	};
	atomic_t			opens;
	struct rb_node			member;
	u64				index;
	struct file			*bound;
	struct pid			*owner;
	kuid_t				owner_uid;
	kgid_t				owner_gid;
	struct mbox_process		*process;
	struct list_head		mortal;
};

/**
 * struct mboxfs_file - an open mailbox that can be read
 * @lock:	lets one read at a time at @rest; taken outside mbox->lock, and
 *		held while copying to user space: always taken interruptibly
 * @rest:	the message whose begin has been read under short_read=keep;
 *		changed under @lock, may be tested for being there without
 * @offset:	where the next read of @rest goes on; guarded by @lock
 * @leased:	@rest is of a message that has been read on lease
 * @mark:	where it is in a walk by MBOXFS_IOC_LOOK; guarded by @lock
 * @holder:	has what was received on lease
 */
struct mboxfs_file {
	struct mutex		lock;	/* one read at a time; outside mbox->lock */
	struct mbox_msg		*rest;
	u32			offset;
	bool			leased;
	struct mbox_mark	mark;
	struct mbox_holder	holder;
};

/**
 * struct mboxfs_call - a command of uapi/linux/mboxfs.h
 * @nr:		its number
 * @size:	how long the caller's structure is
 * @arg:	where that is
 */
struct mboxfs_call {
	unsigned int	nr;
	unsigned int	size;
	void __user	*arg;
};

/* The number of MBOXFS_IOC_@name. */
#define MBOXFS_NR(name)	_IOC_NR(MBOXFS_IOC_##name)

static inline struct mboxfs_inode_info *MBOXFS_I(const struct inode *inode)
{
	return container_of(inode, struct mboxfs_inode_info, vfs_inode);
}

static inline struct mboxfs_sb_info *MBOXFS_SB(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/* The mailbox of a regular file, the group of a directory. */
static inline struct mbox *mboxfs_box(const struct inode *inode)
{
	return &MBOXFS_I(inode)->box;
}

static inline struct mbox_group *mboxfs_group(const struct inode *inode)
{
	return MBOXFS_I(inode)->dir.group;
}

static inline enum mbox_naming mboxfs_naming(const struct inode *dir)
{
	return mbox_group_limit(mboxfs_group(dir), MBOX_NAMING);
}

/*
 * What an inode shows itself as: a mailbox of type=fifo as a FIFO, which is what
 * programs look at before they read on and on, or at all. It is a regular file
 * all the same: that is what can have user.* attributes.
 */
static inline umode_t mboxfs_shown_mode(const struct inode *inode)
{
	umode_t mode = inode->i_mode;

	if (S_ISREG(mode) &&
	    mbox_get_limit(mboxfs_box(inode), MBOX_TYPE) == MBOXFS_TYPE_FIFO)
		mode = (mode & ~S_IFMT) | S_IFIFO;
	return mode;
}

/* Whether a mailbox belongs to a process of which nothing is left. */
static inline bool mboxfs_process_gone(const struct inode *inode)
{
	struct pid *owner = MBOXFS_I(inode)->owner;

	return unlikely(owner) && !mbox_pid_alive(owner);
}

/* Of mboxfs_inode_info.bound: the open file is no more. */
#define MBOXFS_UNBOUND	((struct file *)ERR_PTR(-ESHUTDOWN))

/* Whether a mailbox has ended by itself: its name is as good as gone. */
static inline bool mboxfs_ended(const struct inode *inode)
{
	return unlikely(READ_ONCE(MBOXFS_I(inode)->bound) == MBOXFS_UNBOUND) ||
	       mboxfs_process_gone(inode);
}

/* What an open mailbox has on lease; it is open for reading. */
static inline struct mbox_holder *mboxfs_holder(const struct file *file)
{
	struct mboxfs_file *mf = file->private_data;

	return &mf->holder;
}

/* In inode.c, too. */
bool mboxfs_is_owner(const struct inode *inode);

/*
 * The mailbox of a process is received from by that process alone, and only as
 * long as it runs with the ids that the mailbox was made for.
 */
static inline bool mboxfs_may_receive(const struct inode *inode)
{
	return likely(!MBOXFS_I(inode)->owner) || mboxfs_is_owner(inode);
}

/*
 * Copy in a structure of @known bytes, of which the caller has @size: the one
 * place that knows how structures grow. 0, -EFAULT or -E2BIG.
 */
static __always_inline int mboxfs_get_struct(void *to, size_t known,
					     const void __user *user,
					     size_t size)
{
	/* Nearly all callers. */
	if (likely(size == known))
		return copy_from_user(to, user, known) ? -EFAULT : 0;
	return copy_struct_from_user(to, known, user, size);
}

/* The same for the argument of a command. */
static __always_inline int mboxfs_get_arg(void *to, size_t known,
					  struct mboxfs_call call)
{
	return mboxfs_get_struct(to, known, call.arg, call.size);
}

/* A command that has no argument as yet. */
static inline int mboxfs_no_arg(struct mboxfs_call call)
{
	return likely(!call.size) ? 0 :
	       copy_struct_from_user(NULL, 0, call.arg, call.size);
}

/* What a command says; false if it is none of ours. */
static inline bool mboxfs_decode(struct mboxfs_call *call, unsigned int cmd,
				 unsigned long arg)
{
	call->nr = _IOC_NR(cmd);
	call->size = _IOC_SIZE(cmd);
	call->arg = (void __user *)arg;
	return _IOC_TYPE(cmd) == MBOXFS_IOC_MAGIC;
}

/*
 * Whether it is noted when a message is received: not as by file_accessed(), which
 * goes by relatime. See mboxfs_update_times().
 */
static inline bool mboxfs_notes_reading(const struct file *file)
{
	return !(file->f_flags & O_NOATIME) && !IS_NOATIME(file_inode(file)) &&
	       !(file->f_path.mnt->mnt_flags & MNT_NOATIME);
}

/**
 * mboxfs_received - after a message has been received
 * @file:	through which
 */
static inline void mboxfs_received(struct file *file)
{
	if (mboxfs_notes_reading(file))
		WRITE_ONCE(mboxfs_box(file_inode(file))->received_at,
			   jiffies);
}

/*
 * Where core files go to the working directory, a process that dies in a group
 * would send its core to a mailbox, page by page, and wait for room before it
 * can end; one that has this name already would be removed before. Who dumps
 * core neither makes nor opens nor removes a mailbox.
 */
static inline bool mboxfs_dumping_core(void)
{
	return unlikely(current->flags & PF_DUMPCORE);
}

/* What an inode counts where mounts in user namespaces are counted. */
#define MBOXFS_INODE_CHARGE	2048

/* In payer.c */
void mboxfs_init_payers(u64 size);
struct mbox_pool *mboxfs_get_payer(const struct user_namespace *ns);
void mboxfs_put_payer(struct mbox_pool *pool);

/* In inode.c */
struct inode *mboxfs_new_inode(struct mnt_idmap *idmap, struct super_block *sb,
			       struct inode *dir, umode_t mode);
struct inode *mboxfs_alloc_inode(struct super_block *sb);
void mboxfs_free_inode(struct inode *inode);
void mboxfs_evict_inode(struct inode *inode);
int mboxfs_inode_init(void);
void mboxfs_inode_exit(void);
extern const struct dentry_operations mboxfs_dentry_operations;

/* In name.c */
int mboxfs_may_move(struct mnt_idmap *idmap, struct inode *dir,
		    struct inode *inode);
void mboxfs_lose_name(struct inode *inode);
void mboxfs_detach(struct inode *dir, struct dentry *dentry);
void mboxfs_remove(struct inode *dir, struct dentry *dentry);
bool mboxfs_dir_empty(struct inode *dir);

/* In ending.c */
int mboxfs_watch_owner(struct inode *inode, struct pid *pid);
int mboxfs_bind(struct inode *inode, struct file *file);
void mboxfs_unbind(struct inode *inode, struct file *file);
void mboxfs_abandon(struct inode *inode);
void mboxfs_remove_later(struct inode *inode);
void mboxfs_forget_mortal(struct inode *inode);
void mboxfs_init_removal(struct mboxfs_sb_info *sbi);
void mboxfs_end_removal(struct super_block *sb);
int mboxfs_ending_init(void);
void mboxfs_ending_exit(void);

/* In member.c */
int mboxfs_get_index(struct inode *dir, const struct qstr *name, u64 *index);
void mboxfs_add_member(struct inode *dir, struct inode *inode,
		       struct dentry *dentry, u64 index);
void mboxfs_del_member(struct inode *dir, struct inode *inode);
void mboxfs_move_member(struct inode *old_dir, struct inode *inode,
			struct inode *new_dir, u64 index);
struct mboxfs_inode_info *mboxfs_member_from(struct inode *dir, u64 index);
struct dentry *mboxfs_get_name(struct inode *inode);
int mboxfs_each_mailbox(struct file *file, bool below,
			int (*act)(struct inode *inode, void *data),
			void *data);

/* In dir.c */
extern const struct file_operations mboxfs_dir_operations;

/* In file.c */
extern const struct file_operations mboxfs_file_operations;

/* In ioctl.c */
long mboxfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
unsigned int mboxfs_wait_flags(struct file *file, u32 flags, s64 timeout);
int mboxfs_check_msg(const struct mboxfs_msg *m, u32 allowed);
int mboxfs_iter(struct iov_iter *iter, unsigned int direction, u64 data,
		size_t len);
long mboxfs_ioc_barrier(struct file *file, struct mbox_barrier *barrier,
			struct mboxfs_call call);
s64 mboxfs_revoke(struct mnt_idmap *idmap, struct inode *inode);

/* In xattr.c */
extern const struct xattr_handler *MBOXFS_XATTR_CONST mboxfs_xattr_handlers[];
ssize_t mboxfs_listxattr(struct dentry *dentry, char *list, size_t size);

#endif /* _MBOXFS_H */
