// SPDX-License-Identifier: GPL-2.0-only
/*
 * lgroups, on mboxfs: lib/compat/lgroups.h.
 */
#include "test.h"

#include <dirent.h>

#include <lgroups.h>

#define BAD	((char *)8)
#define HOUR	3600000
#define SEE(call, error)						\
	do {								\
		errno = 0;						\
		CHECK_EQ(call, -2);					\
		CHECK_EQ(errno, error);					\
	} while (0)

/* Each test has a system of its own. */
__attribute__((constructor)) static void set_folder(void)
{
	setenv("MBOXFS", ".", 1);
}

static struct lgroup_t *new_group(void)
{
	struct lgroup_t *lg = lgroup_init();

	CHECK(lg);
	return lg;
}

static struct lgroup_t *installed(char *id)
{
	struct lgroup_t *lg = new_group();
	int ret = install_group(lg, id);

	CHECK(ret == 0 || ret == 1);
	return lg;
}

static void publish(struct lgroup_t *lg, char *text)
{
	CHECK_EQ(publish_message(lg, text), (int)strlen(text) + 1);
}

static void expect(struct lgroup_t *lg, const char *text)
{
	char got[256];
	int len = deliver_message(lg, got, sizeof(got));

	CHECK_EQ(len, (int)strlen(text) + 1);
	if (strcmp(got, text))
		test_failed(__FILE__, __LINE__, "delivered '%s', not '%s'", got,
			    text);
}

static void expect_empty(struct lgroup_t *lg)
{
	char c;

	CHECK_EQ(deliver_message(lg, &c, 1), 0);
}

static void nothing_installed(struct lgroup_t *lg)
{
	unsigned long size;
	char c;

	CHECK_EQ(publish_message(lg, "x"), -1);
	CHECK_EQ(publish_message(lg, ""), -1);
	CHECK_EQ(deliver_message(lg, &c, 1), -1);
	CHECK_EQ(deliver_message(lg, &c, 0), -1);
	CHECK_EQ(set_send_delay(lg, 1), -1);
	CHECK_EQ(revoke_delayed_messages(lg), -1);
	CHECK_EQ(sleep_on_barrier(lg), -1);
	CHECK_EQ(awake_barrier(lg), -1);
	CHECK_EQ(get_max_message_size(lg, &size), -1);
	CHECK_EQ(get_max_storage_size(lg, &size), -1);
	/* That the caller is not root comes first. */
	CHECK_EQ(set_max_message_size(lg, 1), geteuid() ? -1 : -2);
	CHECK_EQ(set_max_storage_size(lg, 1), geteuid() ? -1 : -2);
}

TEST(install_tells_new_from_old)
{
	struct lgroup_t *lg = new_group(), *other = new_group();
	struct stat st;

	umask(077);
	nothing_installed(lg);
	CHECK_EQ(install_group(lg, "one"), 1);
	CHECK_EQ(install_group(other, "one"), 0);
	CHECK_EQ(install_group(lg, "one"), 0);
	publish(other, "hello");
	expect(lg, "hello");
	CHECK_EQ(install_group(lg, "two"), 1);
	publish(lg, "in two");
	expect_empty(other);
	expect(lg, "in two");
	CHECK_EQ(install_group(lg, "groups"), 0);
	CHECK_EQ(stat("lgroups/one", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0666);
	CHECK_EQ(t_names("lgroups"), 3);
	CHECK_EQ(t_names("."), 1);
	lgroup_destroy(lg);
	lgroup_destroy(other);
	lgroup_destroy(new_group());
	lgroup_destroy(NULL);
}

TEST(for_all_users)
{
	struct lgroup_t *lg = installed("one");

	if (!t_fork()) {
		t_user(1000);
		lg = new_group();
		CHECK_EQ(install_group(lg, "one"), 0);
		publish(lg, "hello");
		CHECK_EQ(install_group(lg, "theirs"), 1);
		CHECK_EQ(set_send_delay(lg, HOUR), 0);
		CHECK_EQ(t_get("lgroups/theirs", "send_delay_ms"), HOUR);
		_exit(0);
	}
	t_wait_all();
	expect(lg, "hello");
	CHECK_EQ(install_group(lg, "theirs"), 0);
}

TEST(install_errors)
{
	struct lgroup_t *lg = installed("one");

	CHECK_EQ(install_group(lg, NULL), -3);
	CHECK_EQ(errno, EFAULT);
	nothing_installed(lg);
	CHECK_EQ(chmod("lgroups/one", 0), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(install_group(lg, "one"), -4);
		CHECK_EQ(errno, EACCES);
		nothing_installed(lg);
		CHECK_EQ(chdir("/"), 0);
		CHECK_EQ(setenv("MBOXFS", "/tmp", 1), 0);
		CHECK_EQ(install_group(lg, "one"), -1);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(setenv("MBOXFS", "/nowhere", 1), 0);
	CHECK_EQ(install_group(lg, "one"), -1);
	CHECK_EQ(setenv("MBOXFS", "/tmp", 1), 0);
	CHECK_EQ(install_group(lg, "one"), -1);
	nothing_installed(lg);
	CHECK(access("/tmp/lgroups", F_OK));
}

TEST(the_two_thousandth_install_is_one_too_many)
{
	struct lgroup_t *lg = new_group();
	char id[32];
	int i;

	for (i = 1; i <= 1999; i++) {
		snprintf(id, sizeof(id), "group %d", i);
		CHECK_EQ(install_group(lg, id), 1);
	}
	CHECK_EQ(install_group(lg, "group 2000"), -2);
	CHECK_EQ(errno, EDQUOT);
	nothing_installed(lg);
	CHECK_EQ(install_group(lg, "group 1999"), 0);
	CHECK_EQ(install_group(lg, "groups"), 0);
	CHECK_EQ(t_names("lgroups"), 2000);
}

TEST(any_bytes_are_an_id)
{
	static char *const ids[] = {
		"", ".", "..", "...", ".hidden", "/", "//", "a/b", "/a", "a/",
		"../x", "%", "%%", "%2F", "%2E", "%00", " ", "\n", "\1\x7f",
		"a.b", "a.", "2F", "2E", "2E.",
		"1234567890123456789012345678901",
		"///////////////////////////////",
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\xff\xff",
		"12345678901234567890123456789012",
		"////////////////////////////////",
	};
	int i, n = sizeof(ids) / sizeof(*ids);
	struct lgroup_t *lg = new_group();
	struct dirent *entry;
	char text[16];
	DIR *dir;

	for (i = 0; i < n; i++) {
		CHECK_EQ(install_group(lg, ids[i]), 1);
		snprintf(text, sizeof(text), "%d", i);
		publish(lg, text);
	}
	for (i = 0; i < n; i++) {
		CHECK_EQ(install_group(lg, ids[i]), 0);
		snprintf(text, sizeof(text), "%d", i);
		expect(lg, text);
	}
	/* Longer ones end there. */
	CHECK_EQ(install_group(lg, "12345678901234567890123456789012345"), 0);
	CHECK_EQ(t_names("lgroups"), n + 1);
	CHECK_EQ(t_names("."), 1);
	dir = opendir("lgroups");
	while ((entry = readdir(dir)))
		CHECK(entry->d_name[0] != '.' || !strcmp(entry->d_name, ".") ||
		      !strcmp(entry->d_name, ".."));
	closedir(dir);
}

static void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

TEST(one_of_many_installers_gets_new)
{
	int i, k, n = t_scaled(200), *fresh = share(n * sizeof(*fresh));
	struct lgroup_t *lg = new_group();
	char id[32];

	for (k = 0; k < 6; k++) {
		if (t_fork())
			continue;
		for (i = 0; i < n; i++) {
			int ret;

			snprintf(id, sizeof(id), "%d", i);
			ret = install_group(lg, id);
			CHECK(ret == 0 || ret == 1);
			__sync_fetch_and_add(&fresh[i], ret);
		}
		_exit(0);
	}
	t_wait_all();
	for (i = 0; i < n; i++)
		CHECK_EQ(fresh[i], 1);
	CHECK_EQ(t_names("lgroups"), n + 1);
	CHECK_EQ(t_names("."), 1);
}

/* Who finds the system finds "groups" in it, and its limits. */
TEST(nobody_sees_it_half_made)
{
	int *stop = share(sizeof(*stop)), *seen = share(sizeof(*seen)), i, dir;
	struct lgroup_t *lg = new_group();
	char name[32];

	if (!t_fork()) {
		while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
			dir = open("lgroups", O_RDONLY | O_DIRECTORY);
			if (dir < 0)
				continue;
			CHECK_EQ(faccessat(dir, "groups", F_OK, 0), 0);
			CHECK_EQ(fgetxattr(dir, "user.mboxfs.max_bytes", name,
					   sizeof(name)), 5);
			CHECK_EQ(fgetxattr(dir,
					   "user.mboxfs.group_max_mailboxes",
					   name, sizeof(name)), 4);
			close(dir);
			++*seen;
		}
		_exit(0);
	}
	for (i = 0; i < t_scaled(100); i++) {
		CHECK_EQ(install_group(lg, "one"), 1);
		snprintf(name, sizeof(name), "old-%d", i);
		CHECK_EQ(rename("lgroups", name), 0);
	}
	while (!__atomic_load_n(seen, __ATOMIC_ACQUIRE))
		CHECK(install_group(lg, "one") >= 0);
	__atomic_store_n(stop, 1, __ATOMIC_RELEASE);
	t_wait_all();
}

TEST(messages_and_their_sizes)
{
	char text[128] = "", got[128];
	struct lgroup_t *lg;

	/* Whatever messages elsewhere are left with. */
	t_set(".", "short_read", "keep");
	lg = installed("one");
	publish(lg, "x");
	expect(lg, "x");
	SEE(publish_message(lg, ""), EBADMSG);
	SEE(publish_message(lg, NULL), EFAULT);
	memset(text, 'x', 99);
	publish(lg, text); /* 100 with the terminator */
	text[99] = 'x';
	SEE(publish_message(lg, text), EMSGSIZE);
	text[99] = '\0';
	expect(lg, text);
	expect_empty(lg);
	/* What has no room is gone, and no terminator is added. */
	memset(got, '-', sizeof(got));
	publish(lg, "truncated");
	publish(lg, "next");
	CHECK_EQ(deliver_message(lg, got, 0), 0);
	CHECK_EQ(deliver_message(lg, got, 5), 5);
	CHECK(!memcmp(got, "trunc-", 6));
	expect(lg, "next");
	publish(lg, "stays");
	SEE(deliver_message(lg, BAD, 100), EFAULT);
	SEE(deliver_message(lg, NULL, 100), EFAULT);
	CHECK_EQ(deliver_message(lg, got, ULONG_MAX), 6);
	CHECK(!strcmp(got, "stays"));
	expect_empty(lg);
	/* Without a message the buffer is the empty string, and no more. */
	CHECK_EQ(deliver_message(lg, got, sizeof(got)), 0);
	CHECK(!memcmp(got, "\0tays", 5));
	memcpy(got, "old", 4);
	CHECK_EQ(deliver_message(lg, got, 0), 0);
	CHECK(!strcmp(got, "old"));
	CHECK_EQ(deliver_message(new_group(), got, sizeof(got)), -1);
	CHECK(!strcmp(got, ""));
}

/* 10000 bytes, published and held back. */
TEST(storage_counts_all_that_was_sent)
{
	struct lgroup_t *lg = installed("one");
	char text[100] = "";
	int i;

	memset(text, 'x', 99);
	for (i = 0; i < 100; i++) {
		if (i == 50)
			CHECK_EQ(set_send_delay(lg, HOUR), 0);
		publish(lg, text);
	}
	CHECK_EQ(t_get("lgroups/one", "messages"), 50);
	CHECK_EQ(t_get("lgroups/one", "delayed_messages"), 50);
	SEE(publish_message(lg, "x"), ENOSPC);
	CHECK_EQ(set_send_delay(lg, 0), 0);
	SEE(publish_message(lg, "x"), ENOSPC);
	expect(lg, text);
	publish(lg, text);
	SEE(publish_message(lg, "x"), ENOSPC);
	CHECK_EQ(revoke_delayed_messages(lg), 0);
	publish(lg, text);
	CHECK_EQ(t_get("lgroups/one", "messages"), 51);
}

TEST(what_is_delayed_comes_later)
{
	struct lgroup_t *lg = installed("one");
	long long begin = t_now_ms();
	char got[16];

	CHECK_EQ(set_send_delay(lg, 300), 0);
	publish(lg, "later");
	while (deliver_message(lg, got, sizeof(got)) == 0)
		t_sleep_ms(5);
	CHECK(!strcmp(got, "later"));
	CHECK(t_now_ms() - begin >= 300);
	CHECK(!t_overdue(begin, 60000));
}

TEST(a_lower_delay_lets_later_ones_overtake)
{
	struct lgroup_t *lg = installed("one"), *other = installed("one");
	char got[16];

	CHECK_EQ(set_send_delay(lg, HOUR), 0);
	publish(lg, "first");
	CHECK_EQ(set_send_delay(lg, t_patience_ms(100)), 0);
	publish(lg, "second");
	CHECK_EQ(set_send_delay(lg, 0), 0);
	publish(lg, "third");
	expect(lg, "third");
	while (deliver_message(lg, got, sizeof(got)) == 0)
		t_sleep_ms(5);
	CHECK(!strcmp(got, "second"));
	expect_empty(lg);
	lgroup_destroy(lg);
	expect(other, "first");
}

TEST(revoking_takes_back_what_is_delayed)
{
	struct lgroup_t *lg = installed("one");

	CHECK_EQ(revoke_delayed_messages(lg), 0);
	publish(lg, "published");
	CHECK_EQ(set_send_delay(lg, HOUR), 0);
	publish(lg, "delayed");
	publish(lg, "delayed, too");
	CHECK_EQ(revoke_delayed_messages(lg), 0);
	expect(lg, "published");
	CHECK_EQ(t_get("lgroups/one", "delayed_messages"), 0);
	CHECK_EQ(t_get("lgroups/one", "revoked_total"), 2);
	expect_empty(lg);
}

TEST(every_close_publishes)
{
	struct lgroup_t *lg = installed("one"), *other = installed("one");

	CHECK_EQ(set_send_delay(lg, HOUR), 0);
	publish(lg, "with destroy");
	expect_empty(other);
	lgroup_destroy(lg);
	expect(other, "with destroy");
	lg = installed("one");
	publish(lg, "with installing another one");
	CHECK_EQ(install_group(lg, "two"), 1);
	expect(other, "with installing another one");
	CHECK_EQ(install_group(lg, "one"), 0);
	publish(lg, "with installing it again");
	expect_empty(other);
	CHECK_EQ(install_group(lg, "one"), 0);
	expect(other, "with installing it again");
	publish(lg, "with the end of a child");
	if (!t_fork())
		_exit(0);
	t_wait_all();
	expect(other, "with the end of a child");
	publish(lg, "with an install that fails");
	CHECK_EQ(install_group(lg, NULL), -3);
	expect(other, "with an install that fails");
}

static void handler(int sig)
{
}

TEST(sleep_and_awake)
{
	struct sigaction sa = { .sa_handler = handler };
	struct lgroup_t *lg = installed("one");
	pid_t pid;
	int i;

	CHECK_EQ(awake_barrier(lg), 2);
	for (i = 0; i < 3; i++) {
		if (t_fork())
			continue;
		CHECK_EQ(sleep_on_barrier(installed("one")), 0);
		_exit(0);
	}
	t_await("lgroups/one", "barrier_sleepers", 3);
	CHECK_EQ(awake_barrier(installed("two")), 2);
	CHECK_EQ(awake_barrier(lg), 0);
	t_wait_all();
	CHECK_EQ(awake_barrier(lg), 2);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
		SEE(sleep_on_barrier(lg), EINTR);
		_exit(0);
	}
	t_await("lgroups/one", "barrier_sleepers", 1);
	kill(pid, SIGUSR1);
	t_wait(pid);
	CHECK_EQ(awake_barrier(lg), 2);
}

static unsigned long message_size(struct lgroup_t *lg)
{
	unsigned long size = 0;

	CHECK_EQ(get_max_message_size(lg, &size), 0);
	return size;
}

static unsigned long storage_size(struct lgroup_t *lg)
{
	unsigned long size = 0;

	CHECK_EQ(get_max_storage_size(lg, &size), 0);
	return size;
}

TEST(only_root_sets_limits)
{
	struct lgroup_t *lg;

	installed("one");
	if (!t_fork()) {
		t_user(1000);
		lg = installed("one");
		CHECK_EQ(set_max_message_size(lg, 10), -1);
		CHECK_EQ(set_max_storage_size(lg, 10), -1);
		/* Also not those of a group that is its own. */
		lg = installed("theirs");
		CHECK_EQ(set_max_message_size(lg, 10), -1);
		CHECK_EQ(set_max_storage_size(lg, 10), -1);
		CHECK_EQ(message_size(lg), 100);
		CHECK_EQ(storage_size(lg), 10000);
		_exit(0);
	}
	t_wait_all();
	lg = installed("theirs");
	CHECK_EQ(set_max_message_size(lg, 6), 0);
	CHECK_EQ(set_max_storage_size(lg, 10), 0);
	CHECK_EQ(message_size(lg), 6);
	CHECK_EQ(storage_size(lg), 10);
	publish(lg, "12345");
	SEE(publish_message(lg, "123456"), EMSGSIZE);
	SEE(publish_message(lg, "12345"), ENOSPC);
	/* What could never be stored finds no room either. */
	CHECK_EQ(set_max_message_size(lg, 1000), 0);
	SEE(publish_message(lg, "1234567890"), ENOSPC);
	CHECK_EQ(set_max_message_size(lg, 0), -4);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(set_max_storage_size(lg, 0), -4);
	CHECK_EQ(errno, EINVAL);
	SEE(get_max_message_size(lg, NULL), EFAULT);
	SEE(get_max_storage_size(lg, NULL), EFAULT);
	lg = installed("one");
	CHECK_EQ(message_size(lg), 100);
	CHECK_EQ(storage_size(lg), 10000);
}

/* All at random, by seven processes and one that awakes. */
#define GROUPS		4
#define STRESSERS	7

struct tally {
	long published, delivered, full, slept;
};

static void stress_publish(struct lgroup_t *lg, unsigned int *seed,
			   struct tally *tally)
{
	char text[128];
	int len = rand_r(seed) % 120, ret;

	memset(text, 'a' + len % 26, len);
	text[len] = '\0';
	errno = 0;
	ret = publish_message(lg, text);
	if (len == 0) {
		CHECK(ret == -2 && errno == EBADMSG);
	} else if (len >= 100) {
		CHECK(ret == -2 && errno == EMSGSIZE);
	} else if (ret == -2) {
		CHECK_EQ(errno, ENOSPC);
		__sync_fetch_and_add(&tally->full, 1);
	} else {
		CHECK_EQ(ret, len + 1);
		__sync_fetch_and_add(&tally->published, 1);
	}
}

static void stress_deliver(struct lgroup_t *lg, struct tally *tally)
{
	char text[128];
	int ret = deliver_message(lg, text, sizeof(text));

	CHECK(ret >= 0 && ret <= 100);
	if (!ret)
		return;
	CHECK_EQ(strlen(text) + 1, ret);
	CHECK_EQ(text[0], 'a' + (ret - 1) % 26);
	CHECK_EQ(strspn(text, (char []){ text[0], 0 }), ret - 1);
	__sync_fetch_and_add(&tally->delivered, 1);
}

static void stress_one(struct lgroup_t *lg, unsigned int *seed,
		       struct tally *tally)
{
	unsigned long size;
	char id[8];
	int ret;

	switch (rand_r(seed) % 32) {
	case 0:
		snprintf(id, sizeof(id), "%d", rand_r(seed) % GROUPS);
		CHECK_EQ(install_group(lg, id), 0);
		break;
	case 1:
		CHECK_EQ(set_send_delay(lg, rand_r(seed) % 50), 0);
		break;
	case 2:
		CHECK_EQ(revoke_delayed_messages(lg), 0);
		break;
	case 3:
		CHECK_EQ(sleep_on_barrier(lg), 0);
		__sync_fetch_and_add(&tally->slept, 1);
		break;
	case 4:
		ret = awake_barrier(lg);
		CHECK(ret == 0 || ret == 2);
		break;
	case 5:
		CHECK_EQ(get_max_message_size(lg, &size), 0);
		CHECK_EQ(size, 100);
		break;
	case 6:
		CHECK_EQ(set_max_storage_size(lg, 10000), 0);
		CHECK_EQ(set_max_message_size(lg, 100), 0);
		break;
	case 7 ... 14:
		stress_deliver(lg, tally);
		break;
	default:
		stress_publish(lg, seed, tally);
	}
}

static void stress(int k, struct tally *tally, int *left)
{
	long long end = t_now_ms() +
		atoi(getenv("STRESS_SECONDS") ?: "10") * 1000;
	struct lgroup_t *lg = new_group();
	unsigned int seed = k;
	char id[8];

	snprintf(id, sizeof(id), "%d", k % GROUPS);
	CHECK_EQ(install_group(lg, id), 0);
	while (t_now_ms() < end)
		stress_one(lg, &seed, tally);
	__sync_fetch_and_sub(left, 1);
	_exit(0);
}

static void awake_all(struct lgroup_t *lg[GROUPS], const int *left)
{
	int i, ret;

	while (__atomic_load_n(left, __ATOMIC_ACQUIRE)) {
		for (i = 0; i < GROUPS; i++) {
			ret = awake_barrier(lg[i]);
			CHECK(ret == 0 || ret == 2);
		}
		t_sleep_ms(1);
	}
	_exit(0);
}

static long long sum(const char *counter)
{
	long long all = 0;
	char name[32];
	int i;

	for (i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "lgroups/%d", i);
		all += t_get(name, counter);
	}
	return all;
}

TEST(stress_for_a_while)
{
	struct tally *tally = share(sizeof(*tally));
	int *left = share(sizeof(*left)), i;
	struct lgroup_t *lg[GROUPS];
	char id[8];

	for (i = 0; i < GROUPS; i++) {
		snprintf(id, sizeof(id), "%d", i);
		lg[i] = installed(id);
	}
	*left = STRESSERS;
	for (i = 0; i < STRESSERS; i++)
		if (!t_fork())
			stress(i, tally, left);
	if (!t_fork())
		awake_all(lg, left);
	t_wait_all();
	printf("# %ld published, %ld delivered, %lld revoked, %ld full, %ld slept\n",
	       tally->published, tally->delivered, sum("revoked_total"),
	       tally->full, tally->slept);
	CHECK(tally->published > 100 && tally->delivered > 100);
	CHECK_EQ(sum("sent_total"), tally->published);
	CHECK_EQ(sum("received_total"), tally->delivered);
	for (i = 0; i < GROUPS; i++)
		lgroup_destroy(lg[i]);
	CHECK_EQ(sum("delayed_messages"), 0);
	CHECK_EQ(tally->published, tally->delivered + sum("revoked_total") +
		 sum("messages"));
}
