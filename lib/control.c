// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Calls that act on a mailbox or a group as a whole, and barriers.
 */
#include <sys/vfs.h>

#include "internal.h"

int mbox_check(int fd)
{
	struct statfs fs;
	int ret = MBOX_CALL(fstatfs(fd, &fs));

	if (ret < 0)
		return ret;
	return (uint32_t)fs.f_type == MBOXFS_MAGIC ? 0 : -ENOTTY;
}

int mbox_stat(int fd, struct mboxfs_stat *stat)
{
	return mbox_ioctl(fd, MBOXFS_IOC_STAT, stat);
}

int mbox_flush(int fd)
{
	int ret = mbox_check(fd);

	return ret < 0 ? ret : MBOX_CALL(fsync(fd));
}

int mbox_revoke(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_REVOKE, NULL);
}

int mbox_stop(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_STOP, NULL);
}

int mbox_start(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_START, NULL);
}

int mbox_purge(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_PURGE, NULL);
}

int mbox_kick(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_KICK, NULL);
}

int mbox_bind(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_BIND, NULL);
}

int mbox_barrier_sleep(int fd, int64_t timeout_ns)
{
	struct mboxfs_barrier b = { .timeout_ns = timeout_ns };

	return mbox_ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b);
}

int mbox_barrier_awake(int fd)
{
	return mbox_ioctl(fd, MBOXFS_IOC_BARRIER_AWAKE, NULL);
}

int mbox_barrier_wait(int fd, uint32_t parties, int64_t timeout_ns)
{
	struct mboxfs_barrier b = {
		.parties = parties,
		.timeout_ns = timeout_ns,
	};

	return mbox_ioctl(fd, MBOXFS_IOC_BARRIER_WAIT, &b);
}
