// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Opening and creating mailboxes and groups.
 *
 * Never by O_CREAT what may be there already: fs.protected_regular refuses that
 * for other users' mailboxes in sticky groups, to root too. And nobody is to
 * see something new before its limits and rights are set: a mailbox gets its
 * name last, a group is renamed to it.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "internal.h"

/* What may be there in one moment and gone in the next is tried so often. */
#define TRIES	64

#define IGNORED_FLAGS	(O_CREAT | O_EXCL | O_TRUNC | O_TMPFILE | O_PATH)

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	return MBOX_CALL(openat(dir, path, flags | O_CLOEXEC, mode));
}

/* Close @fd if there is an error, and else return it. */
static int or_close(int fd, int err)
{
	if (err >= 0)
		return fd;
	mbox_close(fd);
	return err;
}

int mbox_open(int dirfd, const char *path, int flags)
{
	struct mboxfs_stat stat;
	int fd, ret;

	fd = open_at(dirfd, path, (flags & ~IGNORED_FLAGS) | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	ret = mbox_stat(fd, &stat);
	if (ret == -ENOTTY && mbox_check(fd) == 0)
		ret = -EISDIR;
	return or_close(fd, ret);
}

int mbox_open_group(int dirfd, const char *path)
{
	int fd = open_at(dirfd, path, O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? fd : or_close(fd, mbox_check(fd));
}

/**
 * struct place - where something is to be made
 * @dir:	the group that it is to be in
 * @name:	its name there
 * @path:	holds the name
 */
struct place {
	int		dir;
	const char	*name;
	char		path[PATH_MAX];
};

static int find_place(struct place *place, int dirfd, const char *path)
{
	const char *parent = ".";
	char *slash;
	size_t len;

	if (!path)
		return -EFAULT;
	len = strlen(path);
	if (len >= sizeof(place->path))
		return -ENAMETOOLONG;
	memcpy(place->path, path, len + 1);
	while (len > 1 && place->path[len - 1] == '/')
		place->path[--len] = '\0';
	place->name = place->path;
	slash = strrchr(place->path, '/');
	if (slash) {
		*slash = '\0';
		place->name = slash + 1;
		parent = slash == place->path ? "/" : place->path;
	}
	place->dir = open_at(dirfd, parent, O_PATH | O_DIRECTORY, 0);
	return place->dir < 0 ? place->dir : 0;
}

static int apply(int fd, const struct mbox_setting *settings,
		 unsigned int count)
{
	unsigned int i;
	int ret = 0;

	if (count && !settings)
		return -EFAULT;
	for (i = 0; i < count && ret == 0; i++)
		ret = mbox_attr_set(fd, settings[i].attr, settings[i].value);
	return ret;
}

/* Give a file without a name its name; the kernel wants /proc or rights. */
static int name_it(int fd, const struct place *place)
{
	char self[32];
	int ret;

	ret = MBOX_CALL(linkat(fd, "", place->dir, place->name, AT_EMPTY_PATH));
	if (ret != -ENOENT)
		return ret;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return MBOX_CALL(linkat(AT_FDCWD, self, place->dir, place->name,
				AT_SYMLINK_FOLLOW));
}

/* What O_TMPFILE opened for reading and writing, opened as it is wanted. */
static int reopen(int fd, int flags)
{
	char self[32];
	int ret;

	if ((flags & O_ACCMODE) == O_RDWR)
		return fd;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ret = open_at(AT_FDCWD, self, flags, 0);
	mbox_close(fd);
	return ret;
}

/* Settings need write permission, so @mode comes after them. */
static int make_mailbox(const struct place *place, int flags, mode_t mode,
			const struct mbox_setting *settings, unsigned int count)
{
	int fd, ret;

	flags &= ~IGNORED_FLAGS;
	fd = open_at(place->dir, ".",
		     (flags & ~O_ACCMODE) | O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		return fd;
	ret = MBOX_CALL(fchmod(fd, 0600));
	if (ret == 0)
		ret = apply(fd, settings, count);
	if (ret < 0)
		return or_close(fd, ret);
	fd = reopen(fd, flags);
	if (fd < 0)
		return fd;
	ret = MBOX_CALL(fchmod(fd, mode));
	if (ret == 0)
		ret = name_it(fd, place);
	return or_close(fd, ret);
}

/*
 * A name that nobody else chooses. It is a number, so that it is one also where
 * naming=id wants numbers, which end at 2^62. Early after boot a poor one does:
 * who meets another's name tries again.
 */
static int temporary_name(char name[24])
{
	uint64_t number;
	int ret = MBOX_CALL(getrandom(&number, sizeof(number), GRND_INSECURE));

	if (ret < 0)
		return ret;
	number = (number >> 3) | 1ULL << 61;
	snprintf(name, 24, "%llu", (unsigned long long)number);
	return 0;
}

/* Complete a new group, but for its name. */
static int prepare_group(int fd, mode_t mode,
			 const struct mbox_setting *settings,
			 unsigned int count)
{
	struct stat st;
	int ret = apply(fd, settings, count);

	if (ret == 0)
		ret = MBOX_CALL(fstat(fd, &st));
	/* It keeps what a setgid group has handed down, as after mkdir(2). */
	if (ret == 0)
		ret = MBOX_CALL(fchmod(fd, mode | (st.st_mode & S_ISGID)));
	return ret;
}

static int make_group(const struct place *place, mode_t mode,
		      const struct mbox_setting *settings, unsigned int count)
{
	char temporary[24];
	int fd, ret;

	ret = temporary_name(temporary);
	if (ret < 0)
		return ret;
	ret = MBOX_CALL(mkdirat(place->dir, temporary, 0700));
	if (ret < 0)
		return ret;
	fd = open_at(place->dir, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
		     0);
	ret = fd < 0 ? fd : prepare_group(fd, mode, settings, count);
	if (ret == 0)
		ret = MBOX_CALL(renameat2(place->dir, temporary, place->dir,
					  place->name, RENAME_NOREPLACE));
	if (ret == 0)
		return fd;
	(void)MBOX_CALL(unlinkat(place->dir, temporary, AT_REMOVEDIR));
	mbox_close(fd);
	return ret;
}

/**
 * struct making - what is to be made, and how
 * @group:	a group, or else a mailbox
 * @flags:	of open(2)
 * @mode:	its mode
 * @settings:	its settings
 * @count:	how many settings
 */
struct making {
	int				group;
	int				flags;
	mode_t				mode;
	const struct mbox_setting	*settings;
	unsigned int			count;
};

static int make(const struct place *place, const struct making *what)
{
	int ret = mbox_check(place->dir);

	if (ret < 0)
		return ret;
	if (what->group)
		return make_group(place, what->mode, what->settings,
				  what->count);
	return make_mailbox(place, what->flags, what->mode, what->settings,
			    what->count);
}

static int open_old(const struct place *place, const struct making *what)
{
	if (what->group)
		return mbox_open_group(place->dir, place->name);
	return mbox_open(place->dir, place->name, what->flags);
}

/* Open it, or make it; whichever others leave possible. */
static int open_or_make(const struct place *place, const struct making *what,
			int *created)
{
	int tries, fd = -EEXIST;

	for (tries = 0; tries < TRIES && fd == -EEXIST; tries++) {
		*created = 0;
		if (!(what->flags & O_EXCL)) {
			fd = open_old(place, what);
			if (fd != -ENOENT)
				return fd;
		}
		fd = make(place, what);
		*created = fd >= 0;
		if (what->flags & O_EXCL)
			break;
	}
	return fd;
}

static int create(int dirfd, const char *path, const struct making *what,
		  int *created)
{
	struct place place;
	int fd, is_new;

	fd = find_place(&place, dirfd, path);
	if (fd < 0)
		return fd;
	fd = open_or_make(&place, what, created ? created : &is_new);
	mbox_close(place.dir);
	return fd;
}

int mbox_create(int dirfd, const char *path, int flags, mode_t mode,
		const struct mbox_setting *settings, unsigned int count,
		int *created)
{
	struct making what = { 0, flags, mode, settings, count };

	return create(dirfd, path, &what, created);
}

int mbox_create_group(int dirfd, const char *path, int flags, mode_t mode,
		      const struct mbox_setting *settings, unsigned int count,
		      int *created)
{
	struct making what = { 1, flags, mode, settings, count };

	return create(dirfd, path, &what, created);
}

int mbox_open_process(int group, pid_t pid, int flags)
{
	char name[16];
	int fd, ret;

	if (pid < 0)
		return -EINVAL;
	ret = mbox_check(group);
	if (ret < 0)
		return ret;
	snprintf(name, sizeof(name), "%d", pid ? pid : getpid());
	fd = mbox_open(group, name, flags);
	if (fd != -ENOENT)
		return fd;
	fd = open_at(group, name, (flags & ~IGNORED_FLAGS) | O_CREAT, 0622);
	/* Somebody else was faster, in a sticky group. */
	return fd == -EACCES ? mbox_open(group, name, flags) : fd;
}
