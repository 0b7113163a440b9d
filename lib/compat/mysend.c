// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * mysend and myreceive: a group with naming=pid.
 */
#include <fcntl.h>

#include "internal.h"
#include "mysend.h"

/* Both variants are here. */
#undef mysend

static const struct mbox_setting settings[] = {
	{ MBOX_NAMING, MBOX_NAMING_PID },
	{ MBOX_SHORT_READ, MBOXFS_SHORT_READ_TRUNCATE },
};

static const struct compat_group group = {
	"mysend", 01777, settings, ARRAY_SIZE(settings),
};

static int send_as(pid_t pid, int n, const char *buf, unsigned int flags)
{
	struct mboxfs_msg m;
	int fd, ret;

	if (n < 0)
		return compat_result(-EINVAL);
	if (pid <= 0)
		return compat_result(-ESRCH);
	fd = compat_open_process(&group, pid, O_WRONLY);
	if (fd < 0)
		return compat_result(fd);
	mbox_msg_init(&m);
	m.flags = flags;
	ret = mbox_send_msg(fd, buf, n, &m);
	mbox_close(fd);
	return compat_result(ret < 0 ? ret : n);
}

int mysend(pid_t pid, int n, char *buf)
{
	return send_as(pid, n, buf, MBOXFS_SYNC);
}

int mysend_base(pid_t pid, int n, char *buf)
{
	return send_as(pid, n, buf, MBOXFS_SYNC | MBOXFS_NONBLOCK);
}

int mysend_queued(pid_t pid, int n, char *buf)
{
	return send_as(pid, n, buf, MBOXFS_NONBLOCK);
}

static int receive_as(pid_t pid, int n, char *buf, unsigned int flags)
{
	struct mboxfs_msg m;
	int fd, ret;

	if (n < 0)
		return -EINVAL;
	fd = compat_open_process(&group, getpid(), O_RDONLY);
	if (fd < 0)
		return fd;
	mbox_msg_init(&m);
	m.flags = flags;
	if (pid >= 0) {
		m.flags |= MBOXFS_FROM;
		m.pid = pid;
	}
	ret = mbox_recv_msg(fd, buf, n, &m);
	mbox_close(fd);
	return ret;
}

int myreceive(pid_t pid, int n, char *buf)
{
	return compat_result(receive_as(pid, n, buf, 0));
}

int myreceive_queued(pid_t pid, int n, char *buf)
{
	int ret = receive_as(pid, n, buf, MBOXFS_NONBLOCK);

	return ret == -EAGAIN ? 0 : compat_result(ret);
}
