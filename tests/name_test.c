// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names: make, move and remove mailboxes, groups and symlinks.
 */
#include "test.h"

#include <dirent.h>

TEST(a_mailbox_is_made_and_removed)
{
	struct stat st;

	t_open("q", O_RDWR);
	CHECK_EQ(stat("q", &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0666);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_ERR(open("q", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(open("q", O_RDWR), ENOENT);
	CHECK_ERR(unlink("q"), ENOENT);
}

TEST(a_group_is_made_and_removed)
{
	struct stat st;

	CHECK_EQ(mkdir("g", 0750), 0);
	CHECK_EQ(mkdir("g/sub", 0777), 0);
	CHECK_EQ(stat("g", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(st.st_mode & 07777, 0750);
	CHECK_ERR(rmdir("g"), ENOTEMPTY);
	CHECK_ERR(mkdir("g", 0777), EEXIST);
	CHECK_ERR(unlink("g"), EISDIR);
	CHECK_EQ(rmdir("g/sub"), 0);
	t_open("g/q", O_RDWR);
	CHECK_ERR(rmdir("g"), ENOTEMPTY);
	CHECK_ERR(rmdir("g/q"), ENOTDIR);
	CHECK_EQ(unlink("g/q"), 0);
	CHECK_EQ(rmdir("g"), 0);
	CHECK_ERR(stat("g", &st), ENOENT);
}

TEST(a_setgid_group_hands_its_group_down)
{
	struct stat st;

	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(chown("g", 0, 1001), 0);
	CHECK_EQ(chmod("g", 02775), 0);
	t_open("g/q", O_RDWR);
	CHECK_EQ(mkdir("g/sub", 0775), 0);
	CHECK_EQ(stat("g/q", &st), 0);
	CHECK_EQ(st.st_gid, 1001);
	CHECK_EQ(stat("g/sub", &st), 0);
	CHECK_EQ(st.st_gid, 1001);
	CHECK(st.st_mode & S_ISGID);
}

TEST(what_is_left_of_an_unlinked_mailbox_can_be_received)
{
	int fd = t_open("q", O_RDWR), again;
	char c;

	t_send(fd, "1");
	t_send(fd, "2");
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(write(fd, "3", 1), ESHUTDOWN);
	t_expect(fd, "1");
	/* A new one of the same name is another one. */
	again = t_open("q", O_RDWR);
	t_send(again, "new");
	t_expect(fd, "2");
	CHECK_EQ(read(fd, &c, 1), 0);
	t_expect(again, "new");
}

TEST(rename_moves_messages_along)
{
	int fd = t_open("a", O_RDWR);

	CHECK_EQ(mkdir("g", 0777), 0);
	t_send(fd, "x");
	CHECK_EQ(rename("a", "b"), 0);
	CHECK_EQ(rename("b", "g/c"), 0);
	CHECK_EQ(t_get("g/c", "messages"), 1);
	t_expect(fd, "x");
	t_send(fd, "y");
	CHECK_EQ(rename("g", "h"), 0);
	CHECK_EQ(t_get("h/c", "messages"), 1);
}

TEST(rename_over_a_mailbox_stops_it)
{
	int a = t_open("a", O_RDWR), b = t_open("b", O_RDWR);
	char c;

	t_send(a, "from a");
	t_send(b, "from b");
	if (!t_fork()) {
		t_expect(b, "from b");
		CHECK_EQ(read(b, &c, 1), 0);
		_exit(0);
	}
	t_await("b", "readers_waiting", 1);
	CHECK_EQ(rename("a", "b"), 0);
	t_wait_all();
	CHECK_ERR(write(b, "x", 1), ESHUTDOWN);
	CHECK_EQ(t_get("b", "messages"), 1);
	t_expect(a, "from a");
}

static int renameat2_(const char *from, const char *to, unsigned int flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

TEST(rename_flags)
{
	int a = t_open("a", O_RDWR), b = t_open("b", O_RDWR);

	t_send(a, "a");
	t_send(b, "b");
	CHECK_ERR(renameat2_("a", "b", RENAME_NOREPLACE), EEXIST);
	CHECK_EQ(renameat2_("a", "b", RENAME_EXCHANGE), 0);
	t_expect(open("a", O_RDONLY), "b");
	t_expect(open("b", O_RDONLY), "a");
	t_send(a, "alive");
	t_send(b, "alive");
	CHECK_EQ(renameat2_("a", "c", RENAME_NOREPLACE), 0);
	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(renameat2_("c", "g", RENAME_EXCHANGE), 0);
	CHECK_ERR(renameat2_("b", "d", RENAME_WHITEOUT), EINVAL);
	CHECK_ERR(rename("b", "c"), EISDIR);
	CHECK_ERR(rename("c", "b"), ENOTDIR);
	CHECK_EQ(mkdir("c/sub", 0777), 0);
	CHECK_ERR(rename("c", "c/sub/x"), EINVAL);
	CHECK_EQ(mkdir("full", 0777), 0);
	t_open("full/q", O_RDWR);
	CHECK_ERR(rename("c", "full"), ENOTEMPTY);
}

TEST(hard_links_are_refused)
{
	t_open("q", O_RDWR);
	CHECK_ERR(link("q", "p"), EPERM);
	CHECK_EQ(symlink("q", "s"), 0);
	CHECK_ERR(linkat(AT_FDCWD, "s", AT_FDCWD, "p", 0), EPERM);
}

TEST(a_mailbox_without_a_name_can_get_one_once)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0640), other;
	struct stat st;

	CHECK(fd >= 0);
	t_send(fd, "1");
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(t_name_it(fd, "q"), 0);
	CHECK_ERR(t_name_it(fd, "p"), EPERM);
	other = open("q", O_RDWR);
	t_expect(other, "1");
	t_send(other, "2");
	t_expect(fd, "2");
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(t_name_it(fd, "q"), ENOENT);
	CHECK_ERR(write(fd, "x", 1), ESHUTDOWN);
}

TEST(symlinks)
{
	char target[PATH_MAX];
	struct stat st;
	int fd;

	CHECK_EQ(symlink("somewhere/q", "s"), 0);
	CHECK_EQ(readlink("s", target, sizeof(target)), 11);
	CHECK(!memcmp(target, "somewhere/q", 11));
	CHECK_EQ(lstat("s", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_size, 11);
	CHECK_ERR(open("s", O_RDONLY), ENOENT);
	CHECK_EQ(mkdir("somewhere", 0777), 0);
	fd = t_open("s", O_RDWR);
	t_send(fd, "x");
	CHECK_EQ(t_get("somewhere/q", "messages"), 1);
}

TEST(attributes_of_files_change_as_in_tmpfs)
{
	struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	struct stat st;

	t_open("q", O_RDWR);
	CHECK_EQ(chmod("q", 0604), 0);
	CHECK_EQ(chown("q", 1000, 1001), 0);
	CHECK_EQ(utimensat(AT_FDCWD, "q", times, 0), 0);
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0604);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 1001);
	CHECK_EQ(st.st_atime, 1000);
	CHECK_EQ(st.st_mtim.tv_nsec, 2);
	if (!t_fork()) {
		t_user(1001);
		CHECK_ERR(chmod("q", 0666), EPERM);
		CHECK_ERR(chown("q", 1001, 1001), EPERM);
		CHECK_ERR(utimensat(AT_FDCWD, "q", times, 0), EPERM);
		_exit(0);
	}
	t_wait_all();
}

TEST(names_in_a_sticky_group_belong_to_their_owners)
{
	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(chmod("g", 01777), 0);
	t_open("g/roots", O_RDWR);
	t_open("g/others", O_RDWR);
	CHECK_EQ(chown("g/others", 1001, 1001), 0);
	if (!t_fork()) {
		int fd;

		t_user(1000);
		CHECK_ERR(unlink("g/roots"), EPERM);
		CHECK_ERR(rename("g/roots", "g/x"), EPERM);
		t_open("g/mine", O_RDWR);
		CHECK_EQ(rename("g/mine", "g/own"), 0);
		/* fs.protected_regular=2: O_CREAT is refused, and needless. */
		CHECK_ERR(open("g/others", O_WRONLY | O_CREAT, 0666), EACCES);
		fd = open("g/others", O_WRONLY);
		t_send(fd, "x");
		_exit(0);
	}
	t_wait_all();
	CHECK_ERR(open("g/own", O_WRONLY | O_CREAT, 0666), EACCES);
	CHECK_EQ(t_get("g/others", "messages"), 1);
	CHECK_EQ(unlink("g/own"), 0);
}

TEST(many_names_are_listed_once_each)
{
	static bool seen[2000];
	struct dirent *entry;
	char name[16];
	int i, n = 0;
	DIR *dir;

	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "q%d", i);
		close(t_open(name, O_RDWR));
	}
	dir = opendir(".");
	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		CHECK_EQ(entry->d_type, DT_REG);
		i = atoi(entry->d_name + 1);
		CHECK(!seen[i]);
		seen[i] = true;
		n++;
	}
	CHECK_EQ(n, 2000);
}

TEST(an_open_removed_group_takes_no_more)
{
	int dir;

	CHECK_EQ(mkdir("g", 0777), 0);
	dir = open("g", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(rmdir("g"), 0);
	CHECK_ERR(openat(dir, "q", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_EQ(fsync(dir), 0);
}

static unsigned int listed_type(const char *group, const char *name)
{
	unsigned int type = DT_UNKNOWN;
	DIR *dir = opendir(group);
	struct dirent *entry;

	CHECK(dir);
	while ((entry = readdir(dir)))
		if (!strcmp(entry->d_name, name))
			type = entry->d_type;
	closedir(dir);
	return type;
}

/* To who looks; what can be done with it is the same. */
TEST(a_mailbox_can_show_itself_as_a_fifo)
{
	int fd = t_open("q", O_RDWR);
	struct statx stx;
	struct stat st;

	t_send(fd, "12345");
	t_set("q", "type", "fifo");
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0666);
	CHECK_EQ(st.st_size, 5);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx), 0);
	CHECK(S_ISFIFO(stx.stx_mode));
	CHECK_EQ(listed_type(".", "q"), DT_FIFO);
	CHECK_EQ(chmod("q", 0600), 0);
	CHECK_EQ(rename("q", "r"), 0);
	t_send(t_open("r", O_WRONLY | O_TRUNC), "more");
	t_expect(fd, "12345");
	t_expect(fd, "more");
	CHECK_EQ(stat("r", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0600);
	t_set("r", "type", "file");
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0600);
	CHECK_EQ(listed_type(".", "r"), DT_REG);
}

TEST(a_group_hands_its_type_down)
{
	struct stat st;
	int fd;

	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "type", "fifo");
	CHECK_EQ(mkdir("g/h", 0777), 0);
	CHECK_EQ(stat("g/h", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(listed_type("g", "h"), DT_DIR);
	fd = t_open("g/h/q", O_RDWR);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(mknod("g/h/r", S_IFREG | 0600, 0), 0);
	CHECK_EQ(listed_type("g/h", "r"), DT_FIFO);
	fd = open("g", O_TMPFILE | O_RDWR, 0600);
	CHECK_EQ(t_name_it(fd, "g/t"), 0);
	CHECK_EQ(listed_type("g", "t"), DT_FIFO);
}

TEST(mkfifo_makes_a_mailbox_that_looks_like_one)
{
	struct stat st;
	char word[8] = "";
	int fd;

	umask(022);
	CHECK_EQ(mkfifo("q", 0666), 0);
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0644);
	CHECK_EQ(getxattr("q", "user.mboxfs.type", word, 8), 4);
	CHECK(!strcmp(word, "fifo"));
	/* It waits for nobody to open the other side. */
	fd = open("q", O_WRONLY);
	t_send(fd, "one");
	t_send(fd, "two");
	fd = open("q", O_RDONLY);
	t_expect(fd, "one");
	t_expect(fd, "two");
	CHECK_ERR(mkfifo("q", 0666), EEXIST);
	CHECK_ERR(mknod("q", S_IFCHR | 0666, 0x103), EEXIST);
	CHECK_ERR(mknod("q", S_IFSOCK | 0666, 0), EEXIST);
	CHECK_ERR(mknod("r", S_IFCHR | 0666, 0x103), EPERM);
	CHECK_ERR(mknod("r", S_IFBLK | 0666, 0x103), EPERM);
	CHECK_ERR(mknod("r", S_IFSOCK | 0666, 0), EPERM);
	CHECK_EQ(mkdir("ids", 0777), 0);
	t_set("ids", "naming", "id");
	CHECK_ERR(mkfifo("ids/abc", 0666), EINVAL);
	CHECK_EQ(mkfifo("ids/1", 0666), 0);
}

TEST(mkfifo_makes_mailboxes_of_processes_too)
{
	char name[32];
	struct stat st;

	CHECK_EQ(mkdir("pids", 0777), 0);
	t_set("pids", "naming", "pid");
	snprintf(name, sizeof(name), "pids/%d", getpid());
	CHECK_EQ(mkfifo(name, 0600), 0);
	CHECK_EQ(stat(name, &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0622);
	CHECK_ERR(mkfifo("pids/999999999", 0600), ESRCH);
}

/* Else who may only send would have to take them away, as in tmpfs. */
TEST(set_id_bits_are_never_there)
{
	struct stat st;
	int fd;

	umask(0);
	fd = open("q", O_RDWR | O_CREAT, 07777);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 01777);
	CHECK_EQ(chmod("q", 06755), 0);
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0755);
	CHECK_EQ(fchmod(fd, 07700), 0);
	CHECK_EQ(stat("q", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 01700);
	CHECK_EQ(mkfifo("r", 06777), 0);
	CHECK_EQ(stat("r", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0777);
	fd = open(".", O_TMPFILE | O_RDWR, 06777);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0777);
	/* Those of a group say what is made in it. */
	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(chmod("g", 02777), 0);
	CHECK_EQ(stat("g", &st), 0);
	CHECK_EQ(st.st_mode, S_IFDIR | 02777);
}
