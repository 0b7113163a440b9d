// SPDX-License-Identifier: GPL-2.0-only
/*
 * SynchMess, on mboxfs: lib/compat/synchmess.h.
 */
#include "test.h"

#include <sys/mount.h>

#include <synchmess.h>

#define HOUR	3600000U

/* Where and how the manual says, on a mount of this test's own. */
static void set_up(void)
{
	CHECK_EQ(mkdir("/dev/synch", 0755) == 0 || errno == EEXIST, 1);
	while (umount2("/dev/synch", MNT_DETACH) == 0)
		;
	CHECK_EQ(mount("none", "/dev/synch", "mboxfs", 0,
		       "max_message_size=1024,max_bytes=1m,max_messages=0,"
		       "when_full=fail,when_empty=eof,short_read=truncate,"
		       "delay_change=idle"), 0);
	CHECK_EQ(mkdir("/dev/synch/synchmess", 0755), 0);
}

static int open_synchmess(void)
{
	int fd = open("/dev/synch/synchmess", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	return fd;
}

static int install(unsigned int descriptor)
{
	struct group_t group = { descriptor };
	int synchmess = open_synchmess(), fd;

	CHECK_EQ(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), 0);
	fd = open(group.device_path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	close(synchmess);
	return fd;
}

static int set_delay(int fd, unsigned int ms)
{
	return ioctl(fd, IOCTL_SET_SEND_DELAY, &ms);
}

static void expect_empty(int fd)
{
	char c;

	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(install_and_open)
{
	struct group_t group = { 1 };
	int synchmess, fd;
	struct stat st;

	set_up();
	umask(077);
	synchmess = open_synchmess();
	CHECK_EQ(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), 0);
	CHECK(!strcmp(group.device_path, "/dev/synch/synchmess1"));
	CHECK_EQ(stat(group.device_path, &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0666);
	fd = open(group.device_path, O_RDWR);
	t_send(fd, "hello");
	/* An old one stays as it is, for all users. */
	if (!t_fork()) {
		t_user(1000);
		memset(group.device_path, 'x', sizeof(group.device_path));
		CHECK_EQ(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), 0);
		fd = open(group.device_path, O_RDWR);
		CHECK(fd >= 0);
		t_expect(fd, "hello");
		group.descriptor = 2;
		CHECK_EQ(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), 0);
		_exit(0);
	}
	t_wait_all();
	t_send(install(2), "hello");
	CHECK_ERR(ioctl(synchmess, IOCTL_INSTALL_GROUP, NULL), EFAULT);
	CHECK_ERR(ioctl(-1, IOCTL_INSTALL_GROUP, &group), EBADF);
	fd = open("/tmp", O_RDONLY);
	CHECK_ERR(ioctl(fd, IOCTL_INSTALL_GROUP, &group), ENOTTY);
	umount2("/dev/synch", MNT_DETACH);
}

TEST(descriptors)
{
	static const unsigned int bad[] = { 0, 65, 1000, UINT_MAX };
	struct group_t group;
	int synchmess, i;

	set_up();
	synchmess = open_synchmess();
	for (i = 0; i < 4; i++) {
		group.descriptor = bad[i];
		CHECK_ERR(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), EBADF);
	}
	for (i = 1; i <= 64; i++) {
		group.descriptor = i;
		CHECK_EQ(ioctl(synchmess, IOCTL_INSTALL_GROUP, &group), 0);
		CHECK_EQ(access(group.device_path, F_OK), 0);
	}
	CHECK_EQ(t_get("/dev/synch", "group_mailboxes"), 64);
	/* What programs call their number. */
	CHECK_EQ(MAX_NUM_GROUPS, 64);
	umount2("/dev/synch", MNT_DETACH);
}

TEST(the_folder_can_be_another_one)
{
	struct group_t group = { 3 };
	char folder[300] = "./";
	int fd = t_open_group("synchmess");

	CHECK_EQ(setenv("MBOXFS", ".", 1), 0);
	CHECK_EQ(ioctl(fd, IOCTL_INSTALL_GROUP, &group), 0);
	CHECK(!strcmp(group.device_path, "./synchmess3"));
	CHECK_EQ(access("synchmess3", F_OK), 0);
	memset(folder + 2, 'x', 250);
	CHECK_EQ(setenv("MBOXFS", folder, 1), 0);
	CHECK_ERR(ioctl(fd, IOCTL_INSTALL_GROUP, &group), ENAMETOOLONG);
}

/* Also to root. */
TEST(the_master_installs_and_no_more)
{
	struct group_t group = { 1 };
	int fd;
	char c;

	set_up();
	CHECK_ERR(open("/dev/synch/synchmess", O_WRONLY), EISDIR);
	CHECK_ERR(open("/dev/synch/synchmess", O_RDWR), EISDIR);
	fd = open_synchmess();
	CHECK_ERR(read(fd, &c, 1), EISDIR);
	CHECK_ERR(write(fd, "x", 1), EBADF);
	CHECK_ERR(set_delay(fd, HOUR), EPERM);
	CHECK_ERR(ioctl(fd, IOCTL_SLEEP), EPERM);
	CHECK_ERR(ioctl(fd, IOCTL_AWAKE), EPERM);
	CHECK_ERR(ioctl(fd, IOCTL_REVOKE_DELAYED_MESSAGES), EPERM);
	CHECK_EQ(t_get("/dev/synch/synchmess", "send_delay_ms"), 0);
	CHECK_EQ(ioctl(fd, IOCTL_INSTALL_GROUP, &group), 0);
	umount2("/dev/synch", MNT_DETACH);
}

TEST(limits)
{
	char message[1025], got[2048];
	int fd, i;

	set_up();
	fd = install(1);
	expect_empty(fd);
	memset(message, 'x', sizeof(message));
	CHECK_ERR(write(fd, message, 1025), EMSGSIZE);
	for (i = 0; i < 1024; i++)
		CHECK_EQ(write(fd, message, 1024), 1024);
	CHECK_ERR(write(fd, message, 1), ENOSPC);
	CHECK_EQ(read(fd, got, sizeof(got)), 1024);
	/* What has no room is gone. */
	CHECK_EQ(read(fd, got, 100), 100);
	CHECK_EQ(write(fd, message, 1024), 1024);
	/* What is delayed counts. */
	CHECK_EQ(set_delay(fd, HOUR), 0);
	CHECK_EQ(write(fd, message, 1024), 1024);
	CHECK_ERR(write(fd, message, 1), ENOSPC);
	for (i = 0; i < 1023; i++)
		CHECK_EQ(read(fd, got, sizeof(got)), 1024);
	expect_empty(fd);
	umount2("/dev/synch", MNT_DETACH);
}

TEST(what_is_delayed)
{
	int fd, other;

	set_up();
	fd = install(1);
	other = install(1);
	CHECK_EQ(set_delay(fd, HOUR), 0);
	CHECK_EQ(set_delay(fd, HOUR), 0);
	t_send(fd, "one");
	t_send(fd, "two");
	expect_empty(fd);
	CHECK_ERR(set_delay(fd, 0), EPERM);
	CHECK_ERR(set_delay(other, HOUR), EPERM);
	CHECK_ERR(ioctl(fd, IOCTL_SET_SEND_DELAY, NULL), EFAULT);
	/* Closing does not publish, fsync does. */
	CHECK_EQ(close(fd), 0);
	expect_empty(other);
	CHECK_EQ(fsync(other), 0);
	t_expect(other, "one");
	t_expect(other, "two");
	expect_empty(other);
	/* Now it may change. */
	CHECK_EQ(set_delay(other, HOUR), 0);
	t_send(other, "three");
	CHECK_EQ(ioctl(other, IOCTL_REVOKE_DELAYED_MESSAGES), 0);
	CHECK_EQ(ioctl(other, IOCTL_REVOKE_DELAYED_MESSAGES), 0);
	CHECK_EQ(fsync(other), 0);
	expect_empty(other);
	CHECK_EQ(set_delay(other, 0), 0);
	t_send(other, "four");
	t_expect(other, "four");
	umount2("/dev/synch", MNT_DETACH);
}

TEST(sleep_and_awake)
{
	int fd, i;

	set_up();
	fd = install(1);
	CHECK_EQ(ioctl(fd, IOCTL_AWAKE), 0);
	for (i = 0; i < 5; i++) {
		if (t_fork())
			continue;
		CHECK_EQ(ioctl(install(1), IOCTL_SLEEP), 0);
		_exit(0);
	}
	t_await("/dev/synch/synchmess1", "barrier_sleepers", 5);
	CHECK_EQ(ioctl(install(2), IOCTL_AWAKE), 0);
	CHECK_EQ(ioctl(fd, IOCTL_AWAKE), 5);
	CHECK_EQ(ioctl(fd, IOCTL_AWAKE), 0);
	t_wait_all();
	umount2("/dev/synch", MNT_DETACH);
}

/* Other ioctls are nobody's business. */
TEST(other_ioctls_go_where_they_went)
{
	struct mboxfs_msg m = t_msg("x", 1, 0);
	int fd, pipes[2], n = -1;

	set_up();
	fd = install(1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	t_expect(fd, "x");
	CHECK_ERR(ioctl(fd, TCGETS, &m), ENOTTY);
	CHECK_EQ(pipe(pipes), 0);
	CHECK_EQ(write(pipes[1], "abc", 3), 3);
	CHECK_EQ(ioctl(pipes[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 3);
	CHECK_ERR(ioctl(pipes[0], IOCTL_AWAKE), ENOTTY);
	CHECK_ERR(ioctl(pipes[0], IOCTL_REVOKE_DELAYED_MESSAGES), ENOTTY);
	umount2("/dev/synch", MNT_DETACH);
}

/* Two processes at once, all groups, from the beginning to the end. */
TEST(the_whole_sequence)
{
	int fds[64], sent, got, i;
	char message[1024];

	set_up();
	for (i = 0; i < 64; i++)
		fds[i] = install(i + 1);
	if (!t_fork()) {
		for (i = 0; i < t_scaled(2000); i++)
			CHECK_EQ(write(fds[i % 64], message, 1 + i % 1024),
				 1 + i % 1024);
		CHECK_EQ(ioctl(fds[0], IOCTL_SLEEP), 0);
		for (i = 0; i < 640; i++)
			CHECK_EQ(write(fds[i % 64], message, 100), 100);
		_exit(0);
	}
	for (got = 0, i = 0; got < t_scaled(2000); i++)
		got += read(fds[i % 64], message, sizeof(message)) > 0;
	for (i = 0; i < 64; i++)
		CHECK_EQ(set_delay(fds[i], HOUR), 0);
	while (ioctl(fds[0], IOCTL_AWAKE) == 0)
		t_sleep_ms(1);
	t_wait_all();
	for (i = 0; i < 32; i++)
		CHECK_EQ(fsync(fds[i]), 0);
	for (i = 0, sent = 0; i < 64; i++) {
		CHECK_EQ(ioctl(fds[i], IOCTL_REVOKE_DELAYED_MESSAGES), 0);
		while (read(fds[i], message, sizeof(message)) > 0)
			sent++;
	}
	CHECK_EQ(sent, 320);
	CHECK_EQ(t_get("/dev/synch", "group_bytes"), 0);
	umount2("/dev/synch", MNT_DETACH);
}
