// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that are dead: tried too often, or buried; what becomes of them, and how
 * they count.
 */
#include "test.h"

static int receive(int fd, struct mboxfs_msg *m)
{
	return ioctl(fd, MBOXFS_IOC_RECV, m);
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

static void expect_nothing(int fd)
{
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_NONBLOCK);

	t_expect_empty(fd);
	CHECK_ERR(receive(fd, &m), EAGAIN);
}

static void expect_no_dead(int fd)
{
	struct mboxfs_msg m = t_msg(NULL, 0, MBOXFS_DEAD);

	CHECK_ERR(receive(fd, &m), EAGAIN);
}

static void room_for(struct mboxfs_msg *m, char (*text)[16], int count)
{
	int i;

	for (i = 0; i < count; i++)
		m[i] = t_msg(text[i], sizeof(text[i]), 0);
}

TEST(what_is_dead_counts_for_the_limits)
{
	int fd = FILLED("1234", "12");

	t_bury(fd, "1234");
	t_bury(fd, "12");
	CHECK_EQ(t_get("q", "dead_messages"), 2);
	CHECK_EQ(t_get("q", "dead_bytes"), 6);
	t_set("q", "max_messages", "2");
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(write(fd, "x", 1), EAGAIN);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	if (!t_fork()) {
		t_send(fd, "x");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_take(fd, MBOXFS_DEAD, "1234");
	t_wait_all();
	t_expect(fd, "x");
}

TEST(ceilings_hold_for_both)
{
	int fd;

	CHECK_EQ(mkdir("g", 0777) || mkdir("h", 0777), 0);
	t_set("g", "group_max_bytes", "10");
	fd = t_open("g/q", O_RDWR);
	t_send(fd, "leased");
	t_send(fd, "dead");
	t_lease(fd, "leased");
	t_bury(fd, "dead");
	CHECK_EQ(t_get("g", "group_bytes"), 10);
	CHECK_ERR(write(fd, "x", 1), EDQUOT);
	t_set("h", "group_max_bytes", "9");
	CHECK_ERR(rename("g/q", "h/q"), EDQUOT);
	t_set("h", "group_max_bytes", "10");
	CHECK_EQ(rename("g/q", "h/q"), 0);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	CHECK_EQ(t_get("h", "group_bytes"), 10);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	CHECK_EQ(t_get("h", "group_bytes"), 4);
	t_take(fd, MBOXFS_DEAD, "dead");
	CHECK_EQ(t_get("h", "group_bytes"), 0);
}

TEST(the_dead_make_room_first_and_leased_ones_never)
{
	int fd = FILLED("dead 1", "dead 2", "leased", "1", "2");

	t_bury(fd, "dead 1");
	t_bury(fd, "dead 2");
	t_lease(fd, "leased");
	t_set("q", "max_messages", "5");
	t_set("q", "when_full", "drop_oldest");
	t_send(fd, "3");
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	t_take(fd, MBOXFS_DEAD | MBOXFS_PEEK, "dead 2");
	t_send(fd, "4");
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	CHECK_EQ(t_get("q", "messages"), 4);
	t_send(fd, "5");
	CHECK_EQ(t_get("q", "dropped_total"), 3);
	t_lease(fd, "2");
	t_lease(fd, "3");
	t_lease(fd, "4");
	t_lease(fd, "5");
	CHECK_ERR(write(fd, "6", 1), ENOSPC);
	CHECK_EQ(t_get("q", "dropped_total"), 3);
	CHECK_EQ(t_get("q", "leased_messages"), 5);
	t_sums_add_up(fd);
}

TEST(a_rendezvous_that_is_buried_is_told)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	pid_t pid = t_fork();

	if (!pid) {
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), ECANCELED);
		_exit(0);
	}
	t_await("q", "messages", 1);
	t_bury(fd, "x");
	t_wait(pid);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	CHECK_EQ(t_get("q", "dropped_total"), 1);
	t_sums_add_up(fd);
}

/* Each way in which a lease ends without being acknowledged. */
static void give_back(int *fd, uint64_t seq, int how)
{
	switch (how) {
	case 0:
		CHECK_EQ(t_settle(*fd, seq, MBOXFS_RETURN), 1);
		break;
	case 1:
		CHECK_EQ(return_after(*fd, seq, 1000), 1);
		break;
	default:
		CHECK_EQ(close(*fd), 0);
		*fd = t_open("q", O_RDWR);
	}
}

TEST(what_was_tried_too_often_is_dead)
{
	int fd = t_open("q", O_RDWR), how;
	struct mboxfs_msg m;

	t_set("q", "max_attempts", "2");
	for (how = 0; how < 3; how++) {
		t_send(fd, "12345");
		m = t_lease_next(fd, 0);
		CHECK_EQ(m.attempts, 1);
		give_back(&fd, m.seq, how);
		m = t_lease_next(fd, 0);
		CHECK_EQ(m.attempts, 2);
		give_back(&fd, m.seq, how);
		CHECK_EQ(t_get("q", "dead_messages"), how + 1);
		CHECK_EQ(t_get("q", "dead_bytes"), 5 * (how + 1));
		CHECK_EQ(t_get("q", "delayed_messages"), 0);
		expect_nothing(fd);
	}
	/* Those that died did not come back. */
	CHECK_EQ(t_get("q", "returned_total"), 3);
	t_sums_add_up(fd);
}

TEST(the_end_of_its_time_is_an_attempt_too)
{
	int fd = FILLED("x");

	t_set("q", "max_attempts", "2");
	t_set("q", "lease_ms", "100");
	t_lease_next(fd, 0);
	t_lease_next(fd, 0);
	t_await("q", "dead_messages", 1);
	CHECK_EQ(t_get("q", "returned_total"), 1);
	t_expect_empty(fd);
}

TEST(the_last_attempt_can_be_acknowledged)
{
	int fd = FILLED("x");

	t_set("q", "max_attempts", "1");
	t_lease(fd, "x");
	CHECK_EQ(t_settle(fd, 1, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_TOUCH), 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_ACK), 1);
	CHECK_EQ(t_get("q", "received_total"), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
}

TEST(the_dead_can_be_dropped)
{
	int fd = FILLED("1", "2");
	pid_t pid;

	t_set("q", "when_dead", "drop");
	t_set("q", "max_attempts", "1");
	t_set("q", "max_messages", "2");
	t_lease(fd, "1");
	pid = t_fork();
	if (!pid) {
		t_send(fd, "3");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_EQ(t_settle(fd, 1, MBOXFS_RETURN), 1);
	t_wait(pid);
	t_bury(fd, "2");
	CHECK_EQ(t_get("q", "dropped_total"), 2);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	t_expect(fd, "3");
	t_sums_add_up(fd);
}

TEST(buried_is_dead_at_once)
{
	int fd = FILLED("x");

	t_bury(fd, "x");
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "leased_messages"), 0);
	CHECK_EQ(t_get("q", "returned_total"), 0);
	expect_nothing(fd);
	/* To look for one never waits. */
	t_take(fd, MBOXFS_DEAD, "x");
	expect_no_dead(fd);
	CHECK_EQ(t_get("q", "received_total"), 1);
	t_sums_add_up(fd);
}

TEST(the_dead_are_taken_the_first_to_die_first)
{
	int fd = FILLED("1", "2", "3", "4");
	uint64_t one = t_lease(fd, "1");

	t_bury(fd, "2");
	t_bury(fd, "3");
	CHECK_EQ(t_settle(fd, one, MBOXFS_BURY), 1);
	t_take(fd, MBOXFS_DEAD | MBOXFS_PEEK, "2");
	t_take(fd, MBOXFS_DEAD | MBOXFS_PEEK, "2");
	t_take(fd, MBOXFS_DEAD, "2");
	t_take(fd, MBOXFS_DEAD, "3");
	t_take(fd, MBOXFS_DEAD, "1");
	/* And no others. */
	expect_no_dead(fd);
	t_expect(fd, "4");
}

TEST(the_dead_are_selected)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	struct mboxfs_msg m;
	pid_t pid;

	CHECK_EQ(t_send_as(fd, "one", 0, 1), 0);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(t_send_as(fd, "two", 0, 2), 0);
		_exit(0);
	}
	t_wait(pid);
	CHECK_EQ(t_send_as(fd, "three", 0, 2), 0);
	t_bury(fd, "one");
	t_bury(fd, "two");
	t_bury(fd, "three");
	m = t_msg(text, sizeof(text), MBOXFS_DEAD | MBOXFS_TAGGED);
	m.tag = 3;
	CHECK_ERR(receive(fd, &m), EAGAIN);
	m.tag = 2;
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.seq, 2);
	m = t_msg(text, sizeof(text), MBOXFS_DEAD | MBOXFS_FROM);
	m.pid = pid;
	CHECK_ERR(receive(fd, &m), EAGAIN);
	m.pid = getpid();
	CHECK_EQ(receive(fd, &m), 0);
	CHECK_EQ(m.seq, 1);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
}

TEST(the_dead_on_lease)
{
	int fd = FILLED("x"), other = t_open("q", O_RDWR);
	struct mboxfs_msg m;

	t_bury(fd, "x");
	m = t_lease_next(other, MBOXFS_DEAD);
	CHECK_EQ(m.attempts, 2);
	CHECK_EQ(t_get("q", "leased_messages"), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	/* Left alone it is as dead as before. */
	CHECK_EQ(close(other), 0);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(t_get("q", "returned_total"), 0);
	/* Who returns it means to try it again; or not. */
	m = t_lease_next(fd, MBOXFS_DEAD);
	CHECK_EQ(t_settle(fd, m.seq, MBOXFS_RETURN), 1);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_bury(fd, "x");
	t_set("q", "max_attempts", "3");
	m = t_lease_next(fd, MBOXFS_DEAD);
	CHECK_EQ(t_settle(fd, m.seq, MBOXFS_RETURN), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	m = t_lease_next(fd, MBOXFS_DEAD);
	CHECK_EQ(t_settle(fd, m.seq, MBOXFS_ACK), 1);
	CHECK_EQ(t_get("q", "received_total"), 1);
	t_sums_add_up(fd);
}

TEST(kicked_ones_are_as_new_in_the_order_of_their_death)
{
	int fd = FILLED("1", "2", "3", "4"), i;
	uint64_t one = t_lease(fd, "1");

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 0);
	t_bury(fd, "2");
	t_bury(fd, "3");
	CHECK_EQ(t_settle(fd, one, MBOXFS_BURY), 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 3);
	CHECK_EQ(t_get("q", "dead_messages"), 0);
	CHECK_EQ(t_get("q", "dead_bytes"), 0);
	t_expect(fd, "4");
	for (i = 0; i < 3; i++) {
		static const int order[] = { 2, 3, 1 };
		struct mboxfs_msg m = t_lease_next(fd, 0);

		CHECK_EQ(m.seq, order[i]);
		CHECK_EQ(m.attempts, 1);
	}
}

TEST(a_kick_wakes_all_it_has_something_for)
{
	int fd = FILLED("1", "2", "3"), i;
	char c;

	t_bury(fd, "1");
	t_bury(fd, "2");
	t_bury(fd, "3");
	for (i = 0; i < 3; i++) {
		if (!t_fork()) {
			CHECK_EQ(read(fd, &c, 1), 1);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 3);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 3);
	t_wait_all();
	CHECK_EQ(t_get("q", "received_total"), 3);
}

TEST(batches_of_the_dead)
{
	int fd = FILLED("1", "2", "3", "4");
	struct mboxfs_msg m[8];
	char text[8][16];

	t_bury(fd, "1");
	t_bury(fd, "2");
	t_bury(fd, "3");
	room_for(m, text, 8);
	CHECK_EQ(receive_batch(fd, m, 1, MBOXFS_DEAD), 1);
	CHECK_EQ(text[0][0], '1');
	room_for(m, text, 8);
	m[0].flags = MBOXFS_DEAD | MBOXFS_LEASE;
	CHECK_EQ(receive_batch(fd, m, 8, 0), 2);
	CHECK_EQ(text[1][0], '3');
	CHECK_EQ(m[1].attempts, 2);
	CHECK_EQ(t_get("q", "leased_messages"), 2);
	room_for(m, text, 8);
	CHECK_ERR(receive_batch(fd, m, 8, MBOXFS_DEAD), EAGAIN);
	t_sums_add_up(fd);
}
