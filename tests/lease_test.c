// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: what a reader has taken stays the mailbox's until it is settled, however
 * the reader ends; and what has been tried too often is dead.
 */
#include "test.h"

#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>

#define HOUR_NS	3600000000000ULL
#define PAGE	4096

static int receive(int fd, struct mboxfs_msg *m)
{
	return ioctl(fd, MBOXFS_IOC_RECV, m);
}

static int settle_many(int fd, const uint64_t *seqs, unsigned int count,
		       int how)
{
	struct mboxfs_settle s = { .seqs = (uintptr_t)seqs, .count = count,
				   .how = how };

	return ioctl(fd, MBOXFS_IOC_SETTLE, &s);
}

static int return_after(int fd, uint64_t seq, uint64_t delay_ns)
{
	struct mboxfs_settle s = { .seqs = (uintptr_t)&seq, .count = 1,
				   .how = MBOXFS_RETURN, .delay_ns = delay_ns };

	return ioctl(fd, MBOXFS_IOC_SETTLE, &s);
}

static int receive_batch(int fd, struct mboxfs_msg *m, unsigned int count,
			 unsigned int flags)
{
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = count,
				  .flags = flags | MBOXFS_NONBLOCK };

	return ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b);
}

/* A mailbox with these messages. */
static int filled(const char *const *texts)
{
	int fd = t_open("q", O_RDWR);

	for (; *texts; texts++)
		t_send(fd, *texts);
	return fd;
}

#define FILLED(...) filled((const char *const[]){ __VA_ARGS__, NULL })

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents & POLLIN;
}

static void expect_nothing(int fd)
{
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_NONBLOCK);

	t_expect_empty(fd);
	CHECK_ERR(receive(fd, &m), EAGAIN);
}

TEST(what_is_on_lease_is_nobody_elses)
{
	int fd = FILLED("one", "second"), other = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_lease_next(fd, 0);
	struct mboxfs_stat s = t_stat(fd);

	CHECK_EQ(m.seq, 1);
	CHECK_EQ(m.len, 3);
	CHECK_EQ(m.attempts, 1);
	CHECK_EQ(m.pid, getpid());
	CHECK_EQ(s.leased_messages, 1);
	CHECK_EQ(s.leased_bytes, 3);
	CHECK_EQ(s.messages, 1);
	CHECK_EQ(s.bytes, 6);
	CHECK_EQ(s.received_total, 0);
	t_expect(other, "second");
	expect_nothing(other);
	expect_nothing(fd);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	s = t_stat(fd);
	CHECK_EQ(s.leased_messages + s.leased_bytes, 0);
	CHECK_EQ(s.received_total, 2);
	CHECK_EQ(s.returned_total, 0);
	t_sums_add_up(fd);
}

TEST(receiving_without_a_lease_is_no_attempt)
{
	char text[16];
	int fd = FILLED("one");
	struct mboxfs_msg m;

	CHECK_EQ(t_settle(fd, t_lease(fd, "one"), MBOXFS_RETURN), 1);
	m = t_msg(text, sizeof(text), 0);
	m.attempts = 77;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.attempts, 0);
	CHECK_EQ(t_get("q", "received_total"), 1);
}

TEST(what_has_been_settled_is_not_on_lease)
{
	int fd = FILLED("one", "two", "three");
	uint64_t seq = t_lease(fd, "one");

	CHECK_EQ(t_settle(fd, seq, MBOXFS_ACK), 1);
	CHECK_ERR(t_settle(fd, seq, MBOXFS_ACK), ENOENT);
	CHECK_ERR(t_settle(fd, seq, MBOXFS_RETURN), ENOENT);
	seq = t_lease(fd, "two");
	CHECK_EQ(t_settle(fd, seq, MBOXFS_RETURN), 1);
	CHECK_ERR(t_settle(fd, seq, MBOXFS_ACK), ENOENT);
	t_expect(fd, "two");
	CHECK_ERR(t_settle(fd, seq + 1, MBOXFS_ACK), ENOENT); /* never was */
	CHECK_ERR(t_settle(fd, 0, MBOXFS_TOUCH), ENOENT);
	CHECK_ERR(t_settle(fd, UINT64_MAX, MBOXFS_BURY), ENOENT);
	t_bury(fd, "three");
	CHECK_ERR(t_settle(fd, seq + 1, MBOXFS_TOUCH), ENOENT);
	CHECK_EQ(t_get("q", "received_total"), 2);
}

TEST(only_their_open_file_settles_them)
{
	int fd = FILLED("one"), other = t_open("q", O_RDWR);
	int same = dup(fd);
	uint64_t seq = t_lease(fd, "one");

	CHECK_ERR(t_settle(other, seq, MBOXFS_ACK), ENOENT);
	CHECK_ERR(t_settle(other, seq, MBOXFS_RETURN), ENOENT);
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	CHECK_EQ(t_settle(same, seq, MBOXFS_ACK), 1);
}

/* However, and in whatever order, they come back. */
TEST(what_comes_back_is_before_what_is_later)
{
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR);
	uint64_t one, two, three;

	CHECK_EQ(t_send_as(fd, "1", 3, 0), 0);
	CHECK_EQ(t_send_as(fd, "2", 3, 0), 0);
	CHECK_EQ(t_send_as(fd, "3", 3, 0), 0);
	CHECK_EQ(t_send_as(fd, "4", 3, 0), 0);
	CHECK_EQ(t_send_as(fd, "low", 0, 0), 0);
	one = t_lease(other, "1");
	two = t_lease(fd, "2");
	three = t_lease(fd, "3");
	CHECK_EQ(t_send_as(fd, "high", 9, 0), 0);
	CHECK_EQ(t_settle(fd, three, MBOXFS_RETURN), 1);
	CHECK_EQ(t_settle(fd, two, MBOXFS_RETURN), 1);
	CHECK_EQ(close(other), 0);
	CHECK_ERR(t_settle(fd, one, MBOXFS_ACK), ENOENT);
	t_expect(fd, "high");
	t_expect(fd, "1");
	t_expect(fd, "2");
	t_expect(fd, "3");
	t_expect(fd, "4");
	t_expect(fd, "low");
	CHECK_EQ(t_get("q", "returned_total"), 3);
}

TEST(what_is_returned_first_is_not_overtaken)
{
	int fd = FILLED("1", "2", "3");
	uint64_t one = t_lease(fd, "1"), two = t_lease(fd, "2");

	CHECK_EQ(t_settle(fd, one, MBOXFS_RETURN), 1);
	CHECK_EQ(t_settle(fd, two, MBOXFS_RETURN), 1);
	t_expect(fd, "1");
	t_expect(fd, "2");
	t_expect(fd, "3");
}

TEST(what_is_returned_with_a_delay_comes_in_as_new)
{
	int fd = FILLED("one", "two", "three");
	uint64_t seq = t_lease(fd, "one");
	struct mboxfs_msg m;

	CHECK_EQ(return_after(fd, seq, HOUR_NS), 1);
	CHECK_EQ(t_get("q", "delayed_messages"), 1);
	CHECK_EQ(t_get("q", "delayed_bytes"), 3);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	CHECK_EQ(t_get("q", "returned_total"), 1);
	CHECK_ERR(t_settle(fd, seq, MBOXFS_ACK), ENOENT);
	t_expect(fd, "two");
	CHECK_EQ(fsync(fd), 0);
	t_expect(fd, "three");
	m = t_lease_next(fd, 0);
	CHECK_EQ(m.seq, 1);
	CHECK_EQ(m.attempts, 2);
	/* It can be revoked as others that are delayed. */
	CHECK_EQ(return_after(fd, m.seq, HOUR_NS), 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
	CHECK_EQ(t_get("q", "revoked_total"), 1);
	t_sums_add_up(fd);
}

TEST(what_is_returned_with_a_delay_comes_due)
{
	int fd = FILLED("x");
	long long start = t_now_ms();

	CHECK_EQ(return_after(fd, t_lease(fd, "x"), 300000000), 1);
	t_expect(fd, "x");
	CHECK(t_now_ms() - start >= 299);
}

TEST(what_comes_back_wakes_one_each)
{
	int fd = FILLED("1", "2", "3"), reader = t_open("q", O_RDWR), i;
	uint64_t seq = t_lease(fd, "1");

	t_lease(fd, "2");
	t_lease(fd, "3");
	for (i = 0; i < 3; i++) {
		if (!t_fork()) {
			char c;

			close(fd);
			CHECK_EQ(read(reader, &c, 1), 1);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 3);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_RETURN), 1);
	t_await("q", "readers_waiting", 2);
	CHECK_EQ(close(fd), 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "received_total"), 3);
}

/* Nor is one who waits for another tag in the way. */
TEST(what_comes_back_wakes_who_waits_for_it)
{
	int fd = t_open("q", O_RDWR), tag;
	uint64_t seq;

	CHECK_EQ(t_send_as(fd, "two", 0, 2), 0);
	seq = t_lease(fd, "two");
	for (tag = 1; tag <= 2; tag++) {
		if (!t_fork()) {
			char text[8];
			struct mboxfs_msg m = t_msg(text, sizeof(text),
						    MBOXFS_TAGGED | MBOXFS_LEASE);

			m.tag = tag;
			CHECK_EQ(receive(fd, &m), 0);
			CHECK_EQ(m.attempts, tag);
			_exit(0);
		}
		t_await("q", "readers_waiting", tag);
	}
	CHECK_EQ(t_settle(fd, seq, MBOXFS_RETURN), 1);
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(t_send_as(fd, "one", 0, 1), 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "leased_messages"), 2);
}

TEST(a_lease_waits_for_a_message)
{
	int fd = t_open("q", O_RDWR);

	if (!t_fork()) {
		CHECK_EQ(t_lease_next(fd, 0).attempts, 1);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait_all();
	/* The child shared our open file. */
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
}

TEST(a_lease_ends_with_its_time)
{
	int fd = FILLED("x"), other = t_open("q", O_RDWR);
	long long start = t_now_ms();
	struct mboxfs_msg m;
	uint64_t seq;

	t_set("q", "lease_ms", "300");
	seq = t_lease(fd, "x");
	expect_nothing(other);
	m = t_lease_next(other, 0);
	CHECK(t_now_ms() - start >= 299);
	CHECK_EQ(m.attempts, 2);
	CHECK_EQ(m.seq, seq);
	CHECK_ERR(t_settle(fd, seq, MBOXFS_ACK), ENOENT);
	CHECK(t_get("q", "returned_total") >= 1);
	t_sums_add_up(fd);
}

/* Whether it was touched all the time, or else somebody was too late. */
static bool touched(int fd, uint64_t seq, long long start, int ms)
{
	long long before = start, last;

	while (before - start < ms) {
		last = before;
		t_sleep_ms(50);
		before = t_now_ms();
		if (t_settle(fd, seq, MBOXFS_TOUCH) == 1)
			continue;
		CHECK_EQ(errno, ENOENT);
		CHECK(t_now_ms() - last >= 1499);
		return false;
	}
	return true;
}

TEST(touch_begins_the_time_anew)
{
	int fd = FILLED("x");
	long long start;
	uint64_t seq;

	t_set("q", "lease_ms", "1500");
	do {
		start = t_now_ms();
		seq = t_lease_next(fd, 0).seq;
	} while (!touched(fd, seq, start, 4000));
	start = t_now_ms();
	t_await("q", "messages", 1);
	CHECK(t_now_ms() - start >= 1300); /* but for the last touch */
	CHECK_ERR(t_settle(fd, seq, MBOXFS_TOUCH), ENOENT);
}

TEST(without_a_time_a_lease_lasts)
{
	int fd = FILLED("x");
	uint64_t seq = t_lease(fd, "x");

	t_sleep_ms(500);
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_ACK), 1);
}

TEST(the_last_close_returns_them)
{
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR);
	int same = dup(other);
	pid_t pid;

	t_send(fd, "x");
	t_send(fd, "y");
	t_lease(other, "x");
	t_lease(fd, "y");
	CHECK_EQ(close(other), 0);
	CHECK_EQ(t_get("q", "leased_messages"), 2);
	pid = t_fork();
	if (!pid)
		pause();
	CHECK_EQ(close(same), 0);
	CHECK_EQ(t_get("q", "leased_messages"), 2); /* the child has it */
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	t_await("q", "leased_messages", 1); /* what is ours stays */
	t_expect(fd, "x");
}

/* Over a socket, and also if it never arrives. */
TEST(a_lease_travels_with_its_open_file)
{
	int fd = t_open("q", O_RDWR), other, pair[2], i;
	char control[CMSG_SPACE(sizeof(int))] = "", c = 0;
	struct iovec v = { &c, 1 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&h);

	t_send(fd, "x");
	t_send(fd, "y");
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (i = 0; i < 2; i++) {
		other = t_open("q", O_RDWR);
		t_lease(other, i ? "y" : "x");
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &other, sizeof(other));
		CHECK_EQ(sendmsg(pair[0], &h, 0), 1);
		CHECK_EQ(close(other), 0);
		CHECK_EQ(t_get("q", "leased_messages"), 1);
		if (i)
			break;
		CHECK_EQ(recvmsg(pair[1], &h, 0), 1);
		memcpy(&other, CMSG_DATA(cmsg), sizeof(other));
		CHECK_EQ(t_settle(other, 1, MBOXFS_ACK), 1);
		close(other);
	}
	CHECK_EQ(close(pair[0]) || close(pair[1]), 0);
	t_await("q", "messages", 1);
	t_expect(fd, "y");
}

static void *acknowledge(void *arg)
{
	CHECK_EQ(t_settle(*(int *)arg, 1, MBOXFS_ACK), 1);
	return NULL;
}

TEST(any_thread_settles)
{
	int fd = FILLED("x");
	pthread_t thread;

	t_lease(fd, "x");
	CHECK_EQ(pthread_create(&thread, NULL, acknowledge, &fd), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(t_get("q", "received_total"), 1);
}

enum { BY_EXIT, BY_KILL, BY_SIGNAL, BY_EXEC, IN_A_WAIT, WAYS };

static void end_somehow(int fd, int how)
{
	switch (how) {
	case BY_EXIT:
		_exit(0);
	case BY_SIGNAL:
		raise(SIGTERM);
		break;
	case BY_EXEC: /* its file is closed by that */
		execlp("sleep", "sleep", "10000", NULL);
		break;
	case IN_A_WAIT:
		t_lease_next(fd, 0);
		break;
	default:
		raise(SIGKILL);
	}
	_exit(1);
}

TEST(however_a_process_ends_its_leases_come_back)
{
	int fd = FILLED("x"), how;
	uint64_t seq;
	pid_t pid;

	for (how = 0; how < WAYS; how++) {
		pid = t_fork();
		if (!pid) {
			int mine = open("q", O_RDWR | O_CLOEXEC);

			close(fd);
			t_lease(mine, "x");
			end_somehow(mine, how);
		}
		if (how == IN_A_WAIT) {
			t_await("q", "readers_waiting", 1);
			kill(pid, SIGKILL);
		}
		t_await("q", "returned_total", 2 * how + 1);
		CHECK_EQ(t_get("q", "messages"), 1);
		seq = t_lease(fd, "x");
		CHECK_EQ(t_settle(fd, seq, MBOXFS_RETURN), 1);
	}
	CHECK_EQ(t_lease_next(fd, 0).attempts, 2 * WAYS + 1);
	t_sums_add_up(fd);
}

/* More than one step does; with their order, and each once. */
TEST(thousands_come_back_in_order)
{
	static struct mboxfs_msg m[500];
	static int got[500];
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR), i, k, n;

	t_set("q", "max_messages", "0");
	for (i = 0; i < 3000; i++) {
		struct mboxfs_msg one = t_msg(&i, sizeof(i), 0);

		one.priority = i % 3;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &one), 0);
	}
	for (n = 0; n < 3000; n += 500) {
		for (k = 0; k < 500; k++)
			m[k] = t_msg(&got[k], sizeof(int), 0);
		CHECK_EQ(receive_batch(other, m, 500, MBOXFS_LEASE), 500);
	}
	CHECK_EQ(t_get("q", "leased_messages"), 3000);
	CHECK_EQ(close(other), 0);
	CHECK_EQ(t_get("q", "messages"), 3000);
	CHECK_EQ(t_get("q", "returned_total"), 3000);
	for (n = 2; n >= 0; n--) {
		for (i = n; i < 3000; i += 3) {
			struct mboxfs_msg one = t_lease_next(fd, 0);

			CHECK_EQ(one.seq, i + 1);
			CHECK_EQ(one.attempts, 2);
		}
	}
}

TEST(the_time_of_thousands_ends)
{
	static struct mboxfs_msg m[500];
	static char got[500];
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR), i, n;

	t_set("q", "max_messages", "0");
	t_set("q", "lease_ms", "400");
	for (i = 0; i < 3000; i++)
		t_send(fd, "x");
	for (n = 0; n < 3000; n += i) {
		for (i = 0; i < 500; i++)
			m[i] = t_msg(&got[i], 1, 0);
		i = receive_batch(other, m, 500, MBOXFS_LEASE);
		CHECK(i > 0);
	}
	t_await("q", "leased_messages", 0);
	CHECK_EQ(t_get("q", "messages"), 3000);
	CHECK(t_get("q", "returned_total") >= 3000);
	t_sums_add_up(fd);
	for (i = 1; i <= 3000; i++) {
		struct mboxfs_msg one = t_msg(got, 1, 0);

		CHECK_EQ(receive(fd, &one), 0);
		CHECK_EQ(one.seq, i);
	}
}

TEST(each_file_has_its_own_leases)
{
	int fd = t_open("q", O_RDWR), files[10], i, k;

	for (i = 0; i < 100; i++)
		t_send(fd, "x");
	for (i = 0; i < 10; i++) {
		files[i] = t_open("q", O_RDONLY);
		for (k = 0; k < 10; k++)
			t_lease(files[i], "x");
	}
	for (i = 0; i < 10; i += 2)
		CHECK_EQ(close(files[i]), 0);
	CHECK_EQ(t_get("q", "messages"), 50);
	for (i = 0; i < 100; i++)
		if (i / 10 % 2)
			CHECK_EQ(t_settle(files[i / 10], i + 1, MBOXFS_ACK), 1);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), 50);
}

TEST(of_two_who_settle_one_does)
{
	struct { long long done[2]; int round[2]; } *s;
	int fd = t_open("q", O_RDWR), n = t_scaled(8000), i, k;
	const int hows[] = { MBOXFS_ACK, MBOXFS_BURY };

	s = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "0");
	for (i = 0; i < n; i++) {
		t_send(fd, "x");
		t_lease(fd, "x");
	}
	for (k = 0; k < 2; k++) {
		if (t_fork())
			continue;
		for (i = 1; i <= n; i++) {
			__atomic_store_n(&s->round[k], i, __ATOMIC_SEQ_CST);
			while (__atomic_load_n(&s->round[!k], __ATOMIC_SEQ_CST) <
			       i)
				sched_yield();
			if (t_settle(fd, i, hows[k]) == 1)
				s->done[k]++;
			else
				CHECK_EQ(errno, ENOENT);
		}
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(s->done[0] + s->done[1], n);
	CHECK_EQ(t_get("q", "received_total"), s->done[0]);
	CHECK_EQ(t_get("q", "dead_messages"), s->done[1]);
}

/* The end of its time comes in between again and again. */
TEST(an_acknowledgement_in_the_last_moment_counts_once)
{
	int fd = t_open("q", O_RDWR), n = t_scaled(2000), i, acked = 0;
	char c;

	t_set("q", "lease_ms", "1");
	for (i = 0; i < n; i++) {
		struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_LEASE);

		if (t_get("q", "messages") + t_get("q", "leased_messages") == 0)
			t_send(fd, "x");
		CHECK_EQ(receive(fd, &m), 0);
		usleep(random() % 1500);
		if (t_settle(fd, m.seq, MBOXFS_ACK) == 1)
			acked++;
		else
			CHECK_EQ(errno, ENOENT);
	}
	CHECK_EQ(t_get("q", "received_total"), acked);
	t_await("q", "leased_messages", 0);
	t_sums_add_up(fd);
	CHECK(acked > 0);
	CHECK_EQ(t_get("q", "returned_total"), n - acked);
}

TEST(what_is_on_lease_counts_for_the_limits)
{
	int fd = FILLED("1234", "12");
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t seq = t_lease(fd, "1234");
	pid_t pid;

	t_set("q", "max_messages", "2");
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(t_get("q", "messages"), 1);
	pid = t_fork();
	if (!pid) {
		t_send(fd, "3");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_RETURN), 1);
	seq = t_lease(fd, "1234");
	CHECK_EQ(t_settle(fd, seq, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_get("q", "writers_waiting"), 1);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_ACK), 1);
	t_wait(pid);
	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "5");
	seq = t_lease(fd, "12");
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(write(fd, "123", 3), EAGAIN);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_ACK), 1);
	t_send(fd, "123");
}

TEST(a_rendezvous_is_over_when_it_is_acknowledged)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	pid_t pid = t_fork();
	int i;

	if (!pid) {
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
		CHECK_EQ(t_get("q", "received_total"), 1);
		_exit(0);
	}
	t_await("q", "messages", 1);
	for (i = 0; i < 2; i++) {
		t_lease(fd, "x");
		t_sleep_ms(50);
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
		CHECK_EQ(t_settle(fd, 1, i ? MBOXFS_ACK : MBOXFS_RETURN), 1);
	}
	t_wait(pid);
}

/* On lease with a sender who waits so long; not if that was over before. */
static uint64_t lease_of_rendezvous(int fd, int ms, pid_t *pid)
{
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	long long sent = t_stat(fd).sent_total;
	char c;

	*pid = t_fork();
	if (!*pid) {
		m.timeout_ns = ms * 1000000LL;
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), ETIMEDOUT);
		_exit(0);
	}
	t_await("q", "sent_total", sent + 1);
	m = t_msg(&c, 1, MBOXFS_LEASE | MBOXFS_NONBLOCK);
	return receive(fd, &m) ? 0 : m.seq;
}

/* It may be received then, as the error says; or it is withdrawn. */
TEST(a_rendezvous_ends_at_its_deadline_while_on_lease)
{
	int fd = t_open("q", O_RDWR), i, ms = 100;
	uint64_t seq;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		while (!(seq = lease_of_rendezvous(fd, ms, &pid))) {
			t_wait(pid);
			ms *= 2;
		}
		t_wait(pid);
		CHECK_EQ(t_get("q", "leased_messages"), 1);
		CHECK_EQ(t_settle(fd, seq, i ? MBOXFS_RETURN : MBOXFS_ACK), 1);
		CHECK_EQ(t_get("q", "received_total"), 1);
		t_expect_empty(fd);
		t_sums_add_up(fd);
	}
}

static bool try_lease(int fd)
{
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_LEASE | MBOXFS_NONBLOCK);

	return receive(fd, &m) == 0;
}

/* One to live for so long, on lease; not if it took too long to get there. */
static bool mortal(int fd, int ms)
{
	char text[16];

	CHECK(ioctl(fd, MBOXFS_IOC_PURGE) >= 0);
	snprintf(text, sizeof(text), "%d", ms);
	t_set("q", "ttl_ms", text);
	t_send(fd, "x");
	return try_lease(fd);
}

/* A time that would have passed on lease has not. */
TEST(ttl_stands_still_on_lease)
{
	int fd = t_open("q", O_RDWR), ms = 200;
	long long start, lived;
	struct mboxfs_stat s;

	for (;; ms *= 2) {
		start = t_now_ms();
		if (!mortal(fd, ms))
			continue;
		lived = t_now_ms() - start;
		s = t_stat(fd);
		t_sleep_ms(ms + ms / 2);
		CHECK_EQ(t_get("q", "expired_total"), s.expired_total);
		CHECK_EQ(t_get("q", "leased_messages"), 1);
		start = t_now_ms();
		CHECK_EQ(t_settle(fd, s.sent_total, MBOXFS_RETURN), 1);
		if (try_lease(fd))
			break;
		lived += t_now_ms() - start;
		CHECK(lived >= ms - 1);
	}
	CHECK_EQ(t_settle(fd, s.sent_total, MBOXFS_RETURN), 1);
	t_await("q", "expired_total", s.expired_total + 1);
	CHECK_EQ(t_get("q", "messages"), 0);
	t_sums_add_up(fd);
}

TEST(ttl_stands_still_for_the_dead)
{
	int fd = t_open("q", O_RDWR), ms = 200;
	long long start, expired;

	for (;; ms *= 2) {
		if (!mortal(fd, ms))
			continue;
		CHECK_EQ(t_settle(fd, t_stat(fd).sent_total, MBOXFS_BURY), 1);
		expired = t_stat(fd).expired_total;
		t_sleep_ms(2 * ms);
		CHECK_EQ(t_get("q", "dead_messages"), 1);
		CHECK_EQ(t_get("q", "expired_total"), expired);
		/* As new, it has as much to live as at first. */
		start = t_now_ms();
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 1);
		if (t_get("q", "messages"))
			break;
		CHECK(t_now_ms() - start >= ms - 1);
	}
	t_await("q", "expired_total", expired + 1);
	t_sums_add_up(fd);
}

TEST(drained_means_nothing_on_lease)
{
	int fd = FILLED("x"), reader = t_open("q", O_RDONLY);
	struct pollfd p = { .fd = reader, .events = POLLIN };
	char c;

	t_lease(fd, "x");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK(poll(&p, 1, 0) >= 0);
	CHECK_EQ(p.revents & POLLIN, 0);
	if (!t_fork()) {
		t_expect(reader, "x");
		CHECK_EQ(read(reader, &c, 1), 0);
		_exit(0);
	}
	if (!t_fork()) {
		struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_TAGGED);

		m.tag = 99;
		CHECK_ERR(receive(reader, &m), ESHUTDOWN);
		_exit(0);
	}
	t_await("q", "readers_waiting", 2);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_RETURN), 1);
	t_wait_all();
}

TEST(who_waits_at_a_stopped_mailbox_is_told_by_ack)
{
	int fd = FILLED("x", "dead");
	char c;

	t_lease(fd, "x");
	t_bury(fd, "dead");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	if (!t_fork()) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		/* The dead hold nobody up. */
		CHECK_EQ(read(fd, &c, 1), 0);
		CHECK_EQ(poll(&p, 1, 0), 1);
		CHECK_EQ(p.revents, POLLIN | POLLHUP);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	t_wait_all();
}

TEST(purging_leaves_the_leased_to_their_readers)
{
	int fd = FILLED("ack", "return", "close", "dead", "delay", "x"), other;

	other = t_open("q", O_RDWR);
	t_lease(fd, "ack");
	t_lease(fd, "return");
	t_lease(other, "close");
	t_bury(fd, "dead");
	CHECK_EQ(return_after(fd, t_lease(fd, "delay"), HOUR_NS), 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 3);
	CHECK_EQ(t_get("q", "purged_total"), 3);
	CHECK_EQ(t_get("q", "leased_messages"), 3);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	CHECK_EQ(t_get("q", "received_total"), 1);
	CHECK_EQ(t_settle(fd, 2, MBOXFS_RETURN), 1);
	CHECK_EQ(t_get("q", "purged_total"), 4);
	CHECK_EQ(close(other), 0);
	CHECK_EQ(t_get("q", "purged_total"), 5);
	expect_nothing(fd);
	/* What comes later is not meant. */
	t_send(fd, "y");
	CHECK_EQ(t_settle(fd, t_lease(fd, "y"), MBOXFS_RETURN), 1);
	t_expect(fd, "y");
	t_sums_add_up(fd);
}

TEST(what_is_purged_is_neither_dead_nor_delayed_again)
{
	int fd = FILLED("1", "2");

	t_lease(fd, "1");
	t_lease(fd, "2");
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_BURY), 1);
	CHECK_EQ(return_after(fd, 2, HOUR_NS), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "purged_total"), 2);
	CHECK_EQ(t_get("q", "dropped_total"), 0);
}

static void expect_edge(int ep)
{
	struct epoll_event e;

	CHECK_EQ(epoll_wait(ep, &e, 1, t_patience_ms(20000)), 1);
	CHECK(e.events & EPOLLIN);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
}

TEST(an_edge_comes_with_each_that_comes_back)
{
	int fd = FILLED("1", "2", "3"), ep = epoll_create1(0);
	int other = t_open("q", O_RDWR), watched = t_open("q", O_RDONLY);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	t_lease(other, "1");
	t_lease(fd, "2");
	t_bury(fd, "3");
	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, watched, &e), 0);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(t_settle(fd, 2, MBOXFS_RETURN), 1);
	expect_edge(ep);
	CHECK_EQ(close(other), 0);
	expect_edge(ep);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 1);
	expect_edge(ep);
	t_set("q", "lease_ms", "100");
	t_lease(fd, "1");
	expect_edge(ep);
	CHECK(readable(watched));
}

TEST(the_end_of_a_process_takes_leases_in_its_mailbox_along)
{
	int go[2], out;
	char name[32], c;
	pid_t pid, sender;

	CHECK_EQ(mkdir("g", 0777) || pipe(go), 0);
	t_set("g", "naming", "pid");
	pid = t_fork();
	if (!pid) {
		int fd;

		snprintf(name, sizeof(name), "g/%d", getpid());
		fd = t_open(name, O_RDWR);
		t_send(fd, "leased");
		t_send(fd, "dead");
		t_lease(fd, "leased");
		t_bury(fd, "dead");
		CHECK_EQ(write(go[1], "x", 1), 1);
		t_lease_next(fd, 0); /* the sender's, and for ever */
		pause();
	}
	CHECK_EQ(read(go[0], &c, 1), 1);
	snprintf(name, sizeof(name), "g/%d", pid);
	out = open(name, O_RDONLY);
	CHECK_ERR(receive(out, &(struct mboxfs_msg){ .flags = MBOXFS_LEASE }),
		  EPERM);
	close(out);
	sender = t_fork();
	if (!sender) {
		struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);

		out = open(name, O_WRONLY);
		CHECK_ERR(ioctl(out, MBOXFS_IOC_SEND, &m), ESRCH);
		_exit(0);
	}
	t_await(name, "leased_messages", 2);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	t_wait(sender);
	t_await("g", "group_mailboxes", 0);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
}

TEST(an_unlinked_mailbox_waits_for_its_leases)
{
	int fd = FILLED("1", "2"), reader = t_open("q", O_RDONLY), i;
	char c;

	t_lease(fd, "1");
	t_lease(fd, "2");
	CHECK_EQ(unlink("q"), 0);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	if (!t_fork()) {
		close(fd);
		t_expect(reader, "2");
		CHECK_EQ(read(reader, &c, 1), 0);
		_exit(0);
	}
	for (i = 0; !t_stat(reader).readers_waiting; i++)
		usleep(1000);
	CHECK_EQ(close(fd), 0);
	t_wait_all();
}

/* With its last file a mailbox's memory goes, whatever is in it. */
TEST(nothing_is_left_of_a_mailbox)
{
	long long start = t_now_ms();
	struct statfs before, after;
	int fd, i;

	close(t_open("other", O_RDWR));
	CHECK_EQ(statfs(".", &before), 0);
	for (i = 0; i < 50; i++) {
		fd = FILLED("leased", "dead", "delayed", "again", "x");
		t_lease(fd, "leased");
		t_bury(fd, "dead");
		CHECK_EQ(return_after(fd, t_lease(fd, "delayed"), HOUR_NS), 1);
		CHECK_EQ(t_settle(fd, t_lease(fd, "again"), MBOXFS_RETURN), 1);
		CHECK_EQ(unlink("q"), 0);
		CHECK_EQ(close(fd), 0);
	}
	do {
		CHECK_EQ(statfs(".", &after), 0);
	} while (after.f_bfree < before.f_bfree && !t_overdue(start, 20000));
	CHECK_EQ(after.f_bfree, before.f_bfree);
	CHECK_EQ(after.f_ffree, before.f_ffree);
}

static int leases_shown(int fd)
{
	char path[64], text[2048] = "", *at;
	int info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	CHECK(read(info, text, sizeof(text) - 1) > 0);
	close(info);
	at = strstr(text, "mbox-leases:\t");
	CHECK(at);
	return atoi(at + strlen("mbox-leases:\t"));
}

TEST(fdinfo_shows_the_leases_of_a_file)
{
	int fd = FILLED("1", "2"), other = t_open("q", O_RDWR);

	CHECK_EQ(leases_shown(fd), 0);
	t_lease(fd, "1");
	t_lease(fd, "2");
	CHECK_EQ(leases_shown(fd), 2);
	CHECK_EQ(leases_shown(other), 0);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_settle(fd, 2, MBOXFS_RETURN), 1);
	CHECK_EQ(leases_shown(fd), 1);
}

static void room_for(struct mboxfs_msg *m, char (*text)[16], int count)
{
	int i;

	for (i = 0; i < count; i++)
		m[i] = t_msg(text[i], sizeof(text[i]), 0);
}

TEST(batches_on_lease)
{
	int fd = FILLED("1", "2", "3", "4", "5"), i;
	uint64_t seqs[] = { 5, 4, 99, 3, 2, 2, 1, 0 };
	struct mboxfs_msg m[8];
	char text[8][16];

	room_for(m, text, 8);
	CHECK_EQ(receive_batch(fd, m, 3, MBOXFS_LEASE), 3);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(m[i].seq, i + 1);
		CHECK_EQ(m[i].attempts, 1);
		CHECK_EQ(text[i][0], '1' + i);
	}
	/* The first message can say it as well. */
	room_for(m, text, 8);
	m[0].flags = MBOXFS_LEASE;
	CHECK_EQ(receive_batch(fd, m, 8, 0), 2);
	CHECK_EQ(t_get("q", "leased_messages"), 5);
	CHECK_EQ(settle_many(fd, seqs, 8, MBOXFS_ACK), 5);
	CHECK_EQ(t_get("q", "received_total"), 5);
	CHECK_ERR(settle_many(fd, seqs, 8, MBOXFS_ACK), ENOENT);
}

/* In front of each record is its number. */
struct leased_record {
	uint64_t seq;
	struct mboxfs_record r;
};

static struct mboxfs_packed packed(void *buf, unsigned int len)
{
	return (struct mboxfs_packed){ .buf = (uintptr_t)buf, .len = len,
				       .flags = MBOXFS_LEASE };
}

TEST(packed_on_lease)
{
	char got[256] __attribute__((aligned(8)));
	int fd = t_open("q", O_RDWR);
	struct leased_record *l = (void *)got;
	struct mboxfs_packed k;

	CHECK_EQ(t_send_as(fd, "one", 2, 11), 0);
	CHECK_EQ(t_send_as(fd, "second", 0, 22), 0);
	k = packed(got, sizeof(*l) + 2);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EMSGSIZE);
	CHECK_EQ(k.len, sizeof(*l) + 3);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	k = packed(got, sizeof(got));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 2);
	CHECK_EQ(l->seq, 1);
	CHECK_EQ(l->r.len, 3);
	CHECK_EQ(l->r.priority, 2);
	CHECK_EQ(l->r.tag, 11);
	CHECK(!memcmp(l + 1, "one", 3));
	l = (void *)(got + sizeof(*l) + 8);
	CHECK_EQ(l->seq, 2);
	CHECK_EQ(l->r.len, 6);
	CHECK(!memcmp(l + 1, "second", 6));
	CHECK_EQ(t_get("q", "leased_messages"), 2);
	CHECK_EQ(settle_many(fd, (uint64_t[]){ 1, 2 }, 2, MBOXFS_RETURN), 2);
	CHECK_EQ(t_lease_next(fd, 0).attempts, 2);
}

TEST(one_call_settles_1024)
{
	static struct mboxfs_msg m[1024];
	static uint64_t seqs[1500];
	int fd = t_open("q", O_RDWR), i;

	for (i = 0; i < 1500; i++) {
		CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
		seqs[i] = i + 1;
	}
	CHECK_EQ(receive_batch(fd, m, 1024, MBOXFS_LEASE), 1024);
	memset(m, 0, sizeof(m));
	CHECK_EQ(receive_batch(fd, m, 1024, MBOXFS_LEASE), 476);
	CHECK_EQ(settle_many(fd, seqs, 1500, MBOXFS_ACK), 1024);
	CHECK_EQ(t_get("q", "leased_messages"), 476);
	CHECK_EQ(settle_many(fd, seqs + 1024, 476, MBOXFS_ACK), 476);
	CHECK_EQ(t_get("q", "received_total"), 1500);
}

/* Two pages, the second of which is not there; where it would begin. */
static char *edge(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(munmap(p + PAGE, PAGE), 0);
	return p + PAGE;
}

TEST(bad_arrays_of_numbers_lose_nothing)
{
	int fd = FILLED("1", "2", "3", "4", "5"), i, n;
	uint64_t *seqs = (uint64_t *)edge() - 3;

	for (i = 1; i <= 5; i++)
		t_lease_next(fd, 0);
	CHECK_ERR(settle_many(fd, (void *)8, 5, MBOXFS_ACK), EFAULT);
	CHECK_EQ(t_get("q", "leased_messages"), 5);
	for (i = 0; i < 3; i++)
		seqs[i] = i + 1;
	n = settle_many(fd, seqs, 5, MBOXFS_ACK);
	CHECK(n == 3 || (n == -1 && errno == EFAULT));
	n = n < 0 ? 0 : n;
	CHECK_EQ(t_get("q", "received_total"), n);
	CHECK_EQ(t_get("q", "leased_messages"), 5 - n);
	CHECK_EQ(settle_many(fd, (uint64_t[]){ 1, 2, 3, 4, 5 }, 5,
			     MBOXFS_RETURN), 5 - n);
}

TEST(what_cannot_be_copied_is_not_on_lease)
{
	int fd = FILLED("1", "2", "3");
	struct mboxfs_msg *m = (void *)(edge() - PAGE), two[2];
	char text[8];

	*m = t_msg((void *)8, 8, MBOXFS_LEASE);
	CHECK_ERR(receive(fd, m), EFAULT);
	/* The bytes can be, but not what is known about them. */
	*m = t_msg(text, sizeof(text), MBOXFS_LEASE);
	CHECK_EQ(mprotect(m, PAGE, PROT_READ), 0);
	CHECK_ERR(receive(fd, m), EFAULT);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	CHECK_EQ(t_get("q", "messages"), 3);
	two[0] = t_msg(text, sizeof(text), 0);
	two[1] = t_msg((void *)8, sizeof(text), 0);
	CHECK_EQ(receive_batch(fd, two, 2, MBOXFS_LEASE), 1);
	CHECK_EQ(two[0].seq, 1);
	CHECK_EQ(two[0].attempts, 1);
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	CHECK_EQ(t_lease_next(fd, 0).attempts, 1);
	t_sums_add_up(fd);
}

TEST(batches_at_the_edge_of_memory_lose_nothing)
{
	int fd = FILLED("1234567", "1234567", "1234567", "1234567"), n, more;
	struct mboxfs_msg *m = (struct mboxfs_msg *)edge() - 2;
	struct mboxfs_packed k;
	char text[2][16];

	room_for(m, text, 2);
	n = receive_batch(fd, m, 4, MBOXFS_LEASE);
	CHECK(n == 2 || (n == -1 && errno == EFAULT));
	n = n < 0 ? 0 : n;
	CHECK_EQ(t_get("q", "leased_messages"), n);
	/* Room for one and a half. */
	k = packed(edge() - sizeof(struct leased_record) * 3 / 2 - 8, 200);
	more = ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k);
	CHECK(more == 1 || (more == -1 && errno == EFAULT));
	more = more < 0 ? 0 : more;
	CHECK_EQ(t_get("q", "leased_messages"), n + more);
	CHECK_EQ(t_get("q", "messages"), 4 - n - more);
	t_sums_add_up(fd);
}

TEST(too_little_room_takes_no_lease)
{
	char c;
	int fd = FILLED("12345");
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_LEASE);

	CHECK_ERR(receive(fd, &m), EMSGSIZE);
	CHECK_EQ(m.len, 5);
	t_set("q", "short_read", "refuse");
	m.len = 1;
	CHECK_ERR(receive(fd, &m), EMSGSIZE);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	t_set("q", "short_read", "truncate");
	m = t_msg(&c, 1, MBOXFS_LEASE);
	CHECK_EQ(receive(fd, &m), 0);
	CHECK(m.flags & MBOXFS_TRUNC);
	CHECK_EQ(m.attempts, 1);
	/* Nothing is lost if it comes back. */
	CHECK_EQ(t_settle(fd, m.seq, MBOXFS_RETURN), 1);
	t_expect(fd, "12345");
}

TEST(empty_messages_on_lease)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	CHECK_EQ(t_settle(fd, t_lease(fd, ""), MBOXFS_RETURN), 1);
	CHECK_EQ(t_settle(fd, t_lease(fd, ""), MBOXFS_BURY), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(t_get("q", "dead_bytes"), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 1);
	CHECK_EQ(t_settle(fd, t_lease(fd, ""), MBOXFS_ACK), 1);
}

TEST(errors_of_settle_and_kick)
{
	int fd = FILLED("x"), out = t_open("q", O_WRONLY);
	int in = t_open("q", O_RDONLY), group = t_open_group("g");
	uint64_t seqs[2] = { t_lease(fd, "x") };
	struct mboxfs_settle s = { .seqs = (uintptr_t)seqs, .count = 1 };

	CHECK_ERR(ioctl(out, MBOXFS_IOC_SETTLE, &s), EBADF);
	CHECK_ERR(ioctl(in, MBOXFS_IOC_SETTLE, &s), ENOENT);
	CHECK_ERR(ioctl(group, MBOXFS_IOC_SETTLE, &s), ENOTTY);
	CHECK_ERR(ioctl(group, MBOXFS_IOC_KICK), ENOTTY);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SETTLE, (void *)8), EFAULT);
	CHECK_ERR(t_settle(fd, 1, 4), EINVAL);
	CHECK_ERR(t_settle(fd, 1, -1), EINVAL);
	CHECK_ERR(settle_many(fd, seqs, 0, MBOXFS_ACK), ENOENT);
	s.reserved[1] = 1;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SETTLE, &s), EINVAL);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_KICK), EPERM);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(ioctl(in, MBOXFS_IOC_KICK), 0);
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	/* A shorter structure will do. */
	CHECK_EQ(ioctl(fd, _IOC(_IOC_WRITE, MBOXFS_IOC_MAGIC, 15, 16), &s), 1);
}

TEST(flags_that_do_not_go_together)
{
	static const struct {
		unsigned int call, flags;
	} table[] = {
		{ MBOXFS_IOC_RECV, MBOXFS_LEASE | MBOXFS_PEEK },
		{ MBOXFS_IOC_RECV, MBOXFS_SEQ },
		{ MBOXFS_IOC_RECV, MBOXFS_ONCE },
		{ MBOXFS_IOC_RECV, MBOXFS_RESTORE },
		{ MBOXFS_IOC_RECV, MBOXFS_DEAD | MBOXFS_LEASE | MBOXFS_PEEK },
		{ MBOXFS_IOC_SEND, MBOXFS_LEASE },
		{ MBOXFS_IOC_SEND, MBOXFS_DEAD },
	};
	char text[16] = "y";
	int fd = FILLED("x"), i;

	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct mboxfs_msg m = t_msg(text, 1, table[i].flags);

		m.timeout_ns = 0;
		CHECK_ERR(ioctl(fd, table[i].call, &m), EINVAL);
	}
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
}

/* What a limit or policy says, as text. */
static bool says(const char *name, const char *attribute, const char *text)
{
	char full[64], value[64] = "";

	snprintf(full, sizeof(full), "user.mboxfs.%s", attribute);
	CHECK(getxattr(name, full, value, sizeof(value) - 1) > 0);
	return !strcmp(value, text);
}

static const struct {
	const char *name, *standard, *other, *bad;
	int error;
} settings[] = {
	{ "lease_ms", "0", "1234", "4294967296", ERANGE },
	{ "max_attempts", "0", "5", "9223372036854775808", ERANGE },
	{ "when_dead", "keep", "drop", "lease", EINVAL },
	{ "when_read", "receive", "lease", "1", EINVAL },
	{ "when_unlinked", "stop", "keep", "", EINVAL },
};

TEST(limits_and_policies_have_names)
{
	char full[64];
	int fd, i;

	CHECK_EQ(mkdir("g", 0777), 0);
	for (i = 0; i < 5; i++) {
		CHECK(says("g", settings[i].name, settings[i].standard));
		CHECK_ERR(t_try_set("g", settings[i].name, settings[i].bad),
			  settings[i].error);
		t_set("g", settings[i].name, settings[i].other);
	}
	fd = t_open("g/q", O_RDWR);
	CHECK_EQ(t_stat(fd).lease_ms, 1234);
	CHECK_EQ(t_stat(fd).max_attempts, 5);
	CHECK_EQ(t_stat(fd).when_dead, MBOXFS_WHEN_DEAD_DROP);
	CHECK_EQ(t_stat(fd).when_read, MBOXFS_WHEN_READ_LEASE);
	CHECK_EQ(t_stat(fd).when_unlinked, MBOXFS_WHEN_UNLINKED_KEEP);
	for (i = 0; i < 5; i++) {
		CHECK(says("g/q", settings[i].name, settings[i].other));
		snprintf(full, sizeof(full), "user.mboxfs.%s",
			 settings[i].name);
		CHECK_EQ(removexattr("g/q", full), 0);
		CHECK(says("g/q", settings[i].name, settings[i].standard));
	}
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(t_try_set("g/q", "lease_ms", "5"), EPERM);
		_exit(0);
	}
	t_wait_all();
}

static void expect_counter(const char *name, uint64_t told, uint64_t wanted)
{
	CHECK_EQ(told, wanted);
	CHECK_EQ(t_get("q", name), wanted);
	CHECK_ERR(t_try_set("q", name, "0"), EPERM);
}

TEST(counters_have_names)
{
	int fd = FILLED("leased", "dead", "x");
	struct mboxfs_stat s;

	t_lease(fd, "leased");
	t_bury(fd, "dead");
	CHECK_EQ(t_settle(fd, t_lease(fd, "x"), MBOXFS_RETURN), 1);
	s = t_stat(fd);
	expect_counter("leased_messages", s.leased_messages, 1);
	expect_counter("leased_bytes", s.leased_bytes, 6);
	expect_counter("dead_messages", s.dead_messages, 1);
	expect_counter("dead_bytes", s.dead_bytes, 4);
	expect_counter("returned_total", s.returned_total, 1);
	expect_counter("once_tag", s.once_tag, 0);
}

TEST(a_mount_can_have_them)
{
	const char *mnt = "/tmp/leases";
	int i;

	mkdir(mnt, 0777);
	CHECK_EQ(mount("none", mnt, "mboxfs", 0,
		       "lease_ms=1234,max_attempts=5,when_dead=drop,"
		       "when_read=lease,when_unlinked=keep"), 0);
	for (i = 0; i < 5; i++)
		CHECK(says(mnt, settings[i].name, settings[i].other));
	CHECK_EQ(umount(mnt), 0);
	CHECK_ERR(mount("none", mnt, "mboxfs", 0, "when_dead=no"), EINVAL);
}
