// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel message system: a group with naming=pid.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"
#include "kmsg.h"

/* Both variants are here. */
#undef ManageMailbox

#define CAPACITY	32

static const struct mbox_setting settings[] = {
	{ MBOX_NAMING, MBOX_NAMING_PID },
	{ MBOX_MAX_MESSAGES, CAPACITY },
	{ MBOX_MAX_MESSAGE_SIZE, MAX_MSG_SIZE },
	{ MBOX_SHORT_READ, MBOXFS_SHORT_READ_TRUNCATE },
};

static const struct compat_group group = {
	"kmsg", 01777, settings, ARRAY_SIZE(settings),
};

/* What a result means; @would_wait is for what may not wait but would. */
static long code(int ret, long would_wait)
{
	if (ret >= 0)
		return 0;
	switch (-ret) {
	case EAGAIN:
		return would_wait;
	case ESHUTDOWN:
		return MAILBOX_STOPPED;
	case ESRCH:
		return MAILBOX_INVALID;
	case EMSGSIZE:
		return MSG_LENGTH_ERROR;
	case EFAULT:
		return MSG_ARG_ERROR;
	default:
		return MAILBOX_ERROR;
	}
}

/*
 * For ever, but a wait without a time is begun again after a signal with
 * SA_RESTART, and here each signal ends it.
 */
static void init_msg(struct mboxfs_msg *m, bool block)
{
	mbox_msg_init(m);
	m->timeout_ns = INT64_MAX;
	m->flags = block ? 0 : MBOXFS_NONBLOCK;
}

/*
 * Whether an int can be written, before anything is done that cannot be undone.
 * FIONREAD of a mailbox writes a 0.
 */
static int check_writable(int fd, int *p)
{
	return mbox_ioctl(fd, FIONREAD, p);
}

/* The process of a thread, or 0. */
static pid_t process_of(pid_t thread)
{
	char path[32], line[128];
	pid_t pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", thread);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			break;
	fclose(f);
	return pid;
}

static int open_destination(pid_t dest)
{
	int saved = errno, fd;
	pid_t pid;

	if (dest <= 1)
		return -ESRCH;
	fd = compat_open_process(&group, dest, O_WRONLY);
	if (fd != -ESRCH)
		return fd;
	pid = process_of(dest);
	errno = saved;
	if (pid <= 1 || pid == dest)
		return -ESRCH;
	return compat_open_process(&group, pid, O_WRONLY);
}

static int open_own(void)
{
	return compat_open_process(&group, getpid(), O_RDONLY);
}

long SendMsg(pid_t dest, void *msg, int len, bool block)
{
	struct mboxfs_msg m;
	int fd, ret;

	if (len < 0 || len > MAX_MSG_SIZE)
		return MSG_LENGTH_ERROR;
	fd = open_destination(dest);
	if (fd < 0)
		return code(fd, MAILBOX_ERROR);
	init_msg(&m, block);
	ret = mbox_send_msg(fd, msg, len, &m);
	mbox_close(fd);
	return code(ret, MAILBOX_FULL);
}

static int receive(int fd, pid_t *sender, void *msg, int *len, bool block)
{
	struct mboxfs_msg m;
	int ret;

	ret = check_writable(fd, sender);
	if (ret == 0)
		ret = check_writable(fd, len);
	if (ret < 0)
		return ret;
	init_msg(&m, block);
	ret = mbox_recv_msg(fd, msg, MAX_MSG_SIZE, &m);
	if (ret < 0)
		return ret;
	*sender = m.pid;
	*len = ret;
	return 0;
}

long RcvMsg(pid_t *sender, void *msg, int *len, bool block)
{
	int fd = open_own(), ret;

	if (fd < 0)
		return code(fd, MAILBOX_ERROR);
	ret = receive(fd, sender, msg, len, block);
	mbox_close(fd);
	return code(ret, MAILBOX_EMPTY);
}

/* Do something to the own mailbox, unless NULL, and count. */
static long manage(int (*change)(int fd), int *count)
{
	struct mboxfs_stat stat;
	int fd = open_own(), ret;

	if (fd < 0)
		return code(fd, MAILBOX_ERROR);
	ret = check_writable(fd, count);
	if (ret == 0 && change)
		ret = change(fd);
	if (ret == 0)
		ret = mbox_stat(fd, &stat);
	if (ret == 0)
		*count = stat.messages;
	mbox_close(fd);
	return code(ret, MAILBOX_ERROR);
}

long ManageMailbox(bool stop, int *count)
{
	return manage(stop ? mbox_stop : NULL, count);
}

long ManageMailboxRestart(bool stop, int *count)
{
	return manage(stop ? mbox_stop : mbox_start, count);
}
