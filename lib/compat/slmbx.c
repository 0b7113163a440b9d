// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mailboxes by id: a group with naming=id, whose owner is root.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "internal.h"
#include "slmbx.h"

/* Not sticky: with naming=id, who may not write a mailbox may not remove it. */
#define GROUP_MODE	0777

#define TRIES		100

static const struct mbox_setting settings[] = {
	{ MBOX_NAMING, MBOX_NAMING_ID },
	{ MBOX_MAX_MESSAGE_SIZE, 0 },
	{ MBOX_MAX_MESSAGES, 0 },
	{ MBOX_MAX_BYTES, 0 },
	{ MBOX_SHORT_READ, MBOXFS_SHORT_READ_TRUNCATE },
};

static const struct compat_group group = {
	"slmbx", GROUP_MODE, settings, ARRAY_SIZE(settings),
};

/* A result as the system calls had it: in errno. */
static long result(long ret)
{
	if (ret >= 0)
		return ret;
	switch (-ret) {
	case EACCES:
		errno = EPERM;
		break;
	case EMSGSIZE:
	case ENOSPC:
	case EDQUOT:
		errno = ENOMEM;
		break;
	case ESHUTDOWN:
	case EISDIR:
	case ELOOP:
		errno = ENOENT;
		break;
	case EAGAIN:
	case ENODATA:
		errno = ESRCH;
		break;
	default:
		errno = -ret;
	}
	return -1;
}

/* What is not there, or not ours, has not begun. */
static int not_begun(int err)
{
	return err == -ENOENT || err == -ENOTDIR || err == -ENOTTY ?
	       -ENODEV : err;
}

/* Anybody may make a group of this name before root does. */
static int check_owner(int fd)
{
	struct stat st;
	int ret = MBOX_CALL(fstat(fd, &st));

	if (ret < 0)
		return ret;
	return st.st_uid == 0 ? 0 : -ENODEV;
}

static int open_group(void)
{
	char path[PATH_MAX];
	int ret = compat_path(path, group.name), fd = -EACCES, tries;

	if (ret < 0)
		return ret;
	/* It may be found and then, before it is opened, be shut down. */
	for (tries = 0; tries < TRIES && fd == -EACCES; tries++)
		fd = mbox_open_group(AT_FDCWD, path);
	if (fd < 0)
		return not_begun(fd);
	ret = check_owner(fd);
	if (ret == 0)
		return fd;
	mbox_close(fd);
	return ret;
}

/* Open the group, and write the name that an id has there. */
static int open_group_for(unsigned int id, char name[16])
{
	int fd = open_group();

	if (fd < 0)
		return fd;
	if (id == 0 || id == UINT32_MAX) {
		mbox_close(fd);
		return -EINVAL;
	}
	snprintf(name, 16, "%u", id);
	return fd;
}

/*
 * Close the group. Who has found it, but not the mailbox before slmbx_shutdown()
 * took all rights away, has come too late.
 */
static int close_group(int dir, int ret)
{
	struct stat st;

	if (ret == -EACCES && MBOX_CALL(fstat(dir, &st)) == 0 &&
	    (st.st_mode & 0777) != GROUP_MODE)
		ret = -ENODEV;
	mbox_close(dir);
	return ret;
}

static int open_mailbox(unsigned int id, int flags)
{
	char name[16];
	int dir = open_group_for(id, name), fd;

	if (dir < 0)
		return dir;
	fd = mbox_open(dir, name, flags | O_NOFOLLOW);
	return close_group(dir, fd);
}

/* The name is taken: by us, or by something else? */
static int already(void)
{
	int fd = open_group();

	mbox_close(fd);
	return fd < 0 ? -EEXIST : -EALREADY;
}

long slmbx_init(unsigned int ptrs, unsigned int prob)
{
	char path[PATH_MAX];
	int ret;

	if (geteuid() != 0)
		return result(-EPERM);
	if (ptrs == 0 || (prob != 2 && prob != 4 && prob != 8 && prob != 16))
		return result(-EINVAL);
	ret = compat_path(path, group.name);
	if (ret < 0)
		return result(ret);
	ret = mbox_create_group(AT_FDCWD, path, O_EXCL, group.mode,
				group.settings, group.count, NULL);
	mbox_close(ret);
	return result(ret == -EEXIST ? already() : ret < 0 ? not_begun(ret) : 0);
}

static int is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static int empty(int dir);

static int remove_directory(int dir, const char *name)
{
	int fd, ret;

	fd = MBOX_CALL(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			      O_CLOEXEC));
	if (fd < 0)
		return fd;
	ret = empty(fd);
	mbox_close(fd);
	return ret < 0 ? ret : MBOX_CALL(unlinkat(dir, name, AT_REMOVEDIR));
}

static int remove_name(int dir, const char *name)
{
	int ret = MBOX_CALL(unlinkat(dir, name, 0));

	if (ret == -EISDIR)
		ret = remove_directory(dir, name);
	return ret == -ENOENT ? 0 : ret;
}

/*
 * Remove all that is in a directory. By descriptors, not by paths: users may
 * have made groups and symbolic links here, and still be changing them.
 */
static int empty(int dir)
{
	struct dirent *entry;
	int ret = 0, fd;
	DIR *stream;

	fd = MBOX_CALL(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		mbox_close(fd);
		return -ENOMEM;
	}
	while (ret == 0 && (entry = readdir(stream)))
		if (!is_dots(entry->d_name))
			ret = remove_name(dir, entry->d_name);
	closedir(stream);
	return ret;
}

/*
 * Nobody finds the group any more, and then nobody makes anything in it who has
 * found it before.
 */
static int take_away(int dir, const char *path, const char *away)
{
	int ret = MBOX_CALL(renameat2(AT_FDCWD, path, AT_FDCWD, away,
				      RENAME_NOREPLACE));

	return ret < 0 ? not_begun(ret) : MBOX_CALL(fchmod(dir, 0));
}

/* No mode keeps root, and the owners of groups in it, from adding to it. */
static int empty_and_remove(int dir, const char *path)
{
	int tries, ret = -ENOTEMPTY;

	for (tries = 0; tries < TRIES && ret == -ENOTEMPTY; tries++) {
		ret = empty(dir);
		if (ret == 0)
			ret = MBOX_CALL(rmdir(path));
	}
	return ret;
}

static int remove_group(int dir)
{
	char path[PATH_MAX], away[PATH_MAX], name[64];
	struct stat st;
	int ret = MBOX_CALL(fstat(dir, &st));

	if (ret < 0)
		return ret;
	/* Its inode's number is its own. */
	snprintf(name, sizeof(name), ".%s-%llu", group.name,
		 (unsigned long long)st.st_ino);
	ret = compat_path(path, group.name);
	if (ret == 0)
		ret = compat_path(away, name);
	if (ret == 0)
		ret = take_away(dir, path, away);
	return ret < 0 ? ret : empty_and_remove(dir, away);
}

long slmbx_shutdown(void)
{
	int dir, ret;

	if (geteuid() != 0)
		return result(-EPERM);
	dir = open_group();
	if (dir < 0)
		return result(dir);
	ret = remove_group(dir);
	mbox_close(dir);
	return result(ret);
}

long slmbx_create(unsigned int id, int is_protected)
{
	char name[16];
	int dir = open_group_for(id, name), fd;

	if (dir < 0)
		return result(dir);
	fd = mbox_create(dir, name, O_RDWR | O_EXCL,
			 is_protected ? 0600 : 0666, NULL, 0, NULL);
	mbox_close(fd);
	fd = close_group(dir, fd);
	/* No mailbox can be missing: the group itself has gone. */
	return result(fd < 0 ? not_begun(fd) : 0);
}

long slmbx_destroy(unsigned int id)
{
	char name[16];
	int dir = open_group_for(id, name), ret;

	if (dir < 0)
		return result(dir);
	ret = MBOX_CALL(unlinkat(dir, name, 0));
	return result(close_group(dir, ret));
}

static long counter(unsigned int id, enum mbox_attr attr)
{
	int fd = open_mailbox(id, O_RDONLY), ret;
	uint64_t value = 0;

	if (fd < 0)
		return result(fd);
	ret = mbox_attr_get(fd, attr, &value);
	mbox_close(fd);
	return result(ret < 0 ? ret : (long)value);
}

long slmbx_count(unsigned int id)
{
	return counter(id, MBOX_MESSAGES);
}

long slmbx_length(unsigned int id)
{
	return counter(id, MBOX_NEXT_SIZE);
}

long slmbx_send(unsigned int id, const unsigned char *msg, unsigned int len)
{
	int fd = open_mailbox(id, O_WRONLY), ret;

	if (fd < 0)
		return result(fd);
	ret = mbox_send(fd, msg, len);
	mbox_close(fd);
	return result(ret);
}

long slmbx_recv(unsigned int id, unsigned char *msg, unsigned int len)
{
	struct mboxfs_msg m = { .flags = MBOXFS_NONBLOCK };
	int fd = open_mailbox(id, O_RDONLY);
	ssize_t ret;

	if (fd < 0)
		return result(fd);
	ret = mbox_recv_msg(fd, msg, len, &m);
	mbox_close(fd);
	return result(ret);
}
