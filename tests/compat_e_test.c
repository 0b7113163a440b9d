// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes by id, on mboxfs: lib/compat/slmbx.h.
 */
#include "test.h"

#include <dirent.h>

#include <slmbx.h>

#define BAD	((unsigned char *)8)
#define LAST	UINT32_MAX

/* Each test has a system of its own. */
__attribute__((constructor)) static void set_folder(void)
{
	setenv("MBOXFS", ".", 1);
}

static void init(void)
{
	CHECK_EQ(slmbx_init(8, 2), 0);
}

static long send_text(unsigned int id, const char *text)
{
	return slmbx_send(id, (const unsigned char *)text, strlen(text));
}

static void expect(unsigned int id, const char *text)
{
	unsigned char got[64];
	long len = slmbx_recv(id, got, sizeof(got));

	CHECK_EQ(len, (long)strlen(text));
	CHECK(!memcmp(got, text, len));
}

/* Each call that names a mailbox, but slmbx_create(), fails like this. */
static void all_fail(unsigned int id, int error)
{
	unsigned char c;

	CHECK_ERR(slmbx_count(id), error);
	CHECK_ERR(slmbx_length(id), error);
	CHECK_ERR(send_text(id, "x"), error);
	CHECK_ERR(slmbx_recv(id, &c, 1), error);
	CHECK_ERR(slmbx_destroy(id), error);
}

static void nothing_works(void)
{
	all_fail(1, ENODEV);
	all_fail(0, ENODEV);
	all_fail(LAST, ENODEV);
	CHECK_ERR(slmbx_create(1, 0), ENODEV);
	CHECK_ERR(slmbx_create(0, 1), ENODEV);
}

TEST(nothing_works_before_init_and_after_shutdown)
{
	nothing_works();
	CHECK_ERR(slmbx_shutdown(), ENODEV);
	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_EQ(send_text(1, "x"), 0);
	CHECK_EQ(slmbx_shutdown(), 0);
	nothing_works();
	CHECK_ERR(slmbx_shutdown(), ENODEV);
	/* What was there has gone. */
	init();
	all_fail(1, ENOENT);
	CHECK_EQ(setenv("MBOXFS", "/tmp", 1), 0);
	nothing_works();
	CHECK_ERR(slmbx_init(1, 2), ENODEV);
	CHECK_EQ(setenv("MBOXFS", "/nowhere", 1), 0);
	nothing_works();
	CHECK_ERR(slmbx_init(1, 2), ENODEV);
}

TEST(arguments_of_init)
{
	static const unsigned int probs[] = { 2, 4, 8, 16 };
	unsigned int i, prob;

	for (prob = 0; prob < 40; prob++)
		if (prob != 2 && prob != 4 && prob != 8 && prob != 16)
			CHECK_ERR(slmbx_init(8, prob), EINVAL);
	CHECK_ERR(slmbx_init(8, 1U << 31), EINVAL);
	CHECK_ERR(slmbx_init(0, 2), EINVAL);
	nothing_works();
	for (i = 0; i < 4; i++) {
		CHECK_EQ(slmbx_init(i ? 1U << (8 * i) : 1, probs[i]), 0);
		CHECK_ERR(slmbx_init(8, 2), EALREADY);
		CHECK_EQ(slmbx_shutdown(), 0);
	}
	CHECK_EQ(slmbx_init(UINT32_MAX, 2), 0);
}

TEST(only_root_begins_and_ends)
{
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(slmbx_init(8, 2), EPERM);
		CHECK_ERR(slmbx_shutdown(), EPERM);
		_exit(0);
	}
	t_wait_all();
	init();
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(slmbx_init(8, 2), EPERM);
		CHECK_ERR(slmbx_shutdown(), EPERM);
		CHECK_EQ(slmbx_create(1, 0), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(slmbx_count(1), 0);
}

/* A group of this name that some user has made is not ours. */
TEST(another_users_group_does_not_count)
{
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(mkdir("slmbx", 0777), 0);
		CHECK_EQ(close(open("slmbx/1", O_CREAT | O_RDWR, 0666)), 0);
		_exit(0);
	}
	t_wait_all();
	nothing_works();
	CHECK_ERR(slmbx_init(8, 2), EEXIST);
	CHECK_ERR(slmbx_shutdown(), ENODEV);
	CHECK_EQ(access("slmbx/1", F_OK), 0);
}

TEST(ids_at_the_borders)
{
	static const unsigned int invalid[] = { 0, LAST };
	static const unsigned int valid[] = { 1, 2, 1U << 31, LAST - 1 };
	int i;

	init();
	for (i = 0; i < 2; i++) {
		CHECK_ERR(slmbx_create(invalid[i], 0), EINVAL);
		CHECK_ERR(slmbx_create(invalid[i], 1), EINVAL);
		all_fail(invalid[i], EINVAL);
	}
	for (i = 0; i < 4; i++) {
		CHECK_EQ(slmbx_create(valid[i], i % 2), 0);
		CHECK_EQ(slmbx_send(valid[i], (void *)&i, sizeof(i)), 0);
	}
	for (i = 0; i < 4; i++) {
		int got;

		CHECK_EQ(slmbx_recv(valid[i], (void *)&got, sizeof(got)),
			 sizeof(got));
		CHECK_EQ(got, i);
		CHECK_EQ(slmbx_destroy(valid[i]), 0);
	}
}

TEST(what_is_there_and_what_is_not)
{
	init();
	all_fail(7, ENOENT);
	CHECK_EQ(slmbx_create(7, 0), 0);
	CHECK_ERR(slmbx_create(7, 0), EEXIST);
	CHECK_ERR(slmbx_create(7, 1), EEXIST);
	CHECK_EQ(send_text(7, "old"), 0);
	CHECK_EQ(slmbx_destroy(7), 0);
	all_fail(7, ENOENT);
	CHECK_EQ(slmbx_create(7, 0), 0);
	CHECK_EQ(slmbx_count(7), 0);
	/* Neither a group nor a link is a mailbox. */
	CHECK_EQ(mkdir("slmbx/8", 0777), 0);
	all_fail(8, ENOENT);
	CHECK_ERR(slmbx_create(8, 0), EEXIST);
	CHECK_EQ(symlink("7", "slmbx/9"), 0);
	CHECK_ERR(slmbx_count(9), ENOENT);
	CHECK_ERR(send_text(9, "x"), ENOENT);
}

TEST(protected_is_for_its_creators_user)
{
	int uid;

	init();
	umask(077);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(slmbx_create(1, 1), 0);
		CHECK_EQ(slmbx_create(2, 2), 0);
		CHECK_EQ(slmbx_create(3, 0), 0);
		CHECK_EQ(send_text(1, "private"), 0);
		_exit(0);
	}
	t_wait_all();
	if (!t_fork()) {
		t_user(1001);
		all_fail(1, EPERM);
		all_fail(2, EPERM);
		CHECK_ERR(slmbx_create(1, 0), EEXIST);
		CHECK_EQ(send_text(3, "public"), 0);
		CHECK_EQ(send_text(3, "more"), 0);
		CHECK_EQ(slmbx_count(3), 2);
		CHECK_EQ(slmbx_length(3), 6);
		expect(3, "public");
		_exit(0);
	}
	t_wait_all();
	/* Other processes of the same user; destroying is for all others. */
	for (uid = 1000; uid <= 1001; uid++) {
		if (!t_fork()) {
			t_user(uid);
			if (uid == 1000) {
				expect(3, "more");
				expect(1, "private");
				CHECK_EQ(slmbx_destroy(1), 0);
			} else {
				CHECK_EQ(slmbx_destroy(3), 0);
				all_fail(2, EPERM);
			}
			_exit(0);
		}
		t_wait_all();
	}
	all_fail(1, ENOENT);
	all_fail(3, ENOENT);
	CHECK_EQ(slmbx_create(4, 1), 0);
	if (!t_fork()) {
		t_user(1000);
		all_fail(4, EPERM); /* root's */
		_exit(0);
	}
	t_wait_all();
}

TEST(bad_pointers_change_nothing)
{
	unsigned char c;

	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_ERR(slmbx_send(1, BAD, 1), EFAULT);
	CHECK_ERR(slmbx_send(1, NULL, 1), EFAULT);
	CHECK_EQ(slmbx_count(1), 0);
	CHECK_ERR(slmbx_recv(1, NULL, 1), ESRCH);
	CHECK_EQ(send_text(1, "one"), 0);
	CHECK_EQ(send_text(1, "two"), 0);
	CHECK_ERR(slmbx_recv(1, BAD, 3), EFAULT);
	CHECK_ERR(slmbx_recv(1, NULL, 1), EFAULT);
	CHECK_ERR(slmbx_recv(1, (void *)0xffff800000000000, 1), EFAULT);
	CHECK_EQ(slmbx_count(1), 2);
	expect(1, "one");
	expect(1, "two");
	/* No byte, no pointer. */
	CHECK_EQ(slmbx_send(1, NULL, 0), 0);
	CHECK_EQ(slmbx_send(1, BAD, 0), 0);
	CHECK_EQ(slmbx_recv(1, NULL, 0), 0);
	CHECK_EQ(slmbx_recv(1, BAD, 9), 0);
	CHECK_ERR(slmbx_recv(1, &c, 1), ESRCH);
}

TEST(length_tells_of_the_first_and_leaves_it)
{
	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_ERR(slmbx_length(1), ESRCH);
	CHECK_EQ(send_text(1, "four"), 0);
	CHECK_EQ(send_text(1, "seventy"), 0);
	CHECK_EQ(slmbx_length(1), 4);
	CHECK_EQ(slmbx_length(1), 4);
	CHECK_EQ(slmbx_count(1), 2);
	expect(1, "four");
	CHECK_EQ(slmbx_length(1), 7);
	expect(1, "seventy");
	CHECK_ERR(slmbx_length(1), ESRCH);
	CHECK_EQ(slmbx_count(1), 0);
}

TEST(recv_gives_what_has_room_and_removes_all)
{
	unsigned char got[8] = "-------";

	/* Whatever messages elsewhere are left with. */
	t_set(".", "short_read", "keep");
	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_ERR(slmbx_recv(1, got, sizeof(got)), ESRCH);
	CHECK_EQ(send_text(1, "abcdef"), 0);
	CHECK_EQ(send_text(1, "gh"), 0);
	CHECK_EQ(slmbx_recv(1, got, 3), 3);
	CHECK(!memcmp(got, "abc----", 8));
	CHECK_EQ(slmbx_recv(1, got, 8), 2);
	CHECK(!memcmp(got, "ghc----", 8));
	CHECK_EQ(send_text(1, "ij"), 0);
	CHECK_EQ(slmbx_recv(1, got, 0), 0);
	CHECK_EQ(slmbx_count(1), 0);
	CHECK_ERR(slmbx_recv(1, got, 0), ESRCH);
}

TEST(empty_messages)
{
	unsigned char c;

	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_EQ(send_text(1, ""), 0);
	CHECK_EQ(send_text(1, "x"), 0);
	CHECK_EQ(send_text(1, ""), 0);
	CHECK_EQ(slmbx_count(1), 3);
	CHECK_EQ(slmbx_length(1), 0);
	CHECK_EQ(slmbx_recv(1, &c, 1), 0);
	CHECK_EQ(slmbx_length(1), 1);
	CHECK_EQ(slmbx_recv(1, &c, 1), 1);
	CHECK_EQ(slmbx_length(1), 0);
	CHECK_EQ(slmbx_recv(1, &c, 1), 0);
	CHECK_ERR(slmbx_recv(1, &c, 1), ESRCH);
}

/* More than the defaults of mboxfs allow. */
TEST(as_many_and_as_large_as_you_like)
{
	int i, n = t_scaled(20000), got;
	unsigned char *large = calloc(1, 32 << 20);

	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_EQ(t_get("slmbx/1", "max_messages"), 0);
	CHECK_EQ(t_get("slmbx/1", "max_bytes"), 0);
	for (i = 0; i < n; i++)
		CHECK_EQ(slmbx_send(1, (void *)&i, sizeof(i)), 0);
	CHECK_EQ(slmbx_count(1), n);
	for (i = 0; i < n; i++) {
		CHECK_EQ(slmbx_recv(1, (void *)&got, sizeof(got)), sizeof(got));
		CHECK_EQ(got, i);
	}
	large[(32 << 20) - 1] = 'x';
	CHECK_EQ(slmbx_send(1, large, 32 << 20), 0);
	CHECK_EQ(slmbx_length(1), 32 << 20);
	large[(32 << 20) - 1] = 0;
	CHECK_EQ(slmbx_recv(1, large, UINT32_MAX), 32 << 20);
	CHECK_EQ(large[(32 << 20) - 1], 'x');
}

TEST(no_memory)
{
	size_t size = (64 << 20) + 1;
	void *huge = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	init();
	CHECK_EQ(slmbx_create(1, 0), 0);
	CHECK_ERR(slmbx_send(1, huge, size), ENOMEM);
	CHECK_ERR(slmbx_send(1, huge, UINT32_MAX), ENOMEM);
	t_set("slmbx", "group_max_bytes", "10");
	CHECK_ERR(send_text(1, "12345678901"), ENOMEM);
	t_set("slmbx", "group_max_mailboxes", "1");
	CHECK_ERR(slmbx_create(2, 0), ENOMEM);
	t_set("slmbx/1", "when_full", "fail");
	t_set("slmbx/1", "max_messages", "1");
	CHECK_EQ(send_text(1, "x"), 0);
	CHECK_ERR(send_text(1, "x"), ENOMEM);
	CHECK_EQ(slmbx_count(1), 1);
}

TEST(listed_in_the_order_of_ids)
{
	unsigned int i, last = 0, id, n = t_scaled(2000), found = 0;
	struct dirent *entry;
	DIR *dir;

	init();
	for (i = 0; i < n; i++) {
		id = 1 + i * 2654435761U % (LAST - 1);
		CHECK_EQ(slmbx_create(id, 0), 0);
	}
	dir = opendir("slmbx");
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		id = strtoul(entry->d_name, NULL, 10);
		CHECK(id > last);
		last = id;
		found++;
	}
	CHECK_EQ(found, n);
	closedir(dir);
}

TEST(shutdown_leaves_nothing)
{
	char path[32];
	int i, fd;

	init();
	fd = t_open("keep", O_RDWR);
	for (i = 1; i <= 1000; i++) {
		CHECK_EQ(slmbx_create(i, i % 2), 0);
		CHECK_EQ(send_text(i, "message"), 0);
	}
	if (!t_fork()) {
		t_user(1000);
		for (i = 3000; i < 3010; i++) {
			snprintf(path, sizeof(path), "slmbx/%d", i);
			CHECK_EQ(mkdir(path, 0700), 0);
			snprintf(path, sizeof(path), "slmbx/%d/sub", i);
			CHECK_EQ(mkdir(path, 0700), 0);
			snprintf(path, sizeof(path), "slmbx/%d/sub/q", i);
			t_send(t_open(path, O_RDWR), "x");
			snprintf(path, sizeof(path), "slmbx/%d/sub/link", i);
			CHECK_EQ(symlink("../../../", path), 0);
		}
		CHECK_EQ(symlink("..", "slmbx/4000"), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(slmbx_shutdown(), 0);
	CHECK_EQ(t_names("."), 1);
	t_send(fd, "still there");
	CHECK_EQ(t_get(".", "group_mailboxes"), 1);
}

/* In the middle of calls, each of which either works or finds nothing. */
static void call_at_random(unsigned int seed)
{
	unsigned char c[16];
	long ret;
	int i;

	for (i = 0; i < t_scaled(2000); i++) {
		unsigned int id = 1 + rand_r(&seed) % 8;

		errno = 0;
		switch (rand_r(&seed) % 6) {
		case 0:
			ret = slmbx_create(id, 0);
			CHECK(ret == 0 || errno == EEXIST || errno == ENODEV);
			break;
		case 1:
			ret = slmbx_destroy(id);
			CHECK(ret == 0 || errno == ENOENT || errno == ENODEV);
			break;
		case 2:
			ret = slmbx_recv(id, c, sizeof(c));
			CHECK(ret == 7 || errno == ESRCH || errno == ENOENT ||
			      errno == ENODEV);
			break;
		case 3:
			ret = slmbx_length(id);
			CHECK(ret == 7 || errno == ESRCH || errno == ENOENT ||
			      errno == ENODEV);
			break;
		case 4:
			ret = slmbx_count(id);
			CHECK(ret >= 0 || errno == ENOENT || errno == ENODEV);
			break;
		default:
			ret = send_text(id, "message");
			CHECK(ret == 0 || errno == ENOENT || errno == ENODEV);
		}
	}
}

TEST(shutdown_in_the_middle_of_calls)
{
	int i, status, begun = 0;
	pid_t pid;

	for (i = 0; i < 4; i++) {
		if (t_fork())
			continue;
		if (i % 2)
			t_user(1000);
		call_at_random(i);
		_exit(0);
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) >= 0) {
		if (pid && status)
			test_failed(__FILE__, __LINE__, "a process failed");
		init();
		t_sleep_ms(1 + begun++ % 7);
		CHECK_EQ(slmbx_shutdown(), 0);
		CHECK_EQ(t_names("."), 0);
	}
	CHECK(begun > 3);
}

/* Of those who do the same at once, exactly one does it. */
TEST(one_of_many_creates_and_destroys)
{
	struct shared {
		int begun, created, destroyed;
	} *s;
	int i, id;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 8; i++) {
		if (t_fork())
			continue;
		if (slmbx_init(8, 2) == 0)
			__sync_fetch_and_add(&s->begun, 1);
		else
			CHECK_EQ(errno, EALREADY);
		for (id = 1; id <= t_scaled(200); id++) {
			if (slmbx_create(id, 0) == 0)
				__sync_fetch_and_add(&s->created, 1);
			else
				CHECK_EQ(errno, EEXIST);
		}
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(s->begun, 1);
	CHECK_EQ(s->created, t_scaled(200));
	for (i = 0; i < 8; i++) {
		if (t_fork())
			continue;
		for (id = 1; id <= t_scaled(200); id++) {
			if (slmbx_destroy(id) == 0)
				__sync_fetch_and_add(&s->destroyed, 1);
			else
				CHECK_EQ(errno, ENOENT);
		}
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(s->destroyed, t_scaled(200));
}
