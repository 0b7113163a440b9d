// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting: options, superblock, statfs; and loading the module.
 *
 * No freeze operations: a sender that waits for room holds the freeze lock.
 * No sync_fs: a sync of the whole system is not meant for messages.
 */
#include "clock.h"
#include "compat.h"
#include "delay.h"
#include "mboxfs.h"
#include "spare.h"

#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/user_namespace.h>

static bool userns_mount = true;
module_param(userns_mount, bool, 0444);
MODULE_PARM_DESC(userns_mount,
		 "allow mounts in user namespaces (default: yes)");

static unsigned long userns_size;
module_param(userns_size, ulong, 0444);
MODULE_PARM_DESC(userns_size,
		 "bytes that all mounts in user namespaces may use together, those of one user half of it (default: 1/8 of RAM)");

/**
 * struct mboxfs_options - what a mount or remount asks for
 * @size:	bytes of memory, U64_MAX for no bound
 * @inodes:	number of inodes, U64_MAX for no bound
 * @seen:	bits of what was given, of those that a remount changes
 * @uid:	of the root
 * @gid:	of the root
 * @mode:	of the root
 * @limits:	of the root group
 */
struct mboxfs_options {
	u64			size;
	u64			inodes;
	unsigned int		seen;
	kuid_t			uid;
	kgid_t			gid;
	umode_t			mode;
	struct mbox_group_limits limits;
};

#define MBOXFS_SEEN_SIZE	0x1
#define MBOXFS_SEEN_INODES	0x2
#define MBOXFS_DEFAULT_MODE	(S_ISVTX | 0777)

static u64 mboxfs_ram(void)
{
	return (u64)totalram_pages() << PAGE_SHIFT;
}

static u64 mboxfs_default_size(void)
{
	return ALIGN(mboxfs_ram() / 8, PAGE_SIZE);
}

/* As many as tmpfs allows. */
static u64 mboxfs_default_inodes(void)
{
	return totalram_pages() / 2;
}

static bool mboxfs_in_userns(const struct fs_context *fc)
{
	return fc->user_ns != &init_user_ns;
}

/* size=N[k|m|g|%], in whole pages as tmpfs has it; 0: no bound. */
static int mboxfs_parse_size(const char *text, u64 *size)
{
	size_t len = strlen(text);
	u64 number;
	int err;

	if (len && text[len - 1] == '%') {
		err = mbox_parse_number(text, len - 1, &number);
		if (err)
			return err;
		if (number > S64_MAX / mboxfs_ram())
			return -ERANGE;
		number = div_u64(mboxfs_ram() * number, 100);
	} else {
		err = mbox_parse_number(text, len, &number);
		if (err)
			return err;
		if (number > S64_MAX - PAGE_SIZE)
			return -ERANGE;
	}
	*size = number ? ALIGN(number, PAGE_SIZE) : U64_MAX;
	return 0;
}

static int mboxfs_parse_inodes(const char *text, u64 *inodes)
{
	u64 number;
	int err;

	err = mbox_parse_number(text, strlen(text), &number);
	if (err)
		return err;
	if (number > S64_MAX)
		return -ERANGE;
	*inodes = number ? number : U64_MAX;
	return 0;
}

/*
 * A complaint, -EINVAL. Those about what anyone can do go to the mount's own
 * log alone, if it has one. fs_parse() makes no such difference, nor does the
 * VFS about unknown options: so neither gets to see what is wrong.
 */
#define mboxfs_invalid(context, ...)					\
({									\
	struct fs_context *fc_ = (context);				\
									\
	fc_->log.log || !mboxfs_in_userns(fc_) ?			\
		invalfc(fc_, __VA_ARGS__) : -EINVAL;			\
})

static int mboxfs_parse_mode(const char *text, umode_t *mode)
{
	unsigned int number;

	if (kstrtouint(text, 8, &number) || (number & ~07777))
		return -EINVAL;
	*mode = number;
	return 0;
}

static int mboxfs_parse_uid(const struct fs_context *fc, const char *text,
			    kuid_t *uid)
{
	unsigned int number;

	if (kstrtouint(text, 0, &number))
		return -EINVAL;
	*uid = make_kuid(current_user_ns(), number);
	return uid_valid(*uid) && kuid_has_mapping(fc->user_ns, *uid) ?
	       0 : -EINVAL;
}

static int mboxfs_parse_gid(const struct fs_context *fc, const char *text,
			    kgid_t *gid)
{
	unsigned int number;

	if (kstrtouint(text, 0, &number))
		return -EINVAL;
	*gid = make_kgid(current_user_ns(), number);
	return gid_valid(*gid) && kgid_has_mapping(fc->user_ns, *gid) ?
	       0 : -EINVAL;
}

/* A limit or policy, as the root group's value. */
static int mboxfs_parse_limit(struct mboxfs_options *opts,
			      const struct fs_parameter *param)
{
	int limit = mbox_limit_find(param->key, true);

	if (limit < 0)
		return -ENOPARAM;
	return mbox_limit_parse(limit, param->string, param->size,
				&opts->limits.value[limit]);
}

static int mboxfs_parse_value(struct fs_context *fc,
			      const struct fs_parameter *param)
{
	struct mboxfs_options *opts = fc->fs_private;

	if (!strcmp(param->key, "size")) {
		opts->seen |= MBOXFS_SEEN_SIZE;
		return mboxfs_parse_size(param->string, &opts->size);
	}
	if (!strcmp(param->key, "nr_inodes")) {
		opts->seen |= MBOXFS_SEEN_INODES;
		return mboxfs_parse_inodes(param->string, &opts->inodes);
	}
	if (!strcmp(param->key, "mode"))
		return mboxfs_parse_mode(param->string, &opts->mode);
	if (!strcmp(param->key, "uid"))
		return mboxfs_parse_uid(fc, param->string, &opts->uid);
	if (!strcmp(param->key, "gid"))
		return mboxfs_parse_gid(fc, param->string, &opts->gid);
	return mboxfs_parse_limit(opts, param);
}

static int mboxfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	static const struct fs_parameter empty = {
		.type = fs_value_is_string,
		.string = "",
	};
	bool has_value = param->type == fs_value_is_string;
	struct fs_parameter value = has_value ? *param : empty;
	int err;

	if (!strcmp(param->key, "source"))
		return -ENOPARAM; /* the VFS takes it */
	value.key = param->key;
	err = mboxfs_parse_value(fc, &value);
	if (err == -ENOPARAM)
		return mboxfs_invalid(fc, "Unknown parameter '%s'", param->key);
	if (err && !has_value)
		return mboxfs_invalid(fc, "%s needs a value", param->key);
	if (err)
		return mboxfs_invalid(fc, "Bad value for '%s': '%s'",
				      param->key, param->string);
	return 0;
}

/* In a user namespace there is always a bound. */
static void mboxfs_bound_userns(struct fs_context *fc)
{
	struct mboxfs_options *opts = fc->fs_private;

	if (!mboxfs_in_userns(fc))
		return;
	if (opts->size == U64_MAX)
		opts->size = mboxfs_default_size();
	if (opts->inodes == U64_MAX)
		opts->inodes = mboxfs_default_inodes();
}

static void mboxfs_show_size(struct seq_file *m, const char *name, u64 max,
			     u64 standard, unsigned int shift)
{
	if (max == standard)
		return;
	if (max == U64_MAX)
		max = 0;
	seq_printf(m, ",%s=%llu%s", name, max >> shift, shift ? "k" : "");
}

static int mboxfs_show_options(struct seq_file *m, struct dentry *root)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(root->d_sb);
	char text[MBOX_VALUE_TEXT];
	u64 value;
	int i;

	mboxfs_show_size(m, "size", sbi->memory.max, mboxfs_default_size(), 10);
	mboxfs_show_size(m, "nr_inodes", sbi->inodes.max,
			 mboxfs_default_inodes(), 0);
	if (sbi->mode != MBOXFS_DEFAULT_MODE)
		seq_printf(m, ",mode=%03ho", sbi->mode);
	if (!uid_eq(sbi->uid, GLOBAL_ROOT_UID))
		seq_printf(m, ",uid=%u",
			   from_kuid_munged(seq_user_ns(m), sbi->uid));
	if (!gid_eq(sbi->gid, GLOBAL_ROOT_GID))
		seq_printf(m, ",gid=%u",
			   from_kgid_munged(seq_user_ns(m), sbi->gid));
	for (i = 0; i < MBOX_NR_LIMITS; i++) {
		value = sbi->limits.value[i];
		if (value == mbox_default_limits.value[i])
			continue;
		mbox_limit_format(i, value, text);
		seq_printf(m, ",%s=%s", mbox_limit_name(i), text);
	}
	return 0;
}

static int mboxfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);
	u64 used, max;

	buf->f_type = MBOXFS_MAGIC;
	buf->f_bsize = PAGE_SIZE;
	buf->f_namelen = NAME_MAX;
	buf->f_fsid = u64_to_fsid(huge_encode_dev(sb->s_dev));
	/* Without a bound there is nothing to tell, as with tmpfs. */
	max = READ_ONCE(sbi->memory.max);
	if (max != U64_MAX) {
		used = mbox_pool_used(&sbi->memory);
		buf->f_blocks = max >> PAGE_SHIFT;
		buf->f_bfree = (max - min(used, max)) >> PAGE_SHIFT;
		buf->f_bavail = buf->f_bfree;
	}
	max = READ_ONCE(sbi->inodes.max);
	if (max != U64_MAX) {
		used = mbox_pool_used(&sbi->inodes);
		buf->f_files = max;
		buf->f_ffree = max - min(used, max);
	}
	return 0;
}

/* What mailboxes keep for reuse is for the asking, if memory is short. */
static long mboxfs_nr_cached(struct super_block *sb, struct shrink_control *sc)
{
	return min_t(unsigned long, LONG_MAX,
		     mbox_pool_keepers(&MBOXFS_SB(sb)->memory));
}

static long mboxfs_free_cached(struct super_block *sb,
			       struct shrink_control *sc)
{
	return mbox_pool_shrink(&MBOXFS_SB(sb)->memory, sc->nr_to_scan);
}

static const struct super_operations mboxfs_super_operations = {
	.alloc_inode	= mboxfs_alloc_inode,
	.free_inode	= mboxfs_free_inode,
	.evict_inode	= mboxfs_evict_inode,
	.statfs		= mboxfs_statfs,
	.show_options	= mboxfs_show_options,
	.nr_cached_objects = mboxfs_nr_cached,
	.free_cached_objects = mboxfs_free_cached,
};

static int mboxfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct mboxfs_options *opts = fc->fs_private;
	struct mbox_pool *payer = NULL;
	struct mboxfs_sb_info *sbi;
	struct inode *root;

	sbi = kzalloc(sizeof(*sbi), GFP_KERNEL_ACCOUNT);
	if (!sbi)
		return -ENOMEM;
	mboxfs_bound_userns(fc);
	if (mboxfs_in_userns(fc)) {
		payer = mboxfs_get_payer(fc->user_ns);
		if (!payer) {
			kfree(sbi);
			return -ENOMEM;
		}
	}
	mbox_pool_init(&sbi->memory, opts->size, payer);
	sbi->memory.ops = &mbox_spare_ops;
	mbox_pool_init(&sbi->inodes, opts->inodes, NULL);
	mboxfs_init_removal(sbi);
	sbi->pid_ns = get_pid_ns(task_active_pid_ns(current));
	sbi->uid = opts->uid;
	sbi->gid = opts->gid;
	sbi->mode = opts->mode;
	sbi->limits = opts->limits;

	sb->s_fs_info = sbi;
	sb->s_magic = MBOXFS_MAGIC;
	sb->s_op = &mboxfs_super_operations;
	sb->s_xattr = mboxfs_xattr_handlers; /* before the first inode */
	set_default_d_op(sb, &mboxfs_dentry_operations);
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	/* An overlay's own lock around reads could not be killed. */
	sb->s_stack_depth = FILESYSTEM_MAX_STACK_DEPTH;

	if (mbox_pool_init_stock(&sbi->memory))
		return -ENOMEM;
	root = mboxfs_new_inode(&nop_mnt_idmap, sb, NULL, S_IFDIR | opts->mode);
	if (IS_ERR(root))
		return PTR_ERR(root);
	root->i_uid = opts->uid;
	root->i_gid = opts->gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int mboxfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, mboxfs_fill_super);
}

/* size and nr_inodes change, never below what is in use; both or none. */
static int mboxfs_reconfigure(struct fs_context *fc)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(fc->root->d_sb);
	struct mboxfs_options *opts = fc->fs_private;
	u64 old_size = sbi->memory.max;

	mboxfs_bound_userns(fc);
	if ((opts->seen & MBOXFS_SEEN_SIZE) &&
	    mbox_pool_resize(&sbi->memory, opts->size))
		return mboxfs_invalid(fc, "size is below what is in use");
	if ((opts->seen & MBOXFS_SEEN_INODES) &&
	    mbox_pool_resize(&sbi->inodes, opts->inodes)) {
		WRITE_ONCE(sbi->memory.max, old_size);
		return mboxfs_invalid(fc, "nr_inodes is below what is in use");
	}
	return 0;
}

static void mboxfs_free_fc(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations mboxfs_context_operations = {
	.parse_param	= mboxfs_parse_param,
	.get_tree	= mboxfs_get_tree,
	.reconfigure	= mboxfs_reconfigure,
	.free		= mboxfs_free_fc,
};

static int mboxfs_init_fs_context(struct fs_context *fc)
{
	struct mboxfs_options *opts;

	opts = kzalloc(sizeof(*opts), GFP_KERNEL_ACCOUNT);
	if (!opts)
		return -ENOMEM;
	opts->size = mboxfs_default_size();
	opts->inodes = mboxfs_default_inodes();
	opts->uid = current_fsuid();
	opts->gid = current_fsgid();
	opts->mode = MBOXFS_DEFAULT_MODE;
	opts->limits = mbox_default_limits;
	fc->fs_private = opts;
	fc->ops = &mboxfs_context_operations;
	return 0;
}

static void mboxfs_kill_sb(struct super_block *sb)
{
	struct mboxfs_sb_info *sbi = MBOXFS_SB(sb);

	if (sbi)
		mboxfs_end_removal(sb);
	/* Evicts all inodes, which need @sbi. */
	kill_anon_super(sb);
	if (!sbi)
		return;
	mbox_pool_exit(&sbi->memory);
	mbox_pool_exit(&sbi->inodes);
	mboxfs_put_payer(sbi->memory.parent);
	put_pid_ns(sbi->pid_ns);
	kfree(sbi);
}

static struct file_system_type mboxfs_type = {
	.owner			= THIS_MODULE,
	.name			= "mboxfs",
	.init_fs_context	= mboxfs_init_fs_context,
	.kill_sb		= mboxfs_kill_sb,
	.fs_flags		= FS_USERNS_MOUNT | FS_ALLOW_IDMAP,
};

static int __init mboxfs_init(void)
{
	int err;

	mboxfs_init_payers(userns_size ? userns_size : mboxfs_default_size());
	if (!userns_mount)
		mboxfs_type.fs_flags &= ~FS_USERNS_MOUNT;
	err = mbox_msg_init();
	if (err)
		return err;
	err = mboxfs_inode_init();
	if (err)
		goto out_msg;
	err = mbox_clock_init(mbox_timer_work);
	if (err)
		goto out_inode;
	err = mbox_process_init();
	if (err)
		goto out_timer;
	err = mboxfs_ending_init();
	if (err)
		goto out_process;
	err = register_filesystem(&mboxfs_type);
	if (err)
		goto out_ending;
	return 0;

out_ending:
	mboxfs_ending_exit();
out_process:
	mbox_process_exit();
out_timer:
	mbox_clock_end();
out_inode:
	mboxfs_inode_exit();
out_msg:
	mbox_msg_exit();
	return err;
}

static void __exit mboxfs_exit(void)
{
	unregister_filesystem(&mboxfs_type);
	/* Its work may end mounts. */
	mbox_process_exit();
	mboxfs_ending_exit();
	mbox_clock_end();
	mboxfs_inode_exit();
	mbox_msg_exit();
}

module_init(mboxfs_init);
module_exit(mboxfs_exit);

MODULE_ALIAS_FS("mboxfs");
MODULE_AUTHOR("the mboxfs authors");
MODULE_DESCRIPTION("mailboxes as files");
MODULE_LICENSE("GPL");
