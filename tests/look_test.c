// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at messages without taking them; SEQ, ONCE, RESTORE and CANCEL.
 */
#include "test.h"

#include <sched.h>

#define HOUR_NS	3600000000000LL
#define PAGE	4096
#define ALL	(MBOXFS_LOOK_READABLE | MBOXFS_LOOK_DELAYED |	\
		 MBOXFS_LOOK_LEASED | MBOXFS_LOOK_DEAD)
#define STATES	(MBOXFS_IS_DELAYED | MBOXFS_IS_LEASED | MBOXFS_IS_DEAD)

#define ROOM	64

/* What has been seen of a mailbox. */
static struct seen {
	struct mboxfs_msg m;
	char text[ROOM];
} seen[64];

/* Go on with a walk; how many, which are in @seen from @at on. */
static int look_on(int fd, struct mboxfs_look *l, int at, int count)
{
	struct mboxfs_msg m[64];
	int i, n;

	CHECK(at + count <= 64);
	for (i = 0; i < count; i++)
		m[i] = t_msg(seen[at + i].text, ROOM, 0);
	l->msgs = (uintptr_t)m;
	l->count = count;
	n = ioctl(fd, MBOXFS_IOC_LOOK, l);
	for (i = 0; i < n; i++)
		seen[at + i].m = m[i];
	return n;
}

/* A whole walk in steps of so many; how many there are. */
static int walk(int fd, unsigned int what, int step)
{
	struct mboxfs_look l = { .what = what };
	int n, at = 0;

	while ((n = look_on(fd, &l, at, step)) > 0)
		at += n;
	CHECK_EQ(n, 0);
	return at;
}

static void expect_seen(int at, const char *text, unsigned int state)
{
	struct seen *s = &seen[at];

	if (s->m.len != strlen(text) || memcmp(s->text, text, s->m.len))
		test_failed(__FILE__, __LINE__, "%d is '%.*s', not '%s'", at,
			    (int)s->m.len, s->text, text);
	CHECK_EQ(s->m.flags & STATES, state);
}

static int send_after(int fd, const char *text, uint64_t delay_ns, uint64_t tag)
{
	struct mboxfs_msg m = t_msg(text, strlen(text), MBOXFS_DELAY);

	m.delay_ns = delay_ns;
	m.tag = tag;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

/* Two of each state. */
static int some_of_all(void)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "dead 1");
	t_send(fd, "dead 2");
	t_bury(fd, "dead 1");
	t_bury(fd, "dead 2");
	t_send(fd, "leased 1");
	t_send(fd, "leased 2");
	t_lease(fd, "leased 1");
	t_lease(fd, "leased 2");
	CHECK_EQ(send_after(fd, "delayed 2", 2 * HOUR_NS, 4), 0);
	CHECK_EQ(send_after(fd, "delayed 1", HOUR_NS, 5), 0);
	CHECK_EQ(t_send_as(fd, "low", 0, 6), 0);
	CHECK_EQ(t_send_as(fd, "high", 7, 7), 0);
	return fd;
}

static void expect_some_of_all(void)
{
	expect_seen(0, "high", 0);
	expect_seen(1, "low", 0);
	expect_seen(2, "delayed 1", MBOXFS_IS_DELAYED);
	expect_seen(3, "delayed 2", MBOXFS_IS_DELAYED);
	expect_seen(4, "leased 1", MBOXFS_IS_LEASED);
	expect_seen(5, "leased 2", MBOXFS_IS_LEASED);
	expect_seen(6, "dead 1", MBOXFS_IS_DEAD);
	expect_seen(7, "dead 2", MBOXFS_IS_DEAD);
}

TEST(all_states_in_their_order)
{
	int fd = some_of_all();

	CHECK_EQ(walk(fd, ALL, 32), 8);
	expect_some_of_all();
	CHECK_EQ(seen[0].m.priority, 7);
	CHECK_EQ(seen[0].m.tag, 7);
	CHECK_EQ(seen[0].m.seq, 8);
	CHECK_EQ(seen[0].m.pid, getpid());
	CHECK_EQ(seen[0].m.attempts, 0);
	CHECK_EQ(seen[2].m.tag, 5);
	CHECK_EQ(seen[4].m.attempts, 1);
	CHECK_EQ(seen[7].m.attempts, 1);
	CHECK(seen[7].m.sent_ns >= seen[6].m.sent_ns && seen[6].m.sent_ns);
}

TEST(what_says_which)
{
	int fd = some_of_all();

	CHECK_EQ(walk(fd, MBOXFS_LOOK_READABLE, 8), 2);
	expect_seen(1, "low", 0);
	CHECK_EQ(walk(fd, MBOXFS_LOOK_DELAYED, 8), 2);
	expect_seen(1, "delayed 2", MBOXFS_IS_DELAYED);
	CHECK_EQ(walk(fd, MBOXFS_LOOK_LEASED, 8), 2);
	expect_seen(1, "leased 2", MBOXFS_IS_LEASED);
	CHECK_EQ(walk(fd, MBOXFS_LOOK_DEAD, 8), 2);
	expect_seen(1, "dead 2", MBOXFS_IS_DEAD);
	CHECK_EQ(walk(fd, MBOXFS_LOOK_DEAD | MBOXFS_LOOK_READABLE, 8), 4);
	expect_seen(0, "high", 0);
	expect_seen(2, "dead 1", MBOXFS_IS_DEAD);
}

/* The cursor goes on where it was, also between states. */
TEST(a_walk_in_steps_is_the_same)
{
	int fd = some_of_all(), step;

	for (step = 1; step <= 8; step++) {
		memset(seen, 0, sizeof(seen));
		CHECK_EQ(walk(fd, ALL, step), 8);
		expect_some_of_all();
	}
}

TEST(a_walk_over_nothing_is_at_its_end)
{
	int fd = t_open("q", O_RDONLY);
	struct mboxfs_look l = { .what = ALL };

	CHECK_EQ(look_on(fd, &l, 0, 8), 0);
	CHECK_EQ(look_on(fd, &l, 0, 8), 0);
}

/* As they would be received, and so they are then. */
TEST(readable_ones_are_seen_as_they_will_come)
{
	int fd = t_open("q", O_RDWR), i, n;
	uint64_t one;

	srandom(1);
	for (i = 0; i < 40; i++)
		CHECK_EQ(t_send_as(fd, "x", random() % 5, i), 0);
	for (i = 0; i < 10; i++) {
		one = t_lease(fd, "x");
		if (i % 2)
			CHECK_EQ(t_settle(fd, one, MBOXFS_RETURN), 1);
	}
	n = walk(fd, MBOXFS_LOOK_READABLE, 7);
	CHECK_EQ(n, t_get("q", "messages"));
	for (i = 0; i < n; i++) {
		struct mboxfs_msg m = t_msg(&(char){ 0 }, 1, 0);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(m.seq, seen[i].m.seq);
		CHECK_EQ(m.priority, seen[i].m.priority);
	}
}

TEST(the_dead_are_seen_as_they_will_be_kicked)
{
	int fd = t_open("q", O_RDWR), i;
	uint64_t one;

	t_send(fd, "1");
	t_send(fd, "2");
	t_send(fd, "3");
	one = t_lease(fd, "1");
	t_bury(fd, "2");
	t_bury(fd, "3");
	CHECK_EQ(t_settle(fd, one, MBOXFS_BURY), 1);
	CHECK_EQ(walk(fd, MBOXFS_LOOK_DEAD, 2), 3);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 3);
	for (i = 0; i < 3; i++) {
		struct mboxfs_msg m = t_msg(&(char){ 0 }, 1, 0);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(m.seq, seen[i].m.seq);
	}
}

/* In one call, so that they are due at the same time; in no order. */
TEST(those_due_at_the_same_time_are_seen_once)
{
	int fd = t_open("q", O_RDWR), i;
	uint64_t seqs[] = { 3, 1, 4, 2 };
	struct mboxfs_settle s = { .seqs = (uintptr_t)seqs, .count = 4,
				   .how = MBOXFS_RETURN, .delay_ns = HOUR_NS };

	for (i = 0; i < 4; i++)
		t_send(fd, "x");
	for (i = 0; i < 4; i++)
		t_lease(fd, "x");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SETTLE, &s), 4);
	for (i = 1; i < 8; i++)
		CHECK_EQ(walk(fd, MBOXFS_LOOK_DELAYED, i), 4);
	CHECK_EQ(fsync(fd), 0);
	for (i = 0; i < 4; i++)
		CHECK_EQ(seen[i].m.seq, t_lease_next(fd, 0).seq);
}

TEST(what_is_left_of_a_delay_is_told)
{
	int fd = t_open("q", O_RDWR);
	uint64_t first;

	CHECK_EQ(send_after(fd, "x", HOUR_NS, 0), 0);
	CHECK_EQ(walk(fd, ALL, 8), 1);
	first = seen[0].m.delay_ns;
	CHECK(first > 0 && first <= HOUR_NS);
	t_sleep_ms(20);
	CHECK_EQ(walk(fd, ALL, 8), 1);
	CHECK(seen[0].m.delay_ns <= first - 20000000);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(walk(fd, ALL, 8), 1);
	CHECK_EQ(seen[0].m.delay_ns, 0);
}

TEST(what_is_left_to_live_is_told)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "for ever");
	t_set("q", "ttl_ms", "3600000");
	t_send(fd, "an hour");
	CHECK_EQ(send_after(fd, "later", HOUR_NS, 0), 0);
	CHECK_EQ(walk(fd, ALL, 8), 3);
	CHECK_EQ(seen[0].m.timeout_ns, -1);
	CHECK(seen[1].m.timeout_ns > 0 && seen[1].m.timeout_ns <= HOUR_NS);
	CHECK_EQ(seen[2].m.timeout_ns, HOUR_NS);
	/* It stands still on lease. */
	t_lease(fd, "for ever");
	t_lease(fd, "an hour");
	CHECK_EQ(walk(fd, MBOXFS_LOOK_LEASED, 8), 2);
	t_sleep_ms(20);
	CHECK_EQ(look_on(fd, &(struct mboxfs_look){ .what = 4 }, 10, 2), 2);
	CHECK_EQ(seen[1].m.timeout_ns, seen[11].m.timeout_ns);
}

/* What comes in again in flags does not matter; nor is a message too long. */
TEST(short_of_room_it_is_told)
{
	int fd = t_open("q", O_RDWR);
	char text[8] = "";
	struct mboxfs_msg m = t_msg(text, 2, STATES | MBOXFS_TRUNC);
	struct mboxfs_look l = { .msgs = (uintptr_t)&m, .count = 1,
				 .what = ALL };

	t_send(fd, "12345");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_LOOK, &l), 1);
	CHECK_EQ(m.len, 5);
	CHECK_EQ(m.flags & (STATES | MBOXFS_TRUNC), MBOXFS_TRUNC);
	CHECK(!strcmp(text, "12"));
	m = t_msg(NULL, 0, MBOXFS_TRUNC);
	l = (struct mboxfs_look){ .msgs = (uintptr_t)&m, .count = 1,
				  .what = ALL };
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_LOOK, &l), 1);
	CHECK_EQ(m.flags & MBOXFS_TRUNC, MBOXFS_TRUNC);
	m = t_msg(text, 8, MBOXFS_TRUNC);
	memset(l.cursor, 0, sizeof(l.cursor));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_LOOK, &l), 1);
	CHECK_EQ(m.flags & MBOXFS_TRUNC, 0);
	CHECK_EQ(t_get("q", "truncated_total"), 0);
}

TEST(looking_changes_nothing)
{
	int fd = some_of_all();
	struct stat before, after;
	struct mboxfs_stat a, b;

	CHECK_EQ(fstat(fd, &before), 0);
	a = t_stat(fd);
	t_tick();
	CHECK_EQ(walk(fd, ALL, 3), 8);
	CHECK_EQ(walk(fd, ALL, 32), 8);
	b = t_stat(fd);
	CHECK(!memcmp(&a, &b, sizeof(a)));
	CHECK_EQ(fstat(fd, &after), 0);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	/* All can be done with them as ever. */
	CHECK_EQ(t_settle(fd, 3, MBOXFS_ACK), 1);
	t_expect(fd, "high");
	t_expect(fd, "low");
	t_take(fd, MBOXFS_DEAD, "dead 1");
	CHECK_EQ(fsync(fd), 0);
	t_expect(fd, "delayed 1");
	t_sums_add_up(fd);
}

TEST(looking_wakes_and_delays_nobody)
{
	int fd = t_open("q", O_RDWR);

	t_bury((t_send(fd, "dead"), fd), "dead");
	if (!t_fork()) {
		t_expect(fd, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(walk(fd, ALL, 4), 1);
	CHECK_EQ(t_get("q", "readers_waiting"), 1);
	t_send(fd, "x");
	t_wait_all();
}

TEST(one_looks_at_what_has_no_name_or_is_stopped)
{
	int fd = some_of_all();

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(walk(fd, ALL, 8), 8);
	CHECK_EQ(unlink("q"), 0);
	CHECK_EQ(walk(fd, ALL, 8), 8);
	expect_some_of_all();
}

TEST(errors_of_look)
{
	int fd = some_of_all(), out = t_open("q", O_WRONLY), other;
	int group = t_open_group("g");
	struct mboxfs_msg m = t_msg(seen, ROOM, 0);
	struct mboxfs_look l = { .msgs = (uintptr_t)&m, .count = 1,
				 .what = ALL };
	char name[32];

	CHECK_ERR(ioctl(out, MBOXFS_IOC_LOOK, &l), EBADF);
	CHECK_ERR(ioctl(group, MBOXFS_IOC_LOOK, &l), ENOTTY);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_LOOK, (void *)8), EFAULT);
	l.what = 16 | ALL;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_LOOK, &l), EINVAL);
	l.what = ALL;
	l.reserved[0] = 1;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_LOOK, &l), EINVAL);
	l.reserved[0] = 0;
	l.msgs = 8;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_LOOK, &l), EFAULT);
	l.msgs = (uintptr_t)&m;
	m.data = 8;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_LOOK, &l), EFAULT);
	t_set("g", "naming", "pid");
	snprintf(name, sizeof(name), "g/%d", getpid());
	other = t_open(name, O_RDWR);
	CHECK_EQ(ioctl(other, MBOXFS_IOC_LOOK, &l), 0);
	if (!t_fork()) {
		CHECK_ERR(ioctl(other, MBOXFS_IOC_LOOK, &l), EPERM);
		_exit(0);
	}
	t_wait_all();
}

/* Whatever could not be copied is seen by who goes on. */
TEST(a_bad_pointer_hides_nothing)
{
	int fd = some_of_all(), i, n, at = 0;
	struct mboxfs_look l = { .what = ALL, .count = 3 };
	struct mboxfs_msg m[3];
	char text[3][ROOM];
	uint64_t seqs = 0;

	l.msgs = (uintptr_t)m;
	for (;;) {
		for (i = 0; i < 3; i++)
			m[i] = t_msg(text[i], ROOM, 0);
		if (at++ % 2)
			m[2].data = 8;
		n = ioctl(fd, MBOXFS_IOC_LOOK, &l);
		if (n < 0) {
			CHECK_EQ(errno, EFAULT);
			continue;
		}
		if (!n)
			break;
		for (i = 0; i < n; i++) {
			CHECK_EQ(seqs & 1ULL << m[i].seq, 0);
			seqs |= 1ULL << m[i].seq;
		}
	}
	CHECK_EQ(seqs, 0x1fe);
}

/* ---- While others are at it ---- */

#define KEEPERS	400	/* of each state */
#define CHURNED	100000	/* the tag of the others */

/* Messages come and go in all states and places. */
static void churn(int seed)
{
	static char text[ROOM];
	int fd = open("q", O_RDWR | O_CLOEXEC);
	struct mboxfs_msg m;

	srandom(seed);
	for (;;) {
		m = t_msg(text, random() % 20, MBOXFS_NONBLOCK);
		m.tag = CHURNED;
		m.priority = random() % 4;
		m.delay_ns = random() % 5000000;
		if (random() % 2)
			m.flags |= MBOXFS_DELAY;
		ioctl(fd, MBOXFS_IOC_SEND, &m);
		m = t_msg(text, ROOM, MBOXFS_NONBLOCK | MBOXFS_TAGGED);
		m.tag = CHURNED;
		if (random() % 4)
			m.flags |= MBOXFS_LEASE;
		if (random() % 4 == 0)
			m.flags |= MBOXFS_DEAD;
		if (ioctl(fd, MBOXFS_IOC_RECV, &m) || !m.attempts)
			continue;
		t_settle(fd, m.seq, random() % MBOXFS_TOUCH);
	}
}

static int make_keepers(void)
{
	int fd = t_open("q", O_RDWR), i, k;

	t_set("q", "max_messages", "0");
	for (i = 0; i < 2 * KEEPERS; i++)
		CHECK_EQ(t_send_as(fd, "x", 3, i), 0);
	for (i = 0; i < 2 * KEEPERS; i++) {
		uint64_t seq = t_lease(fd, "x");

		if (i % 2)
			CHECK_EQ(t_settle(fd, seq, MBOXFS_BURY), 1);
	}
	for (k = 0; k < KEEPERS; k++, i++)
		CHECK_EQ(send_after(fd, "x", HOUR_NS + random() % 1000, i), 0);
	for (k = 0; k < KEEPERS; k++, i++)
		CHECK_EQ(t_send_as(fd, "x", random() % 4, i), 0);
	t_set("q", "max_messages", "1800");
	return fd;
}

/* All keepers, once. */
static void one_walk(int fd, int step)
{
	static struct mboxfs_msg m[64];
	struct mboxfs_look l = { .msgs = (uintptr_t)m, .what = ALL };
	unsigned char times[4 * KEEPERS] = { 0 };
	static char text[64][ROOM];
	int i, n;

	do {
		for (i = 0; i < step; i++)
			m[i] = t_msg(text[i], ROOM, 0);
		l.count = step;
		n = ioctl(fd, MBOXFS_IOC_LOOK, &l);
		CHECK(n >= 0);
		for (i = 0; i < n; i++)
			if (m[i].tag != CHURNED)
				times[m[i].tag]++;
	} while (n);
	for (i = 0; i < 4 * KEEPERS; i++)
		CHECK_EQ(times[i], 1);
}

TEST(what_stays_is_seen_exactly_once)
{
	pid_t pids[3];
	long long start, seconds = 4;
	int fd, i, walks = 0;

	fd = make_keepers();
	t_takes(seconds);
	for (i = 0; i < 3; i++) {
		pids[i] = t_fork();
		if (!pids[i])
			churn(i);
	}
	start = t_now_ms();
	do {
		one_walk(fd, 1 + random() % 64);
	} while (++walks < 5 || t_now_ms() - start < seconds * 1000);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(waitpid(pids[i], NULL, WNOHANG), 0);
		kill(pids[i], SIGKILL);
		CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	}
	printf("# %d walks, while %lld were sent\n", walks,
	       t_get("q", "sent_total"));
	CHECK(t_get("q", "sent_total") > 4 * KEEPERS + 100);
	t_sums_add_up(fd);
}

/* ---- What it costs ---- */

static long long ns_of(int fd, int step, int expected)
{
	static struct mboxfs_msg m[64];
	struct mboxfs_look l = { .msgs = (uintptr_t)m, .what = ALL,
				 .count = step };
	struct timespec a, b;
	int n, all = 0;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	do {
		memset(m, 0, sizeof(m));
		n = ioctl(fd, MBOXFS_IOC_LOOK, &l);
		CHECK(n >= 0);
		all += n;
	} while (n);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	CHECK_EQ(all, expected);
	return (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec;
}

static void fill(int fd, int count, int kind)
{
	int i;

	for (i = 0; i < count; i++) {
		if (kind == 0)
			t_send_as(fd, "", i % 100, 0);
		else if (kind == 1)
			send_after(fd, "", HOUR_NS + (i * 7919LL) % count, 0);
		else
			t_send_as(fd, "", 0, 0);
		if (kind == 2)
			t_lease(fd, "");
		if (kind == 3)
			t_bury(fd, "");
	}
}

/* Sixteen times as many take sixteen times as long or so, not 256 times. */
TEST(a_walk_takes_no_more_than_in_proportion)
{
	int n = t_scaled(4000) + 500, kind, tries;
	long long few, many;

	for (kind = 0; kind < 4; kind++) {
		int fd = t_open("q", O_RDWR);

		t_set("q", "max_messages", "0");
		fill(fd, n, kind);
		few = ns_of(fd, 32, n);
		for (tries = 0; tries < 4; tries++) {
			long long again = ns_of(fd, 32, n);

			few = again < few ? again : few;
		}
		fill(fd, 15 * n, kind);
		for (tries = 0; ; tries++) {
			many = ns_of(fd, 32, 16 * n);
			if (many < 64 * few)
				break;
			CHECK(tries < 10);
		}
		printf("# state %d: %lld ns for %d, %lld for %d\n", kind, few,
		       n, many, 16 * n);
		CHECK_EQ(unlink("q"), 0);
		close(fd);
	}
}

/* ---- SEQ and ONCE ---- */

TEST(the_sender_is_told_the_number)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SEQ);

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(m.seq, 1);
	m = t_msg("x", 1, MBOXFS_SEQ | MBOXFS_DELAY);
	m.delay_ns = HOUR_NS;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(m.seq, 2);
	m = t_msg("x", 1, 0);
	m.seq = 77;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(m.seq, 77);
}

static int send_once(int fd, uint64_t tag)
{
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_ONCE | MBOXFS_NONBLOCK);

	m.tag = tag;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

TEST(once_sends_each_number_once)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(t_get("q", "once_tag"), 0);
	CHECK_ERR(send_once(fd, 0), EEXIST);
	CHECK_EQ(send_once(fd, 5), 0);
	CHECK_ERR(send_once(fd, 5), EEXIST);
	CHECK_ERR(send_once(fd, 4), EEXIST);
	CHECK_EQ(t_get("q", "messages"), 1);
	/* A tag without the flag is just a tag. */
	CHECK_EQ(t_send_as(fd, "x", 0, 100), 0);
	CHECK_EQ(t_send_as(fd, "x", 0, 5), 0);
	CHECK_EQ(t_get("q", "once_tag"), 5);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 3);
	CHECK_EQ(t_get("q", "once_tag"), 5);
	CHECK_ERR(send_once(fd, 5), EEXIST);
	CHECK_EQ(send_once(fd, 6), 0);
	CHECK_EQ(t_stat(fd).once_tag, 6);
	CHECK_EQ(t_get("q", "sent_total"), 4);
	CHECK_EQ(send_once(fd, UINT64_MAX), 0);
	CHECK_EQ(t_stat(fd).once_tag, UINT64_MAX);
	CHECK_ERR(send_once(fd, UINT64_MAX), EEXIST);
}

TEST(what_was_not_sent_can_be_sent_again)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg((void *)8, 1, MBOXFS_ONCE);

	m.tag = 9;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EFAULT);
	t_set("q", "max_messages", "1");
	t_send(fd, "full");
	CHECK_ERR(send_once(fd, 9), EAGAIN);
	CHECK_EQ(t_get("q", "once_tag"), 0);
	t_expect(fd, "full");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_ERR(send_once(fd, 9), ESHUTDOWN);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
	CHECK_EQ(send_once(fd, 9), 0);
}

/* Two who resend the same after a crash, one after the other's. */
TEST(once_among_many_senders)
{
	int fd = t_open("q", O_RDWR), n = t_scaled(4000), i, k;
	uint64_t last = 0;

	t_set("q", "max_messages", "0");
	for (k = 0; k < 3; k++) {
		if (t_fork())
			continue;
		for (i = 1; i <= n; i++)
			CHECK(send_once(fd, i) == 0 || errno == EEXIST);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("q", "once_tag"), n);
	CHECK_EQ(t_get("q", "messages"), n);
	for (i = 0; i < n; i++) {
		struct mboxfs_msg m = t_msg(&(char){ 0 }, 1, 0);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK(m.tag > last);
		last = m.tag;
	}
}

/* Two who wait for room with the same number: one of them is sent. */
TEST(once_among_those_who_wait_for_room)
{
	int fd = t_open("q", O_RDWR), i, sent = 0, status;
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_ONCE);

	t_set("q", "max_messages", "1");
	t_send(fd, "full");
	m.tag = 3;
	for (i = 0; i < 3; i++) {
		if (t_fork())
			continue;
		if (ioctl(fd, MBOXFS_IOC_SEND, &m) == 0)
			_exit(0);
		CHECK_EQ(errno, EEXIST);
		_exit(2);
	}
	t_await("q", "writers_waiting", 3);
	t_set("q", "max_messages", "10");
	while (wait(&status) > 0) {
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) != 1);
		sent += !WEXITSTATUS(status);
	}
	CHECK_EQ(sent, 1);
	CHECK_EQ(t_get("q", "messages"), 2);
}

/* ---- RESTORE ---- */

/* Put back, in another mailbox, what has been seen of one. */
static int restore_seen(int fd, int at)
{
	struct mboxfs_msg m = seen[at].m;

	m.data = (uintptr_t)seen[at].text;
	m.flags = MBOXFS_RESTORE | (m.flags & MBOXFS_IS_DEAD);
	if (seen[at].m.flags & MBOXFS_IS_DELAYED)
		m.flags |= MBOXFS_DELAY;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

TEST(what_has_been_seen_is_restored_as_it_was)
{
	int fd = some_of_all(), to = t_open("to", O_RDWR), i;
	struct seen was[8];

	CHECK_EQ(t_settle(fd, 3, MBOXFS_RETURN), 1);
	CHECK_EQ(t_settle(fd, 4, MBOXFS_RETURN), 1);
	CHECK_EQ(walk(fd, ALL, 8), 8);
	for (i = 0; i < 8; i++)
		CHECK_EQ(restore_seen(to, i), 0);
	memcpy(was, seen, sizeof(was));
	CHECK_EQ(walk(to, ALL, 8), 8);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(seen[i].m.len, was[i].m.len);
		CHECK(!memcmp(seen[i].text, was[i].text, was[i].m.len));
		CHECK_EQ(seen[i].m.priority, was[i].m.priority);
		CHECK_EQ(seen[i].m.tag, was[i].m.tag);
		CHECK_EQ(seen[i].m.attempts, was[i].m.attempts);
		CHECK_EQ(seen[i].m.flags & STATES, was[i].m.flags & STATES);
		CHECK_EQ(seen[i].m.timeout_ns, was[i].m.timeout_ns);
		CHECK(seen[i].m.delay_ns <= was[i].m.delay_ns);
		CHECK_EQ(!seen[i].m.delay_ns, !was[i].m.delay_ns);
	}
	CHECK_EQ(t_stat(to).dead_messages, 2);
	CHECK_EQ(t_stat(to).delayed_messages, 2);
	t_sums_add_up(to);
}

TEST(what_was_left_to_live_is_restored)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_RESTORE);

	t_set("q", "ttl_ms", "100");
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0); /* no bound */
	m.timeout_ns = HOUR_NS;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(walk(fd, ALL, 8), 2);
	CHECK_EQ(seen[0].m.timeout_ns, -1);
	CHECK(seen[1].m.timeout_ns > HOUR_NS / 2);
	CHECK(seen[1].m.timeout_ns <= HOUR_NS);
	m.timeout_ns = 0; /* as new */
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	t_await("q", "expired_total", 1);
	CHECK_EQ(t_get("q", "messages"), 2);
}

TEST(restored_attempts_count)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_RESTORE);

	t_set("q", "max_attempts", "3");
	m.attempts = 2;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(t_settle(fd, t_lease(fd, "x"), MBOXFS_RETURN), 1);
	CHECK_EQ(t_get("q", "dead_messages"), 1);
	CHECK_EQ(walk(fd, ALL, 8), 1);
	CHECK_EQ(seen[0].m.attempts, 3);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_KICK), 1);
	CHECK_EQ(walk(fd, ALL, 8), 1);
	CHECK_EQ(seen[0].m.attempts, 0);
}

TEST(restore_is_the_owners_and_never_waits)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_RESTORE);

	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EPERM);
		_exit(0);
	}
	t_wait_all();
	m.flags |= MBOXFS_SYNC;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EINVAL);
	t_set("q", "max_messages", "1");
	t_send(fd, "full");
	m = t_msg("x", 1, MBOXFS_RESTORE);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EAGAIN);
	CHECK_EQ(t_get("q", "messages"), 1);
}

TEST(restoring_once_sends_nothing)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_RESTORE | MBOXFS_ONCE);

	m.tag = 50;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(t_get("q", "once_tag"), 50);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "sent_total"), 0);
	CHECK_ERR(send_once(fd, 50), EEXIST);
	CHECK_EQ(send_once(fd, 51), 0);
}

/* ---- CANCEL ---- */

static int cancel(int fd, const uint64_t *numbers, unsigned int count, int how)
{
	struct mboxfs_settle s = { .seqs = (uintptr_t)numbers, .count = count,
				   .how = how };

	return ioctl(fd, MBOXFS_IOC_CANCEL, &s);
}

#define CANCEL(fd, how, ...) ({						\
	const uint64_t numbers_[] = { __VA_ARGS__ };			\
									\
	cancel(fd, numbers_, sizeof(numbers_) / 8, how); })

TEST(readable_and_delayed_ones_are_cancelled)
{
	int fd = some_of_all();

	/* 1, 2 are dead, 3, 4 on lease, 5, 6 delayed. */
	CHECK_ERR(CANCEL(fd, MBOXFS_BY_SEQ, 1, 2, 3, 4, 99), ENOENT);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 3, 6, 7, 7, 0), 2);
	CHECK_EQ(walk(fd, ALL, 32), 6);
	expect_seen(0, "high", 0);
	expect_seen(1, "delayed 2", MBOXFS_IS_DELAYED);
	CHECK_EQ(t_get("q", "revoked_total"), 2);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 8), 1);
	t_expect_empty(fd);
	CHECK_ERR(CANCEL(fd, MBOXFS_BY_SEQ, 8), ENOENT);
	t_sums_add_up(fd);
}

TEST(all_of_a_tag_are_cancelled)
{
	int fd = t_open("q", O_RDWR), i;

	t_set("q", "max_messages", "0");
	for (i = 0; i < 3000; i++) {
		CHECK_EQ(t_send_as(fd, "x", i % 3, i % 2), 0);
		if (i % 10 == 0)
			CHECK_EQ(send_after(fd, "x", HOUR_NS, 1), 0);
	}
	CHECK_ERR(CANCEL(fd, MBOXFS_BY_TAG, 2, 3), ENOENT);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_TAG, 7, 1), 1500 + 300);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "messages"), 1500);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_TAG, 0), 1500);
	CHECK_EQ(t_get("q", "revoked_total"), 3300);
	t_sums_add_up(fd);
}

TEST(cancelling_by_seq_leaves_other_tags_alone)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(t_send_as(fd, "one", 0, 2), 0);
	CHECK_EQ(t_send_as(fd, "two", 0, 1), 0);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 1), 1);
	t_take(fd, MBOXFS_PEEK, "two");
	CHECK_ERR(CANCEL(fd, MBOXFS_BY_TAG, 2), ENOENT);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_TAG, 1), 1);
}

/* Whoever may write takes back what is his own, and only that. */
TEST(one_cancels_what_one_has_sent)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(t_send_as(fd, "root's", 0, 5), 0);
	if (!t_fork()) {
		t_user(1001);
		CHECK_EQ(t_send_as(fd, "1001's", 0, 5), 0);
		_exit(0);
	}
	t_wait_all();
	if (!t_fork()) {
		struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SEQ);

		t_user(1000);
		CHECK_ERR(CANCEL(fd, MBOXFS_BY_TAG, 5), ENOENT);
		CHECK_ERR(CANCEL(fd, MBOXFS_BY_SEQ, 1, 2), ENOENT);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
		CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 1, 2, m.seq), 1);
		CHECK_EQ(t_send_as(fd, "1000's", 0, 5), 0);
		CHECK_EQ(CANCEL(fd, MBOXFS_BY_TAG, 5), 1);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_TAG, 5), 2);
}

TEST(the_owner_cancels_all)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "root's");
	t_send(fd, "root's too");
	CHECK_EQ(chown("q", 1000, 1000), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 1), 1);
		_exit(0);
	}
	t_wait_all();
	/* So does CAP_FOWNER. */
	if (!t_fork()) {
		CHECK_EQ(setresuid(0, 1001, 0), 0);
		CHECK_ERR(CANCEL(fd, MBOXFS_BY_SEQ, 2), ENOENT);
		CHECK_EQ(setresuid(0, 0, 0), 0);
		CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 2), 1);
		_exit(0);
	}
	t_wait_all();
}

TEST(cancelling_makes_room_and_tells_who_waits)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("sync", 4, MBOXFS_SYNC);
	pid_t pid = t_fork();

	if (!pid) {
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), ECANCELED);
		_exit(0);
	}
	t_await("q", "messages", 1);
	t_set("q", "max_messages", "1");
	if (!t_fork()) {
		t_send(fd, "x");
		_exit(0);
	}
	t_await("q", "writers_waiting", 2);
	CHECK_EQ(CANCEL(fd, MBOXFS_BY_SEQ, 1), 1);
	t_wait_all();
	t_expect(fd, "x");
}

TEST(errors_of_cancel)
{
	int fd = t_open("q", O_RDWR), in = t_open("q", O_RDONLY);
	int group = t_open_group("g");
	uint64_t *numbers = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mboxfs_settle s = { .seqs = (uintptr_t)numbers, .count = 1 };

	t_send(fd, "x");
	numbers[0] = 1;
	CHECK_ERR(ioctl(in, MBOXFS_IOC_CANCEL, &s), EBADF);
	CHECK_ERR(ioctl(group, MBOXFS_IOC_CANCEL, &s), ENOTTY);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_CANCEL, (void *)8), EFAULT);
	CHECK_ERR(cancel(fd, numbers, 1, 2), EINVAL);
	CHECK_ERR(cancel(fd, numbers, 0, MBOXFS_BY_SEQ), ENOENT);
	CHECK_ERR(cancel(fd, (void *)8, 1, MBOXFS_BY_SEQ), EFAULT);
	s.reserved[0] = 1;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_CANCEL, &s), EINVAL);
	CHECK_EQ(t_get("q", "messages"), 1);
	/* At most 1024 in one call. */
	memset(numbers, 0, 2 * PAGE);
	numbers[1023] = 1;
	CHECK_EQ(cancel(fd, numbers, UINT32_MAX, MBOXFS_BY_SEQ), 1);
}
