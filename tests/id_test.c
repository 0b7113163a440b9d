// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups in which names are numbers (naming=id).
 */
#include "test.h"

#include <dirent.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#endif

static void make_ids(const char *name)
{
	CHECK_EQ(mkdir(name, 0777), 0);
	t_set(name, "naming", "id");
}

static int make_tmp(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	CHECK(fd >= 0);
	return fd;
}

TEST(only_numbers_are_names)
{
	static const char *const bad[] = {
		"0", "01", "00", "abc", "1a", "a1", "-1", "+1", " 1", "1 ",
		"1.0", "0x1", "4611686018427387905", "9223372036854775808",
		"18446744073709551617", "99999999999999999999",
		"100000000000000000000000000000001", "..1", NULL,
	};
	static const char *const good[] = {
		"1", "10", "4294967295", "4294967296", "4611686018427387904",
		NULL,
	};
	char name[64];
	struct stat st;
	int i;

	make_ids("g");
	close(t_open("q", O_RDWR));
	for (i = 0; bad[i]; i++) {
		snprintf(name, sizeof(name), "g/%s", bad[i]);
		CHECK_ERR(open(name, O_RDWR | O_CREAT, 0600), EINVAL);
		CHECK_ERR(open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EINVAL);
		CHECK_ERR(mkdir(name, 0700), EINVAL);
		CHECK_ERR(symlink("x", name), EINVAL);
		CHECK_ERR(rename("q", name), EINVAL);
		CHECK_ERR(t_name_it(make_tmp(), name), EINVAL);
		CHECK_ERR(open(name, O_RDWR), ENOENT);
		CHECK_ERR(stat(name, &st), ENOENT);
		CHECK_ERR(unlink(name), ENOENT);
	}
	for (i = 0; good[i]; i++) {
		snprintf(name, sizeof(name), "g/%s", good[i]);
		close(t_open(name, O_RDWR));
		CHECK_EQ(stat(name, &st), 0);
		CHECK_EQ(unlink(name), 0);
	}
	CHECK_EQ(mkdir("g/1", 0700) || symlink("x", "g/2") ||
		 rename("q", "g/3") || t_name_it(make_tmp(), "g/4"), 0);
	CHECK_EQ(rename("g/3", "g/5"), 0);
	CHECK_ERR(rename("g/5", "g/05"), EINVAL);
	CHECK_ERR(renameat2(AT_FDCWD, "g", AT_FDCWD, "g/6", 0), EINVAL);
	close(t_open("x", O_RDWR));
	CHECK_EQ(renameat2(AT_FDCWD, "g/5", AT_FDCWD, "x", RENAME_EXCHANGE), 0);
	CHECK_EQ(mkdir("h", 0777), 0);
	t_set("h", "naming", "id");
	close(t_open("h/9", O_RDWR));
	CHECK_EQ(rename("h/9", "g/9"), 0);
}

/* The names of a directory in order; how many. */
static int list(const char *name, unsigned long long *ids, int room)
{
	DIR *dir = opendir(name);
	struct dirent *entry;
	int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		CHECK(n < room);
		ids[n++] = strtoull(entry->d_name, NULL, 10);
	}
	closedir(dir);
	return n;
}

TEST(listed_in_numeric_order)
{
	static const unsigned long long made[] = {
		10, 9, 1ULL << 62, 100, 1, 4294967296, 2, 4294967295, 11,
	};
	static const unsigned long long sorted[] = {
		1, 2, 9, 10, 11, 100, 4294967295, 4294967296, 1ULL << 62,
	};
	unsigned long long ids[16];
	char name[32];
	int i;

	make_ids("g");
	for (i = 0; i < 9; i++) {
		snprintf(name, sizeof(name), "g/%llu", made[i]);
		close(t_open(name, O_RDWR));
	}
	CHECK_EQ(list("g", ids, 16), 9);
	CHECK(!memcmp(ids, sorted, sizeof(sorted)));
	CHECK_EQ(rename("g/1", "g/12"), 0);
	CHECK_EQ(list("g", ids, 16), 9);
	CHECK_EQ(ids[0], 2);
	CHECK_EQ(ids[4], 12);
	CHECK_EQ(renameat2(AT_FDCWD, "g/2", AT_FDCWD, "g/9", RENAME_EXCHANGE),
		 0);
	CHECK_EQ(list("g", ids, 16), 9);
	CHECK_EQ(ids[0], 2);
	CHECK_EQ(ids[1], 9);
}

TEST(a_place_in_the_list_is_kept)
{
	struct dirent *entry;
	char name[32];
	long place;
	DIR *dir;
	int i;

	make_ids("g");
	for (i = 1; i <= 50; i++) {
		snprintf(name, sizeof(name), "g/%d", i * 10);
		close(t_open(name, O_RDWR));
	}
	dir = opendir("g");
	do
		entry = readdir(dir);
	while (strcmp(entry->d_name, "250"));
	place = telldir(dir);
	CHECK_EQ(atoi(readdir(dir)->d_name), 260);
	CHECK_EQ(unlink("g/260"), 0);
	close(t_open("g/255", O_RDWR));
	rewinddir(dir);
	seekdir(dir, place);
	CHECK_EQ(atoi(readdir(dir)->d_name), 255);
	CHECK_EQ(atoi(readdir(dir)->d_name), 270);
}

#define MANY	100000

/* Made in a scattered order; some come and go while the list is read. */
TEST(many_are_in_order_while_others_come_and_go)
{
	static unsigned long long ids[MANY * 2];
	char name[32];
	int i, n = 0, rounds = 0, many = t_scaled(MANY);
	pid_t pid;

	make_ids("g");
	for (i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "g/%d",
			 (int)(i * 7919LL % many) * 10 + 10);
		close(t_open(name, O_RDWR));
	}
	pid = t_fork();
	if (!pid) {
		for (;; i++) {
			snprintf(name, sizeof(name), "g/%d", rand() % many * 10 + 5);
			close(t_open(name, O_RDWR));
			if (i % 3)
				unlink(name);
		}
	}
	/* However long it takes until the child has had its turn. */
	while (rounds++ < 3 || n == many) {
		int stable = 0;

		n = list("g", ids, MANY * 2);
		for (i = 0; i < n; i++) {
			CHECK(!i || ids[i] > ids[i - 1]);
			stable += !(ids[i] % 10);
		}
		CHECK_EQ(stable, many);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("# %d listed at the end\n", n);
	CHECK(n > many);
}

TEST(a_mailbox_is_protected_from_those_who_may_not_write_it)
{
	int fd;

	make_ids("g");
	CHECK_EQ(mkdir("other", 0777), 0);
	fd = open("g/1", O_RDWR | O_CREAT, 0644);
	close(fd);
	close(t_open("g/2", O_RDWR));
	CHECK_EQ(chmod("g/2", 0666), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(unlink("g/1"), EACCES);
		CHECK_ERR(rename("g/1", "g/3"), EACCES);
		CHECK_ERR(rename("g/1", "other/x"), EACCES);
		close(t_open("g/4", O_RDWR));
		CHECK_ERR(rename("g/4", "g/1"), EACCES);
		CHECK_ERR(renameat2(AT_FDCWD, "g/4", AT_FDCWD, "g/1",
				    RENAME_EXCHANGE), EACCES);
		CHECK_EQ(rename("g/2", "g/3"), 0);
		CHECK_EQ(unlink("g/3"), 0);
		CHECK_EQ(mkdir("g/5", 0755), 0);
		CHECK_EQ(rmdir("g/5"), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(unlink("g/1"), 0); /* root may */
}
