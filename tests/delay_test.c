// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that become readable later, and messages that expire.
 */
#include "test.h"

#include <sys/epoll.h>

static int delayed(const char *ms)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "send_delay_ms", ms);
	return fd;
}

static void send_after(int fd, const char *text, long long ms)
{
	struct mboxfs_msg m = t_msg(text, strlen(text), MBOXFS_DELAY);

	m.delay_ns = ms * 1000000;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
}

TEST(a_delayed_message_is_unreadable_before_and_readable_after)
{
	int fd = delayed("3600000");
	struct pollfd p = { .fd = fd, .events = POLLIN };
	long long start;

	t_send(fd, "y");
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 1);
	CHECK_EQ(t_get("q", "delayed_bytes"), 1);
	t_expect_empty(fd);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
	t_set("q", "send_delay_ms", "500");
	start = t_now_ms();
	t_send(fd, "x");
	CHECK_EQ(poll(&p, 1, t_patience_ms(20000)), 1);
	CHECK(t_now_ms() - start >= 499);
	CHECK(!t_overdue(start, 20000));
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	t_expect(fd, "x");
}

TEST(a_blocked_reader_gets_it_when_it_is_due)
{
	int fd = delayed("300");
	long long start = t_now_ms();

	t_send(fd, "x");
	t_expect(fd, "x");
	CHECK(t_now_ms() - start >= 299);
}

TEST(an_edge_comes_when_it_is_due)
{
	int fd = delayed("200"), ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	t_send(fd, "x");
	t_send(fd, "y");
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(epoll_wait(ep, &e, 1, t_patience_ms(20000)), 1);
	t_await("q", "messages", 2);
}

/*
 * Each is due at its time of sending plus its delay. That time is told by
 * another clock, a moment later, so the order is checked but for a moment: the
 * delays are spread over 3 s in no order.
 */
TEST(twenty_thousand_come_out_in_due_order)
{
	int fd = t_open("q", O_RDWR), i, number;
	static int delay_ms[20000];
	struct mboxfs_msg m = t_msg(&number, sizeof(number), MBOXFS_DELAY);
	long long due, last = 0, moment = t_patience_ms(500) * 1000000;

	t_set("q", "max_messages", "0");
	for (number = 0; number < 20000; number++) {
		delay_ms[number] = 600000 + number * 7919LL % 3000;
		m.delay_ns = delay_ms[number] * 1000000LL;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	}
	CHECK_EQ(t_get("q", "delayed_messages"), 20000);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "messages"), 20000);
	for (i = 0; i < 20000; i++) {
		m = t_msg(&number, sizeof(number), MBOXFS_NONBLOCK);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		due = m.sent_ns + delay_ms[number] * 1000000LL;
		CHECK(due > last - moment);
		CHECK(delay_ms[number]);
		delay_ms[number] = 0;
		last = due > last ? due : last;
	}
}

TEST(constant_delays_keep_the_order_of_sending)
{
	int fd = delayed("400"), i, got;

	t_set("q", "max_messages", "0");
	for (i = 0; i < 20000; i++)
		CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
	for (i = 0; i < 20000; i++) {
		CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
		CHECK_EQ(got, i);
	}
}

TEST(a_lowered_delay_overtakes)
{
	int fd = delayed("3600000");

	t_send(fd, "slow");
	t_set("q", "send_delay_ms", "100");
	t_send(fd, "fast");
	t_expect(fd, "fast");
	t_set("q", "send_delay_ms", "0");
	t_send(fd, "now");
	t_expect(fd, "now");
	CHECK_EQ(fsync(fd), 0);
	t_expect(fd, "slow");
}

TEST(each_message_can_have_its_own_delay)
{
	int fd = delayed("100000");
	long long start;

	/* Those that took too long to be sent are due in another order. */
	do {
		CHECK(ioctl(fd, MBOXFS_IOC_PURGE) >= 0);
		start = t_now_ms();
		send_after(fd, "3", 600);
		send_after(fd, "1", 200);
		send_after(fd, "2", 400);
		send_after(fd, "0", 0);
	} while (t_now_ms() - start > 100);
	t_expect(fd, "0");
	t_expect(fd, "1");
	t_expect(fd, "2");
	t_expect(fd, "3");
}

TEST(for_ever_is_a_delay_too)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);

	m.delay_ns = UINT64_MAX;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	m.delay_ns = INT64_MAX;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	t_set("q", "send_delay_ms", "4294967295");
	t_send(fd, "y");
	CHECK_EQ(t_get("q", "delayed_messages"), 3);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 3);
}

TEST(space_is_charged_when_it_is_sent)
{
	int fd = delayed("100000");

	t_set("q", "max_messages", "2");
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	t_send(fd, "1");
	t_send(fd, "2");
	CHECK_ERR(write(fd, "3", 1), EAGAIN);
	/* What is delayed cannot be dropped. */
	t_set("q", "when_full", "drop_oldest");
	CHECK_ERR(write(fd, "3", 1), ENOSPC);
	CHECK_EQ(t_get("q", "dropped_total"), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 2);
	t_send(fd, "3");
}

TEST(fsync_publishes_in_due_order)
{
	int fd = t_open("q", O_RDWR);

	send_after(fd, "3", 30000);
	send_after(fd, "1", 10000);
	send_after(fd, "2", 20000);
	CHECK_EQ(fdatasync(fd), 0);
	CHECK_EQ(t_get("q", "messages"), 3);
	t_expect(fd, "1");
	t_expect(fd, "2");
	t_expect(fd, "3");
}

TEST(a_system_wide_sync_publishes_nothing)
{
	int fd = delayed("100000");

	t_send(fd, "x");
	sync();
	CHECK_EQ(syncfs(fd), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 1);
}

TEST(close_publishes_if_asked_to)
{
	int fd = delayed("100000"), writer, reader;

	writer = open("q", O_WRONLY);
	t_send(writer, "1");
	close(writer);
	t_expect_empty(fd);
	t_set("q", "flush_on_close", "1");
	reader = open("q", O_RDONLY);
	close(reader);
	t_expect_empty(fd);
	writer = open("q", O_WRONLY);
	t_send(writer, "2");
	close(writer);
	t_expect(fd, "1");
	t_expect(fd, "2");
}

/* All of them, though who is killed does not wait for anything else. */
TEST(a_killed_process_publishes_if_asked_to)
{
	int fd = delayed("100000"), i, many = 3000;

	t_set("q", "flush_on_close", "1");
	close(fd);
	if (!t_fork()) {
		fd = open("q", O_WRONLY);
		for (i = 0; i < many; i++)
			t_send(fd, "x");
		kill(getpid(), SIGKILL);
	}
	CHECK(wait(NULL) > 0);
	CHECK_EQ(t_get("q", "messages"), many);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
}

TEST(revoke_takes_back_what_is_not_due)
{
	int fd = t_open("q", O_RDWR);

	send_after(fd, "due", 10);
	send_after(fd, "later", 100000);
	send_after(fd, "much later", 200000);
	t_await("q", "messages", 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 2);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 0);
	CHECK_EQ(t_get("q", "revoked_total"), 2);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_expect(fd, "due");
}

TEST(delay_change_idle_is_tested_and_set_in_one_step)
{
	int fd = delayed("100000");

	t_set("q", "delay_change", "idle");
	t_set("q", "send_delay_ms", "90000");
	t_send(fd, "x");
	CHECK_ERR(t_try_set("q", "send_delay_ms", "1"), EBUSY);
	CHECK_EQ(t_get("q", "send_delay_ms"), 90000);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
	t_set("q", "send_delay_ms", "1");
}

/* Who may merely write has MBOXFS_DELAY. */
TEST(only_the_owner_sets_the_delay)
{
	int fd = t_open("q", O_RDWR);

	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(t_try_set("q", "send_delay_ms", "5"), EPERM);
		CHECK_ERR(fremovexattr(fd, "user.mboxfs.send_delay_ms"), EPERM);
		CHECK_ERR(t_try_set("q", "ttl_ms", "5"), EPERM);
		send_after(fd, "x", 100000);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("q", "send_delay_ms"), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 1);
	t_set("q", "send_delay_ms", "5");
}

static void send_as_user(int fd, uid_t uid, const char *text, long long ms)
{
	CHECK_EQ(seteuid(uid), 0);
	send_after(fd, text, ms);
	CHECK_EQ(seteuid(0), 0);
}

static int revoke_as_user(int fd, uid_t uid)
{
	int ret;

	CHECK_EQ(seteuid(uid), 0);
	ret = ioctl(fd, MBOXFS_IOC_REVOKE);
	CHECK_EQ(seteuid(0), 0);
	return ret;
}

TEST(who_may_merely_write_revokes_his_own_messages)
{
	int fd = t_open("q", O_RDWR), group = open(".", O_RDONLY);

	send_as_user(fd, 1000, "1", 100000);
	send_as_user(fd, 1001, "2", 200000);
	send_as_user(fd, 0, "3", 300000);
	send_as_user(fd, 1000, "4", 400000);
	CHECK_EQ(revoke_as_user(fd, 1002), 0);
	CHECK_EQ(revoke_as_user(fd, 1000), 2);
	CHECK_EQ(revoke_as_user(fd, 1000), 0);
	CHECK_EQ(t_get("q", "revoked_total"), 2);
	CHECK_EQ(t_get("q", "delayed_messages"), 2);
	/* On a group, too. */
	send_as_user(fd, 1000, "5", 100000);
	CHECK_EQ(revoke_as_user(group, 1000), 1);
	CHECK_EQ(t_get("q", "delayed_messages"), 2);
	/* The owner takes back all. */
	CHECK_EQ(fchown(fd, 1002, 1002), 0);
	CHECK_EQ(revoke_as_user(fd, 1002), 2);
	/* And so does who may do what an owner may. */
	send_as_user(fd, 1000, "6", 100000);
	CHECK_EQ(revoke_as_user(fd, 0), 1);
	CHECK_EQ(t_get("q", "revoked_total"), 6);
	t_expect_empty(fd);
}

/* In many steps, of whatever order; who waits for his message is told. */
TEST(revoking_some_of_many)
{
	int fd = t_open("q", O_RDWR), i, got, many = 5000;
	struct mboxfs_msg m = t_msg(&i, sizeof(i), MBOXFS_DELAY);

	t_set("q", "max_messages", "0");
	for (i = 0; i < many; i++) {
		if (i % 100 == 0)
			CHECK_EQ(seteuid(i % 200 ? 0 : 1000), 0);
		m.delay_ns = (600000 + i * 7919LL % 3000) * 1000000;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	}
	CHECK_EQ(seteuid(0), 0);
	t_set("q", "send_delay_ms", "601000");
	for (i = 0; i < 2; i++) {
		if (!t_fork()) {
			int sync_fd;

			CHECK_EQ(seteuid(i ? 1000 : 0), 0);
			sync_fd = open("q", O_WRONLY | O_DSYNC);
			if (i)
				CHECK_ERR(write(sync_fd, &i, 4), ECANCELED);
			else
				CHECK_EQ(write(sync_fd, &i, 4), 4);
			_exit(0);
		}
	}
	t_await("q", "writers_waiting", 2);
	CHECK_EQ(revoke_as_user(fd, 1000), many / 2 + 1);
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(t_get("q", "delayed_messages"), many / 2 + 1);
	CHECK_EQ(t_get("q", "delayed_bytes"), (many / 2 + 1) * 4);
	CHECK_EQ(fsync(fd), 0);
	for (i = 0; i <= many / 2; i++) {
		CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
		CHECK(got == 0 || got / 100 % 2);
	}
	t_wait_all();
	t_expect_empty(fd);
}

TEST(a_stopped_mailbox_drains_its_delayed_messages)
{
	int fd = delayed("300");
	char c;

	t_send(fd, "x");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_expect(fd, "x");
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(purge_takes_delayed_messages_too)
{
	int fd = delayed("100000");

	t_send(fd, "delayed");
	t_set("q", "send_delay_ms", "0");
	t_send(fd, "published");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 2);
	CHECK_EQ(t_get("q", "purged_total"), 2);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
}

TEST(an_unread_message_expires)
{
	int fd = t_open("q", O_RDWR);
	long long start = t_now_ms();

	t_set("q", "ttl_ms", "3600000");
	t_send(fd, "0");
	t_set("q", "ttl_ms", "200");
	t_send(fd, "1");
	t_send(fd, "2");
	t_expect(fd, "0");
	t_await("q", "messages", 0);
	CHECK(t_now_ms() - start >= 199);
	CHECK_EQ(t_get("q", "expired_total"), 2);
	CHECK_EQ(t_get("q", "bytes"), 0);
	/* It is stamped when it is sent. */
	t_set("q", "ttl_ms", "0");
	t_send(fd, "3");
	t_set("q", "ttl_ms", "1");
	t_sleep_ms(100);
	t_expect(fd, "3");
}

TEST(time_to_live_runs_from_publishing)
{
	int fd = delayed("300");
	long long start = t_now_ms();

	t_set("q", "ttl_ms", "300");
	t_send(fd, "x");
	t_await("q", "expired_total", 1);
	CHECK(t_now_ms() - start >= 599);
}

TEST(expiry_lets_waiting_writers_in)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "max_messages", "1");
	t_set("q", "ttl_ms", "200");
	t_send(fd, "1");
	t_set("q", "ttl_ms", "0");
	t_send(fd, "2");
	CHECK_EQ(t_get("q", "expired_total"), 1);
	t_expect(fd, "2");
}

/* Each with its own, in whatever order they were sent. */
TEST(different_times_to_live)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "ttl_ms", "60000");
	t_send(fd, "long");
	t_set("q", "ttl_ms", "100");
	t_send(fd, "short");
	t_set("q", "ttl_ms", "50000");
	t_send(fd, "middle");
	t_await("q", "messages", 2);
	t_expect(fd, "long");
	t_expect(fd, "middle");
	CHECK_EQ(t_get("q", "expired_total"), 1);
}

TEST(a_mailbox_with_delayed_messages_can_go)
{
	int fd = delayed("200"), i;

	t_set("q", "ttl_ms", "100");
	for (i = 0; i < 3000; i++)
		t_send(fd, "x");
	CHECK_EQ(unlink("q"), 0);
	close(fd);
	t_sleep_ms(400);
}

TEST(a_million_delayed_messages)
{
	int fd = delayed("3600000"), i, many = t_scaled(1000000);

	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "0");
	for (i = 0; i < many; i++)
		CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
	CHECK_EQ(t_get("q", "delayed_messages"), many);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(t_get("q", "messages"), many);
	for (i = 0; i < 1000; i++) {
		int got;

		CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
		CHECK_EQ(got, i);
	}
	for (i = 0; i < 1000; i++)
		CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1000);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(t_get("q", "purged_total"), many - 1000);
}
