// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message for all mailboxes of a group.
 */
#include "test.h"

#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/statfs.h>

static int broadcast(int dir, const void *data, size_t len)
{
	struct mboxfs_msg m = t_msg(data, len, 0);

	return ioctl(dir, MBOXFS_IOC_BROADCAST, &m);
}

/* Objects in use in a slab cache of the module. */
static long objects(const char *cache)
{
	char line[512], name[64];
	FILE *f = fopen("/proc/slabinfo", "r");
	long n = -1, active;

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", name, &active) == 2 &&
		    !strcmp(name, cache))
			n = active;
	fclose(f);
	CHECK(n >= 0);
	return n;
}

#define BOXES	1000
#define LEN	60000	/* 15 pages */

TEST(a_thousand_readers_get_one_body)
{
	static char data[LEN], got[LEN];
	long before, memory;
	struct statfs fs, empty;
	int dir = t_open_group("g"), i, fd;
	char name[32];

	for (i = 0; i < BOXES; i++) {
		snprintf(name, sizeof(name), "g/q%d", i);
		close(t_open(name, O_RDWR));
	}
	for (i = 0; i < LEN; i++)
		data[i] = i * 31;
	before = objects("mboxfs_segment");
	CHECK_EQ(statfs(".", &empty), 0);
	CHECK_EQ(broadcast(dir, data, LEN), BOXES);
	/* Pages of a slab go together, a few CPUs keep some. */
	CHECK(objects("mboxfs_segment") - before < 15 + 100);
	CHECK_EQ(statfs(".", &fs), 0);
	memory = (empty.f_bfree - fs.f_bfree) * fs.f_bsize;
	printf("# %ld bytes of memory for %ld sent\n", memory,
	       (long)BOXES * LEN);
	CHECK(memory >= LEN + BOXES * 64);
	CHECK(memory < 2 * LEN + BOXES * 256);
	for (i = 0; i < BOXES; i++) {
		snprintf(name, sizeof(name), "g/q%d", i);
		fd = open(name, O_RDWR);
		CHECK_EQ(t_get(name, "bytes"), LEN);
		CHECK_EQ(read(fd, got, LEN), LEN);
		CHECK(!memcmp(got, data, LEN));
		got[0] = 0;
		close(fd);
	}
	CHECK_EQ(statfs(".", &fs), 0);
	CHECK_EQ(fs.f_bfree, empty.f_bfree);
}

TEST(readers_at_once)
{
	int dir = t_open_group("g"), i, n = 0;
	char name[32];

	for (i = 0; i < 100; i++) {
		int fd;

		snprintf(name, sizeof(name), "g/%d", i);
		fd = t_open(name, O_RDWR);
		if (!t_fork()) {
			t_expect(fd, "hello");
			_exit(0);
		}
		close(fd);
	}
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "g/%d", i);
		t_await(name, "readers_waiting", 1);
	}
	n = broadcast(dir, "hello", 5);
	CHECK_EQ(n, 100);
	t_wait_all();
}

TEST(full_stopped_and_forbidden_ones_are_skipped)
{
	static const char fifty[50];
	int dir = t_open_group("g"), fd;

	t_set("g", "group_max_bytes", "100");
	close(t_open("g/ok", O_RDWR));
	fd = t_open("g/full", O_RDWR);
	t_set("g/full", "max_messages", "1");
	t_send(fd, "x");
	close(t_open("g/stopped", O_RDWR));
	t_set("g/stopped", "stopped", "1");
	close(t_open("g/short", O_RDWR));
	t_set("g/short", "max_message_size", "4");
	close(t_open("g/drops", O_RDWR));
	t_set("g/drops", "when_full", "drop_oldest");
	t_set("g/drops", "max_messages", "1");
	t_send(open("g/drops", O_RDWR), "old");
	close(t_open("g/locked", O_RDWR));
	CHECK_EQ(chmod("g/locked", 0600), 0);
	CHECK_EQ(mkdir("g/sub", 0777), 0);
	close(t_open("g/sub/q", O_RDWR));
	CHECK_EQ(symlink("sub/q", "g/link"), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(broadcast(dir, "hello", 5), 2);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("g/ok", "messages"), 1);
	CHECK_EQ(t_get("g/drops", "dropped_total"), 1);
	t_expect(open("g/drops", O_RDWR), "hello");
	CHECK_EQ(t_get("g/full", "messages"), 1);
	CHECK_EQ(t_get("g/stopped", "messages"), 0);
	CHECK_EQ(t_get("g/locked", "messages"), 0);
	CHECK_EQ(t_get("g/sub/q", "messages"), 0);
	/* Each is charged the full length: here only one more fits. */
	CHECK_EQ(t_get("g", "group_bytes"), 6);
	CHECK_EQ(broadcast(dir, fifty, sizeof(fifty)), 1);
	CHECK_EQ(t_get("g", "group_bytes"), 56);
}

TEST(each_has_its_own_delay_and_time_to_live)
{
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);
	int dir = t_open_group("g");

	close(t_open("g/now", O_RDWR));
	close(t_open("g/late", O_RDWR));
	close(t_open("g/short", O_RDWR));
	t_set("g/late", "send_delay_ms", "3600000");
	t_set("g/short", "ttl_ms", "50");
	CHECK_EQ(broadcast(dir, "x", 1), 3);
	CHECK_EQ(t_get("g/now", "messages"), 1);
	CHECK_EQ(t_get("g/late", "delayed_messages"), 1);
	t_await("g/short", "expired_total", 1);
	m.delay_ns = 3600000000000ULL;
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 3);
	CHECK_EQ(t_get("g/now", "delayed_messages"), 1);
	m.delay_ns = 0;
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 3);
	CHECK_EQ(t_get("g/late", "messages"), 1);
}

TEST(what_is_known_about_a_message_comes_along)
{
	struct mboxfs_msg m = t_msg("low", 3, 0), r;
	int dir = t_open_group("g"), fd = t_open("g/q", O_RDWR);
	char got[16];

	m.tag = 77;
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 1);
	m = t_msg("high", 4, MBOXFS_NONBLOCK);
	m.priority = 9;
	m.tag = 78;
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 1);
	r = t_msg(got, sizeof(got), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &r), 0);
	CHECK(r.len == 4 && r.priority == 9 && r.tag == 78);
	CHECK_EQ(r.pid, getpid());
	CHECK_EQ(r.seq, 2);
	r = t_msg(got, sizeof(got), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &r), 0);
	CHECK(r.len == 3 && r.priority == 0 && r.tag == 77);
	CHECK_EQ(r.seq, 1);
}

TEST(bad_broadcasts)
{
	static char big[70000];
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_SYNC);
	int dir = t_open_group("g"), fd = t_open("g/q", O_RDWR);

	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), EINVAL);
	m = t_msg("x", 1, MBOXFS_PEEK);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), EINVAL);
	m = t_msg("x", 1, 0);
	m.priority = 32768;
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), EINVAL);
	m.priority = 0;
	m.reserved[1] = 1;
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), EINVAL);
	CHECK_ERR(broadcast(dir, (void *)8, 100), EFAULT);
	CHECK_ERR(broadcast(dir, (void *)-4096UL, 100), EFAULT);
	CHECK_ERR(broadcast(dir, NULL, (64 << 20) + 1), EMSGSIZE);
	CHECK_ERR(ioctl(dir, MBOXFS_IOC_BROADCAST, (void *)8), EFAULT);
	CHECK_EQ(broadcast(dir, big, sizeof(big)), 0); /* nobody takes it */
	CHECK_EQ(broadcast(dir, NULL, 0), 1);
	CHECK_EQ(t_get("g/q", "messages"), 1);
	close(fd);
	CHECK_EQ(chmod("g", 0755), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(broadcast(dir, "x", 1), EACCES);
		_exit(0);
	}
	t_wait_all();
}

TEST(a_broadcast_is_seen_by_those_who_watch)
{
	char events[4096];
	int dir = t_open_group("g"), fd, watch;
	struct pollfd p;

	fd = t_open("g/q", O_RDWR);
	watch = inotify_init1(IN_NONBLOCK);
	CHECK(inotify_add_watch(watch, "g/q", IN_MODIFY) >= 0);
	CHECK_EQ(broadcast(dir, "x", 1), 1);
	CHECK(read(watch, events, sizeof(events)) > 0);
	CHECK_EQ(((struct inotify_event *)events)->mask, IN_MODIFY);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 1);
}

/* Mailboxes come and go meanwhile; those that stay get each message once. */
TEST(a_broadcast_while_others_come_and_go)
{
	int dir = t_open_group("g"), i, n, stay[20];
	char name[32];
	pid_t pid;

	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "g/stay%d", i);
		stay[i] = t_open(name, O_RDWR);
	}
	pid = t_fork();
	if (!pid) {
		for (i = 0;; i++) {
			snprintf(name, sizeof(name), "g/%d", i % 50);
			close(t_open(name, O_RDWR));
			snprintf(name, sizeof(name), "g/%d", (i + 25) % 50);
			unlink(name);
		}
	}
	for (n = 0; n < 1000; n++)
		CHECK(broadcast(dir, &n, sizeof(n)) >= 20);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (i = 0; i < 20; i++) {
		int got;

		for (n = 0; n < 1000; n++) {
			CHECK_EQ(read(stay[i], &got, sizeof(got)), sizeof(got));
			CHECK_EQ(got, n);
		}
		t_expect_empty(stay[i]);
	}
}
