// SPDX-License-Identifier: GPL-2.0-only
/*
 * Being told: poll, select, epoll in all its modes, SIGIO, inotify, and the
 * calls that never wait.
 */
#include "test.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/uio.h>

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

TEST(poll_tells_what_is_possible)
{
	int fd = t_open("q", O_RDWR);
	static char data[65536];

	CHECK_EQ(poll_now(fd), POLLOUT);
	t_send(fd, "x");
	CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
	t_expect(fd, "x");
	t_set("q", "max_messages", "1");
	t_send(fd, "x");
	CHECK_EQ(poll_now(fd), POLLIN);
	t_expect(fd, "x");
	/* One of the largest size would not fit, though a small one would. */
	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "70000");
	CHECK_EQ(write(fd, data, 5000), 5000);
	CHECK_EQ(poll_now(fd), POLLIN);
	t_set("q", "max_message_size", "60000");
	CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
	t_set("q", "max_bytes", "5000");
	CHECK_EQ(poll_now(fd), POLLIN);
	t_set("q", "when_full", "fail");
	CHECK_EQ(poll_now(fd), POLLIN);
	t_set("q", "when_full", "drop_oldest");
	CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
}

TEST(poll_tells_only_what_the_open_mode_allows)
{
	int reader = t_open("q", O_RDONLY), writer = t_open("q", O_WRONLY);

	CHECK_EQ(poll_now(reader), 0);
	CHECK_EQ(poll_now(writer), POLLOUT);
	t_send(writer, "x");
	CHECK_EQ(poll_now(reader), POLLIN);
	CHECK_EQ(poll_now(writer), POLLOUT);
}

/* POLLOUT and EAGAIN exclude each other, also while others wait for room. */
TEST(pollout_and_eagain_exclude_each_other)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK), waiter = t_open("q", O_RDWR);
	static char data[100];
	pid_t pid;
	int i, out;
	ssize_t n;

	t_set("q", "max_message_size", "100");
	t_set("q", "max_bytes", "1000");
	for (i = 0; i < 2000; i++) {
		out = poll_now(fd) & POLLOUT;
		n = write(fd, data, i * 37 % 101);
		CHECK(n >= 0 || errno == EAGAIN);
		if (out)
			CHECK(n >= 0);
		if (n < 0 || i % 3 == 0)
			CHECK(read(fd, data, 100) >= 0 || errno == EAGAIN);
	}
	CHECK_EQ(ftruncate(fd, 0), 0);
	for (i = 0; i < 9; i++)
		CHECK_EQ(write(fd, data, 100), 100);
	CHECK_EQ(write(fd, data, 50), 50);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(write(waiter, data, 100), 100);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(poll_now(fd), POLLIN);
	CHECK_ERR(write(fd, data, 10), EAGAIN);
	CHECK_EQ(read(fd, data, 100), 100);
	t_wait(pid);
}

TEST(poll_hangs_up_when_the_name_has_gone)
{
	int fd = t_open("q", O_RDWR), reader = t_open("q", O_RDONLY);
	struct pollfd p = { .fd = reader, .events = POLLIN };
	pid_t pid = t_fork();
	char c;

	if (!pid) {
		CHECK_EQ(poll(&p, 1, t_patience_ms(20000)), 1);
		CHECK_EQ(p.revents, POLLIN | POLLHUP);
		_exit(0);
	}
	t_sleep_ms(100);
	CHECK_EQ(unlink("q"), 0);
	t_wait(pid);
	CHECK(poll_now(fd) & POLLHUP);
	CHECK_EQ(read(reader, &c, 1), 0);
}

TEST(select_wakes_for_a_message)
{
	int fd = t_open("q", O_RDWR);
	struct timeval timeout = {
		.tv_sec = t_patience_ms(20000) / 1000
	};
	fd_set in;

	if (!t_fork()) {
		t_sleep_ms(100);
		t_send(fd, "x");
		_exit(0);
	}
	FD_ZERO(&in);
	FD_SET(fd, &in);
	CHECK_EQ(select(fd + 1, &in, NULL, NULL, &timeout), 1);
	CHECK(FD_ISSET(fd, &in));
	t_expect(fd, "x");
	t_wait_all();
}

TEST(poll_wakes_for_room)
{
	int fd = t_open("q", O_RDWR);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	t_set("q", "max_messages", "1");
	t_send(fd, "x");
	if (!t_fork()) {
		t_sleep_ms(100);
		t_expect(fd, "x");
		_exit(0);
	}
	CHECK_EQ(poll(&p, 1, t_patience_ms(20000)), 1);
	CHECK_EQ(p.revents, POLLOUT);
	t_wait_all();
	t_send(fd, "x");
	if (!t_fork()) {
		t_sleep_ms(100);
		t_set("q", "max_messages", "2");
		_exit(0);
	}
	CHECK_EQ(poll(&p, 1, t_patience_ms(20000)), 1);
	t_wait_all();
}

static int watch(int fd, unsigned int events)
{
	struct epoll_event e = { .events = events };
	int ep = epoll_create1(0);

	CHECK(ep >= 0);
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	return ep;
}

static unsigned int events(int ep, int timeout)
{
	struct epoll_event e = { 0 };

	return epoll_wait(ep, &e, 1, timeout) == 1 ? e.events : 0;
}

TEST(level_triggered_epoll_tells_until_empty)
{
	int fd = t_open("q", O_RDWR), ep = watch(fd, EPOLLIN);

	CHECK_EQ(events(ep, 0), 0);
	t_send(fd, "1");
	t_send(fd, "2");
	CHECK_EQ(events(ep, 0), EPOLLIN);
	CHECK_EQ(events(ep, 0), EPOLLIN);
	t_expect(fd, "1");
	CHECK_EQ(events(ep, 0), EPOLLIN);
	t_expect(fd, "2");
	CHECK_EQ(events(ep, 0), 0);
}

TEST(edge_triggered_epoll_tells_of_every_message)
{
	int fd = t_open("q", O_RDWR), ep = watch(fd, EPOLLIN | EPOLLET), i;

	for (i = 0; i < 100; i++) {
		t_send(fd, "x");
		CHECK_EQ(events(ep, 0), EPOLLIN);
		CHECK_EQ(events(ep, 0), 0);
	}
	CHECK_EQ(t_get("q", "messages"), 100);
	/* A message that comes back is an edge too. */
	CHECK_ERR(read(fd, (void *)8, 1), EFAULT);
	CHECK_EQ(events(ep, 0), EPOLLIN);
}

TEST(edge_triggered_epoll_tells_of_room_once)
{
	int fd = t_open("q", O_RDWR), ep;

	t_set("q", "max_messages", "3");
	ep = watch(fd, EPOLLOUT | EPOLLET);
	CHECK_EQ(events(ep, 0), EPOLLOUT);
	t_send(fd, "1");
	t_send(fd, "2");
	t_expect(fd, "1");
	CHECK_EQ(events(ep, 0), 0);
	t_send(fd, "3");
	t_send(fd, "4");
	t_expect(fd, "2");
	CHECK_EQ(events(ep, 0), EPOLLOUT);
	t_expect(fd, "3");
	CHECK_EQ(events(ep, 0), 0);
}

/* Blocked readers and exclusive watchers each get what is theirs. */
TEST(exclusive_watchers_do_not_eat_wakeups_of_readers)
{
	int fd = t_open("q", O_RDWR), i, round;
	pid_t readers[4], watchers[4];

	for (i = 0; i < 4; i++) {
		watchers[i] = t_fork();
		if (!watchers[i]) {
			/* Is told, and never reads. */
			int own = open("q", O_RDONLY);
			int ep = watch(own, EPOLLIN | EPOLLEXCLUSIVE);

			for (;;)
				events(ep, -1);
		}
	}
	t_sleep_ms(300);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 4; i++) {
			readers[i] = t_fork();
			if (!readers[i]) {
				t_expect(fd, "x");
				_exit(0);
			}
		}
		t_await("q", "readers_waiting", 4);
		for (i = 0; i < 4; i++)
			t_send(fd, "x");
		for (i = 0; i < 4; i++)
			t_wait(readers[i]);
	}
	CHECK_EQ(t_get("q", "messages"), 0);
	for (i = 0; i < 4; i++) {
		kill(watchers[i], SIGKILL);
		waitpid(watchers[i], NULL, 0);
	}
}

TEST(exclusive_watchers_wake_for_each_message)
{
	int fd = t_open("q", O_RDWR), i;

	for (i = 0; i < 4; i++) {
		if (!t_fork()) {
			int own = open("q", O_RDONLY | O_NONBLOCK);
			int ep = watch(own, EPOLLIN | EPOLLEXCLUSIVE), n = 0;
			char c;

			/* Each takes what it finds until the end is told. */
			for (;;) {
				CHECK(events(ep, t_patience_ms(20000)));
				while (read(own, &c, 1) == 1) {
					n++;
					if (c == '.')
						_exit(0);
				}
			}
		}
	}
	t_sleep_ms(300);
	for (i = 0; i < 1000; i++)
		t_send(fd, "x");
	t_await("q", "messages", 0);
	for (i = 0; i < 4; i++) {
		t_send(fd, ".");
		t_await("q", "messages", 0);
	}
	t_wait_all();
}

/* A watcher for room must not be woken in place of one for messages. */
TEST(exclusive_watchers_of_both_kinds)
{
	int fd = t_open("q", O_RDWR), round;
	pid_t in, out;

	t_set("q", "max_messages", "1");
	for (round = 0; round < 20; round++) {
		t_send(fd, "x");
		out = t_fork();
		if (!out) {
			int own = open("q", O_WRONLY);
			int ep = watch(own, EPOLLOUT | EPOLLEXCLUSIVE);

			CHECK_EQ(events(ep, t_patience_ms(20000)), EPOLLOUT);
			_exit(0);
		}
		t_sleep_ms(20);
		t_expect(fd, "x");
		t_wait(out);
		in = t_fork();
		if (!in) {
			int own = open("q", O_RDONLY);
			int ep = watch(own, EPOLLIN | EPOLLEXCLUSIVE);

			CHECK_EQ(events(ep, t_patience_ms(20000)), EPOLLIN);
			_exit(0);
		}
		t_sleep_ms(20);
		t_send(fd, "y");
		t_wait(in);
		t_expect(fd, "y");
	}
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	signals++;
}

TEST(sigio_tells_of_messages)
{
	int fd = t_open("q", O_RDWR);
	sigset_t block, wait;

	sigemptyset(&block);
	sigaddset(&block, SIGIO);
	sigprocmask(SIG_BLOCK, &block, &wait);
	signal(SIGIO, count_signal);
	CHECK_EQ(fcntl(fd, F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_ASYNC), 0);
	if (!t_fork()) {
		int own = open("q", O_WRONLY);

		t_sleep_ms(50);
		t_send(own, "x");
		_exit(0);
	}
	while (!signals)
		sigsuspend(&wait);
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	t_wait_all();
}

static unsigned int next_event(int fd)
{
	union {
		struct inotify_event e;
		char room[sizeof(struct inotify_event) + NAME_MAX + 1];
	} u;
	ssize_t n = read(fd, &u, sizeof(u));

	return n > 0 ? u.e.mask : 0;
}

TEST(inotify_tells_of_sends_and_receives)
{
	int fd = t_open("q", O_RDWR), in = inotify_init1(IN_NONBLOCK);
	char c;

	CHECK(inotify_add_watch(in, "q", IN_MODIFY | IN_ACCESS) >= 0);
	CHECK_EQ(next_event(in), 0);
	t_send(fd, "x");
	CHECK_EQ(next_event(in), IN_MODIFY);
	CHECK_EQ(next_event(in), 0);
	t_expect(fd, "x");
	CHECK_EQ(next_event(in), IN_ACCESS);
	/* Empty ones count as well. */
	CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	CHECK_EQ(next_event(in), IN_MODIFY);
	t_take(fd, 0, "");
	CHECK_EQ(next_event(in), IN_ACCESS);
	CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	CHECK_EQ(next_event(in), IN_MODIFY);
	t_set("q", "when_empty", "eof");
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(next_event(in), IN_ACCESS);
	CHECK_EQ(next_event(in), 0);
}

TEST(rwf_nowait_does_not_wait)
{
	int fd = t_open("q", O_RDWR);
	char c[4];
	struct iovec in = { c, 4 }, out = { "abc", 3 };

	t_set("q", "max_messages", "1");
	CHECK_ERR(preadv2(fd, &in, 1, -1, RWF_NOWAIT), EAGAIN);
	CHECK_EQ(pwritev2(fd, &out, 1, -1, RWF_NOWAIT), 3);
	CHECK_ERR(pwritev2(fd, &out, 1, -1, RWF_NOWAIT), EAGAIN);
	CHECK_EQ(preadv2(fd, &in, 1, -1, RWF_NOWAIT), 3);
	CHECK(!memcmp(c, "abc", 3));
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* Full before anyone asked to be told: nobody polls but by signal. */
TEST(a_signal_tells_of_room_in_what_was_full)
{
	struct timespec second = { .tv_sec = 5 };
	int fd = t_open("q", O_RDWR | O_NONBLOCK);
	sigset_t block;

	t_set("q", "max_messages", "1");
	t_send(fd, "full");
	sigemptyset(&block);
	sigaddset(&block, SIGIO);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &block, NULL), 0);
	CHECK_EQ(fcntl(fd, F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC), 0);
	t_expect(fd, "full");
	CHECK_EQ(sigtimedwait(&block, NULL, &second), SIGIO);
}
