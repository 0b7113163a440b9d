// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floor: a filesystem with one regular file whose write() copies into a
 * buffer and whose read() copies the same bytes out again. Whatever a mailbox
 * costs above that is its own; what is below is the VFS and the copy.
 *
 *	mount -t floor none DIR; then DIR/copy
 */
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>

#define FLOOR_MAGIC	0x464c4f52
#define FLOOR_SIZE	65536

static char *floor_buffer;

/* The modes of a mailbox, so that the VFS takes the same way to it. */
static int floor_open(struct inode *inode, struct file *file)
{
	file->f_mode &= ~FMODE_ATOMIC_POS;
	file->f_mode |= FMODE_NOWAIT;
	return 0;
}

static ssize_t floor_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	size_t len = min_t(size_t, iov_iter_count(to), FLOOR_SIZE);

	return copy_to_iter(floor_buffer, len, to) == len ? len : -EFAULT;
}

static ssize_t floor_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	size_t len = iov_iter_count(from);

	if (len > FLOOR_SIZE)
		return -EMSGSIZE;
	return copy_from_iter_full(floor_buffer, len, from) ? len : -EFAULT;
}

static const struct file_operations floor_file_operations = {
	.owner		= THIS_MODULE,
	.open		= floor_open,
	.read_iter	= floor_read_iter,
	.write_iter	= floor_write_iter,
};

static int floor_fill_super(struct super_block *sb, struct fs_context *fc)
{
	static const struct tree_descr files[] = {
		[2] = { "copy", &floor_file_operations, 0600 },
		{ "" },
	};

	return simple_fill_super(sb, FLOOR_MAGIC, files);
}

static int floor_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, floor_fill_super);
}

static const struct fs_context_operations floor_context_operations = {
	.get_tree	= floor_get_tree,
};

static int floor_init_fs_context(struct fs_context *fc)
{
	fc->ops = &floor_context_operations;
	return 0;
}

static struct file_system_type floor_type = {
	.owner		= THIS_MODULE,
	.name		= "floor",
	.init_fs_context = floor_init_fs_context,
#ifdef FLOOR_HAVE_KILL_LITTER_SUPER
	.kill_sb	= kill_litter_super,
#else
	.kill_sb	= kill_anon_super,
#endif
};

static int __init floor_init(void)
{
	int err;

	floor_buffer = kzalloc(FLOOR_SIZE, GFP_KERNEL);
	if (!floor_buffer)
		return -ENOMEM;
	err = register_filesystem(&floor_type);
	if (err)
		kfree(floor_buffer);
	return err;
}

static void __exit floor_exit(void)
{
	unregister_filesystem(&floor_type);
	kfree(floor_buffer);
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("the mboxfs authors");
MODULE_DESCRIPTION("What read() and write() of a regular file cost at least");
