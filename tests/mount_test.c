// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mounting: options, bounds of a mount, namespaces, unmounting.
 */
#include "test.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>

#define MNT	"/tmp/mnt"

static void in_own_namespace(void)
{
	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mkdir(MNT, 0755);
}

static int try_mount(const char *options)
{
	return mount("none", MNT, "mboxfs", 0, options);
}

static void use_mount(const char *options)
{
	in_own_namespace();
	if (try_mount(options))
		test_failed(__FILE__, __LINE__, "mount %s: %m", options);
	CHECK_EQ(chdir(MNT), 0);
}

/* The line of /proc/self/mounts, from the options on. */
static const char *shown(void)
{
	static char line[1024];
	FILE *f = fopen("/proc/self/mounts", "r");
	char *found = NULL, *end;

	CHECK(f);
	while (!found && fgets(line, sizeof(line), f))
		if (strstr(line, " " MNT " mboxfs "))
			found = strstr(line, " mboxfs ") + 8;
	fclose(f);
	CHECK(found);
	end = strchr(found, ' ');
	if (end)
		*end = 0;
	return found;
}

TEST(options_are_shown_when_not_default)
{
	static const struct {
		const char *options, *shown;
	} table[] = {
		{ "", "rw,relatime" },
		{ "size=1m", "rw,relatime,size=1024k" },
		{ "size=5000", "rw,relatime,size=8k" },
		{ "size=0", "rw,relatime,size=0k" },
		{ "nr_inodes=10", "rw,relatime,nr_inodes=10" },
		{ "nr_inodes=1k", "rw,relatime,nr_inodes=1024" },
		{ "nr_inodes=0", "rw,relatime,nr_inodes=0" },
		{ "mode=755", "rw,relatime,mode=755" },
		{ "mode=1777", "rw,relatime" },
		{ "uid=1000,gid=1001", "rw,relatime,uid=1000,gid=1001" },
		{ "max_messages=100,when_full=fail",
		  "rw,relatime,max_messages=100,when_full=fail" },
		{ "max_messages=4096", "rw,relatime" },
		{ "type=fifo", "rw,relatime,type=fifo" },
		{ "type=file", "rw,relatime" },
		{ "max_message_size=0,max_bytes=1g,short_read=truncate,when_empty=eof",
		  "rw,relatime,max_message_size=0,max_bytes=1073741824,"
		  "short_read=truncate,when_empty=eof" },
	};
	unsigned int i;

	in_own_namespace();
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (try_mount(table[i].options))
			test_failed(__FILE__, __LINE__, "mount with '%s': %m",
				    table[i].options);
		if (strcmp(shown(), table[i].shown))
			test_failed(__FILE__, __LINE__, "'%s' shows '%s'",
				    table[i].options, shown());
		CHECK_EQ(umount(MNT), 0);
	}
}

static unsigned long long shown_size(void)
{
	const char *size = strstr(shown(), "size=");

	CHECK(size);
	return strtoull(size + 5, NULL, 10) << 10;
}

TEST(a_size_in_percent_is_of_all_memory)
{
	unsigned long long bytes;
	struct sysinfo info;

	in_own_namespace();
	CHECK_EQ(sysinfo(&info), 0);
	bytes = (unsigned long long)info.totalram * info.mem_unit;
	CHECK_EQ(try_mount("size=50%"), 0);
	CHECK(shown_size() >= bytes / 2 && shown_size() < bytes / 2 + 8192);
	CHECK_EQ(umount(MNT), 0);
	CHECK_EQ(try_mount("size=300%"), 0);
	CHECK(shown_size() >= bytes * 3 && shown_size() < bytes * 3 + 8192);
	CHECK_EQ(umount(MNT), 0);
}

TEST(bad_options_are_refused)
{
	static const char *const table[] = {
		"size=x", "size=1x", "size=-1", "size=", "size", "size=1.5m",
		"size=99999999999999999999", "size=%", "size=10%%",
		"size=9999999999999%", "size=x%", "size=-1%",
		"nr_inodes=x", "nr_inodes=-1", "nr_inodes=10%", "nr_inodes",
		"mode=9", "mode=17777", "mode=x", "mode", "uid=x", "uid=-1",
		"gid=-2x", "colour=red", "colour", "max_messages=x",
		"max_messages", "max_messages=-1", "max_messages=",
		"max_message_size=65m", "when_full=maybe", "short_read=1",
		"type=pipe", "type",
		"messages=1", "max_messages=5,colour=red",
	};
	unsigned int i;

	in_own_namespace();
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		errno = 0;
		if (!try_mount(table[i]) || errno != EINVAL)
			test_failed(__FILE__, __LINE__, "'%s': %m", table[i]);
	}
}

static int fs_set(int fd, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fd, 1 /* SET_STRING */, key, value, 0);
}

TEST(bad_options_leave_a_line_in_the_mount_log)
{
	static const char *const table[][2] = {
		{ "colour", "red" }, { "size", "big" }, { "when_full", "x" },
		{ "max_messages", "-1" },
	};
	char line[256];
	unsigned int i;
	ssize_t n;
	int fd;

	for (i = 0; i < 4; i++) {
		fd = syscall(SYS_fsopen, "mboxfs", 0);
		CHECK(fd >= 0);
		CHECK_ERR(fs_set(fd, table[i][0], table[i][1]), EINVAL);
		n = read(fd, line, sizeof(line) - 1);
		CHECK(n > 0);
		line[n] = 0;
		CHECK(strstr(line, table[i][0]));
		close(fd);
	}
}

/* How often the kernel's log names us. */
static int complaints(void)
{
	static char log[1 << 20];
	int len = klogctl(3 /* read all */, log, sizeof(log) - 1), n = 0;
	char *at = log;

	CHECK(len >= 0);
	log[len] = '\0';
	while ((at = strstr(at, "mboxfs"))) {
		at++;
		n++;
	}
	return n;
}

TEST(bad_options_of_others_are_not_in_the_kernel_log)
{
	static const char * const bad[] = {
		"size=x", "size", "size=", "mode=9", "mode", "uid=x", "uid=",
		"uid=77", "gid=x", "gid", "unknown", "unknown=1", "when_full=x",
		"max_messages", "nr_inodes=-1", "naming=",
	};
	int before = complaints(), i;

	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			CHECK_ERR(mount("none", "/tmp", "mboxfs", 0, bad[i]),
				  EINVAL);
		CHECK_EQ(mount("none", "/tmp", "mboxfs", 0, "size=1m"), 0);
		CHECK_ERR(mount(NULL, "/tmp", NULL, MS_REMOUNT, "size=x"),
			  EINVAL);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(complaints(), before);
	/* Root's are told. */
	CHECK_ERR(try_mount("size=x"), EINVAL);
	CHECK(complaints() > before);
}

TEST(the_root_is_what_was_asked_for)
{
	struct statfs fs;
	struct stat st;

	use_mount("mode=2750,uid=1000,gid=1001,max_messages=7,size=1m,nr_inodes=5");
	CHECK_EQ(stat(".", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 02750);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 1001);
	CHECK_EQ(t_get(".", "max_messages"), 7);
	t_open("q", O_RDWR);
	CHECK_EQ(t_get("q", "max_messages"), 7);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_type, 0x4d424f58);
	CHECK_EQ(fs.f_blocks * fs.f_bsize, 1048576);
	CHECK_EQ(fs.f_files, 5);
	CHECK_EQ(fs.f_ffree, 3);
	CHECK_EQ(fs.f_namelen, 255);
}

TEST(default_root_is_sticky_and_open_to_all)
{
	struct stat st;

	use_mount("");
	CHECK_EQ(stat(".", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 01777);
}

/* Empty messages use memory too. */
TEST(size_bounds_the_memory_of_messages)
{
	int fd, n = 0;
	struct statfs fs;

	use_mount("size=64k,max_messages=0,max_bytes=0");
	fd = t_open("q", O_RDWR);
	while (t_send_as(fd, "", 0, 0) == 0)
		n++;
	CHECK_EQ(errno, ENOSPC);
	CHECK(n >= 64 && n <= 65536 / 48);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_bfree, 0);
	CHECK_EQ(symlink("target", "s"), -1);
	CHECK_EQ(errno, ENOSPC);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_bfree, fs.f_blocks);
	CHECK_EQ(symlink("target", "s"), 0);
	while (write(fd, "0123456789", 10) == 10)
		;
	CHECK_EQ(errno, ENOSPC);
	/* Also what readers keep the rest of. */
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(unlink("s"), 0);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_bfree, fs.f_blocks);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	char c;

	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK(fs.f_bfree < fs.f_blocks);
	close(fd);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_bfree, fs.f_blocks);
}

TEST(nr_inodes_bounds_names)
{
	int i;
	char name[8];

	use_mount("nr_inodes=5");
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		close(t_open(name, O_RDWR));
	}
	CHECK_ERR(open("x", O_RDWR | O_CREAT, 0600), ENOSPC);
	CHECK_ERR(mkdir("x", 0700), ENOSPC);
	CHECK_ERR(symlink("x", "x"), ENOSPC);
	CHECK_ERR(open(".", O_TMPFILE | O_RDWR, 0600), ENOSPC);
	CHECK_EQ(unlink("q0"), 0);
	CHECK_EQ(mkdir("x", 0700), 0);
}

static int remount(const char *options)
{
	return mount("none", MNT, "mboxfs", MS_REMOUNT, options);
}

TEST(remount_changes_bounds_but_not_below_use)
{
	static char data[40000];
	int fd;

	use_mount("size=1m,nr_inodes=10");
	fd = t_open("q", O_RDWR);
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	CHECK_EQ(remount("size=2m"), 0);
	CHECK(!strcmp(shown(), "rw,relatime,size=2048k,nr_inodes=10"));
	CHECK_ERR(remount("size=16k"), EINVAL);
	CHECK_ERR(remount("nr_inodes=1"), EINVAL);
	CHECK_ERR(remount("size=4m,nr_inodes=1"), EINVAL);
	CHECK(!strcmp(shown(), "rw,relatime,size=2048k,nr_inodes=10"));
	CHECK_EQ(remount("size=64k,nr_inodes=2"), 0);
	CHECK_ERR(open("x", O_RDWR | O_CREAT, 0600), ENOSPC);
	CHECK_ERR(write(fd, data, sizeof(data)), ENOSPC);
	CHECK_EQ(remount("size=0,nr_inodes=0"), 0);
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	/* The rest is accepted and ignored, but has to be right. */
	CHECK_EQ(remount("mode=700,max_messages=1"), 0);
	CHECK_EQ(t_get(".", "max_messages"), 4096);
	CHECK_ERR(remount("max_messages=x"), EINVAL);
	CHECK_ERR(remount("colour=red"), EINVAL);
}

TEST(mounts_are_independent)
{
	in_own_namespace();
	mkdir("/tmp/mnt2", 0755);
	CHECK_EQ(try_mount(""), 0);
	CHECK_EQ(mount("none", "/tmp/mnt2", "mboxfs", 0, ""), 0);
	t_open(MNT "/q", O_RDWR);
	CHECK_ERR(open("/tmp/mnt2/q", O_RDWR), ENOENT);
	CHECK_EQ(umount("/tmp/mnt2"), 0);
}

TEST(a_read_only_mount_receives_only)
{
	int fd;

	use_mount("");
	fd = t_open("q", O_RDWR);
	t_send(fd, "x");
	close(fd);
	CHECK_EQ(mount(NULL, MNT, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	CHECK_ERR(open("q", O_WRONLY), EROFS);
	CHECK_ERR(open("p", O_RDWR | O_CREAT, 0600), EROFS);
	CHECK_ERR(t_try_set("q", "max_messages", "1"), EROFS);
	CHECK_ERR(truncate("q", 0), EROFS);
	CHECK_ERR(unlink("q"), EROFS);
	fd = open("q", O_RDONLY);
	t_expect(fd, "x");
	CHECK_ERR(fsync(fd), EROFS);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_STOP), EROFS);
}

TEST(umount_is_busy_while_files_are_open)
{
	int fd;

	in_own_namespace();
	CHECK_EQ(try_mount(""), 0);
	fd = t_open(MNT "/q", O_RDWR);
	CHECK_ERR(umount(MNT), EBUSY);
	if (!t_fork()) {
		t_expect(fd, "x");
		_exit(0);
	}
	t_await(MNT "/q", "readers_waiting", 1);
	CHECK_EQ(umount2(MNT, MNT_DETACH), 0);
	/* It lives on for who has it open. */
	t_send(fd, "x");
	t_wait_all();
}

TEST(nothing_can_be_run_from_it)
{
	int fd;

	use_mount("mode=777");
	fd = t_open("q", O_RDWR);
	t_send(fd, "#!/bin/true\n");
	CHECK_EQ(chmod("q", 0777), 0);
	close(fd);
	CHECK_ERR(execl("./q", "q", NULL), EACCES);
}

TEST(no_overlay_on_top)
{
	in_own_namespace();
	CHECK_EQ(try_mount(""), 0);
	CHECK_EQ(mkdir(MNT "/up", 0777), 0);
	CHECK_EQ(mkdir(MNT "/work", 0777), 0);
	mkdir("/tmp/low", 0777);
	mkdir("/tmp/merged", 0777);
	/* ENODEV where the kernel has no overlayfs loaded. */
	CHECK_EQ(mount("o", "/tmp/merged", "overlay", 0,
		       "lowerdir=/tmp/low,upperdir=" MNT "/up,workdir=" MNT
		       "/work"), -1);
	CHECK(errno == EINVAL || errno == ENODEV);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Anyone may mount in a user namespace of their own; it is bounded there. */
TEST(an_unprivileged_user_mounts_in_a_user_namespace)
{
	struct statfs fs;
	struct stat st;
	int fd;

	CHECK_EQ(mkdir(MNT, 0777) == 0 || errno == EEXIST, 1);
	t_user(1000);
	prctl(PR_SET_DUMPABLE, 1);
	CHECK_EQ(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 1000 1");
	write_file("/proc/self/gid_map", "0 1000 1");
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_ERR(try_mount("uid=5"), EINVAL);
	CHECK_EQ(try_mount("size=0,nr_inodes=0"), 0);
	/* There they mean the defaults. */
	CHECK(!strstr(shown(), "size="));
	CHECK(!strstr(shown(), "nr_inodes="));
	CHECK_EQ(chdir(MNT), 0);
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK(fs.f_blocks > 0);
	CHECK(fs.f_files > 0);
	CHECK_EQ(stat(".", &st), 0);
	CHECK_EQ(st.st_uid, 0);
	fd = t_open("q", O_RDWR);
	t_send(fd, "x");
	t_expect(fd, "x");
	t_set("q", "max_messages", "1");
	close(fd);
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(umount(MNT), 0);
}

/* sync(2) and syncfs(2) go through and do nothing. */
TEST(sync_passes)
{
	int fd;

	use_mount("");
	fd = t_open("q", O_RDWR);
	t_send(fd, "x");
	sync();
	CHECK_EQ(syncfs(fd), 0);
	t_expect(fd, "x");
}

TEST(freezing_is_refused)
{
	int fd;

	use_mount("");
	fd = open(".", O_RDONLY);
	CHECK_ERR(ioctl(fd, 0xc0045877 /* FIFREEZE */, 0), EOPNOTSUPP);
}

/* Objects of all caches of messages. */
static long long message_objects(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	long long sum = 0, active;
	char line[512];

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "mboxfs_msg_%*s %lld", &active) == 1)
			sum += active;
	fclose(f);
	return sum;
}

/* Of slabs that are not full the kernel only knows more or less. */
TEST(what_is_kept_for_reuse_goes_if_memory_is_short)
{
	int fd, i, j, drop;
	char name[16], data[800] = "";
	long long kept, end = t_now_ms() + 60000;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		fd = t_open(name, O_RDWR);
		for (j = 0; j < 30; j++)
			CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
		for (j = 0; j < 30; j++)
			CHECK_EQ(read(fd, data, sizeof(data)), sizeof(data));
	}
	kept = message_objects();
	CHECK(kept >= 3000);
	drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	CHECK(drop >= 0);
	do {
		CHECK_EQ(write(drop, "2", 1), 1);
	} while (message_objects() > kept - 2500 && t_now_ms() < end);
	CHECK(message_objects() <= kept - 2500);
	/* They are still open, and work as before. */
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(read(fd, data, sizeof(data)), 1);
}
