// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lgroups has called itself, on mboxfs: lib/compat/groups.h.
 */
#include "test.h"

#include <sys/mount.h>

#include <groups.h>

#define HOUR	3600000U
#define EACH	50

/* Where and how the manual says, on a mount of this test's own. */
static void set_up(void)
{
	CHECK_EQ(mkdir("/dev/synch", 0755) == 0 || errno == EEXIST, 1);
	while (umount2("/dev/synch", MNT_DETACH) == 0)
		;
	CHECK_EQ(mount("none", "/dev/synch", "mboxfs", 0,
		       "max_message_size=100,max_bytes=10000,max_messages=0,"
		       "when_full=fail,when_empty=eof,short_read=truncate,"
		       "flush_on_close=1,group_max_mailboxes=2000"), 0);
	CHECK_EQ(close(t_open("/dev/synch/group0", O_WRONLY)), 0);
	unlink("/dev/group0");
	CHECK_EQ(symlink("synch/group0", "/dev/group0"), 0);
}

static void tear_down(void)
{
	CHECK_EQ(unlink("/dev/group0"), 0);
	umount2("/dev/synch", MNT_DETACH);
}

static int try_install(const char *id, struct group_t *group)
{
	int fd = open("/dev/group0", O_RDWR | O_CLOEXEC), ret;

	CHECK(fd >= 0);
	memset(group, 'x', sizeof(*group));
	memcpy(group->id, id, strnlen(id, sizeof(group->id) - 1) + 1);
	ret = ioctl(fd, INSTALL_GROUP, group);
	close(fd);
	return ret;
}

static int open_group(const struct group_t *group)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/synch/%s", group->devname);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static int installed(const char *id)
{
	struct group_t group;

	CHECK(try_install(id, &group) >= 0);
	return open_group(&group);
}

static void send_text(int fd, const char *text)
{
	CHECK_EQ(write(fd, text, strlen(text) + 1), (int)strlen(text) + 1);
}

static void expect(int fd, const char *text)
{
	char got[256];

	CHECK_EQ(read(fd, got, sizeof(got)), (int)strlen(text) + 1);
	CHECK(!strcmp(got, text));
}

static void expect_empty(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(install_tells_new_from_old)
{
	struct group_t one, two, again;
	struct stat st;
	int fd, other;

	set_up();
	umask(077);
	CHECK_EQ(try_install("one", &one), 1);
	CHECK(!strcmp(one.devname, "group1"));
	CHECK(!strcmp(one.id, "one"));
	CHECK_EQ(try_install("two", &two), 1);
	CHECK(!strcmp(two.devname, "group2"));
	CHECK_EQ(try_install("one", &again), 0);
	CHECK(!strcmp(again.devname, "group1"));
	CHECK_EQ(try_install("groups", &again), 0);
	CHECK(!strcmp(again.devname, "group0"));
	CHECK_EQ(lstat("/dev/synch/group1", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0666);
	fd = open_group(&one);
	send_text(fd, "hello");
	other = open_group(&two);
	expect_empty(other);
	/* Any group's file installs, for any user. */
	if (!t_fork()) {
		t_user(1000);
		snprintf(again.id, sizeof(again.id), "theirs");
		CHECK_EQ(ioctl(other, INSTALL_GROUP, &again), 1);
		CHECK(!strcmp(again.devname, "group3"));
		CHECK_EQ(try_install("one", &again), 0);
		expect(open_group(&again), "hello");
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(try_install("theirs", &again), 0);
	send_text(open_group(&again), "hello");
	CHECK_ERR(ioctl(fd, INSTALL_GROUP, NULL), EFAULT);
	CHECK_ERR(ioctl(-1, INSTALL_GROUP, &again), EBADF);
	fd = open("/tmp", O_RDONLY);
	CHECK_ERR(ioctl(fd, INSTALL_GROUP, &again), ENOTTY);
	tear_down();
}

TEST(any_bytes_are_an_id)
{
	static const char *const ids[] = {
		"", ".", "..", "/", "a/b", "../x", "%", "%2F", "group1", "\n",
		"group2", "id:a", "1234567890123456789012345678901",
		"12345678901234567890123456789012",
		"////////////////////////////////",
	};
	int i, n = sizeof(ids) / sizeof(*ids);
	struct group_t group;
	char name[32];

	set_up();
	for (i = 0; i < n; i++)
		CHECK_EQ(try_install(ids[i], &group), 1);
	for (i = 0; i < n; i++) {
		CHECK_EQ(try_install(ids[i], &group), 0);
		snprintf(name, sizeof(name), "group%d", i + 1);
		CHECK(!strcmp(group.devname, name));
	}
	CHECK_EQ(t_names("/dev/synch"), 2 * n + 1);
	tear_down();
}

TEST(two_thousand_in_all)
{
	struct group_t group;
	char id[32];
	int i;

	set_up();
	for (i = 1; i <= 1999; i++) {
		snprintf(id, sizeof(id), "id %d", i);
		CHECK_EQ(try_install(id, &group), 1);
	}
	CHECK(!strcmp(group.devname, "group1999"));
	CHECK_ERR(try_install("one more", &group), EDQUOT);
	CHECK_EQ(try_install("id 1999", &group), 0);
	CHECK(!strcmp(group.devname, "group1999"));
	CHECK_EQ(try_install("groups", &group), 0);
	CHECK_EQ(t_get("/dev/synch", "group_mailboxes"), 2000);
	tear_down();
}

static void install_each(int *fresh, long *numbers, int n)
{
	struct group_t group;
	char id[32];
	int i, ret;

	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%d", i);
		ret = try_install(id, &group);
		CHECK(ret == 0 || ret == 1);
		__sync_fetch_and_add(&fresh[i], ret);
		__sync_fetch_and_add(&numbers[i],
				     atol(group.devname + strlen("group")));
	}
	_exit(0);
}

TEST(one_of_many_installers_gets_new)
{
	struct shared { int fresh[EACH]; long numbers[EACH]; } *s;
	int i, k, n = t_scaled(EACH);

	set_up();
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (k = 0; k < 4; k++)
		if (!t_fork())
			install_each(s->fresh, s->numbers, n);
	t_wait_all();
	for (i = 0; i < n; i++) {
		struct group_t group;
		char id[32];

		CHECK_EQ(s->fresh[i], 1);
		/* All have been told the same. */
		snprintf(id, sizeof(id), "%d", i);
		CHECK_EQ(try_install(id, &group), 0);
		CHECK_EQ(s->numbers[i], 4 * atol(group.devname + 5));
	}
	CHECK_EQ(t_get("/dev/synch", "group_mailboxes"), n + 1);
	CHECK_EQ(t_names("/dev/synch"), 2 * n + 1);
	tear_down();
}

TEST(messages_and_their_sizes)
{
	char text[101] = "", got[128];
	int fd, i;

	set_up();
	fd = installed("one");
	send_text(fd, "x");
	expect(fd, "x");
	CHECK_ERR(write(fd, "", 1), EBADMSG);
	CHECK_ERR(write(fd, "x", 1), EBADMSG);
	CHECK_ERR(write(fd, "", 0), EBADMSG);
	CHECK_ERR(write(fd, NULL, 0), EBADMSG);
	CHECK_ERR(write(fd, text, 101), EMSGSIZE);
	CHECK_ERR(write(fd, NULL, 2), EFAULT);
	expect_empty(fd);
	CHECK_EQ(write(fd, "truncated", 10), 10);
	send_text(fd, "next");
	CHECK_EQ(read(fd, got, 5), 5);
	CHECK(!memcmp(got, "trunc", 5));
	expect(fd, "next");
	/* 10000 bytes, with what is delayed. */
	for (i = 0; i < 100; i++) {
		if (i == 50)
			CHECK_EQ(ioctl(fd, SET_SEND_DELAY, &(int){ HOUR }), 0);
		CHECK_EQ(write(fd, text, 100), 100);
	}
	CHECK_ERR(write(fd, "x", 2), ENOSPC);
	tear_down();
}

/* Also of one byte and of none, by the same name. */
TEST(other_writes_go_where_they_went)
{
	int pipes[2], n = -1;
	char got[8];

	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(write(pipes[1], "a", 1), 1);
	CHECK_EQ(write(pipes[1], "", 0), 0);
	CHECK_EQ(write(pipes[1], "bc", 2), 2);
	CHECK_EQ(ioctl(pipes[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(read(pipes[0], got, sizeof(got)), 3);
	CHECK_ERR(write(pipes[0], "a", 1), EBADF);
	CHECK_ERR(write(-1, "", 0), EBADF);
	CHECK_ERR(ioctl(pipes[0], AWAKE_BARRIER), ENOTTY);
	CHECK_ERR(ioctl(pipes[0], REVOKE_DELAYED_MESSAGES), ENOTTY);
}

TEST(what_is_delayed)
{
	unsigned int hour = HOUR, none = 0;
	int fd, other;

	set_up();
	fd = installed("one");
	other = installed("one");
	CHECK_EQ(ioctl(fd, SET_SEND_DELAY, &hour), 0);
	CHECK_ERR(ioctl(fd, SET_SEND_DELAY, NULL), EFAULT);
	send_text(fd, "with close");
	expect_empty(other);
	CHECK_EQ(close(fd), 0);
	expect(other, "with close");
	fd = installed("one");
	send_text(fd, "revoked");
	CHECK_EQ(ioctl(fd, REVOKE_DELAYED_MESSAGES), 0);
	CHECK_EQ(ioctl(fd, REVOKE_DELAYED_MESSAGES), 0);
	/* A lower one lets later messages overtake. */
	send_text(fd, "late");
	CHECK_EQ(ioctl(fd, SET_SEND_DELAY, &none), 0);
	send_text(fd, "early");
	expect(fd, "early");
	expect_empty(fd);
	CHECK_EQ(close(fd), 0);
	expect(other, "late");
	expect_empty(other);
	tear_down();
}

static void handler(int sig)
{
}

TEST(sleep_and_awake)
{
	struct sigaction sa = { .sa_handler = handler };
	pid_t pid;
	int fd, i;

	set_up();
	fd = installed("one");
	CHECK_EQ(ioctl(fd, AWAKE_BARRIER), 2);
	for (i = 0; i < 3; i++) {
		if (t_fork())
			continue;
		CHECK_EQ(ioctl(installed("one"), SLEEP_ON_BARRIER), 0);
		_exit(0);
	}
	t_await("/dev/synch/group1", "barrier_sleepers", 3);
	CHECK_EQ(ioctl(installed("two"), AWAKE_BARRIER), 2);
	CHECK_EQ(ioctl(fd, AWAKE_BARRIER), 0);
	t_wait_all();
	CHECK_EQ(ioctl(fd, AWAKE_BARRIER), 2);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
		CHECK_ERR(ioctl(fd, SLEEP_ON_BARRIER), EINTR);
		_exit(0);
	}
	t_await("/dev/synch/group1", "barrier_sleepers", 1);
	kill(pid, SIGUSR1);
	t_wait(pid);
	tear_down();
}

static unsigned long limit(const char *devname, const char *name)
{
	unsigned long value = 0;

	CHECK_EQ(groups_get_limit(devname, name, &value), 0);
	return value;
}

TEST(limits)
{
	const char *message = "max_message_size", *storage = "max_storage_size";
	unsigned long value;
	int fd;

	set_up();
	fd = installed("one");
	installed("two");
	CHECK_EQ(limit("group1", message), 100);
	CHECK_EQ(limit("group1", storage), 10000);
	CHECK_EQ(groups_set_limit("group1", message, 6), 0);
	CHECK_EQ(groups_set_limit("group1", storage, 10), 0);
	CHECK_EQ(limit("group1", message), 6);
	CHECK_EQ(limit("group1", storage), 10);
	CHECK_EQ(limit("group2", message), 100);
	send_text(fd, "12345");
	CHECK_ERR(write(fd, "123456", 7), EMSGSIZE);
	CHECK_ERR(write(fd, "12345", 6), ENOSPC);
	/* What could never be stored finds no room either. */
	CHECK_EQ(groups_set_limit("group1", message, 1000), 0);
	CHECK_ERR(write(fd, "1234567890", 11), ENOSPC);
	CHECK_ERR(groups_set_limit("group1", storage, 0), EINVAL);
	CHECK_ERR(groups_get_limit("group1", "max_other_size", &value), ENOENT);
	CHECK_ERR(groups_get_limit("group3", message, &value), ENOENT);
	CHECK_ERR(groups_get_limit("group", message, &value), ENOENT);
	CHECK_ERR(groups_get_limit("../synch/group1", message, &value), ENOENT);
	CHECK_ERR(groups_get_limit("group1", message, NULL), EFAULT);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(limit("group1", message), 1000);
		CHECK_ERR(groups_set_limit("group1", message, 10), EACCES);
		_exit(0);
	}
	t_wait_all();
	tear_down();
}
