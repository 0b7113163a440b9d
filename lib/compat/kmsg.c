// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel message system: a group with naming=pid.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
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
 * What a bool is meant to be. Callers without our prototype may have put any
 * number there, and the compiler counts on 0 or 1 unless it has to look.
 */
static bool is_true(bool b)
{
	volatile bool byte = b;

	return *(volatile unsigned char *)&byte != 0;
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

/*
 * Threads that have been sent to: the id of each in the upper half, and that of
 * its process below. To look for a thread's process is slow; whether it still is
 * that is one system call.
 */
static atomic_ullong known[64];

static atomic_ullong *known_at(pid_t thread)
{
	return &known[thread % ARRAY_SIZE(known)];
}

/* The process of a thread that is known, or 0. */
static pid_t known_process_of(pid_t thread)
{
	unsigned long long pair = atomic_load(known_at(thread));
	pid_t pid = (pid_t)pair;

	if (pair >> 32 != (unsigned int)thread ||
	    MBOX_CALL(tgkill(pid, thread, 0)) == -ESRCH)
		return 0;
	return pid;
}

/* The process of a thread that is not its first, or 0. */
static pid_t find_process_of(pid_t thread)
{
	char path[32], text[512];
	const char *line;
	ssize_t len;
	pid_t pid;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", thread);
	fd = MBOX_CALL(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return 0;
	/* It is the fourth line, and each of them is short. */
	len = MBOX_CALL(read(fd, text, sizeof(text) - 1));
	mbox_close(fd);
	text[len > 0 ? len : 0] = '\0';
	line = strstr(text, "\nTgid:");
	if (!line || sscanf(line, " Tgid: %d", &pid) != 1 || pid <= 1 ||
	    pid == thread)
		return 0;
	atomic_store(known_at(thread),
		     (unsigned long long)thread << 32 | (unsigned int)pid);
	return pid;
}

static int open_destination(pid_t dest)
{
	pid_t pid;
	int fd;

	if (dest <= 1)
		return -ESRCH;
	pid = known_process_of(dest);
	if (pid == 0) {
		fd = compat_open_process(&group, dest, O_WRONLY);
		if (fd != -ESRCH)
			return fd;
		pid = find_process_of(dest);
	}
	if (pid == 0)
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
	init_msg(&m, is_true(block));
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
	/* Without room nothing is looked for but what needs none. */
	if (!msg && (ret == -EAGAIN || ret == -ESHUTDOWN))
		ret = -EFAULT;
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
	ret = receive(fd, sender, msg, len, is_true(block));
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
	return manage(is_true(stop) ? mbox_stop : NULL, count);
}

long ManageMailboxRestart(bool stop, int *count)
{
	return manage(is_true(stop) ? mbox_stop : mbox_start, count);
}
