// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * lgroups: each group is a mailbox, named after its id.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "internal.h"
#include "lgroups.h"

#define FIRST_GROUP	"groups"
#define MAILBOX_MODE	0666

#define NOT_INSTALLED	(-1)
#define SEE_ERRNO	(-2)

/* Setting limits has results of its own. */
#define SET_NOT_ROOT		(-1)
#define SET_NOT_INSTALLED	(-2)
#define SET_SEE_ERRNO		(-4)

static const struct mbox_setting settings[] = {
	{ MBOX_MAX_MESSAGE_SIZE, 100 },
	{ MBOX_MAX_BYTES, 10000 },
	{ MBOX_MAX_MESSAGES, 0 },
	{ MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_FAIL },
	{ MBOX_WHEN_EMPTY, MBOXFS_WHEN_EMPTY_EOF },
	{ MBOX_SHORT_READ, MBOXFS_SHORT_READ_TRUNCATE },
	{ MBOX_FLUSH_ON_CLOSE, 1 },
	{ MBOX_GROUP_MAX_MAILBOXES, 2000 },
};

/* Sticky: nobody removes groups that somebody else has installed. */
static const struct compat_group system_group = {
	"lgroups", 01777, settings, ARRAY_SIZE(settings),
};

struct lgroup_t {
	int	fd;	/* or -1 */
};

/* The result of a call that found an installed group. */
static int result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return SEE_ERRNO;
}

static int open_mailbox(int dir, const char *name, int *created)
{
	return mbox_create(dir, name, O_RDWR | O_NOFOLLOW, MAILBOX_MODE, NULL, 0,
			   created);
}

/* Complete a new system under a temporary name, and then give it its name. */
static int complete_system(const char *temporary, const char *path)
{
	int dir, ret;

	dir = mbox_create_group(AT_FDCWD, temporary, O_EXCL, system_group.mode,
				system_group.settings, system_group.count,
				NULL);
	if (dir < 0)
		return dir;
	ret = open_mailbox(dir, FIRST_GROUP, NULL);
	mbox_close(ret);
	if (ret >= 0)
		ret = MBOX_CALL(renameat2(AT_FDCWD, temporary, AT_FDCWD, path,
					  RENAME_NOREPLACE));
	if (ret == 0)
		return dir;
	(void)MBOX_CALL(unlinkat(dir, FIRST_GROUP, 0));
	(void)MBOX_CALL(rmdir(temporary));
	mbox_close(dir);
	return ret;
}

static int make_system(const char *path)
{
	char name[64], temporary[PATH_MAX];
	uint64_t number;
	int ret;

	ret = MBOX_CALL(getrandom(&number, sizeof(number), GRND_INSECURE));
	if (ret < 0)
		return ret;
	snprintf(name, sizeof(name), ".%s-%016llx", system_group.name,
		 (unsigned long long)number);
	ret = compat_path(temporary, name);
	return ret < 0 ? ret : complete_system(temporary, path);
}

static int open_system(void)
{
	char path[PATH_MAX];
	int fd;

	fd = compat_path(path, system_group.name);
	if (fd < 0)
		return fd;
	fd = mbox_open_group(AT_FDCWD, path);
	if (fd != -ENOENT)
		return fd;
	fd = make_system(path);
	return fd == -EEXIST ? mbox_open_group(AT_FDCWD, path) : fd;
}

struct lgroup_t *lgroup_init(void)
{
	struct lgroup_t *lg = malloc(sizeof(*lg));

	if (lg)
		lg->fd = -1;
	return lg;
}

/* What is held back is published by the kernel. */
static void close_group(struct lgroup_t *lg)
{
	mbox_close(lg->fd);
	lg->fd = -1;
}

void lgroup_destroy(struct lgroup_t *lg)
{
	if (!lg)
		return;
	close_group(lg);
	free(lg);
}

/* What install_group() returns for an error. */
static int install_error(int err, int exists)
{
	errno = -err;
	if (exists)
		return -4;
	return err == -EDQUOT ? -2 : -3;
}

static int install_in(struct lgroup_t *lg, int dir, const char *name)
{
	int fd, created;

	fd = open_mailbox(dir, name, &created);
	/* Who was faster may have made it, and it the last one. */
	if (fd == -EDQUOT) {
		fd = mbox_open(dir, name, O_RDWR | O_NOFOLLOW);
		if (fd == -ENOENT)
			fd = -EDQUOT;
	}
	if (fd < 0)
		return install_error(fd, MBOX_CALL(faccessat(dir, name, F_OK,
							     0)) == 0);
	lg->fd = fd;
	return created;
}

int install_group(struct lgroup_t *lg, char *id)
{
	char name[COMPAT_ID_NAME_SIZE];
	int dir, ret;

	close_group(lg);
	if (!id)
		return install_error(-EFAULT, 0);
	compat_id_name(name, id);
	dir = open_system();
	if (dir == -ENOENT || dir == -ENOTDIR || dir == -ENOTTY) {
		errno = -dir;
		return -1;
	}
	if (dir < 0)
		return install_error(dir, 0);
	ret = install_in(lg, dir, name);
	mbox_close(dir);
	return ret;
}

int publish_message(struct lgroup_t *lg, char *msg)
{
	if (lg->fd < 0)
		return NOT_INSTALLED;
	if (!msg)
		return result(-EFAULT);
	return result(compat_publish(lg->fd, msg, strlen(msg) + 1));
}

static ssize_t deliver(struct lgroup_t *lg, char *buf, unsigned long size)
{
	struct mboxfs_msg m = { .flags = MBOXFS_NONBLOCK };

	if (lg->fd < 0)
		return -EBADF;
	/* As read(2): no room takes nothing. */
	if (size == 0)
		return -EAGAIN;
	return mbox_recv_msg(lg->fd, buf, size, &m);
}

int deliver_message(struct lgroup_t *lg, char *buf, unsigned long size)
{
	ssize_t ret = deliver(lg, buf, size);

	/* Programs print what they find there, whatever this returns. */
	if (ret < 0 && ret != -EFAULT && buf && size)
		buf[0] = '\0';
	if (lg->fd < 0)
		return NOT_INSTALLED;
	return ret == -EAGAIN ? 0 : result(ret);
}

int set_send_delay(struct lgroup_t *lg, unsigned int ms)
{
	if (lg->fd < 0)
		return NOT_INSTALLED;
	return result(mbox_set_delay(lg->fd, ms));
}

int revoke_delayed_messages(struct lgroup_t *lg)
{
	int ret;

	if (lg->fd < 0)
		return NOT_INSTALLED;
	ret = mbox_revoke(lg->fd);
	return result(ret < 0 ? ret : 0);
}

int sleep_on_barrier(struct lgroup_t *lg)
{
	if (lg->fd < 0)
		return NOT_INSTALLED;
	return result(mbox_barrier_sleep(lg->fd, MBOX_FOREVER));
}

int awake_barrier(struct lgroup_t *lg)
{
	if (lg->fd < 0)
		return NOT_INSTALLED;
	return result(compat_awake(lg->fd));
}

static int get_limit(struct lgroup_t *lg, enum mbox_attr attr,
		     unsigned long *size)
{
	uint64_t value = 0;
	int ret;

	if (lg->fd < 0)
		return NOT_INSTALLED;
	if (!size)
		return result(-EFAULT);
	ret = mbox_attr_get(lg->fd, attr, &value);
	if (ret < 0)
		return result(ret);
	*size = value;
	return 0;
}

static int set_limit(struct lgroup_t *lg, enum mbox_attr attr,
		     unsigned long size)
{
	int ret;

	/* mboxfs would let the owner, too. */
	if (geteuid() != 0)
		return SET_NOT_ROOT;
	if (lg->fd < 0)
		return SET_NOT_INSTALLED;
	/* In mboxfs 0 would be no limit at all. */
	ret = size ? mbox_attr_set(lg->fd, attr, size) : -EINVAL;
	if (ret == 0)
		return 0;
	errno = -ret;
	return SET_SEE_ERRNO;
}

int get_max_message_size(struct lgroup_t *lg, unsigned long *size)
{
	return get_limit(lg, MBOX_MAX_MESSAGE_SIZE, size);
}

int set_max_message_size(struct lgroup_t *lg, unsigned long size)
{
	return set_limit(lg, MBOX_MAX_MESSAGE_SIZE, size);
}

int get_max_storage_size(struct lgroup_t *lg, unsigned long *size)
{
	return get_limit(lg, MBOX_MAX_BYTES, size);
}

int set_max_storage_size(struct lgroup_t *lg, unsigned long size)
{
	return set_limit(lg, MBOX_MAX_BYTES, size);
}
