// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting until there is something to receive, or room to send.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>

#include "internal.h"

#define NSEC_PER_SEC	1000000000LL

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

/* When a wait is over. What is too far away is for ever. */
static int64_t deadline_of(int64_t timeout_ns)
{
	int64_t end;

	if (timeout_ns < 0 || __builtin_add_overflow(now_ns(), timeout_ns, &end))
		return MBOX_FOREVER;
	return end;
}

/* The time that is left, or NULL for ever. */
static const struct timespec *time_left(int64_t deadline, struct timespec *left)
{
	int64_t ns;

	if (deadline < 0)
		return NULL;
	ns = deadline - now_ns();
	if (ns < 0)
		ns = 0;
	left->tv_sec = ns / NSEC_PER_SEC;
	left->tv_nsec = ns % NSEC_PER_SEC;
	return left;
}

static int await_edges(int epoll, int64_t deadline)
{
	struct epoll_event event = { .events = 0 };
	struct timespec left;
	int ret;

	do {
		ret = MBOX_CALL(epoll_pwait2(epoll, &event, 1,
					     time_left(deadline, &left), NULL));
	} while (ret > 0 && !(event.events & EPOLLIN));
	return ret;
}

/*
 * A stopped mailbox whose messages are all delayed is not readable yet, but
 * poll returns at once, for POLLHUP. Edges come when something changes.
 */
static int await_delayed(int fd, int64_t deadline)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = MBOX_CALL(epoll_create1(EPOLL_CLOEXEC)), ret;

	if (epoll < 0)
		return epoll;
	ret = MBOX_CALL(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	if (ret == 0)
		ret = await_edges(epoll, deadline);
	mbox_close(epoll);
	return ret;
}

/* Poll says that no mailbox, and no permission, is always ready, or never. */
static int check_mode(int fd, int mode)
{
	struct mboxfs_stat stat;
	int ret = mbox_stat(fd, &stat);

	if (ret < 0)
		return ret;
	ret = MBOX_CALL(fcntl(fd, F_GETFL));
	if (ret < 0)
		return ret;
	ret &= O_ACCMODE;
	return ret == mode || ret == O_RDWR ? 0 : -EBADF;
}

static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	struct timespec left;
	int ret;

	ret = MBOX_CALL(ppoll(&p, 1, time_left(deadline, &left), NULL));
	if (ret <= 0)
		return ret;
	if (p.revents & POLLNVAL)
		return -EBADF;
	if (events == POLLIN && !(p.revents & POLLIN))
		return await_delayed(fd, deadline);
	return 1;
}

int mbox_wait_readable(int fd, int64_t timeout_ns)
{
	int ret = check_mode(fd, O_RDONLY);

	return ret < 0 ? ret : wait_for(fd, POLLIN, deadline_of(timeout_ns));
}

int mbox_wait_writable(int fd, int64_t timeout_ns)
{
	int ret = check_mode(fd, O_WRONLY);

	return ret < 0 ? ret : wait_for(fd, POLLOUT, deadline_of(timeout_ns));
}
