// SPDX-License-Identifier: GPL-2.0-only
/*
 * mysend and myreceive, on mboxfs: lib/compat/mysend.h.
 */
#include "test.h"

#include <mysend.h>

#define BAD	((char *)8)

/* Each test has a system of its own. */
__attribute__((constructor)) static void set_folder(void)
{
	setenv("MBOXFS", ".", 1);
}

static const char *box_of(pid_t pid)
{
	static char name[32];

	snprintf(name, sizeof(name), "mysend/%d", pid);
	return name;
}

static void await(pid_t pid, const char *counter, int value)
{
	while (access(box_of(pid), F_OK))
		t_sleep_ms(1);
	t_await(box_of(pid), counter, value);
}

static int send_text(pid_t pid, char *text)
{
	return mysend(pid, strlen(text), text);
}

static int queue_text(pid_t pid, char *text)
{
	return mysend_queued(pid, strlen(text), text);
}

static void check_text(const char *got, int len, const char *text)
{
	if (len != (int)strlen(text) || memcmp(got, text, len))
		test_failed(__FILE__, __LINE__, "received %d '%.*s', not '%s'",
			    len, len > 0 ? len : 0, got, text);
}

static void expect(pid_t pid, const char *text)
{
	char got[64];
	int len = myreceive(pid, sizeof(got), got);

	check_text(got, len, text);
}

static void expect_queued(pid_t pid, const char *text)
{
	char got[64];
	int len = myreceive_queued(pid, sizeof(got), got);

	check_text(got, len, text);
}

TEST(mysend_waits_until_it_has_been_received)
{
	pid_t me = getpid(), child;
	char got[8];

	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	child = t_fork();
	if (!child) {
		CHECK_EQ(send_text(me, "hello"), 5);
		CHECK_EQ(queue_text(me, "after that"), 10);
		_exit(0);
	}
	await(me, "messages", 1);
	await(me, "writers_waiting", 1);
	t_sleep_ms(50);
	CHECK_EQ(t_get(box_of(me), "messages"), 1);
	expect(child, "hello");
	expect(child, "after that");
	t_wait(child);
	/* Somebody waits already. */
	child = t_fork();
	if (!child) {
		expect(me, "hello");
		_exit(0);
	}
	await(child, "readers_waiting", 1);
	CHECK_EQ(send_text(child, "hello"), 5);
	t_wait(child);
}

TEST(queued_ones_do_not_wait)
{
	pid_t me = getpid();
	char got[8];
	int i;

	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	CHECK_EQ(queue_text(me, "one"), 3);
	CHECK_EQ(queue_text(me, "two"), 3);
	expect_queued(-1, "one");
	expect(-1, "two");
	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	t_set(box_of(me), "max_messages", "2");
	for (i = 0; i < 2; i++)
		CHECK_EQ(queue_text(me, "x"), 1);
	CHECK_ERR(queue_text(me, "x"), EAGAIN);
	expect(me, "x");
	CHECK_EQ(queue_text(me, "y"), 1);
	expect(me, "x");
	expect(me, "y");
}

/* As mysend.h says: no more than the mailbox holds. */
TEST(queued_ones_end_where_the_group_says)
{
	pid_t me = getpid();
	int i;

	for (i = 0; i < 4096; i++)
		CHECK_EQ(queue_text(me, "x"), 1);
	CHECK_ERR(queue_text(me, "x"), EAGAIN);
	for (i = 0; i < 4096; i++)
		expect_queued(me, "x");
	t_set("mysend", "max_messages", "0");
	if (!t_fork()) {
		me = getpid();
		for (i = 0; i < 5000; i++)
			CHECK_EQ(queue_text(me, "x"), 1);
		_exit(0);
	}
	t_wait_all();
}

TEST(from_one_sender_only)
{
	pid_t me = getpid(), one, two;
	char got[8];

	one = t_fork();
	if (!one) {
		CHECK_EQ(queue_text(me, "from one"), 8);
		CHECK_EQ(queue_text(me, "again"), 5);
		_exit(0);
	}
	t_wait(one);
	two = t_fork();
	if (!two) {
		CHECK_EQ(queue_text(me, "from two"), 8);
		_exit(0);
	}
	t_wait(two);
	/* Both have ended. */
	CHECK_EQ(myreceive_queued(me, 8, got), 0);
	CHECK_EQ(myreceive_queued(4194000, 8, got), 0);
	expect_queued(two, "from two");
	CHECK_EQ(myreceive_queued(two, 8, got), 0);
	expect(one, "from one");
	expect(-1, "again");
	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	CHECK_EQ(myreceive_queued(one, 8, got), 0);
}

TEST(a_receiver_waits_for_its_sender)
{
	pid_t me = getpid(), child = t_fork();

	if (!child) {
		expect(me, "from me");
		expect(-1, "from another one");
		_exit(0);
	}
	await(child, "readers_waiting", 1);
	if (!t_fork()) {
		CHECK_EQ(queue_text(child, "from another one"), 16);
		_exit(0);
	}
	CHECK(wait(NULL) > 0);
	CHECK_EQ(t_get(box_of(child), "messages"), 1);
	CHECK_EQ(send_text(child, "from me"), 7);
	t_wait(child);
}

TEST(any_negative_number_is_anyone)
{
	pid_t me = getpid();

	CHECK_EQ(queue_text(me, "one"), 3);
	CHECK_EQ(queue_text(me, "two"), 3);
	expect(INT_MIN, "one");
	expect_queued(-me, "two");
}

TEST(lengths_and_pointers)
{
	static char large[65537];
	pid_t me = getpid();
	char got[8] = "-------";

	/* Whatever messages elsewhere are left with. */
	t_set(".", "short_read", "keep");
	CHECK_EQ(queue_text(me, "abcdef"), 6);
	CHECK_EQ(queue_text(me, "gh"), 2);
	CHECK_EQ(myreceive(-1, 3, got), 3);
	CHECK(!memcmp(got, "abc----", 8));
	expect(-1, "gh");
	CHECK_EQ(mysend_queued(me, 0, NULL), 0);
	CHECK_EQ(t_get(box_of(me), "messages"), 1);
	CHECK_EQ(myreceive(-1, 8, got), 0);
	CHECK_ERR(mysend(me, -1, got), EINVAL);
	CHECK_ERR(mysend_queued(me, INT_MIN, got), EINVAL);
	CHECK_ERR(mysend_base(me, -1, got), EINVAL);
	CHECK_ERR(myreceive(me, -1, got), EINVAL);
	CHECK_ERR(myreceive_queued(-1, -1, got), EINVAL);
	CHECK_ERR(mysend_queued(me, sizeof(large), large), EMSGSIZE);
	CHECK_EQ(mysend_queued(me, sizeof(large) - 1, large), 65536);
	CHECK_EQ(myreceive(-1, sizeof(large), large), 65536);
	CHECK_ERR(mysend(me, 1, BAD), EFAULT);
	CHECK_ERR(mysend_queued(me, 1, NULL), EFAULT);
	CHECK_EQ(t_get(box_of(me), "messages"), 0);
	CHECK_EQ(queue_text(me, "stays"), 5);
	CHECK_ERR(myreceive(-1, 8, BAD), EFAULT);
	CHECK_ERR(myreceive_queued(me, 8, NULL), EFAULT);
	expect(-1, "stays");
}

TEST(not_to_everyone)
{
	pid_t child = t_fork();
	char c = 'x';

	if (!child)
		_exit(0);
	t_wait(child);
	CHECK_ERR(mysend(child, 1, &c), ESRCH);
	CHECK_ERR(mysend_queued(child, 1, &c), ESRCH);
	CHECK_ERR(mysend_base(child, 1, &c), ESRCH);
	CHECK_ERR(mysend(2, 1, &c), ESRCH);
	CHECK_ERR(mysend(0, 1, &c), ESRCH);
	CHECK_ERR(mysend(-1, 1, &c), ESRCH);
	CHECK_EQ(setenv("MBOXFS", "/nowhere", 1), 0);
	CHECK_ERR(mysend(getpid(), 1, &c), ENOENT);
	CHECK_ERR(myreceive(-1, 1, &c), ENOENT);
	CHECK_EQ(setenv("MBOXFS", "/tmp", 1), 0);
	CHECK_ERR(mysend(getpid(), 1, &c), ENOTTY);
	CHECK_ERR(myreceive_queued(-1, 1, &c), ENOTTY);
}

TEST(the_end_of_the_receiver_ends_the_wait)
{
	pid_t owner = t_fork(), sender;

	while (!owner)
		pause();
	sender = t_fork();
	if (!sender) {
		CHECK_ERR(send_text(owner, "x"), ESRCH);
		_exit(0);
	}
	await(owner, "writers_waiting", 1);
	kill(owner, SIGKILL);
	t_wait(sender);
	CHECK_EQ(waitpid(owner, NULL, 0), owner);
	t_await("mysend", "group_mailboxes", 0);
}

static void handler(int sig)
{
}

/* A message that its sender has given up is not there any more. */
TEST(interrupted)
{
	struct sigaction sa = { .sa_handler = handler };
	pid_t me = getpid(), child = t_fork();
	char got[8];

	if (!child) {
		CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
		CHECK_ERR(send_text(me, "x"), EINTR);
		CHECK_ERR(myreceive(me, 8, got), EINTR);
		_exit(0);
	}
	await(me, "writers_waiting", 1);
	kill(child, SIGUSR1);
	await(child, "readers_waiting", 1);
	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	kill(child, SIGUSR1);
	t_wait(child);
}

TEST(base_a_send_before_the_receive_is_missed)
{
	pid_t me = getpid(), child;
	char got[8];

	CHECK_ERR(mysend_base(me, 6, "missed"), EAGAIN);
	CHECK_EQ(myreceive_queued(-1, 8, got), 0);
	child = t_fork();
	if (!child) {
		expect(me, "in time");
		_exit(0);
	}
	await(child, "readers_waiting", 1);
	/* From another one, while it waits for this one. */
	if (!t_fork()) {
		CHECK_ERR(mysend_base(child, 5, "wrong"), EAGAIN);
		_exit(0);
	}
	CHECK(wait(NULL) > 0);
	CHECK_EQ(mysend_base(child, 7, "in time"), 7);
	t_wait(child);
}

/*
 * A barrier made of messages: who has N - 1 arrivals releases the others. The
 * counters say who is in front of it and behind it.
 */
static void pass(int k, int n, pid_t first, int *before, int *after)
{
	pid_t *came = calloc(n, sizeof(*came));
	pid_t me = getpid();
	int i;

	__sync_fetch_and_add(before, 1);
	if (k) {
		CHECK_EQ(mysend(first, sizeof(me), (char *)&me), sizeof(me));
		expect(first, "go on");
	}
	for (i = 0; !k && i < n - 1; i++)
		CHECK_EQ(myreceive(-1, sizeof(*came), (char *)&came[i]),
			 sizeof(*came));
	CHECK_EQ(__atomic_load_n(before, __ATOMIC_SEQ_CST), n);
	for (i = 0; !k && i < n - 1; i++)
		CHECK_EQ(send_text(came[i], "go on"), 5);
	__sync_fetch_and_add(after, 1);
	_exit(0);
}

TEST(a_barrier_of_many_children)
{
	static const int counts[] = { 1, 2, 10, 100 };
	int round, k, n, *count;
	pid_t first = 0, pid;

	for (round = 0; round < 4; round++) {
		n = t_crowd(counts[round]) ?: 1;
		count = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		for (k = 0; k < n; k++) {
			pid = t_fork();
			if (!pid)
				pass(k, n, first, &count[0], &count[1]);
			if (!k)
				first = pid;
		}
		t_wait_all();
		CHECK_EQ(count[0], n);
		CHECK_EQ(count[1], n);
	}
	if (access("mysend", F_OK) == 0)
		t_await("mysend", "group_mailboxes", 0);
}
