// SPDX-License-Identifier: GPL-2.0-only
/*
 * What read(2) can be told to do: take on lease (when_read=lease), hang up when all
 * writers have gone (when_empty=hangup), go on without a name (when_unlinked=keep).
 */
#include "test.h"

#include <sys/epoll.h>
#include <sys/statfs.h>
#include <sys/uio.h>

/* A mailbox of messages that are read on lease. */
static int filled(const char *const *texts)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "when_read", "lease");
	for (; *texts; texts++)
		t_send(fd, *texts);
	return fd;
}

#define FILLED(...) filled((const char *const[]){ __VA_ARGS__, NULL })

static void expect_state(int fd, int messages, int leased, int received)
{
	struct mboxfs_stat s = t_stat(fd);

	CHECK_EQ(s.messages, messages);
	CHECK_EQ(s.leased_messages, leased);
	CHECK_EQ(s.received_total, received);
	t_sums_add_up(fd);
}

TEST(the_next_read_acknowledges)
{
	int fd = FILLED("one", "two", "three");

	t_expect(fd, "one");
	expect_state(fd, 2, 1, 0);
	t_expect(fd, "two");
	expect_state(fd, 1, 1, 1);
	t_expect(fd, "three");
	expect_state(fd, 0, 1, 2);
}

TEST(a_read_that_waits_acknowledges_first)
{
	int fd = FILLED("one");
	pid_t pid;

	t_expect(fd, "one");
	pid = t_fork();
	if (!pid) {
		t_expect(fd, "two"); /* of the same open file */
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	expect_state(fd, 0, 0, 1);
	t_send(fd, "two");
	t_wait(pid);
	expect_state(fd, 0, 1, 1);
}

TEST(a_read_that_finds_nothing_acknowledges)
{
	int fd = FILLED("one");
	char c;

	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	t_expect(fd, "one");
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	expect_state(fd, 0, 0, 1);
	/* Once. */
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	expect_state(fd, 0, 0, 1);
}

TEST(a_read_at_the_end_acknowledges)
{
	int fd = FILLED("one", "two");
	char c;

	t_set("q", "when_empty", "eof");
	t_expect(fd, "one");
	t_expect(fd, "two");
	CHECK_EQ(read(fd, &c, 1), 0);
	expect_state(fd, 0, 0, 2);
	/* What it has on lease itself does not keep it from the end. */
	t_set("q", "when_empty", "block");
	t_send(fd, "three");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_expect(fd, "three");
	CHECK_EQ(read(fd, &c, 1), 0);
	expect_state(fd, 0, 0, 3);
}

TEST(fsync_acknowledges)
{
	int fd = FILLED("one", "two"), other = t_open("q", O_RDONLY);

	t_expect(fd, "one");
	CHECK_EQ(fsync(other), 0); /* another open file */
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(fsync(fd), 0);
	expect_state(fd, 1, 0, 1);
	CHECK_EQ(close(fd), 0);
	t_expect(other, "two");
	CHECK_EQ(fdatasync(other), 0);
	expect_state(other, 0, 0, 2);
	CHECK_EQ(t_get("q", "returned_total"), 0);
}

TEST(closing_without_either_returns_it)
{
	int fd = FILLED("one", "two"), other = t_open("q", O_RDONLY);
	int same = dup(other);

	t_expect(other, "one");
	CHECK_EQ(close(other), 0);
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(close(same), 0);
	expect_state(fd, 2, 0, 0);
	CHECK_EQ(t_get("q", "returned_total"), 1);
	t_expect(fd, "one");
	t_expect(fd, "two");
}

TEST(dying_returns_it)
{
	int fd = FILLED("one");
	pid_t pid = t_fork();

	if (!pid) {
		int mine = open("q", O_RDONLY);

		close(fd);
		t_expect(mine, "one");
		raise(SIGKILL);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	t_await("q", "messages", 1);
	CHECK_EQ(t_lease(fd, "one"), 1);
	CHECK_EQ(t_get("q", "returned_total"), 1);
}

TEST(threads_and_duplicates_share_what_was_read)
{
	int fd = FILLED("one", "two", "three"), same = dup(fd);

	t_expect(fd, "one");
	t_expect(same, "two");
	expect_state(fd, 1, 1, 1);
	if (!t_fork()) {
		t_expect(fd, "three");
		_exit(0);
	}
	t_wait_all();
	expect_state(fd, 0, 1, 2);
	CHECK_EQ(fsync(same), 0);
	expect_state(fd, 0, 0, 3);
}

static void *read_all(void *arg)
{
	char c;

	while (read(*(int *)arg, &c, 1) > 0)
		;
	return NULL;
}

/* Each read acknowledges what others have read before; nothing is lost. */
TEST(many_threads_read_each_message_once)
{
	int fd = t_open("q", O_RDWR), n = t_scaled(4000), i;
	pthread_t threads[4];

	t_set("q", "when_read", "lease");
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, read_all, &fd), 0);
	for (i = 0; i < n; i++)
		t_send(fd, "x");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	expect_state(fd, 0, 0, n);
	CHECK_EQ(t_get("q", "returned_total"), 0);
}

TEST(all_kinds_of_read_take_on_lease)
{
	int fd = FILLED("1", "2", "3", "4");
	char a, b;
	struct iovec v[2] = { { &a, 1 }, { &b, 1 } };

	CHECK_EQ(pread(fd, &a, 1, 5), 1);
	expect_state(fd, 3, 1, 0);
	CHECK_EQ(readv(fd, v, 2), 1);
	expect_state(fd, 2, 1, 1);
	CHECK_EQ(preadv2(fd, v, 2, -1, RWF_NOWAIT), 1);
	expect_state(fd, 1, 1, 2);
	CHECK_EQ(read(fd, &a, 1), 1);
	CHECK_EQ(a, '4');
	expect_state(fd, 0, 1, 3);
}

/* The last byte has to be read before the next read counts. */
TEST(a_kept_rest_is_read_with_its_last_byte)
{
	int fd = FILLED("12345", "x"), other = t_open("q", O_RDONLY);
	char text[8];

	CHECK_EQ(read(other, text, 2), 2);
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(read(other, text, 2), 2);
	CHECK_EQ(fsync(other), 0);
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(read(other, text, 2), 1);
	CHECK_EQ(text[0], '5');
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(read(other, text, 2), 1);
	CHECK_EQ(text[0], 'x');
	expect_state(fd, 0, 1, 1);
}

TEST(what_was_read_in_part_comes_back_whole)
{
	int fd = FILLED("12345"), other = t_open("q", O_RDONLY);
	char text[8];

	CHECK_EQ(read(other, text, 2), 2);
	CHECK_EQ(read(other, text, 2), 2);
	CHECK_EQ(close(other), 0);
	expect_state(fd, 1, 0, 0);
	t_expect(fd, "12345");
	CHECK_EQ(t_get("q", "truncated_total"), 0);
}

TEST(what_was_truncated_is_read_all_the_same)
{
	int fd = FILLED("12345", "x");
	char text[8];

	t_set("q", "short_read", "truncate");
	CHECK_EQ(read(fd, text, 2), 2);
	expect_state(fd, 1, 1, 0);
	CHECK_EQ(read(fd, text, 2), 1);
	expect_state(fd, 0, 1, 1);
	CHECK_EQ(t_get("q", "truncated_total"), 1);
}

TEST(empty_messages_are_passed_over)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "when_read", "lease");
	CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	t_send(fd, "x");
	t_expect(fd, "x");
	expect_state(fd, 0, 1, 1);
}

TEST(what_was_read_can_be_settled)
{
	int fd = FILLED("one", "two");

	t_expect(fd, "one");
	CHECK_EQ(t_settle(fd, 1, MBOXFS_RETURN), 1);
	expect_state(fd, 2, 0, 0);
	t_expect(fd, "one");
	CHECK_EQ(t_settle(fd, 1, MBOXFS_BURY), 1);
	/* There is nothing that the next read could acknowledge. */
	t_expect(fd, "two");
	expect_state(fd, 0, 1, 0);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(t_settle(fd, 2, MBOXFS_ACK), 1);
	CHECK_EQ(fsync(fd), 0);
	expect_state(fd, 0, 0, 1);
}

/* Only what read(2) has taken is acknowledged by reading on. */
TEST(other_leases_of_the_file_stay)
{
	int fd = FILLED("one", "two", "three");
	uint64_t seq = t_lease(fd, "one");

	t_expect(fd, "two");
	t_expect(fd, "three");
	CHECK_EQ(fsync(fd), 0);
	expect_state(fd, 0, 1, 2);
	CHECK_EQ(t_settle(fd, seq, MBOXFS_ACK), 1);
	/* Nor does receiving acknowledge what was read. */
	t_send(fd, "four");
	t_send(fd, "five");
	t_expect(fd, "four");
	t_take(fd, 0, "five");
	expect_state(fd, 0, 1, 4);
}

TEST(a_reader_that_is_too_late_acknowledges_nothing)
{
	int fd = FILLED("one"), other = t_open("q", O_RDWR);

	t_set("q", "lease_ms", "100");
	t_expect(fd, "one");
	t_await("q", "returned_total", 1);
	t_set("q", "lease_ms", "0");
	t_take(other, 0, "one");
	CHECK_EQ(fsync(fd), 0);
	expect_state(fd, 0, 0, 1);
	t_send(fd, "two");
	t_expect(fd, "two");
	expect_state(fd, 0, 1, 1);
}

TEST(a_reader_that_always_dies_makes_it_dead)
{
	int fd = FILLED("bad", "good"), i;

	t_set("q", "max_attempts", "3");
	for (i = 0; i < 3; i++) {
		int other = t_open("q", O_RDONLY);

		t_expect(other, "bad");
		CHECK_EQ(close(other), 0);
	}
	t_expect(fd, "good");
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(t_get("q", "returned_total"), 2);
}

/* The room that its own lease takes is free before it waits. */
TEST(reading_on_lets_a_writer_in)
{
	int fd = FILLED("one");

	t_set("q", "max_messages", "1");
	t_expect(fd, "one");
	if (!t_fork()) {
		t_send(fd, "two");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_expect(fd, "two");
	t_wait_all();
	expect_state(fd, 0, 1, 1);
}

TEST(a_rendezvous_is_over_with_the_next_read)
{
	int fd = FILLED("one");
	pid_t pid;

	t_expect(fd, "one");
	pid = t_fork();
	if (!pid) {
		int out = open("q", O_WRONLY | O_DSYNC);

		t_send(out, "two");
		CHECK_EQ(t_get("q", "received_total"), 2);
		_exit(0);
	}
	t_expect(fd, "two");
	t_sleep_ms(50);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_EQ(fsync(fd), 0);
	t_wait(pid);
}

TEST(a_copy_that_fails_takes_no_lease)
{
	int fd = FILLED("one", "two");

	CHECK_ERR(read(fd, (void *)8, 8), EFAULT);
	expect_state(fd, 2, 0, 0);
	t_expect(fd, "one");
	CHECK_ERR(read(fd, (void *)8, 8), EFAULT);
	expect_state(fd, 1, 0, 1);
	t_expect(fd, "two");
}

TEST(a_change_of_policy_is_for_what_is_read_later)
{
	int fd = FILLED("one", "two", "three");

	t_expect(fd, "one");
	t_set("q", "when_read", "receive");
	t_expect(fd, "two");
	expect_state(fd, 1, 0, 2);
	t_set("q", "when_read", "lease");
	t_expect(fd, "three");
	expect_state(fd, 0, 1, 2);
}

/* An old program that knows nothing of leases does each at least once. */
TEST(a_shell_that_dies_in_a_loop_has_lost_nothing)
{
	static const char loop[] =
		"while read line; do"
		"	[ \"$line\" != crash ] || [ -e done ] || {"
		"		: >done; kill -9 $$; };"
		"	echo \"$line\" >>seen;"
		"done <q";
	int fd = FILLED("one\n", "crash\n", "three\n");

	t_set("q", "when_empty", "eof");
	CHECK(system(loop) != 0);
	expect_state(fd, 2, 0, 1);
	CHECK_EQ(system(loop), 0);
	expect_state(fd, 0, 0, 3);
	fd = t_open("seen", O_RDONLY);
	t_expect(fd, "one\n");
	t_expect(fd, "crash\n");
	t_expect(fd, "three\n");
}

/* ---- when_unlinked=keep ---- */

static int kept(void)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "when_unlinked", "keep");
	return fd;
}

TEST(a_kept_mailbox_works_without_a_name)
{
	int fd = kept(), out = t_open("q", O_WRONLY);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	t_send(out, "before");
	CHECK_EQ(unlink("q"), 0);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLOUT);
	t_send(out, "after");
	t_expect(fd, "before");
	t_expect(fd, "after");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_ERR(write(out, "x", 1), ESHUTDOWN);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
	t_send(out, "again");
	t_expect(fd, "again");
	CHECK_EQ(t_stat(fd).stopped, 0);
}

TEST(those_who_wait_at_a_kept_mailbox_stay)
{
	int fd = kept();

	t_set("q", "max_messages", "1");
	if (!t_fork()) {
		t_expect(fd, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(unlink("q"), 0);
	t_sleep_ms(50);
	CHECK_EQ(t_stat(fd).readers_waiting, 1);
	t_send(fd, "x");
	t_wait_all();
	t_send(fd, "full");
	if (!t_fork()) {
		t_send(fd, "later");
		_exit(0);
	}
	t_expect(fd, "full");
	t_expect(fd, "later");
	t_wait_all();
}

TEST(a_name_lost_by_rename_is_the_same)
{
	int fd = kept(), other = t_open("other", O_RDWR);

	CHECK_EQ(rename("other", "q"), 0);
	t_send(fd, "old");
	t_send(other, "new");
	t_expect(fd, "old");
	t_expect(other, "new");
	/* That one is stopped, as ever. */
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(write(other, "x", 1), ESHUTDOWN);
	t_send(fd, "still");
	t_expect(fd, "still");
}

TEST(delays_and_leases_end_without_a_name)
{
	int fd = kept();
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);

	t_set("q", "lease_ms", "100");
	CHECK_EQ(unlink("q"), 0);
	m.delay_ns = 100000000;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	m = t_msg(&(char){ 0 }, 1, MBOXFS_LEASE);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	t_expect(fd, "x");
	CHECK_EQ(t_stat(fd).returned_total, 1);
}

TEST(the_last_close_is_the_end_of_a_kept_mailbox)
{
	long long start = t_now_ms();
	struct statfs before, after;
	int fd;

	close(t_open("other", O_RDWR));
	CHECK_EQ(statfs(".", &before), 0);
	fd = kept();
	t_send(fd, "leased");
	t_send(fd, "x");
	CHECK_EQ(unlink("q"), 0);
	t_lease(fd, "leased");
	CHECK_EQ(close(fd), 0);
	do {
		CHECK_EQ(statfs(".", &after), 0);
	} while (after.f_bfree < before.f_bfree && !t_overdue(start, 20000));
	CHECK_EQ(after.f_bfree, before.f_bfree);
	CHECK_EQ(after.f_ffree, before.f_ffree);
	CHECK_EQ(t_get(".", "group_bytes"), 0);
}

TEST(a_group_hands_it_down)
{
	int fd;

	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "when_unlinked", "keep");
	fd = t_open("g/q", O_RDWR);
	CHECK_EQ(unlink("g/q"), 0);
	CHECK_EQ(rmdir("g"), 0);
	t_send(fd, "x");
	t_expect(fd, "x");
}

/* ---- when_empty=hangup ---- */

/* One to read from, with no writer so far. */
static int hanging(void)
{
	int fd = t_open("q", O_RDONLY);

	t_set("q", "when_empty", "hangup");
	return fd;
}

static int events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK(poll(&p, 1, 0) >= 0);
	return p.revents;
}

TEST(the_end_comes_with_the_last_writer)
{
	int fd = hanging(), a, b;
	char c;

	a = open("q", O_WRONLY);
	b = open("q", O_WRONLY);
	t_send(a, "x");
	CHECK_EQ(close(a), 0);
	t_expect(fd, "x");
	CHECK_EQ(events(fd), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	t_send(b, "y");
	CHECK_EQ(close(b), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	CHECK(events(fd) & POLLIN);
	t_expect(fd, "y");
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK(events(fd) & POLLHUP);
	CHECK_EQ(read(fd, &c, 1), 0);
}

/* As a reader of a FIFO that was opened first. */
TEST(before_the_first_writer_a_reader_waits)
{
	int fd = hanging(), out;
	char c;

	CHECK_EQ(events(fd), 0);
	if (!t_fork()) {
		t_expect(fd, "x");
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_sleep_ms(50);
	CHECK_EQ(t_get("q", "readers_waiting"), 1);
	out = open("q", O_WRONLY);
	t_send(out, "x");
	CHECK_EQ(close(out), 0);
	t_wait_all();
}

TEST(readers_that_wait_are_told_by_the_last_close)
{
	int fd = hanging(), out = open("q", O_WRONLY), i;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	pid_t poller;
	char c;

	for (i = 0; i < 3; i++) {
		if (!t_fork()) {
			close(out);
			CHECK_EQ(read(fd, &c, 1), 0);
			_exit(0);
		}
	}
	poller = t_fork();
	if (!poller) {
		close(out);
		CHECK_EQ(poll(&p, 1, t_patience_ms(20000)), 1);
		CHECK(p.revents & POLLHUP);
		_exit(0);
	}
	t_await("q", "readers_waiting", 3);
	t_await_state(poller, 'S');
	CHECK_EQ(close(out), 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
}

TEST(an_edge_comes_with_the_last_close)
{
	int fd = hanging(), out = open("q", O_WRONLY), ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(close(out), 0);
	CHECK_EQ(epoll_wait(ep, &e, 1, t_patience_ms(20000)), 1);
	CHECK(e.events & EPOLLHUP);
}

TEST(the_next_writer_ends_the_end)
{
	int fd = hanging(), out;
	char c;

	close(open("q", O_WRONLY));
	CHECK_EQ(read(fd, &c, 1), 0);
	out = open("q", O_WRONLY);
	CHECK_EQ(events(fd), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	CHECK_EQ(close(out), 0);
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(who_has_it_open_for_both_is_a_writer)
{
	int fd = hanging(), both = open("q", O_RDWR);
	char c;

	CHECK_EQ(fcntl(both, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(read(both, &c, 1), EAGAIN);
	CHECK_EQ(events(both), 0);
	CHECK_EQ(events(fd), 0);
	CHECK_EQ(close(both), 0);
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(a_child_that_has_it_open_is_a_writer)
{
	int fd = hanging(), out = open("q", O_WRONLY);
	pid_t pid = t_fork();
	char c;

	if (!pid)
		pause();
	CHECK_EQ(close(out), 0);
	CHECK_EQ(events(fd), 0);
	if (!t_fork()) {
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	t_wait_all();
}

/* Nothing is lost at the end, wherever it is. */
TEST(the_end_comes_after_all_that_is_there)
{
	int fd = hanging(), out = open("q", O_WRONLY), leaser;
	struct mboxfs_msg m = t_msg("delayed", 7, MBOXFS_DELAY);
	char c;

	leaser = open("q", O_RDONLY);
	m.delay_ns = 300000000;
	CHECK_EQ(ioctl(out, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(close(out), 0);
	t_expect(fd, "delayed");
	CHECK_EQ(read(fd, &c, 1), 0);
	out = open("q", O_WRONLY);
	t_send(out, "leased");
	CHECK_EQ(close(out), 0);
	t_lease(leaser, "leased");
	CHECK_EQ(events(fd) & POLLIN, 0);
	if (!t_fork()) {
		close(leaser);
		t_expect(fd, "leased");
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(close(leaser), 0);
	t_wait_all();
}

TEST(who_waits_for_the_last_lease_is_told)
{
	int fd = hanging(), out = open("q", O_WRONLY), leaser;
	char c;

	leaser = open("q", O_RDONLY);
	t_send(out, "x");
	t_lease(leaser, "x");
	CHECK_EQ(close(out), 0);
	if (!t_fork()) {
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(t_settle(leaser, 1, MBOXFS_ACK), 1);
	t_wait_all();
	CHECK(events(fd) & POLLHUP);
}

TEST(receiving_does_not_know_the_end)
{
	int fd = hanging();
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_NONBLOCK);

	close(open("q", O_WRONLY));
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EAGAIN);
	m = t_msg(&c, 1, 0);
	m.timeout_ns = 50000000;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), ETIMEDOUT);
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(a_stop_is_an_end_with_writers_too)
{
	int fd = hanging(), out = open("q", O_WRONLY);
	char c;

	if (!t_fork()) {
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(ioctl(out, MBOXFS_IOC_STOP), 0);
	t_wait_all();
	CHECK_EQ(events(fd), POLLIN | POLLHUP);
}

/* The last close comes before the reader waits, or after, or at once. */
TEST(nobody_misses_the_end)
{
	int fd = hanging(), n = t_scaled(4000), i, out, go[2], back[2];
	char c;

	CHECK_EQ(pipe(go) || pipe(back), 0);
	if (!t_fork()) {
		while (read(go[0], &c, 1) == 1 && c == 'o') {
			CHECK_EQ(read(fd, &c, 1), 1);
			CHECK_EQ(read(fd, &c, 1), 0);
			CHECK_EQ(write(back[1], "x", 1), 1);
		}
		_exit(0);
	}
	for (i = 0; i < n; i++) {
		out = open("q", O_WRONLY);
		t_send(out, "m");
		CHECK_EQ(write(go[1], "o", 1), 1);
		usleep(random() % 200);
		CHECK_EQ(close(out), 0);
		CHECK_EQ(read(back[0], &c, 1), 1);
	}
	CHECK_EQ(write(go[1], "e", 1), 1);
	t_wait_all();
}
