// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SynchMess: its ioctls, on mailboxes.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "internal.h"
#include "synchmess.h"

/* Here it is the system call again. */
#undef ioctl

#define FIRST_IOCTL	0xf0

static int install(int fd, struct group_t *group)
{
	int ret = mbox_check(fd), len;

	if (ret < 0)
		return ret;
	if (!group)
		return -EFAULT;
	if (group->descriptor < 1 || group->descriptor > MAX_NUM_GROUPS)
		return -EBADF;
	len = snprintf(group->device_path, sizeof(group->device_path),
		       "%s/synchmess%u", compat_folder("/dev/synch"),
		       group->descriptor);
	if (len >= (int)sizeof(group->device_path))
		return -ENAMETOOLONG;
	/* Its limits are those of the mount. */
	ret = mbox_create(AT_FDCWD, group->device_path, O_RDWR | O_NOFOLLOW,
			  0666, NULL, 0, NULL);
	mbox_close(ret);
	return ret < 0 ? ret : 0;
}

static int set_delay(int fd, const unsigned int *ms)
{
	int ret = ms ? mbox_set_delay(fd, *ms) : -EFAULT;

	return ret == -EBUSY ? -EPERM : ret;
}

static int take_back(int fd)
{
	int ret = mbox_revoke(fd);

	return ret < 0 ? ret : 0;
}

/* The master is a group of mboxfs, which has a barrier and a delay, too. */
static int is_master(int fd)
{
	struct stat st;

	return MBOX_CALL(fstat(fd, &st)) == 0 && S_ISDIR(st.st_mode);
}

static int call(int fd, unsigned long request, void *arg)
{
	if (request == IOCTL_INSTALL_GROUP)
		return install(fd, arg);
	if (is_master(fd))
		return -EPERM;
	switch (request) {
	case IOCTL_SLEEP:
		return mbox_barrier_sleep(fd, MBOX_FOREVER);
	case IOCTL_AWAKE:
		return mbox_barrier_awake(fd);
	case IOCTL_SET_SEND_DELAY:
		return set_delay(fd, arg);
	case IOCTL_REVOKE_DELAYED_MESSAGES:
		return take_back(fd);
	default:
		return -ENOTTY;
	}
}

int synchmess_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (_IOC_TYPE(request) != MBOXFS_IOC_MAGIC ||
	    _IOC_NR(request) < FIRST_IOCTL)
		return ioctl(fd, request, arg);
	return compat_result(call(fd, request, arg));
}
