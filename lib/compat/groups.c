// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * groups: the ioctls and writes of its files, on mailboxes.
 *
 * The mailboxes are called group0, group1 and so on. A symbolic link for each id
 * says which one it is; it is only read, never followed, as links of others in
 * sticky folders are not. Who makes the link has made the group.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "groups.h"

/* Here they are the system calls again. */
#undef ioctl
#undef write

#define USUAL_FOLDER	"/dev/synch"
#define DEVNAME_SIZE	sizeof(((struct group_t *)NULL)->devname)

/**
 * compat_id_name - the name of a file that stands for an id
 * @name:	gets it: it cannot leave the folder, or hide
 * @id:		any text, of which COMPAT_ID_SIZE bytes count
 */
void compat_id_name(char name[COMPAT_ID_NAME_SIZE], const char *id)
{
	const char *end = id + strnlen(id, COMPAT_ID_SIZE), *c;
	char *to = name;

	for (c = id; c < end; c++) {
		if (*c == '/' || *c == '%' || (*c == '.' && c == id))
			to += snprintf(to, 4, "%%%02X", *c);
		else
			*to++ = *c;
	}
	if (to == name)
		*to++ = '%';
	*to = '\0';
}

/**
 * compat_awake - awake all who sleep at a group
 * @fd:		the group
 *
 * Return: 0; 2 if nobody slept; or a negative error number.
 */
int compat_awake(int fd)
{
	int ret = mbox_barrier_awake(fd);

	if (ret < 0)
		return ret;
	return ret > 0 ? 0 : 2;
}

/* A message that the storage could never hold finds it full, too. */
static int publish_error(int fd, size_t len, int err)
{
	uint64_t longest;

	if (err == -EMSGSIZE &&
	    mbox_attr_get(fd, MBOX_MAX_MESSAGE_SIZE, &longest) == 0 &&
	    len <= longest)
		return -ENOSPC;
	return err;
}

/**
 * compat_publish - write to what may be a group
 * @fd:		where to
 * @buf:	the message
 * @len:	bytes of it
 *
 * A terminator alone is no message of a group.
 *
 * Return: @len, or a negative error number.
 */
ssize_t compat_publish(int fd, const void *buf, size_t len)
{
	ssize_t ret;

	if (len <= 1 && mbox_check(fd) == 0)
		return -EBADMSG;
	ret = MBOX_CALL(write(fd, buf, len));
	return ret < 0 ? publish_error(fd, len, ret) : ret;
}

/* "group" and a number. */
static int is_devname(const char *name)
{
	const char *c = name + strlen("group");

	if (strncmp(name, "group", strlen("group")) || !*c)
		return 0;
	while (isdigit((unsigned char)*c))
		c++;
	return !*c && c - name < (ssize_t)DEVNAME_SIZE;
}

/* What group an id's link tells of. */
static int find_group(int dir, const char *link, char devname[DEVNAME_SIZE])
{
	char target[DEVNAME_SIZE];
	ssize_t len = MBOX_CALL(readlinkat(dir, link, target, sizeof(target)));

	if (len < 0)
		return len;
	if (len == sizeof(target))
		return -ENAMETOOLONG;
	target[len] = '\0';
	if (!is_devname(target))
		return -EINVAL;
	memcpy(devname, target, len + 1);
	return 0;
}

/* Make a mailbox with the next number. */
static int make_mailbox(int dir, char devname[DEVNAME_SIZE])
{
	uint64_t number = 0;
	int ret;

	/* There are so many, of which the first is 0. */
	ret = mbox_attr_get(dir, MBOX_GROUP_MAILBOXES, &number);
	if (ret < 0)
		return ret;
	if (number == 0)
		number = 1;
	do {
		snprintf(devname, DEVNAME_SIZE, "group%llu",
			 (unsigned long long)number++);
		/* Its limits are those of the folder. */
		ret = mbox_create(dir, devname, O_RDWR | O_EXCL, 0666, NULL, 0,
				  NULL);
	} while (ret == -EEXIST);
	mbox_close(ret);
	return ret < 0 ? ret : 0;
}

/* Make a group for an id, unless somebody else is faster. */
static int make_group(int dir, const char *link, char devname[DEVNAME_SIZE])
{
	char made[DEVNAME_SIZE];
	int ret = make_mailbox(dir, made);

	if (ret < 0)
		return find_group(dir, link, devname) == 0 ? 0 : ret;
	ret = MBOX_CALL(symlinkat(made, dir, link));
	if (ret == 0) {
		memcpy(devname, made, sizeof(made));
		return 1;
	}
	(void)MBOX_CALL(unlinkat(dir, made, 0));
	return ret == -EEXIST ? find_group(dir, link, devname) : ret;
}

static int install_in(int dir, struct group_t *group)
{
	char name[COMPAT_ID_NAME_SIZE], link[sizeof("id:") + sizeof(name)];
	int ret;

	compat_id_name(name, group->id);
	if (!strcmp(name, "groups")) {
		snprintf(group->devname, DEVNAME_SIZE, "group0");
		return 0;
	}
	snprintf(link, sizeof(link), "id:%s", name);
	ret = find_group(dir, link, group->devname);
	return ret == -ENOENT ? make_group(dir, link, group->devname) : ret;
}

static int install(int fd, struct group_t *group)
{
	int ret = mbox_check(fd), dir;

	if (ret < 0)
		return ret;
	if (!group)
		return -EFAULT;
	dir = mbox_open_group(AT_FDCWD, compat_folder(USUAL_FOLDER));
	if (dir < 0)
		return dir;
	ret = install_in(dir, group);
	mbox_close(dir);
	return ret;
}

static int take_back(int fd)
{
	int ret = mbox_revoke(fd);

	return ret < 0 ? ret : 0;
}

int groups_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case SLEEP_ON_BARRIER:
		return compat_result(mbox_barrier_sleep(fd, MBOX_FOREVER));
	case AWAKE_BARRIER:
		return compat_result(compat_awake(fd));
	case INSTALL_GROUP:
		return compat_result(install(fd, arg));
	case SET_SEND_DELAY:
		return compat_result(arg ? mbox_set_delay(fd,
						*(unsigned int *)arg) : -EFAULT);
	case REVOKE_DELAYED_MESSAGES:
		return compat_result(take_back(fd));
	default:
		return ioctl(fd, request, arg);
	}
}

ssize_t groups_write(int fd, const void *buf, size_t n)
{
	return compat_result(compat_publish(fd, buf, n));
}

/* Open a group by its name, for the limit that is called @name. */
static int open_for_limit(const char *devname, const char *name,
			  enum mbox_attr *attr)
{
	int dir, fd;

	if (!devname || !name)
		return -EFAULT;
	if (!strcmp(name, "max_message_size"))
		*attr = MBOX_MAX_MESSAGE_SIZE;
	else if (!strcmp(name, "max_storage_size"))
		*attr = MBOX_MAX_BYTES;
	else
		return -ENOENT;
	if (!is_devname(devname))
		return -ENOENT;
	dir = mbox_open_group(AT_FDCWD, compat_folder(USUAL_FOLDER));
	if (dir < 0)
		return dir;
	fd = mbox_open(dir, devname, O_RDONLY | O_NOFOLLOW);
	mbox_close(dir);
	return fd;
}

static int get_limit(const char *devname, const char *name,
		     unsigned long *value)
{
	uint64_t found = 0;
	enum mbox_attr attr;
	int fd, ret;

	if (!value)
		return -EFAULT;
	fd = open_for_limit(devname, name, &attr);
	if (fd < 0)
		return fd;
	ret = mbox_attr_get(fd, attr, &found);
	mbox_close(fd);
	if (ret == 0)
		*value = found;
	return ret;
}

static int set_limit(const char *devname, const char *name,
		     unsigned long value)
{
	enum mbox_attr attr;
	int fd, ret;

	fd = open_for_limit(devname, name, &attr);
	if (fd < 0)
		return fd;
	/* mboxfs would let the owner, too; and 0 would be no limit at all. */
	if (geteuid() != 0)
		ret = -EACCES;
	else
		ret = value ? mbox_attr_set(fd, attr, value) : -EINVAL;
	mbox_close(fd);
	return ret;
}

int groups_get_limit(const char *devname, const char *name,
		     unsigned long *value)
{
	return compat_result(get_limit(devname, name, value));
}

int groups_set_limit(const char *devname, const char *name,
		     unsigned long value)
{
	return compat_result(set_limit(devname, name, value));
}
