// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the ioctls add: metadata, priorities, selection, peeking, timeouts,
 * batches, rendezvous, stop and start, binding.
 */
#include "test.h"

#include <sys/statfs.h>

#include <sched.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/uio.h>

static int receive(int fd, struct mboxfs_msg *m)
{
	return ioctl(fd, MBOXFS_IOC_RECV, m);
}

static long long ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

TEST(a_message_knows_its_sender)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), 0);
	long long before = ns(CLOCK_REALTIME);
	pid_t pid = t_fork();

	if (!pid) {
		t_user(1000);
		CHECK_EQ(t_send_as(fd, "hello", 7, 12345678901234567ULL), 0);
		_exit(0);
	}
	t_wait(pid);
	t_send(fd, "plain");
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 5);
	CHECK(!memcmp(text, "hello", 5));
	CHECK_EQ(m.flags, 0);
	CHECK_EQ(m.priority, 7);
	CHECK_EQ(m.pid, pid);
	CHECK_EQ(m.uid, 1000);
	CHECK_EQ(m.gid, 1000);
	CHECK_EQ(m.tag, 12345678901234567LL);
	CHECK_EQ(m.seq, 1);
	CHECK((long long)m.sent_ns >= before);
	CHECK((long long)m.sent_ns <= ns(CLOCK_REALTIME));
	m = t_msg(text, sizeof(text), 0);
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.pid, getpid());
	CHECK_EQ(m.uid, 0);
	CHECK_EQ(m.seq, 2);
	CHECK_EQ(m.priority, 0);
}

/* Whose message it is. */
static void expect_from(int fd, uid_t uid, gid_t gid)
{
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), 0);

	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.uid, uid);
	CHECK_EQ(m.gid, gid);
	CHECK_EQ(m.pid, getpid());
}

/* As of a set-id program, to what its caller has opened, and the other way. */
TEST(writing_is_in_the_name_of_who_has_opened)
{
	int fd = t_open("q", O_RDWR), theirs;
	struct iovec v = { "x", 1 };
	struct mboxfs_msg m = t_msg("x", 1, 0);
	struct mboxfs_batch b = { .msgs = (uintptr_t)&m, .count = 1 };

	CHECK_EQ(setegid(1001) || seteuid(1000), 0);
	theirs = open("q", O_WRONLY);
	t_send(fd, "mine, after all");
	CHECK_EQ(seteuid(0) || setegid(0), 0);
	expect_from(fd, 0, 0);
	t_send(theirs, "x");
	expect_from(fd, 1000, 1001);
	CHECK_EQ(writev(theirs, &v, 1), 1);
	expect_from(fd, 1000, 1001);
	CHECK_EQ(pwrite(theirs, "x", 1, 5), 1);
	expect_from(fd, 1000, 1001);
	/* What was kept of a message that somebody else has sent is no clue. */
	t_send(fd, "x");
	expect_from(fd, 0, 0);
	/* These are calls, not streams. */
	CHECK_EQ(t_send_as(theirs, "x", 0, 0), 0);
	expect_from(fd, 0, 0);
	CHECK_EQ(ioctl(theirs, MBOXFS_IOC_SEND_BATCH, &b), 1);
	expect_from(fd, 0, 0);
}

TEST(a_reader_in_a_pid_namespace_sees_its_own_numbers)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), 0);

	t_send(fd, "outside");
	if (!t_fork()) {
		CHECK_EQ(unshare(CLONE_NEWPID), 0);
		if (!t_fork()) {
			CHECK_EQ(getpid(), 1);
			CHECK_EQ(receive(fd, &m), 0);
			CHECK_EQ(m.pid, 0);
			t_send(fd, "inside");
			m = t_msg(text, sizeof(text), MBOXFS_FROM);
			m.pid = 1;
			CHECK_EQ(receive(fd, &m), 0);
			CHECK_EQ(m.pid, 1);
			t_send(fd, "for the outside");
			_exit(0);
		}
		t_wait_all();
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 15);
	CHECK(m.pid > 1);
}

TEST(truncation_is_told)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, 3, 0);

	t_set("q", "short_read", "truncate");
	t_send(fd, "abcdef");
	t_send(fd, "next");
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 6);
	CHECK_EQ(m.flags, MBOXFS_TRUNC);
	CHECK(!memcmp(text, "abc", 3));
	/* The same structure can be used again. */
	m.len = sizeof(text);
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.flags, 0);
	CHECK_EQ(m.len, 4);
	/* With no room the message is taken all the same. */
	t_send(fd, "gone");
	m = t_msg(NULL, 0, 0);
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 4);
	CHECK_EQ(m.flags, MBOXFS_TRUNC);
	CHECK_EQ(t_get("q", "messages"), 0);
}

TEST(too_little_room_is_refused_where_nothing_is_discarded)
{
	static const char *const policies[] = { "refuse", "keep" };
	int fd = t_open("q", O_RDWR), i;
	char text[16];

	t_send(fd, "abcdef");
	for (i = 0; i < 2; i++) {
		struct mboxfs_msg m = t_msg(text, 3, 0);

		t_set("q", "short_read", policies[i]);
		CHECK_ERR(receive(fd, &m), EMSGSIZE);
		CHECK_EQ(m.len, 6);
		CHECK_EQ(t_get("q", "messages"), 1);
	}
	if (!t_fork()) {
		struct mboxfs_msg m = t_msg(text, 3, 0);

		t_take(fd, 0, "abcdef");
		CHECK_ERR(receive(fd, &m), EMSGSIZE);
		CHECK_EQ(m.len, 5);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_send(fd, "12345");
	t_wait_all();
	t_take(fd, 0, "12345");
}

TEST(higher_priorities_come_first)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(t_send_as(fd, "low 1", 0, 0), 0);
	CHECK_EQ(t_send_as(fd, "mid 1", 5, 0), 0);
	CHECK_EQ(t_send_as(fd, "top 1", 32767, 0), 0);
	CHECK_EQ(t_send_as(fd, "mid 2", 5, 0), 0);
	CHECK_EQ(t_send_as(fd, "low 2", 0, 0), 0);
	CHECK_EQ(t_send_as(fd, "top 2", 32767, 0), 0);
	/* One that comes back is the next of its priority again. */
	CHECK_ERR(read(fd, (void *)8, 8), EFAULT);
	t_expect(fd, "top 1");
	t_expect(fd, "top 2");
	CHECK_ERR(read(fd, (void *)8, 8), EFAULT);
	t_expect(fd, "mid 1");
	t_expect(fd, "mid 2");
	t_expect(fd, "low 1");
	t_expect(fd, "low 2");
}

/* Against a simple model: the highest priority, then the smallest number. */
TEST(many_priorities)
{
	int fd = t_open("q", O_RDWR), i, k, best, sent = 0;
	static int priority[20000];
	struct mboxfs_msg m;

	t_set("q", "max_messages", "0");
	srandom(1);
	for (i = 0; i < 6000; i++) {
		if (random() % 5 < 3) {
			m = t_msg(&sent, sizeof(sent), 0);
			priority[sent] = random() % 3 ? random() % 40 : 0;
			m.priority = priority[sent];
			CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
			sent++;
			continue;
		}
		best = -1;
		for (k = 0; k < sent; k++)
			if (priority[k] >= 0 &&
			    (best < 0 || priority[k] > priority[best]))
				best = k;
		m = t_msg(&k, sizeof(k), MBOXFS_NONBLOCK);
		if (best < 0) {
			CHECK_ERR(receive(fd, &m), EAGAIN);
			continue;
		}
		CHECK_EQ(receive(fd, &m), 0);
		CHECK_EQ(k, best);
		priority[best] = -1;
	}
}

TEST(drop_oldest_goes_by_priority)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "max_messages", "3");
	t_set("q", "when_full", "drop_oldest");
	CHECK_EQ(t_send_as(fd, "a5", 5, 0), 0);
	CHECK_EQ(t_send_as(fd, "b0", 0, 0), 0);
	CHECK_EQ(t_send_as(fd, "c3", 3, 0), 0);
	CHECK_EQ(t_send_as(fd, "d5", 5, 0), 0); /* b0 goes */
	CHECK_EQ(t_send_as(fd, "e4", 4, 0), 0); /* c3 goes */
	/* Nothing of a higher priority goes. */
	CHECK_ERR(t_send_as(fd, "f3", 3, 0), ENOSPC);
	CHECK_EQ(t_get("q", "dropped_total"), 2);
	CHECK_EQ(t_send_as(fd, "g5", 5, 0), 0); /* e4 goes */
	t_expect(fd, "a5");
	t_expect(fd, "d5");
	t_expect(fd, "g5");
	/* None goes if that does not make enough room. */
	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "10");
	CHECK_EQ(t_send_as(fd, "12345", 9, 0), 0);
	CHECK_EQ(t_send_as(fd, "abc", 1, 0), 0);
	CHECK_ERR(t_send_as(fd, "123456", 5, 0), ENOSPC);
	CHECK_EQ(t_get("q", "messages"), 2);
}

static int send_bytes(int fd, uint32_t len, unsigned int priority)
{
	static char data[8000];
	struct mboxfs_msg m = t_msg(data, len, 0);

	m.priority = priority;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

/* More have to go than are looked at in one step; of many priorities. */
TEST(thousands_are_dropped_or_none)
{
	int fd = t_open("q", O_RDWR), i;

	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "10000");
	t_set("q", "when_full", "drop_oldest");
	for (i = 0; i < 5000; i++)
		CHECK_EQ(send_bytes(fd, 1, i), 0);
	CHECK_EQ(send_bytes(fd, 5000, 9000), 0);
	CHECK_ERR(send_bytes(fd, 5001, 8999), ENOSPC);
	CHECK_ERR(send_bytes(fd, 3001, 2999), ENOSPC);
	CHECK_ERR(send_bytes(fd, 500, 498), ENOSPC);
	CHECK_EQ(t_get("q", "messages"), 5001);
	CHECK_EQ(t_get("q", "dropped_total"), 0);
	CHECK_EQ(send_bytes(fd, 3000, 2999), 0);
	CHECK_EQ(t_get("q", "messages"), 2002);
	CHECK_EQ(t_get("q", "dropped_total"), 3000);
	/* What is left goes at once. */
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 2002);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "bytes"), 0);
	CHECK_EQ(t_get("q", "purged_total"), 2002);
	t_expect_empty(fd);
	CHECK_EQ(t_send_as(fd, "x", 7, 0), 0);
	t_expect(fd, "x");
}

TEST(peek_removes_nothing)
{
	int fd = t_open("q", O_RDWR), i;

	t_send(fd, "one");
	t_send(fd, "two");
	for (i = 0; i < 100; i++)
		t_take(fd, MBOXFS_PEEK, "one");
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "received_total"), 0);
	t_take(fd, 0, "one");
	t_take(fd, MBOXFS_PEEK, "two");
	/* Peekers wait, and all of them are served by one message. */
	t_take(fd, 0, "two");
	for (i = 0; i < 3; i++) {
		if (!t_fork()) {
			t_take(fd, MBOXFS_PEEK, "three");
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 3);
	if (!t_fork()) {
		t_expect(fd, "three");
		_exit(0);
	}
	t_await("q", "readers_waiting", 4);
	t_send(fd, "three");
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* Peeking while others take, drop and purge what is being looked at. */
TEST(peek_against_everything)
{
	int fd = t_open("q", O_RDWR), i, k;
	pid_t pids[4];

	t_set("q", "max_messages", "4");
	t_set("q", "when_full", "drop_oldest");
	for (i = 0; i < 4; i++) {
		pids[i] = t_fork();
		if (pids[i])
			continue;
		for (k = 0;; k++) {
			char text[3000];
			struct mboxfs_msg m = t_msg(text, sizeof(text),
						    MBOXFS_NONBLOCK);

			if (i < 2)
				m.flags |= MBOXFS_PEEK;
			if (i == 3 && k % 50 == 0)
				ioctl(fd, MBOXFS_IOC_PURGE);
			if (receive(fd, &m) == 0) {
				CHECK_EQ(m.len, 3000);
				CHECK_EQ(text[0], text[2999]);
			} else {
				CHECK_EQ(errno, EAGAIN);
			}
		}
	}
	for (i = 0; i < t_scaled(20000); i++) {
		char text[3000];

		memset(text, i, sizeof(text));
		CHECK_EQ(write(fd, text, sizeof(text)), sizeof(text));
	}
	for (i = 0; i < 4; i++) {
		CHECK_EQ(waitpid(pids[i], NULL, WNOHANG), 0);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

TEST(tags_select)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text),
				    MBOXFS_TAGGED | MBOXFS_NONBLOCK);

	CHECK_EQ(t_send_as(fd, "one", 0, 1), 0);
	CHECK_EQ(t_send_as(fd, "two", 0, 2), 0);
	CHECK_EQ(t_send_as(fd, "two more", 3, 2), 0);
	m.tag = 3;
	CHECK_ERR(receive(fd, &m), EAGAIN);
	m.tag = 2;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 8);
	m = t_msg(text, sizeof(text), MBOXFS_TAGGED | MBOXFS_NONBLOCK);
	m.tag = 2;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 3);
	m.len = sizeof(text);
	CHECK_ERR(receive(fd, &m), EAGAIN);
	t_take(fd, 0, "one");
}

/* A waiter for tag 2 does not swallow the wake-up for tag 1. */
TEST(each_tag_wakes_its_own_waiter)
{
	int fd = t_open("q", O_RDWR), tag;
	char text[16];

	for (tag = 5; tag > 0; tag--) {
		if (!t_fork()) {
			struct mboxfs_msg m = t_msg(text, sizeof(text),
						    MBOXFS_TAGGED);

			m.tag = tag;
			CHECK_EQ(receive(fd, &m), 0);
			CHECK_EQ(m.tag, tag);
			_exit(0);
		}
		t_await("q", "readers_waiting", 6 - tag);
	}
	CHECK_EQ(t_send_as(fd, "nobody's", 0, 77), 0);
	CHECK_EQ(t_get("q", "readers_waiting"), 5);
	for (tag = 1; tag <= 5; tag++) {
		CHECK_EQ(t_send_as(fd, "x", 0, tag), 0);
		t_await("q", "readers_waiting", 5 - tag);
	}
	t_wait_all();
	t_take(fd, 0, "nobody's");
}

/* The search lets the lock go; what it looks for is found all the same. */
TEST(a_tag_is_found_behind_many_others)
{
	int fd = t_open("q", O_RDWR), i;
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), MBOXFS_TAGGED);
	pid_t pid;

	t_set("q", "max_messages", "0");
	for (i = 0; i < t_crowd(30000); i++)
		CHECK_EQ(t_send_as(fd, "hay", i % 3, 1), 0);
	CHECK_EQ(t_send_as(fd, "needle", 0, 2), 0);
	m.tag = 2;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 6);
	/* While others take the hay away from under it. */
	pid = t_fork();
	if (!pid) {
		for (;;) {
			read(fd, text, sizeof(text));
			t_send_as(fd, "hay", random() % 3, 1);
		}
	}
	for (i = 0; i < t_crowd(50); i++) {
		CHECK_EQ(t_send_as(fd, "needle", random() % 3, 2), 0);
		m = t_msg(text, sizeof(text), MBOXFS_TAGGED);
		m.tag = 2;
		m.timeout_ns = 1000000000;
		/* It may have been taken as hay. */
		CHECK(receive(fd, &m) == 0 || errno == ETIMEDOUT);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(senders_select_even_when_they_have_ended)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), MBOXFS_FROM);
	pid_t pid;

	t_send(fd, "mine");
	pid = t_fork();
	if (!pid) {
		t_send(fd, "theirs");
		_exit(0);
	}
	t_wait(pid);
	m.pid = pid;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.len, 6);
	m = t_msg(text, sizeof(text), MBOXFS_FROM | MBOXFS_NONBLOCK);
	m.pid = pid;
	CHECK_ERR(receive(fd, &m), EAGAIN);
	t_take(fd, 0, "mine");
}

TEST(timeouts)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m = t_msg(text, sizeof(text), 0);
	long long start = t_now_ms();

	m.timeout_ns = 0;
	CHECK_ERR(receive(fd, &m), EAGAIN);
	m.timeout_ns = 200000000;
	CHECK_ERR(receive(fd, &m), ETIMEDOUT);
	CHECK(t_now_ms() - start >= 199);
	CHECK(!t_overdue(start, 20000));
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
	t_set("q", "max_messages", "1");
	t_send(fd, "x");
	m = t_msg("y", 1, 0);
	m.timeout_ns = 0;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
	m.timeout_ns = 100000000;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), ETIMEDOUT);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	CHECK_EQ(t_get("q", "messages"), 1);
	m.timeout_ns = INT64_MAX;
	m.flags = MBOXFS_NONBLOCK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	m.flags = 0;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
}

static void on_signal(int signal)
{
}

TEST(a_wait_with_a_timeout_is_not_restarted)
{
	int fd = t_open("q", O_RDWR);
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };
	char text[16];
	pid_t pid;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	pid = t_fork();
	if (!pid) {
		struct mboxfs_msg m = t_msg(text, sizeof(text), 0);

		m.timeout_ns = 100000000000;
		CHECK_ERR(receive(fd, &m), EINTR);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_sleep_ms(50);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	t_wait(pid);
	pid = t_fork();
	if (!pid) {
		t_take(fd, 0, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	t_sleep_ms(100);
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait(pid);
}

#define BATCH	32

static void fill(struct mboxfs_msg *m, int *numbers, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		numbers[i] = i;
		m[i] = t_msg(&numbers[i], sizeof(int), 0);
	}
}

TEST(batches)
{
	int fd = t_open("q", O_RDWR), out[BATCH], in[BATCH], i;
	struct mboxfs_msg m[BATCH];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = BATCH,
				  .timeout_ns = -1 };

	fill(m, out, BATCH);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), BATCH);
	CHECK_EQ(t_get("q", "messages"), BATCH);
	fill(m, in, BATCH);
	b.count = 10;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 10);
	b.count = BATCH;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), BATCH - 10);
	for (i = 0; i < BATCH - 10; i++) {
		CHECK_EQ(in[i], i + 10);
		CHECK_EQ(m[i].seq, i + 11);
	}
	b.flags = MBOXFS_NONBLOCK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EAGAIN);
	b.flags = 0;
	b.timeout_ns = 50000000;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), ETIMEDOUT);
	b.count = 0;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 0);
	CHECK_EQ(t_get("q", "received_total"), BATCH);
}

TEST(a_batch_sends_what_fits_and_waits_for_the_first_only)
{
	int fd = t_open("q", O_RDWR), out[BATCH], got;
	struct mboxfs_msg m[BATCH];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = BATCH,
				  .timeout_ns = -1 };

	t_set("q", "max_messages", "20");
	fill(m, out, BATCH);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 20);
	if (!t_fork()) {
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 1);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 20);
	b.flags = MBOXFS_NONBLOCK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), EAGAIN);
}

TEST(a_bad_message_ends_a_batch)
{
	int fd = t_open("q", O_RDWR), out[4], got[4], i;
	struct mboxfs_msg m[4];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 4,
				  .timeout_ns = -1 };

	fill(m, out, 4);
	m[2].data = 8;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 2);
	m[0].flags = MBOXFS_SYNC;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), EINVAL);
	m[0].flags = 0;
	m[0].data = 8;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), EFAULT);
	fill(m, out, 2);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 2);
	CHECK_EQ(t_get("q", "messages"), 4);
	/* What cannot be copied out stays, in order. */
	fill(m, got, 4);
	m[1].data = 8;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 1);
	CHECK_EQ(t_get("q", "messages"), 3);
	fill(m, got, 4);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 3);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(m[i].seq, i + 2);
		CHECK_EQ(got[i], (i + 1) % 2);
	}
	m[0].flags = MBOXFS_PEEK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EINVAL);
}

/* Where nothing is discarded, each message needs room of its own. */
TEST(too_little_room_ends_a_batch_where_nothing_is_discarded)
{
	static const char *const policies[] = { "refuse", "keep" };
	int fd = t_open("q", O_RDWR), i;
	char text[3][8];
	struct mboxfs_msg m[3];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 3,
				  .timeout_ns = -1 };

	for (i = 0; i < 2; i++) {
		t_set("q", "short_read", policies[i]);
		t_send(fd, "1");
		t_send(fd, "12345");
		t_send(fd, "12");
		m[0] = t_msg(text[0], 1, 0);
		m[1] = t_msg(text[1], 4, 0);
		m[2] = t_msg(text[2], 8, 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 1);
		CHECK_EQ(t_get("q", "messages"), 2);
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EMSGSIZE);
		CHECK_EQ(m[0].len, 5);
		CHECK_EQ(t_get("q", "messages"), 2);
		/* Others may have more than the first one needs. */
		t_send(fd, "1234567");
		m[0].len = 5;
		m[1].len = 2;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 3);
		CHECK_EQ(m[2].len, 7);
		CHECK_EQ(m[2].flags, 0);
	}
}

/* However many others there are between them. */
TEST(batches_by_tag)
{
	int fd = t_open("q", O_RDWR), out = 0, got[64], i, n, wanted = 1;
	struct mboxfs_msg m[64];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 64 };

	for (i = 0; i < 3000; i++) {
		struct mboxfs_msg one = t_msg(&i, sizeof(i), 0);

		one.tag = i % 100 == 1;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &one), 0);
		out += one.tag;
	}
	while (out) {
		for (i = 0; i < 64; i++) {
			m[i] = t_msg(&got[i], sizeof(got[i]), MBOXFS_TAGGED);
			m[i].tag = 1;
		}
		n = ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b);
		CHECK(n > 0 && n <= out);
		for (i = 0; i < n; i++, wanted += 100)
			CHECK_EQ(got[i], wanted);
		out -= n;
	}
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EAGAIN);
	CHECK_EQ(t_get("q", "messages"), 2970);
}

TEST(a_rendezvous_returns_when_it_is_received)
{
	int fd = t_open("q", O_RDWR), sync_fd;
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	struct iovec v = { "z", 1 };
	long long start = t_now_ms();

	if (!t_fork()) {
		t_sleep_ms(300);
		t_take(fd, MBOXFS_PEEK, "x");
		t_sleep_ms(300);
		t_expect(fd, "x");
		t_sleep_ms(100);
		t_expect(fd, "y");
		t_expect(fd, "z");
		_exit(0);
	}
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK(t_now_ms() - start >= 599);
	CHECK_EQ(t_get("q", "received_total"), 1);
	sync_fd = open("q", O_WRONLY | O_DSYNC);
	t_send(sync_fd, "y");
	CHECK_EQ(t_get("q", "received_total"), 2);
	CHECK_EQ(pwritev2(fd, &v, 1, -1, RWF_DSYNC), 1);
	CHECK_EQ(t_get("q", "received_total"), 3);
	t_wait_all();
}

TEST(a_rendezvous_that_fails_leaves_nothing)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	pid_t pid;

	m.timeout_ns = 100000000;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), ETIMEDOUT);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "revoked_total"), 1);
	m.timeout_ns = 0;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
	CHECK_EQ(t_get("q", "messages"), 0);
	/* A reader that waits is enough for one that does not wait. */
	pid = t_fork();
	if (!pid) {
		t_expect(fd, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	t_wait(pid);
	/* One whose copy fails is not. */
	pid = t_fork();
	if (!pid) {
		CHECK_ERR(read(fd, (void *)8, 8), EFAULT);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
	t_wait(pid);
	CHECK_EQ(t_get("q", "messages"), 0);
	/* Interrupted, killed. */
	pid = t_fork();
	if (!pid) {
		m.timeout_ns = -1;
		ioctl(fd, MBOXFS_IOC_SEND, &m);
		_exit(1);
	}
	t_await("q", "messages", 1);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
}

static void expect_sync(int fd, int error)
{
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);

	if (!t_fork()) {
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), error);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
}

TEST(a_rendezvous_is_told_why_it_goes_unread)
{
	int fd = t_open("q", O_RDWR);

	expect_sync(fd, ECANCELED);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 1);
	t_wait_all();
	t_set("q", "ttl_ms", "100");
	expect_sync(fd, ECANCELED);
	t_wait_all();
	CHECK_EQ(t_get("q", "expired_total"), 1);
	t_set("q", "ttl_ms", "0");
	t_set("q", "when_full", "drop_oldest");
	t_set("q", "max_messages", "1");
	expect_sync(fd, ECANCELED);
	t_send(fd, "y");
	t_wait_all();
	t_expect(fd, "y");
	t_set("q", "when_full", "block");
	t_set("q", "send_delay_ms", "100000");
	expect_sync(fd, ECANCELED);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
	t_wait_all();
	expect_sync(fd, ESHUTDOWN);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
	t_set("q", "send_delay_ms", "0");
	/* First for room, then for a reader. */
	t_send(fd, "first");
	expect_sync(fd, ESHUTDOWN);
	t_expect(fd, "first");
	t_await("q", "messages", 1);
	CHECK_EQ(unlink("q"), 0);
	t_wait_all();
}

/* Never both an error and a receipt: counted over a storm of signals. */
TEST(a_rendezvous_is_received_or_fails_never_both)
{
	int fd = t_open("q", O_RDWR), i;
	struct { long ok, failed; } *counts;
	struct sigaction action = { .sa_handler = on_signal };
	pid_t sender, reader;

	counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	sender = t_fork();
	if (!sender) {
		for (;;) {
			struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);

			if (ioctl(fd, MBOXFS_IOC_SEND, &m) == 0)
				counts->ok++;
			else
				counts->failed++;
			if (t_get("q", "stopped"))
				_exit(0);
		}
	}
	reader = t_fork();
	if (!reader) {
		char c;

		while (read(fd, &c, 1))
			usleep(100);
		_exit(0);
	}
	/* And until it has seen both. */
	for (i = t_scaled(5000) + 100; i > 0 || !counts->ok || !counts->failed;
	     i--) {
		kill(sender, SIGUSR1);
		usleep(abs(i) % 300);
	}
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_wait(reader);
	t_wait(sender);
	CHECK_EQ(counts->ok, t_get("q", "received_total"));
	CHECK_EQ(counts->ok + t_get("q", "revoked_total"),
		 t_get("q", "sent_total"));
	CHECK(counts->ok > 0 && counts->failed > 0);
}

TEST(stop_refuses_drains_and_can_be_undone)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m;
	char c;

	t_send(fd, "1");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(t_get("q", "stopped"), 1);
	CHECK_ERR(write(fd, "2", 1), ESHUTDOWN);
	t_take(fd, 0, "1");
	CHECK_EQ(read(fd, &c, 1), 0);
	m = t_msg(&c, 1, 0);
	CHECK_ERR(receive(fd, &m), ESHUTDOWN);
	t_set("q", "stopped", "0");
	t_send(fd, "3");
	t_expect(fd, "3");
	t_set("q", "stopped", "1");
	CHECK_ERR(write(fd, "4", 1), ESHUTDOWN);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
	t_send(fd, "5");
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_START), ESHUTDOWN);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_STOP), ESHUTDOWN);
	t_expect(fd, "5");
}

TEST(stop_lets_everyone_out)
{
	int fd = t_open("q", O_RDWR), i;
	char c;

	for (i = 0; i < 10; i++) {
		if (!t_fork()) {
			struct mboxfs_msg m = t_msg(&c, 1, 0);

			m.tag = 5;
			if (i % 4 == 0)
				m.flags = MBOXFS_TAGGED;
			if (i % 2)
				CHECK_EQ(read(fd, &c, 1), 0);
			else
				CHECK_ERR(receive(fd, &m), ESHUTDOWN);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 10);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_wait_all();
}

TEST(stat_tells_all)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_stat s;
	unsigned int i;

	t_set("q", "max_messages", "0");
	t_set("q", "when_full", "drop_oldest");
	t_set("q", "ttl_ms", "100000");
	t_send(fd, "12345");
	t_send(fd, "678");
	t_take(fd, 0, "12345");
	memset(&s, 0xff, sizeof(s));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STAT, &s), 0);
	CHECK_EQ(s.max_message_size, 65536);
	CHECK_EQ(s.max_messages, 0);
	CHECK_EQ(s.max_bytes, 1048576);
	CHECK_EQ(s.when_full, MBOXFS_WHEN_FULL_DROP_OLDEST);
	CHECK_EQ(s.ttl_ms, 100000);
	CHECK_EQ(s.messages, 1);
	CHECK_EQ(s.bytes, 3);
	CHECK_EQ(s.next_size, 3);
	CHECK_EQ(s.sent_total, 2);
	CHECK_EQ(s.received_total, 1);
	for (i = 0; i < 8; i++)
		CHECK_EQ(s.reserved[i], 0);
}

TEST(a_bound_mailbox_lives_as_long_as_its_open_file)
{
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR), copy;
	char c;

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
	CHECK_ERR(ioctl(other, MBOXFS_IOC_BIND), EBUSY);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_BIND), EBUSY);
	t_send(other, "last");
	copy = dup(fd);
	close(fd);
	CHECK_EQ(access("q", F_OK), 0);
	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(rename("q", "g/moved"), 0);
	if (!t_fork()) {
		close(copy);
		t_expect(other, "last");
		CHECK_EQ(read(other, &c, 1), 0);
		_exit(0);
	}
	t_await("g/moved", "readers_waiting", 1);
	close(copy);
	t_wait_all();
	CHECK_ERR(access("g/moved", F_OK), ENOENT);
	CHECK_ERR(write(other, "x", 1), ESHUTDOWN);
}

TEST(binding_ends_with_the_process)
{
	pid_t pid = t_fork();

	if (!pid) {
		int fd = t_open("q", O_RDWR);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		t_send(fd, "bound");
		pause();
	}
	while (access("q", F_OK))
		usleep(1000);
	t_await("q", "messages", 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_ERR(access("q", F_OK), ENOENT);
}

TEST(who_may_not_remove_a_mailbox_may_not_bind_it)
{
	int fd;

	CHECK_EQ(mkdir("g", 0755), 0);
	fd = t_open("g/q", O_RDWR);
	CHECK_EQ(fchown(fd, 1000, 1000), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_BIND), EACCES);
		_exit(0);
	}
	t_wait_all();
	/* Its owner may remove it where the sticky bit protects others'. */
	CHECK_EQ(chmod("g", 01777), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		_exit(0);
	}
	t_wait_all();
	close(fd);
	CHECK_ERR(access("g/q", F_OK), ENOENT);
	/* Among numbers, who may not write it may not remove it. */
	t_set("g", "naming", "id");
	fd = t_open("g/1", O_RDWR);
	CHECK_EQ(fchown(fd, 1000, 1000), 0);
	CHECK_EQ(fchmod(fd, 0400), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(unlink("g/1"), EACCES);
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_BIND), EACCES);
		CHECK_EQ(fchmod(fd, 0600), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		_exit(0);
	}
	t_wait_all();
}

static unsigned int next_event(int fd)
{
	struct inotify_event e;

	return read(fd, &e, sizeof(e)) == sizeof(e) ? e.mask : 0;
}

TEST(inotify_and_times_are_told_by_ioctls_too)
{
	int fd = t_open("q", O_RDWR), in = inotify_init1(IN_NONBLOCK);
	struct stat before, after;

	CHECK(inotify_add_watch(in, "q", IN_MODIFY | IN_ACCESS) >= 0);
	CHECK_EQ(stat("q", &before), 0);
	t_tick();
	CHECK_EQ(t_send_as(fd, "x", 0, 0), 0);
	CHECK_EQ(next_event(in), IN_MODIFY);
	CHECK_EQ(stat("q", &after), 0);
	CHECK(after.st_mtim.tv_nsec != before.st_mtim.tv_nsec);
	t_take(fd, MBOXFS_PEEK, "x");
	CHECK_EQ(next_event(in), 0);
	t_take(fd, 0, "x");
	CHECK_EQ(next_event(in), IN_ACCESS);
	CHECK_EQ(stat("q", &after), 0);
	CHECK(after.st_atim.tv_nsec != before.st_atim.tv_nsec);
}

/* The command of a program that knows so many bytes of its structure. */
static unsigned int sized(unsigned int cmd, unsigned int size)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

/* The last @size bytes before memory that is not there, all 0xff. */
static void *last_bytes(unsigned int size)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	memset(page, 0xff, 4096);
	return page + 4096 - size;
}

TEST(a_shorter_structure_is_known_by_its_number)
{
	const unsigned int upto_flags = offsetof(struct mboxfs_msg, priority);
	const unsigned int upto_tag = offsetof(struct mboxfs_msg, timeout_ns);
	const unsigned int all = sizeof(struct mboxfs_msg);
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg *m = last_bytes(upto_flags), whole;
	unsigned long long *s = last_bytes(8);
	char text[8];

	t_set("q", "short_read", "truncate");
	/* What is missing is 0: no priority, no tag, no time to wait. */
	m->data = (uintptr_t)"hello";
	m->len = 5;
	m->flags = 0;
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_SEND, upto_flags), m), 0);
	CHECK_EQ(t_send_as(fd, "tagged", 0, 77), 0);
	/* It is not written either. */
	m->data = (uintptr_t)text;
	m->len = 3;
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_RECV, upto_flags), m), 0);
	CHECK_EQ(m->len, 5);
	CHECK_EQ(m->flags, MBOXFS_TRUNC);
	CHECK(!memcmp(text, "hel", 3));
	m->len = 3;
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_RECV, 12), m), 0);
	CHECK_EQ(m->len, 6);
	CHECK_ERR(ioctl(fd, sized(MBOXFS_IOC_RECV, upto_flags), m), EAGAIN);
	CHECK_EQ(t_send_as(fd, "tagged", 0, 77), 0);
	memset(&whole, 0xff, sizeof(whole));
	whole.data = (uintptr_t)text;
	whole.len = sizeof(text);
	whole.flags = 0;
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_RECV, upto_tag), &whole), 0);
	CHECK_EQ(whole.tag, 77);
	CHECK_EQ(whole.pid, getpid());
	CHECK_EQ(whole.timeout_ns, -1);
	CHECK_EQ(whole.seq, UINT64_MAX);
	/* Only its number and type have to be right. */
	whole = t_msg("x", 1, 0);
	CHECK_EQ(ioctl(fd, _IOC(_IOC_READ, MBOXFS_IOC_MAGIC,
				_IOC_NR(MBOXFS_IOC_SEND), all), &whole), 0);
	CHECK_ERR(ioctl(fd, _IOW(0xBE, 1, struct mboxfs_msg), &whole), ENOTTY);
	CHECK_ERR(ioctl(fd, _IOW(MBOXFS_IOC_MAGIC, 0, struct mboxfs_msg),
			&whole), ENOTTY);
	/* Of the numbers as much as there is room for. */
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_STAT, 8), s), 0);
	CHECK_EQ(*s, 65536);
}

TEST(a_longer_structure_must_not_say_more)
{
	int fd = t_open("q", O_RDWR);
	struct { struct mboxfs_msg m; uint64_t more[2]; } m = { 0 };
	struct { struct mboxfs_stat s; uint64_t more[2]; } s;
	const unsigned int size = sizeof(m);
	char *bytes = last_bytes(16);

	m.m = t_msg("hello", 5, 0);
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_SEND, size), &m), 0);
	m.more[1] = 1;
	CHECK_ERR(ioctl(fd, sized(MBOXFS_IOC_SEND, size), &m), E2BIG);
	CHECK_ERR(ioctl(fd, sized(MBOXFS_IOC_RECV, size), &m), E2BIG);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_set("q", "short_read", "truncate");
	m.m = t_msg(NULL, 0, 0);
	m.more[1] = 0;
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_RECV, size), &m), 0);
	CHECK_EQ(m.m.len, 5);
	CHECK_EQ(m.m.seq, 1);
	/* Counters that are not known here are 0. */
	memset(&s, 0xff, sizeof(s));
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_STAT, sizeof(s)), &s), 0);
	CHECK_EQ(s.s.sent_total, 1);
	CHECK_EQ(s.more[0], 0);
	CHECK_EQ(s.more[1], 0);
	/* Also where nothing is said as yet. */
	CHECK_ERR(ioctl(fd, sized(MBOXFS_IOC_STOP, 16), bytes), E2BIG);
	memset(bytes, 0, 16);
	CHECK_ERR(ioctl(fd, sized(MBOXFS_IOC_STOP, 17), bytes), EFAULT);
	CHECK_EQ(t_get("q", "stopped"), 0);
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_STOP, 16), bytes), 0);
	CHECK_EQ(t_get("q", "stopped"), 1);
}

/* Whose messages are so many bytes apart, in a batch of so many bytes. */
static void batch_of(unsigned int size, unsigned int batch)
{
	int fd = t_open("q", O_RDWR), i;
	char *array = last_bytes(3 * size), text[3][2];
	struct mboxfs_batch *b = last_bytes(batch);
	struct mboxfs_msg m;

	b->msgs = (uintptr_t)array;
	b->count = 3;
	b->flags = 0;
	b->timeout_ns = 0;
	if (batch > offsetof(struct mboxfs_batch, size)) {
		b->size = size;
		b->reserved32 = 0;
	}
	memset(array, 0, 3 * size);
	for (i = 0; i < 3; i++) {
		m = t_msg(&"abc"[i], 1, 0);
		memcpy(array + i * size, &m, size < 16 ? size : 16);
	}
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_SEND_BATCH, batch), b), 3);
	for (i = 0; i < 3; i++) {
		m = t_msg(text[i], sizeof(text[i]), 0);
		memcpy(array + i * size, &m, size < 16 ? size : 16);
	}
	CHECK_EQ(ioctl(fd, sized(MBOXFS_IOC_RECV_BATCH, batch), b), 3);
	for (i = 0; i < 3; i++) {
		memcpy(&m, array + i * size, size < 16 ? size : 16);
		CHECK_EQ(m.len, 1);
		CHECK_EQ(text[i][0], "abc"[i]);
	}
}

TEST(batches_say_how_far_their_messages_are_apart)
{
	struct { struct mboxfs_msg m; uint64_t more; } two[2];
	int fd = t_open("q", O_RDWR);
	struct mboxfs_batch b = { .msgs = (uintptr_t)two, .count = 2,
				  .size = sizeof(two[0]) };

	batch_of(sizeof(struct mboxfs_msg), sizeof(struct mboxfs_batch));
	batch_of(sizeof(struct mboxfs_msg), 24);
	batch_of(16, sizeof(struct mboxfs_batch));
	batch_of(13, sizeof(struct mboxfs_batch));
	batch_of(1000, sizeof(struct mboxfs_batch));
	/* One that says more ends the batch. */
	memset(two, 0, sizeof(two));
	two[1].more = 1;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 1);
	t_send(fd, "x");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 1);
	CHECK_EQ(t_get("q", "messages"), 1);
	two[0].more = 1;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), E2BIG);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), E2BIG);
	b.size = 1 << 14;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), E2BIG);
	b.size = UINT32_MAX;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), E2BIG);
	CHECK_EQ(t_get("q", "messages"), 1);
}

/* Someone who is asked before a mailbox is read, and says no, then yes. */
static void answer(int fan, unsigned int noes)
{
	struct fanotify_event_metadata e;
	struct fanotify_response r;

	for (;;) {
		CHECK_EQ(read(fan, &e, sizeof(e)), sizeof(e));
		CHECK_EQ(e.mask, FAN_ACCESS_PERM);
		r = (struct fanotify_response){
			.fd = e.fd,
			.response = noes ? FAN_DENY : FAN_ALLOW,
		};
		if (noes)
			noes--;
		/* All have seen that nothing is received before the answer. */
		t_sleep_ms(20);
		CHECK_EQ(t_get("q", "messages"), 1);
		CHECK_EQ(write(fan, &r, sizeof(r)), sizeof(r));
		close(e.fd);
	}
}

TEST(who_watches_reads_is_asked_about_ioctls_too)
{
	int fd, fan = fanotify_init(FAN_CLASS_CONTENT, 0);
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, 0);
	struct mboxfs_batch b = { .msgs = (uintptr_t)&m, .count = 1,
				  .timeout_ns = -1 };

	close(t_open("q", O_RDWR));
	if (fan < 0 || fanotify_mark(fan, FAN_MARK_ADD, FAN_ACCESS_PERM,
				     AT_FDCWD, "q")) {
		printf("# this kernel does not ask\n");
		return;
	}
	/* Newer kernels ask for what is opened from now on. */
	fd = t_open("q", O_RDWR);
	t_send(fd, "x");
	if (!t_fork())
		answer(fan, 4);
	CHECK_ERR(read(fd, &c, 1), EPERM);
	CHECK_ERR(receive(fd, &m), EPERM);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EPERM);
	m.flags = MBOXFS_PEEK;
	CHECK_ERR(receive(fd, &m), EPERM);
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(receive(fd, &m), 0);
	m = t_msg(&c, 1, 0);
	CHECK_EQ(receive(fd, &m), 0);
	t_send(fd, "y");
	m = t_msg(&c, 1, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 1);
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* Who waits with a batch keeps no more memory than its first message needs. */
TEST(a_batch_that_waits_keeps_its_first_message_only)
{
	static char data[16384];
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_batch b = { .count = 1024, .timeout_ns = -1 };
	struct mboxfs_msg *m = calloc(1024, sizeof(*m));
	struct statfs st;
	long long before;
	pid_t pid;

	t_set("q", "max_messages", "1");
	CHECK_EQ(fstatfs(fd, &st), 0);
	before = st.f_bfree;
	t_send(fd, "full");
	for (i = 0; i < 1024; i++)
		m[i] = t_msg(data, sizeof(data), 0);
	b.msgs = (uintptr_t)m;
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 1);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(fstatfs(fd, &st), 0);
	CHECK((before - (long long)st.f_bfree) * st.f_bsize < 256 << 10);
	t_expect(fd, "full");
	t_wait(pid);
	CHECK_EQ(t_get("q", "bytes"), sizeof(data));
}

TEST(a_large_batch_is_sent_whole)
{
	static char data[1000];
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_batch b = { .count = 1024, .timeout_ns = -1 };
	struct mboxfs_msg *m = calloc(1024, sizeof(*m));

	t_set("q", "max_bytes", "0");
	for (i = 0; i < 1024; i++) {
		m[i] = t_msg(data, sizeof(data), 0);
		m[i].tag = i;
	}
	b.msgs = (uintptr_t)m;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 1024);
	for (i = 0; i < 1024; i++) {
		m[0] = t_msg(data, sizeof(data), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m[0]), 0);
		CHECK_EQ(m[0].tag, i);
	}
}
