// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: what they hand down, how they nest, their ceilings, and calls for
 * all mailboxes below one.
 */
#include "test.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#endif

static void make_group(const char *name)
{
	if (mkdir(name, 0777))
		test_failed(__FILE__, __LINE__, "mkdir %s: %m", name);
}

/* Send @len bytes without waiting; 0 or the error. */
static int try_send_as(int fd, size_t len, unsigned int priority)
{
	static __thread char data[1 << 20];
	struct mboxfs_msg m = t_msg(data, len, MBOXFS_NONBLOCK);

	m.priority = priority;
	return ioctl(fd, MBOXFS_IOC_SEND, &m) ? errno : 0;
}

static int try_send(int fd, size_t len)
{
	return try_send_as(fd, len, 0);
}

/* Receive whatever comes first; 0 or an error. */
static int try_take(int fd)
{
	static char room[1 << 20];
	struct mboxfs_msg m = t_msg(room, sizeof(room), MBOXFS_NONBLOCK);

	return ioctl(fd, MBOXFS_IOC_RECV, &m) ? errno : 0;
}

static void take(int fd)
{
	CHECK_EQ(try_take(fd), 0);
}

/* A mailbox without bounds of its own. */
static int open_wide(const char *name)
{
	int fd = t_open(name, O_RDWR);

	t_set(name, "max_messages", "0");
	t_set(name, "max_bytes", "0");
	t_set(name, "max_message_size", "0");
	return fd;
}

TEST(own_values_are_not_handed_down)
{
	char value[32] = "";

	make_group("g");
	t_set("g", "group_max_bytes", "1000");
	t_set("g", "group_max_mailboxes", "10");
	t_set("g", "naming", "id");
	t_set("g", "max_messages", "7");
	make_group("g/1");
	CHECK_EQ(t_get("g", "group_max_bytes"), 1000);
	CHECK_EQ(t_get("g/1", "group_max_bytes"), 0);
	CHECK_EQ(t_get("g/1", "group_max_mailboxes"), 0);
	CHECK_EQ(t_get("g/1", "max_messages"), 7);
	CHECK_EQ(getxattr("g", "user.mboxfs.naming", value, 32), 2);
	CHECK(!strcmp(value, "id"));
	CHECK_EQ(getxattr("g/1", "user.mboxfs.naming", value, 32), 3);
	CHECK(!memcmp(value, "any", 3));
	CHECK_ERR(t_try_set("g", "group_max_bytes", "x"), EINVAL);
	CHECK_ERR(t_try_set("g", "group_max_bytes", "9223372036854775808"),
		  ERANGE);
	CHECK_ERR(t_try_set("g", "naming", "name"), EINVAL);
	CHECK_ERR(t_try_set("g", "group_bytes", "1"), EPERM);
	CHECK_ERR(t_try_set("g", "group_mailboxes", "1"), EPERM);
	CHECK_ERR(t_try_set("g", "barrier_sleepers", "1"), EPERM);
	CHECK_ERR(t_try_set("g", "stopped", "1"), EOPNOTSUPP);
	CHECK_ERR(t_try_set("g", "messages", "1"), EOPNOTSUPP);
	close(t_open("g/2", O_RDWR));
	CHECK_ERR(t_try_set("g/2", "group_max_bytes", "1"), EOPNOTSUPP);
	CHECK_ERR(t_try_set("g/2", "naming", "id"), EOPNOTSUPP);
	CHECK_ERR(t_try_set("g/2", "group_bytes", "1"), EOPNOTSUPP);
	CHECK_EQ(removexattr("g", "user.mboxfs.group_max_bytes"), 0);
	CHECK_EQ(t_get("g", "group_max_bytes"), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(t_try_set("g", "group_max_bytes", "1"), EPERM);
		CHECK_EQ(t_get("g", "group_mailboxes"), 1);
		_exit(0);
	}
	t_wait_all();
}

TEST(naming_changes_only_while_the_group_is_empty)
{
	make_group("g");
	close(t_open("g/1", O_RDWR));
	CHECK_ERR(t_try_set("g", "naming", "id"), ENOTEMPTY);
	CHECK_ERR(t_try_set("g", "naming", "pid"), ENOTEMPTY);
	CHECK_EQ(unlink("g/1"), 0);
	t_set("g", "naming", "id");
	make_group("g/1");
	CHECK_ERR(t_try_set("g", "naming", "any"), ENOTEMPTY);
	CHECK_ERR(removexattr("g", "user.mboxfs.naming"), ENOTEMPTY);
	CHECK_EQ(rmdir("g/1"), 0);
	t_set("g", "naming", "any");
	close(t_open("g/x", O_RDWR));
}

TEST(groups_nest_32_deep)
{
	char path[200] = "";
	int i;

	/* This one is the first. */
	for (i = 1; i < 32; i++) {
		strcat(path, "d");
		CHECK_EQ(mkdir(path, 0777), 0);
		strcat(path, "/");
	}
	close(t_open(strcat(path, "q"), O_RDWR));
	CHECK_EQ(unlink(path), 0);
	CHECK_ERR(mkdir(path, 0777), ELOOP);
	/* Three levels need three. */
	CHECK_EQ(mkdir("a", 0777) || mkdir("a/b", 0777) || mkdir("a/b/c", 0777),
		 0);
	path[0] = 0;
	for (i = 0; i < 29; i++)
		strcat(path, "d/");
	strcat(path, "a");
	CHECK_ERR(rename("a", path), ELOOP);
	CHECK_EQ(rmdir("a/b/c"), 0);
	CHECK_EQ(rename("a", path), 0);
	CHECK_EQ(mkdir(strcat(path, "/b/c"), 0777), -1);
	CHECK_EQ(errno, ELOOP);
	/* What has gone counts no more. */
	path[strlen(path) - 2] = 0;
	CHECK_EQ(rmdir(path), 0);
	path[strlen(path) - 2] = 0;
	CHECK_EQ(rename(path, "a"), 0);
	CHECK_EQ(mkdir("a/b", 0777) || mkdir("a/b/c", 0777), 0);
	CHECK_EQ(renameat2(AT_FDCWD, "a", AT_FDCWD, "d/d", RENAME_EXCHANGE), 0);
	CHECK_EQ(renameat2(AT_FDCWD, "d", AT_FDCWD, "a", RENAME_NOREPLACE), -1);
}

TEST(the_last_byte_fits_and_no_more)
{
	int a, b, c;

	make_group("g");
	make_group("g/h");
	make_group("g/h/i");
	t_set("g", "group_max_bytes", "1000");
	t_set("g/h", "group_max_bytes", "600");
	a = open_wide("g/a");
	b = open_wide("g/h/b");
	c = open_wide("g/h/i/c");
	CHECK_EQ(try_send(b, 601), EDQUOT);
	CHECK_EQ(try_send(b, 400), 0);
	CHECK_EQ(try_send(c, 201), EDQUOT);
	CHECK_EQ(try_send(c, 200), 0);
	CHECK_EQ(try_send(c, 1), EDQUOT);
	CHECK_EQ(try_send(c, 0), 0);
	CHECK_EQ(try_send(a, 401), EDQUOT);
	CHECK_EQ(try_send(a, 400), 0);
	CHECK_EQ(try_send(a, 1), EDQUOT);
	CHECK_EQ(t_get("g", "group_bytes"), 1000);
	CHECK_EQ(t_get("g/h", "group_bytes"), 600);
	CHECK_EQ(t_get("g/h/i", "group_bytes"), 200);
	CHECK_EQ(t_get("g", "group_mailboxes"), 3);
	CHECK_EQ(t_get("g/h", "group_mailboxes"), 2);
	take(b);
	CHECK_EQ(try_send(c, 401), EDQUOT);
	CHECK_EQ(try_send(a, 400), 0);
	CHECK_EQ(try_send(c, 1), EDQUOT);
	take(a);
	take(a);
	CHECK_EQ(try_send(c, 400), 0);
	CHECK_EQ(t_get("g", "group_bytes"), 600);
}

/* Far from a ceiling more is reserved than needed; close to it none is. */
TEST(what_others_have_in_reserve_is_not_refused)
{
	long long sum = 0, max = 8 << 20;
	char name[16];
	int fd[64], i;

	make_group("g");
	t_set("g", "group_max_bytes", "8m");
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "g/q%d", i);
		fd[i] = open_wide(name);
		CHECK_EQ(try_send(fd[i], i + 1), 0);
		sum += i + 1;
	}
	CHECK_EQ(t_get("g", "group_bytes"), sum);
	for (i = 0; sum < max; i++) {
		long long len = max - sum < 1 << 20 ? max - sum : 1 << 20;

		CHECK_EQ(try_send(fd[i], len), 0);
		sum += len;
	}
	CHECK_EQ(try_send(fd[63], 1), EDQUOT);
	take(fd[40]);
	CHECK_EQ(try_send(fd[62], 42), EDQUOT);
	CHECK_EQ(try_send(fd[62], 41), 0);
	CHECK_EQ(t_get("g", "group_bytes"), max);
}

/* A second sender, who does what the first one does at the same moment. */
struct pair {
	volatile int	turn;
	volatile int	done;
	volatile int	failed;
	int		fd;
	size_t		len;
	pid_t		pid;
};

static struct pair *begin_pair(int fd, size_t len)
{
	struct pair *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int turn = 0;
	pid_t pid;

	CHECK(p != MAP_FAILED);
	p->fd = fd;
	p->len = len;
	pid = t_fork();
	while (!pid) {
		while (p->turn == turn)
			;
		turn = p->turn;
		if (turn < 0)
			_exit(0);
		p->failed += !!try_send(p->fd, p->len);
		p->done = turn;
	}
	p->pid = pid;
	return p;
}

/* Both send; how many were refused. */
static int send_both(struct pair *p, int fd)
{
	int failed;

	p->failed = 0;
	p->turn++;
	failed = !!try_send(fd, p->len);
	while (p->done != p->turn)
		;
	return failed + p->failed;
}

static void end_pair(struct pair *p)
{
	p->turn = -1;
	t_wait(p->pid);
}

/* Both find the group full, and both fit when the reserve is given back. */
TEST(a_reserve_that_is_being_given_back_is_not_refused)
{
	int holder, filler, a, b, i, failed = 0, n = t_scaled(1500);
	struct pair *p;

	make_group("g");
	t_set("g", "group_max_bytes", "65600");
	holder = open_wide("g/holder");
	filler = open_wide("g/filler");
	a = open_wide("g/a");
	b = open_wide("g/b");
	p = begin_pair(b, 512);
	for (i = 0; i < n; i++) {
		CHECK_EQ(try_send(holder, 1), 0);
		take(holder);
		/* All but the 1025 bytes that are in reserve now. */
		CHECK_EQ(try_send(filler, 65600 - 1025), 0);
		failed += send_both(p, a);
		CHECK_EQ(truncate("g/filler", 0), 0);
		CHECK_EQ(truncate("g/a", 0), 0);
		CHECK_EQ(truncate("g/b", 0), 0);
	}
	end_pair(p);
	CHECK_EQ(failed, 0);
}

TEST(a_ceiling_is_not_waited_for)
{
	struct mboxfs_msg m = t_msg("12345", 5, 0);
	int full, other;
	long long start;

	make_group("g");
	t_set("g", "group_max_bytes", "10");
	full = t_open("g/full", O_RDWR);
	other = t_open("g/other", O_RDWR);
	t_set("g/full", "max_messages", "1");
	CHECK_EQ(try_send(other, 5), 0);
	CHECK_EQ(try_send(full, 5), 0);
	start = t_now_ms();
	CHECK_ERR(ioctl(full, MBOXFS_IOC_SEND, &m), EDQUOT);
	CHECK_ERR(write(full, "x", 1), EDQUOT);
	CHECK_ERR(write(other, "x", 1), EDQUOT);
	CHECK(!t_overdue(start, 20000));
	/* A mailbox's own bound is waited for, then the ceiling is asked. */
	take(other);
	if (!t_fork()) {
		CHECK_ERR(ioctl(full, MBOXFS_IOC_SEND, &m), EDQUOT);
		_exit(0);
	}
	t_await("g/full", "writers_waiting", 1);
	CHECK_EQ(try_send(other, 5), 0);
	t_set("g", "group_max_bytes", "9");
	take(full);
	t_wait_all();
	CHECK_EQ(t_get("g", "group_bytes"), 5);
}

TEST(writers_are_let_in_below_a_ceiling)
{
	int fd, other;

	make_group("g");
	t_set("g", "group_max_bytes", "4m");
	fd = open_wide("g/q");
	other = open_wide("g/other");
	t_set("g/q", "max_bytes", "1000000");
	CHECK_EQ(try_send(fd, 1000000), 0);
	if (!t_fork()) {
		struct mboxfs_msg m = t_msg(calloc(1, 900000), 900000, 0);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
		_exit(0);
	}
	t_await("g/q", "writers_waiting", 1);
	/* Leaves what the writer needs, and only if the reserve is given up. */
	CHECK_EQ(try_send(other, 1 << 20), 0);
	CHECK_EQ(try_send(other, 1 << 20), 0);
	CHECK_EQ(try_send(other, 1 << 20), 0);
	take(fd);
	t_wait_all();
	CHECK_EQ(t_get("g", "group_bytes"), (3 << 20) + 900000);
	take(fd);
	CHECK_EQ(try_send(other, 1 << 20), 0);
	CHECK_EQ(try_send(other, 1), EDQUOT);
}

TEST(dropping_the_oldest_keeps_to_the_ceiling)
{
	int fd, other;

	make_group("g");
	t_set("g", "group_max_bytes", "100");
	fd = t_open("g/q", O_RDWR);
	other = t_open("g/other", O_RDWR);
	t_set("g/q", "when_full", "drop_oldest");
	t_set("g/q", "max_bytes", "60");
	CHECK_EQ(try_send(other, 40), 0);
	CHECK_EQ(try_send(fd, 20), 0);
	CHECK_EQ(try_send(fd, 20), 0);
	CHECK_EQ(try_send(fd, 20), 0);
	CHECK_EQ(try_send(fd, 30), 0); /* two go */
	CHECK_EQ(t_get("g/q", "messages"), 2);
	CHECK_EQ(t_get("g", "group_bytes"), 90);
	CHECK_EQ(try_send(other, 10), 0);
	CHECK_EQ(try_send(fd, 30), EDQUOT); /* one would go: not enough */
	CHECK_EQ(t_get("g/q", "dropped_total"), 2);
	CHECK_EQ(try_send(fd, 20), 0);	/* one goes: just enough */
	CHECK_EQ(t_get("g/q", "messages"), 2);
	CHECK_EQ(t_get("g/q", "dropped_total"), 3);
	CHECK_EQ(t_get("g", "group_bytes"), 100);
	/* By number: what goes is less than what comes. */
	t_set("g/q", "max_bytes", "0");
	t_set("g/q", "max_messages", "2");
	CHECK_EQ(try_send(fd, 31), EDQUOT);
	CHECK_EQ(t_get("g/q", "dropped_total"), 3);
	CHECK_EQ(try_send(fd, 30), 0);
	CHECK_EQ(t_get("g/q", "dropped_total"), 4);
	CHECK_EQ(t_get("g", "group_bytes"), 100);
}

TEST(what_goes_below_a_ceiling_goes_by_priority)
{
	int fd;

	make_group("g");
	t_set("g", "group_max_bytes", "100");
	fd = t_open("g/q", O_RDWR);
	t_set("g/q", "when_full", "drop_oldest");
	t_set("g/q", "max_bytes", "80");
	CHECK_EQ(try_send(t_open("g/other", O_RDWR), 20), 0);
	CHECK_EQ(try_send_as(fd, 20, 5), 0);
	CHECK_EQ(try_send_as(fd, 20, 3), 0);
	CHECK_EQ(try_send_as(fd, 20, 2), 0);
	CHECK_EQ(try_send_as(fd, 20, 0), 0);
	/* Those of 0, 2 and 3 would make room for it, but that of 5 stays. */
	CHECK_EQ(try_send_as(fd, 61, 4), ENOSPC);
	CHECK_EQ(t_get("g/q", "messages"), 4);
	CHECK_EQ(try_send_as(fd, 60, 4), 0);
	CHECK_EQ(t_get("g/q", "dropped_total"), 3);
	CHECK_EQ(t_get("g", "group_bytes"), 100);
	take(fd);
	CHECK_EQ(t_get("g/q", "bytes"), 60);
}

TEST(delayed_messages_count)
{
	int fd;

	make_group("g");
	t_set("g", "group_max_bytes", "10");
	fd = t_open("g/q", O_RDWR);
	t_set("g/q", "send_delay_ms", "3600000");
	CHECK_EQ(try_send(fd, 10), 0);
	CHECK_EQ(try_send(fd, 1), EDQUOT);
	CHECK_EQ(t_get("g", "group_bytes"), 10);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(try_send(fd, 1), EDQUOT);
	take(fd);
	CHECK_EQ(try_send(fd, 10), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	CHECK_EQ(try_send(fd, 10), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 1);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
}

TEST(a_lowered_ceiling_leaves_what_is_there)
{
	int fd;

	make_group("g");
	fd = t_open("g/q", O_RDWR);
	CHECK_EQ(try_send(fd, 100), 0);
	CHECK_EQ(try_send(fd, 100), 0);
	t_set("g", "group_max_bytes", "150");
	CHECK_EQ(t_get("g", "group_bytes"), 200);
	CHECK_EQ(try_send(fd, 1), EDQUOT);
	take(fd);
	CHECK_EQ(try_send(fd, 50), 0);
	CHECK_EQ(try_send(fd, 1), EDQUOT);
	t_set("g", "group_max_bytes", "0");
	CHECK_EQ(try_send(fd, 1000), 0);
	/* Nor does what was reserved before help. */
	t_set("g", "group_max_bytes", "1200");
	CHECK_EQ(try_send(fd, 51), EDQUOT);
	CHECK_EQ(try_send(fd, 50), 0);
}

TEST(mailboxes_are_counted_exactly)
{
	int fd, tmp;

	make_group("g");
	make_group("g/h");
	t_set("g", "group_max_mailboxes", "3");
	t_set("g/h", "group_max_mailboxes", "2");
	fd = t_open("g/h/1", O_RDWR);
	close(t_open("g/h/2", O_RDWR));
	CHECK_ERR(open("g/h/3", O_RDWR | O_CREAT, 0600), EDQUOT);
	CHECK_ERR(open("g/h", O_RDWR | O_TMPFILE, 0600), EDQUOT);
	CHECK_EQ(mkdir("g/h/d", 0777), 0); /* groups and symlinks do not count */
	CHECK_EQ(symlink("x", "g/h/s"), 0);
	tmp = open("g", O_RDWR | O_TMPFILE, 0600);
	CHECK(tmp >= 0);
	CHECK_EQ(t_get("g", "group_mailboxes"), 3);
	CHECK_ERR(open("g/3", O_RDWR | O_CREAT, 0600), EDQUOT);
	CHECK_ERR(t_name_it(tmp, "g/h/3"), EDQUOT);
	/* One that is open counts also without its name. */
	CHECK_EQ(unlink("g/h/1"), 0);
	CHECK_EQ(t_get("g/h", "group_mailboxes"), 2);
	CHECK_ERR(t_name_it(tmp, "g/h/3"), EDQUOT);
	close(fd);
	CHECK_EQ(t_get("g/h", "group_mailboxes"), 1);
	CHECK_EQ(t_name_it(tmp, "g/h/3"), 0);
	CHECK_EQ(t_get("g/h", "group_mailboxes"), 2);
	CHECK_EQ(t_get("g", "group_mailboxes"), 2);
	close(tmp);
	CHECK_EQ(t_get("g", "group_mailboxes"), 2);
	CHECK_EQ(unlink("g/h/2") || unlink("g/h/3"), 0);
	CHECK_EQ(t_get("g", "group_mailboxes"), 0);
}

TEST(rename_moves_the_charge_or_fails)
{
	int a, b, other;

	make_group("a");
	make_group("b");
	make_group("b/c");
	t_set("a", "group_max_bytes", "100");
	t_set("b", "group_max_bytes", "50");
	a = t_open("a/q", O_RDWR);
	CHECK_EQ(try_send(a, 51), 0);
	CHECK_ERR(rename("a/q", "b/q"), EDQUOT);
	CHECK_ERR(rename("a/q", "b/c/q"), EDQUOT);
	CHECK_EQ(t_get("a", "group_bytes"), 51);
	CHECK_EQ(t_get("b", "group_bytes"), 0);
	CHECK_EQ(t_get("b", "group_mailboxes"), 0);
	take(a);
	CHECK_EQ(try_send(a, 50), 0);
	CHECK_EQ(rename("a/q", "b/c/q"), 0);
	CHECK_EQ(t_get("a", "group_bytes"), 0);
	CHECK_EQ(t_get("b", "group_bytes"), 50);
	CHECK_EQ(t_get("b/c", "group_bytes"), 50);
	CHECK_EQ(t_get("b/c", "group_mailboxes"), 1);
	CHECK_EQ(try_send(a, 1), EDQUOT);
	/* Within a group that is full nothing changes. */
	CHECK_EQ(rename("b/c/q", "b/q"), 0);
	CHECK_EQ(t_get("b/c", "group_bytes"), 0);
	CHECK_EQ(rename("b/q", "b/r"), 0);
	CHECK_EQ(t_get("b", "group_bytes"), 50);
	t_set("b", "group_max_bytes", "10"); /* nor if it is more than full */
	CHECK_EQ(rename("b/r", "b/c/q"), 0);
	CHECK_EQ(rename("b/c/q", "b/q"), 0);
	t_set("b", "group_max_bytes", "50");
	/* Exchange: what counts is the net result. */
	b = t_open("a/p", O_RDWR);
	CHECK_EQ(try_send(b, 51), 0);
	CHECK_ERR(renameat2(AT_FDCWD, "a/p", AT_FDCWD, "b/q", RENAME_EXCHANGE),
		  EDQUOT);
	take(b);
	CHECK_EQ(try_send(b, 49), 0);
	CHECK_EQ(renameat2(AT_FDCWD, "a/p", AT_FDCWD, "b/q", RENAME_EXCHANGE),
		 0);
	CHECK_EQ(t_get("b", "group_bytes"), 49);
	CHECK_EQ(t_get("a", "group_bytes"), 50);
	/* Over another one, which counts as long as it is open. */
	other = t_open("a/x", O_RDWR);
	CHECK_EQ(try_send(other, 2), 0);
	CHECK_ERR(rename("a/x", "b/q"), EDQUOT);
	close(b);
	CHECK_EQ(rename("a/x", "b/q"), 0);
	CHECK_EQ(t_get("b", "group_bytes"), 2);
	CHECK_EQ(t_get("b", "group_mailboxes"), 1);
	CHECK_EQ(t_get("a", "group_mailboxes"), 1);
}

TEST(a_group_moves_with_its_whole_sum)
{
	int p, q, r;

	make_group("a");
	make_group("a/s");
	make_group("a/s/t");
	make_group("b");
	t_set("b", "group_max_bytes", "5m");
	t_set("b", "group_max_mailboxes", "3");
	p = open_wide("a/s/p");
	q = open_wide("a/s/t/q");
	r = open_wide("b/r");
	CHECK_EQ(try_send(p, 1 << 20), 0);
	CHECK_EQ(try_send(q, 1 << 20), 0);
	CHECK_EQ(try_send(q, 1 << 20), 0);
	CHECK_EQ(try_send(r, 1 << 20), 0);
	CHECK_EQ(try_send(r, 1 << 20), 0);
	CHECK_EQ(try_send(r, 1), 0);
	CHECK_ERR(rename("a/s", "b/s"), EDQUOT);
	CHECK_EQ(t_get("a", "group_bytes"), 3 << 20);
	take(r);
	CHECK_EQ(try_send(r, (1 << 20) - 1), 0);
	CHECK_EQ(rename("a/s", "b/s"), 0);
	CHECK_EQ(t_get("a", "group_bytes"), 0);
	CHECK_EQ(t_get("a", "group_mailboxes"), 0);
	CHECK_EQ(t_get("b", "group_bytes"), 5 << 20);
	CHECK_EQ(t_get("b", "group_mailboxes"), 3);
	CHECK_EQ(t_get("b/s/t", "group_bytes"), 2 << 20);
	CHECK_EQ(try_send(q, 1), EDQUOT);
	take(q);
	CHECK_EQ(try_send(p, 1 << 20), 0);
	CHECK_EQ(try_send(q, 1), EDQUOT);
	close(t_open("a/one", O_RDWR));
	CHECK_ERR(rename("a/one", "b/one"), EDQUOT);
	CHECK_EQ(rename("b/s", "a/s"), 0);
	CHECK_EQ(t_get("b", "group_bytes"), 2 << 20);
	CHECK_EQ(t_get("a", "group_bytes"), 3 << 20);
	CHECK_EQ(t_get("a", "group_mailboxes"), 3);
}

TEST(a_removed_group_is_charged_as_long_as_needed)
{
	int fd;

	make_group("g");
	make_group("g/h");
	t_set("g", "group_max_bytes", "100");
	fd = t_open("g/h/q", O_RDWR);
	CHECK_EQ(try_send(fd, 60), 0);
	CHECK_EQ(try_send(fd, 40), 0);
	CHECK_EQ(unlink("g/h/q"), 0);
	CHECK_EQ(rmdir("g/h"), 0);
	CHECK_EQ(t_get("g", "group_bytes"), 100);
	CHECK_EQ(t_get("g", "group_mailboxes"), 1);
	CHECK_EQ(try_send(t_open("g/other", O_RDWR), 1), EDQUOT);
	take(fd);
	CHECK_EQ(t_get("g", "group_bytes"), 40);
	CHECK_EQ(try_send(open("g/other", O_RDWR), 60), 0);
	close(fd);
	CHECK_EQ(t_get("g", "group_bytes"), 60);
	CHECK_EQ(t_get("g", "group_mailboxes"), 1);
}

#define STRESS_WRITERS	8
#define STRESS_CEILING	300000
#define STRESS_LOW	200000

/* Sends to mailboxes of all levels as much as goes. */
static void stress_write(int seed, long long end)
{
	static const char *const names[] = {
		"g/0", "g/1", "g/h/0", "g/h/1", "g/h/i/0", "g/h/i/1",
	};
	int fd[6], i, ret;

	srand(seed);
	for (i = 0; i < 6; i++)
		fd[i] = open(names[i], O_RDWR);
	while (t_now_ms() < end) {
		i = rand() % 6;
		ret = try_send(fd[i], rand() % 20 ? rand() % 3000 :
						    rand() % 60000);
		CHECK(!ret || ret == EDQUOT || ret == EAGAIN);
		if (ret || !(rand() % 3)) {
			i = rand() % 6;
			ret = try_take(fd[i]);
			CHECK(!ret || ret == EAGAIN);
		}
	}
	_exit(0);
}

TEST(usage_is_never_above_a_ceiling)
{
	int seconds = atoi(getenv("STRESS_SECONDS") ?: "10"), i, samples = 0;
	static const char *const names[] = {
		"g/0", "g/1", "g/h/0", "g/h/1", "g/h/i/0", "g/h/i/1",
	};
	long long end = t_now_ms() + seconds * 1000, sent = 0, received = 0;
	long long high = 0, got;

	make_group("g");
	make_group("g/h");
	make_group("g/h/i");
	t_set("g", "group_max_bytes", "300000");
	t_set("g/h", "group_max_bytes", "200000");
	for (i = 0; i < 6; i++)
		close(open_wide(names[i]));
	for (i = 0; i < STRESS_WRITERS; i++)
		if (!t_fork())
			stress_write(i, end);
	while (t_now_ms() < end) {
		got = t_get("g", "group_bytes");
		CHECK(got <= STRESS_CEILING);
		if (got > high)
			high = got;
		CHECK(t_get("g/h", "group_bytes") <= STRESS_LOW);
		samples++;
	}
	t_wait_all();
	for (i = 0; i < 6; i++) {
		int fd = open(names[i], O_RDWR);

		while (!try_take(fd))
			;
		sent += t_get(names[i], "sent_total");
		received += t_get(names[i], "received_total");
		close(fd);
	}
	printf("# %lld sent, %d samples, the highest %lld of %d\n", sent,
	       samples, high, STRESS_CEILING);
	CHECK_EQ(sent, received);
	CHECK(high > STRESS_CEILING - 70000);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	CHECK_EQ(t_get("g/h", "group_bytes"), 0);
	CHECK_EQ(t_get("g/h/i", "group_bytes"), 0);
	CHECK_EQ(try_send(open("g/h/0", O_RDWR), 200000), 0);
	CHECK_EQ(try_send(open("g/0", O_RDWR), 100000), 0);
	CHECK_EQ(try_send(open("g/1", O_RDWR), 1), EDQUOT);
}

/* Mailboxes and groups move while others fill them: nothing gets lost. */
TEST(renames_under_load_keep_the_sums)
{
	static const char *const names[] = { "a/q", "b/q", "a/s/r", "b/s/r" };
	long long end = t_now_ms() + 5000;
	int i, moved = 0, refused = 0;
	char from[32], to[32];

	make_group("a");
	make_group("b");
	make_group("a/s");
	t_set("a", "group_max_bytes", "100000");
	t_set("b", "group_max_bytes", "70000");
	close(open_wide("a/q"));
	close(open_wide("a/s/r"));
	for (i = 0; i < 4; i++) {
		if (t_fork())
			continue;
		srand(i);
		while (t_now_ms() < end) {
			int fd = open(names[rand() % 4], O_RDWR), n;

			if (fd < 0)
				continue;
			for (n = rand() % 50; n; n--) {
				if (rand() % 2)
					try_send(fd, rand() % 5000);
				else
					try_take(fd);
			}
			close(fd);
		}
		_exit(0);
	}
	srand(99);
	while (t_now_ms() < end) {
		const char *what = rand() % 2 ? "q" : "s";
		bool there = rand() % 2;

		snprintf(from, sizeof(from), "%s/%s", there ? "a" : "b", what);
		snprintf(to, sizeof(to), "%s/%s", there ? "b" : "a", what);
		if (!rename(from, to))
			moved++;
		else if (errno == EDQUOT)
			refused++;
		else
			CHECK_EQ(errno, ENOENT);
		CHECK(t_get("a", "group_bytes") <= 100000);
		CHECK(t_get("b", "group_bytes") <= 70000);
	}
	t_wait_all();
	printf("# %d moved, %d refused\n", moved, refused);
	CHECK(moved > 10);
	for (i = 0; i < 4; i++)
		truncate(names[i], 0);
	CHECK_EQ(t_get("a", "group_bytes") + t_get("b", "group_bytes"), 0);
	CHECK_EQ(t_get("a", "group_mailboxes") + t_get("b", "group_mailboxes"),
		 2);
}

/* The memory of a mount, with stocks at the CPUs and without. */
static void fill_mount(const char *options, size_t len)
{
	struct statfs fs;
	int i, n, fd;

	mkdir("/tmp/mnt", 0755);
	CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, options), 0);
	fd = open_wide("/tmp/mnt/q");
	for (n = 0; !try_send(fd, len); n++)
		;
	CHECK_EQ(try_send(fd, len), ENOSPC);
	CHECK_EQ(statfs("/tmp/mnt", &fs), 0);
	for (i = 0; i < 1000; i++) {
		take(fd);
		CHECK_EQ(try_send(fd, len), 0);
	}
	CHECK_EQ(try_send(fd, len), ENOSPC);
	CHECK_EQ(truncate("/tmp/mnt/q", 0), 0);
	CHECK_EQ(statfs("/tmp/mnt", &fs), 0);
	CHECK_EQ(fs.f_bfree, fs.f_blocks);
	/* Exactly as many again. */
	for (i = 0; i < n; i++)
		CHECK_EQ(try_send(fd, len), 0);
	CHECK_EQ(try_send(fd, len), ENOSPC);
	printf("# %s: %d times %zu bytes\n", options, n, len);
	close(fd);
	CHECK_EQ(umount("/tmp/mnt"), 0);
}

TEST(the_size_of_a_mount_is_exact)
{
	fill_mount("size=64k", 100);
	fill_mount("size=10m", 100);
	fill_mount("size=10m", 5000);
	fill_mount("size=30m", 100000);
}

/*
 * Both find the mount full, and both fit when what a mailbox keeps is given
 * back: that is 64 KiB, or 32 messages of this length, each of 2 KiB.
 */
TEST(what_is_being_given_back_to_a_mount_is_not_refused)
{
	int keeper, filler, a, b, i, j, failed = 0, n = t_scaled(200);
	const size_t len = 1500;
	struct pair *p;

	mkdir("/tmp/mnt", 0755);
	CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, "size=512k"), 0);
	keeper = open_wide("/tmp/mnt/keeper");
	filler = open_wide("/tmp/mnt/filler");
	a = open_wide("/tmp/mnt/a");
	b = open_wide("/tmp/mnt/b");
	for (i = 0; !try_send(filler, len); i++)
		;
	CHECK_EQ(i, 256);
	p = begin_pair(b, 20000);
	for (i = 0; i < n; i++) {
		CHECK_EQ(truncate("/tmp/mnt/filler", 0), 0);
		CHECK_EQ(truncate("/tmp/mnt/a", 0), 0);
		CHECK_EQ(truncate("/tmp/mnt/b", 0), 0);
		for (j = 0; j < 40; j++)
			CHECK_EQ(try_send(keeper, len), 0);
		for (j = 0; j < 40; j++)
			take(keeper);
		/* Some 16 KiB are left, perhaps in stock at the CPUs. */
		for (j = 0; j < 256 - 32 - 8; j++)
			CHECK_EQ(try_send(filler, len), 0);
		failed += send_both(p, a);
	}
	end_pair(p);
	CHECK_EQ(failed, 0);
	close(keeper);
	close(filler);
	close(a);
	close(b);
	CHECK_EQ(umount("/tmp/mnt"), 0);
}

/* Two CPUs fill and drain: the bound holds, and nothing is lost. */
TEST(the_size_of_a_mount_holds_under_load)
{
	long long end = t_now_ms() + 5000;
	struct statfs fs;
	int i;

	mkdir("/tmp/mnt", 0755);
	CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, "size=20m"), 0);
	close(open_wide("/tmp/mnt/q"));
	for (i = 0; i < 6; i++) {
		int fd;

		if (t_fork())
			continue;
		srand(i);
		fd = open("/tmp/mnt/q", O_RDWR);
		while (t_now_ms() < end) {
			int n, ret = 0;

			for (n = rand() % 3000; n && !ret; n--)
				ret = try_send(fd, rand() % 9000);
			CHECK(!ret || ret == ENOSPC);
			for (n = rand() % 3000; n && !try_take(fd); n--)
				;
		}
		_exit(0);
	}
	while (t_now_ms() < end) {
		CHECK_EQ(statfs("/tmp/mnt", &fs), 0);
		CHECK(fs.f_bfree <= fs.f_blocks);
		usleep(1000);
	}
	t_wait_all();
	CHECK_EQ(truncate("/tmp/mnt/q", 0), 0);
	CHECK_EQ(statfs("/tmp/mnt", &fs), 0);
	CHECK_EQ(fs.f_bfree, fs.f_blocks);
	CHECK_EQ(umount("/tmp/mnt"), 0);
}

TEST(the_root_has_the_values_of_the_mount)
{
	mkdir("/tmp/mnt", 0755);
	CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0,
		       "naming=id,group_max_bytes=1k,group_max_mailboxes=2"), 0);
	CHECK_ERR(open("/tmp/mnt/x", O_RDWR | O_CREAT, 0600), EINVAL);
	CHECK_EQ(try_send(t_open("/tmp/mnt/7", O_RDWR), 1024), 0);
	CHECK_EQ(try_send(t_open("/tmp/mnt/8", O_RDWR), 1), EDQUOT);
	CHECK_ERR(open("/tmp/mnt/9", O_RDWR | O_CREAT, 0600), EDQUOT);
	CHECK_EQ(t_get("/tmp/mnt", "group_bytes"), 1024);
	CHECK_EQ(umount2("/tmp/mnt", MNT_DETACH), 0);
}

/* Four mailboxes on two levels, each with a delayed message. */
static int make_calls(void)
{
	static const char *const names[] = { "g/a", "g/b", "g/s/c", "g/s/t/d" };
	int i;

	make_group("g");
	make_group("g/s");
	make_group("g/s/t");
	for (i = 0; i < 4; i++) {
		int fd = t_open(names[i], O_RDWR);

		t_set(names[i], "send_delay_ms", "3600000");
		t_send(fd, "x");
		close(fd);
	}
	i = open("g", O_RDONLY | O_DIRECTORY);
	CHECK(i >= 0);
	return i;
}

static long long sum(const char *attribute)
{
	return t_get("g/a", attribute) + t_get("g/b", attribute) +
	       t_get("g/s/c", attribute) + t_get("g/s/t/d", attribute);
}

TEST(fsync_of_a_group_publishes_below_it)
{
	int dir = make_calls(), sub;

	sub = open("g/s", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(fsync(sub), 0);
	CHECK_EQ(sum("messages"), 2);
	CHECK_EQ(t_get("g/a", "messages"), 0);
	CHECK_EQ(fdatasync(dir), 0);
	CHECK_EQ(sum("messages"), 4);
	sync(); /* means no messages */
}

TEST(revoke_of_a_group_counts_what_is_below)
{
	int dir = make_calls();

	CHECK_EQ(ioctl(dir, MBOXFS_IOC_REVOKE), 4);
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_REVOKE), 0);
	CHECK_EQ(sum("delayed_messages"), 0);
	CHECK_EQ(sum("revoked_total"), 4);
}

TEST(stop_and_start_of_a_group)
{
	int dir = make_calls(), fd = open("g/s/t/d", O_WRONLY);

	CHECK_EQ(ioctl(dir, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(sum("stopped"), 4);
	CHECK_ERR(write(fd, "x", 1), ESHUTDOWN);
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_START), 0);
	CHECK_EQ(sum("stopped"), 0);
	t_send(fd, "x");
}

TEST(group_calls_go_by_the_rights_of_single_ones)
{
	int dir = make_calls();

	CHECK_EQ(chmod("g/a", 0644), 0);		/* not to be written */
	CHECK_EQ(chmod("g/s/t", 0744), 0);		/* not to be searched */
	CHECK_EQ(chown("g/b", 1000, 1000), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(ioctl(dir, MBOXFS_IOC_STOP), 0);
		/* All in the one he owns; he has sent nothing to others. */
		CHECK_EQ(ioctl(dir, MBOXFS_IOC_REVOKE), 1);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(sum("stopped"), 1);
	CHECK_EQ(t_get("g/b", "stopped"), 1);
	CHECK_EQ(t_get("g/a", "delayed_messages"), 1);
	CHECK_EQ(t_get("g/s/t/d", "delayed_messages"), 1);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(fsync(dir), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(sum("messages"), 1);
	CHECK_EQ(fsync(dir), 0);
	CHECK_EQ(sum("messages"), 3);
	/* Not at all without the right to search the group itself. */
	t_send(open("g/s/c", O_WRONLY), "x");
	CHECK_EQ(chmod("g", 0744), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(ioctl(dir, MBOXFS_IOC_REVOKE), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("g/s/c", "delayed_messages"), 1);
}

TEST(other_calls_are_for_mailboxes)
{
	struct mboxfs_msg m = t_msg(NULL, 0, 0);
	struct mboxfs_stat st;
	int dir = make_calls();

	CHECK_ERR(ioctl(dir, MBOXFS_IOC_SEND, &m), ENOTTY);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_RECV, &m), ENOTTY);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_STAT, &st), ENOTTY);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_PURGE), ENOTTY);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BIND), ENOTTY);
	CHECK_ERR(ioctl(dir, _IO(0xBD, 99)), ENOTTY);
	CHECK_ERR(ioctl(open("g/a", O_RDWR), MBOXFS_IOC_BROADCAST, &m), ENOTTY);
}

TEST(a_read_only_mount_changes_nothing)
{
	struct mboxfs_msg m = t_msg("x", 1, 0);
	int dir, fd;

	mkdir("/tmp/mnt", 0755);
	CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, ""), 0);
	CHECK_EQ(chdir("/tmp/mnt"), 0);
	dir = make_calls();
	fd = open("g/a", O_RDONLY);
	CHECK_EQ(mount(NULL, "/tmp/mnt", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
		       NULL), 0);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_REVOKE), EROFS);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_STOP), EROFS);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_START), EROFS);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), EROFS);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BARRIER_AWAKE), EROFS);
	CHECK_ERR(fsync(dir), EROFS);
	CHECK_ERR(fsync(fd), EROFS);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_STOP), EROFS);
	CHECK_ERR(open("g/a", O_WRONLY), EROFS);
	CHECK_ERR(mkdir("g/x", 0700), EROFS);
	CHECK_ERR(t_try_set("g", "max_messages", "1"), EROFS);
	CHECK_EQ(sum("delayed_messages"), 4);
	CHECK_EQ(mount(NULL, "/tmp/mnt", NULL, MS_REMOUNT | MS_BIND, NULL), 0);
	CHECK_EQ(fsync(dir), 0);
	CHECK_EQ(mount(NULL, "/tmp/mnt", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
		       NULL), 0);
	t_expect(fd, "x"); /* receiving is not changing */
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(umount2("/tmp/mnt", MNT_DETACH), 0);
}
