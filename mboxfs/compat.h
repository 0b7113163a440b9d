/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels lack. All other files are written for the newest one.
 *
 * Stable kernels take functions back from newer ones, so what can be probed is
 * probed: macros here with #ifdef, functions in Kbuild, which defines
 * MBOXFS_HAVE_*. Versions are only tested for changes of types, which no one
 * takes back.
 */
#ifndef _MBOXFS_COMPAT_H
#define _MBOXFS_COMPAT_H

#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/uio.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "mboxfs needs Linux 6.1 or newer"
#endif

/* 6.3: operations get the mount's idmap, not a user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap		user_namespace
#define nop_mnt_idmap		init_user_ns
#define file_mnt_idmap(file)	file_mnt_user_ns(file)
#endif

/* 6.4: what an iov_iter stands for is behind functions. */
#ifndef iter_iov_addr
static inline void __user *mboxfs_iov_addr(const struct iov_iter *iter)
{
	return iter->iov->iov_base + iter->iov_offset;
}

#define iter_iov_addr(iter)	mboxfs_iov_addr(iter)
#endif

/* 6.6: generic_fillattr() is told what was asked for. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define generic_fillattr(idmap, mask, inode, stat) \
	generic_fillattr(idmap, inode, stat)
#endif

/* 6.7: superblocks point to constant arrays of xattr handlers. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#define MBOXFS_XATTR_CONST
#else
#define MBOXFS_XATTR_CONST	const
#endif

/* 6.7: the times of an inode are behind functions. */
#ifndef MBOXFS_HAVE_INODE_TIME_ACCESSORS
static inline struct timespec64 inode_set_mtime_to_ts(struct inode *inode,
						      struct timespec64 ts)
{
	inode->i_mtime = ts;
	return ts;
}

static inline struct timespec64 inode_set_atime_to_ts(struct inode *inode,
						      struct timespec64 ts)
{
	inode->i_atime = ts;
	return ts;
}

static inline struct timespec64 simple_inode_init_ts(struct inode *inode)
{
	struct timespec64 ts = inode_set_ctime_current(inode);

	inode_set_atime_to_ts(inode, ts);
	return inode_set_mtime_to_ts(inode, ts);
}
#endif

/* 6.12: what a file can do that does not change is said by its operations. */
#ifdef FOP_BUFFER_WASYNC
#define MBOXFS_FOP_FLAGS	.fop_flags = FOP_BUFFER_WASYNC,
#define MBOXFS_FMODE_WASYNC	((__force fmode_t)0)
#else
#define MBOXFS_FOP_FLAGS
#define MBOXFS_FMODE_WASYNC	FMODE_BUF_WASYNC
#endif

/* 6.13: a timer gets its function where it is set up. */
#ifndef MBOXFS_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* 6.14: ->d_revalidate() is told the directory and the name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
#define MBOXFS_DEFINE_REVALIDATE(op, fn)				\
static int op(struct dentry *dentry, unsigned int flags)		\
{									\
	return fn(dentry);						\
}
#else
#define MBOXFS_DEFINE_REVALIDATE(op, fn)				\
static int op(struct inode *dir, const struct qstr *name,		\
	      struct dentry *dentry, unsigned int flags)		\
{									\
	return fn(dentry);						\
}
#endif

/* 6.15: ->mkdir() returns a dentry. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 15, 0)
#define MBOXFS_DEFINE_MKDIR(op, fn)					\
static int op(struct mnt_idmap *idmap, struct inode *dir,		\
	      struct dentry *dentry, umode_t mode)			\
{									\
	return PTR_ERR_OR_ZERO(fn(idmap, dir, dentry, mode));		\
}
#else
#define MBOXFS_DEFINE_MKDIR(op, fn)					\
static struct dentry *op(struct mnt_idmap *idmap, struct inode *dir,	\
			 struct dentry *dentry, umode_t mode)		\
{									\
	return fn(idmap, dir, dentry, mode);				\
}
#endif

/* 6.17: a superblock's dentry operations are set by a function. */
#ifndef MBOXFS_HAVE_SET_DEFAULT_D_OP
static inline void set_default_d_op(struct super_block *sb,
				    const struct dentry_operations *ops)
{
	sb->s_d_op = ops;
}
#endif

/* 6.19: dentries that stay until they are unlinked are marked as such. */
#ifndef MBOXFS_HAVE_D_MAKE_PERSISTENT
static inline void d_make_persistent(struct dentry *dentry,
				     struct inode *inode)
{
	d_instantiate(dentry, inode);
	dget(dentry);
}

#define kill_anon_super		kill_litter_super
#endif

#endif /* _MBOXFS_COMPAT_H */
