// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: the first, second, third... allocation or copy from and to user
 * space fails in each system call, until one is reached that needs no more.
 * Each failure is a clean error: nothing half done, nothing lost. That nothing
 * leaks is for kmemleak and the slabs to say afterwards.
 *
 * Needs a kernel with fault injection.
 */
#include "../test.h"

#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/uio.h>

static int nth;
static int total;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		test_failed(__FILE__, __LINE__, "%s: %m", path);
	close(fd);
}

/* Also allocations that may sleep, of any size; and say nothing about it. */
static void prepare_faults(void)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc",
					     "fail_usercopy" };
	char path[128];
	int i;

	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 kinds[i]);
		write_file(path, "0");
	}
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	nth = open("/proc/thread-self/fail-nth", O_RDWR);
	CHECK(nth >= 0);
}

/* The n-th chance to fail from now on is taken. */
static void arm(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	CHECK(write(nth, text, strlen(text)) > 0);
}

/* Whether it has been taken; what is left of it goes. */
static bool disarm(void)
{
	char text[16] = "";
	ssize_t n = pread(nth, text, sizeof(text) - 1, 0);

	if (n < 0) {
		/* The reading itself was the n-th. */
		CHECK_EQ(errno, EFAULT);
		return false;
	}
	if (atoi(text) == 0)
		return true;
	while (write(nth, "0", 1) < 0)
		CHECK_EQ(errno, EFAULT);
	return false;
}

struct call {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	void (*check)(int error); /* 0: it has worked */
};

static int fd, dir, extra;
static struct mboxfs_msg m;
static char big[100000];

/* Errors that a fault may lead to. */
static bool clean(int error)
{
	return error == ENOMEM || error == EFAULT || error == EAGAIN ||
	       error == ENOSPC;
}

static void sweep(const struct call *call)
{
	int n, ret, error, failed = 0;
	bool injected;

	for (n = 1; n < 2000; n++) {
		call->before();
		arm(n);
		errno = 0;
		ret = call->run();
		error = ret < 0 ? errno : 0;
		injected = disarm();
		if (error && !clean(error))
			test_failed(__FILE__, __LINE__, "%s, fault %d: %s",
				    call->name, n, strerrorname_np(error));
		CHECK(injected || !error);
		failed += !!error;
		call->check(error);
		if (!injected)
			break;
	}
	CHECK(n < 2000);
	total += n - 1;
	printf("# %s: %d faults, %d of them errors\n", call->name, n - 1,
	       failed);
}

static void sums_are_right(void)
{
	struct mboxfs_stat s;

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STAT, &s), 0);
	CHECK_EQ(s.sent_total, s.messages + s.delayed_messages +
		 s.leased_messages + s.dead_messages +
		 s.received_total + s.dropped_total + s.expired_total +
		 s.revoked_total + s.purged_total);
	CHECK_EQ(t_get("g", "group_bytes"), s.bytes + s.delayed_bytes +
		 s.leased_bytes + s.dead_bytes);
	CHECK_EQ(s.readers_waiting + s.writers_waiting, 0);
}

/* A mailbox in a group, with nothing in it. */
static void empty(void)
{
	CHECK_EQ(ftruncate(fd, 0), 0);
}

static void one_message(void)
{
	empty();
	CHECK_EQ(write(fd, "1234567890", 10), 10);
}

static void big_message(void)
{
	int i;

	empty();
	for (i = 0; i < sizeof(big); i++)
		big[i] = i * 13;
	CHECK_EQ(write(fd, big, sizeof(big)), sizeof(big));
	memset(big, 0, sizeof(big));
}

static void was_sent(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), !error);
	sums_are_right();
}

static void was_delayed(int error)
{
	CHECK_EQ(t_get("g/q", "delayed_messages"), !error);
	sums_are_right();
}

static int run_write(void)
{
	return write(fd, "1234567890", 10);
}

static int run_write_big(void)
{
	return write(fd, big, sizeof(big));
}

static int run_writev(void)
{
	struct iovec v[12];
	int i;

	for (i = 0; i < 12; i++)
		v[i] = (struct iovec){ big + i * 1000, 1000 };
	return writev(fd, v, 12);
}

static int send_with(unsigned int flags, unsigned int priority, int len)
{
	m = t_msg(big, len, flags);
	m.priority = priority;
	m.delay_ns = 3600000000000ULL;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

static int run_send(void)
{
	return send_with(0, 0, 100);
}

static int run_send_urgent(void)
{
	return send_with(0, 7, 9000);
}

static int run_send_delayed(void)
{
	return send_with(MBOXFS_DELAY, 0, 100);
}

static struct mboxfs_msg batch_msgs[8];

static int run_send_batch(void)
{
	struct mboxfs_batch b = { .msgs = (uintptr_t)batch_msgs, .count = 8,
				  .timeout_ns = -1 };
	int i, n;

	for (i = 0; i < 8; i++)
		batch_msgs[i] = t_msg(big, 5000, 0);
	n = ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b);
	extra = n < 0 ? 0 : n;
	return n;
}

/* As many as it says are there: some, if a later one has failed. */
static void check_batch(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), extra);
	sums_are_right();
}

static void eight_messages(void)
{
	int i;

	empty();
	for (i = 0; i < 8; i++)
		CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
}

static int run_recv_batch(void)
{
	struct mboxfs_batch b = { .msgs = (uintptr_t)batch_msgs, .count = 8,
				  .timeout_ns = -1 };
	int i, n;

	for (i = 0; i < 8; i++)
		batch_msgs[i] = t_msg(big + 100 * i, 100, 0);
	n = ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b);
	extra = n < 0 ? 0 : n;
	return n;
}

static void check_recv_batch(int error)
{
	int i, k;

	CHECK_EQ(t_get("g/q", "messages"), 8 - extra);
	for (i = extra; i < 8; i++) {
		CHECK_EQ(read(fd, &k, sizeof(k)), sizeof(k));
		CHECK_EQ(k, i); /* in order still */
	}
	sums_are_right();
}

/* Eight records, where a batch has its bodies. */
static int run_packed(unsigned long command)
{
	struct mboxfs_packed p = { .buf = (uintptr_t)big, .len = 8 * 24,
				   .timeout_ns = -1 };
	struct mboxfs_record *r;
	int i, n;

	for (i = 0; i < 8; i++) {
		r = (struct mboxfs_record *)(big + 24 * i);
		*r = (struct mboxfs_record){ .len = sizeof(i) };
		memcpy(r + 1, &i, sizeof(i));
	}
	n = ioctl(fd, command, &p);
	extra = n < 0 ? 0 : n;
	return n;
}

static int run_send_packed(void)
{
	return run_packed(MBOXFS_IOC_SEND_PACKED);
}

static void check_send_packed(int error)
{
	int i, k;

	CHECK_EQ(t_get("g/q", "messages"), extra);
	for (i = 0; i < extra; i++) {
		CHECK_EQ(read(fd, &k, sizeof(k)), sizeof(k));
		CHECK_EQ(k, i);
	}
	sums_are_right();
}

static int run_recv_packed(void)
{
	return run_packed(MBOXFS_IOC_RECV_PACKED);
}

static int run_read(void)
{
	return read(fd, big, 100);
}

static int run_read_big(void)
{
	return read(fd, big, sizeof(big));
}

static void check_read(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), !!error);
	if (error)
		t_expect(fd, "1234567890");
	sums_are_right();
}

static void check_read_big(int error)
{
	int i;

	CHECK_EQ(t_get("g/q", "messages"), !!error);
	if (error)
		CHECK_EQ(read(fd, big, sizeof(big)), sizeof(big));
	for (i = 0; i < sizeof(big); i++)
		CHECK(big[i] == (char)(i * 13));
	sums_are_right();
}

/* Leases of their own open file, so that they end with it. */
static int holder = -1;

static void one_for_lease(void)
{
	one_message();
	holder = open("g/q", O_RDONLY);
	CHECK(holder >= 0);
}

static void eight_for_lease(void)
{
	eight_messages();
	holder = open("g/q", O_RDONLY);
	CHECK(holder >= 0);
}

static int run_lease(void)
{
	m = t_msg(big, 100, MBOXFS_LEASE);
	extra = ioctl(holder, MBOXFS_IOC_RECV, &m) == 0;
	return extra - 1;
}

static int run_lease_batch(void)
{
	struct mboxfs_batch b = { .msgs = (uintptr_t)batch_msgs, .count = 8,
				  .flags = MBOXFS_LEASE, .timeout_ns = -1 };
	int i, n;

	for (i = 0; i < 8; i++)
		batch_msgs[i] = t_msg(big + 100 * i, 100, 0);
	n = ioctl(holder, MBOXFS_IOC_RECV_BATCH, &b);
	extra = n < 0 ? 0 : n;
	return n;
}

static int run_lease_packed(void)
{
	struct mboxfs_packed p = { .buf = (uintptr_t)big, .len = sizeof(big),
				   .flags = MBOXFS_LEASE, .timeout_ns = -1 };
	int n = ioctl(holder, MBOXFS_IOC_RECV_PACKED, &p);

	extra = n < 0 ? 0 : n;
	return n;
}

/* Whatever is on lease: with the close all are there, in their order. */
static void check_leased(int error)
{
	int all = t_get("g/q", "sent_total") - t_get("g/q", "received_total") -
		  t_get("g/q", "purged_total") - t_get("g/q", "revoked_total");
	int i, k;

	CHECK_EQ(t_get("g/q", "leased_messages"), extra);
	CHECK_EQ(t_get("g/q", "messages"), all - extra);
	sums_are_right();
	CHECK_EQ(close(holder), 0);
	CHECK_EQ(t_get("g/q", "messages"), all);
	for (i = 0; all == 8 && i < 8; i++) {
		CHECK_EQ(read(fd, &k, sizeof(k)), sizeof(k));
		CHECK_EQ(k, i);
	}
}

static void one_to_read(void)
{
	one_for_lease();
	t_set("g/q", "when_read", "lease");
}

static int run_read_lease(void)
{
	return read(holder, big, 100);
}

static void check_read_lease(int error)
{
	CHECK_EQ(t_get("g/q", "leased_messages"), !error);
	CHECK_EQ(close(holder), 0);
	t_set("g/q", "when_read", "receive");
	t_expect(fd, "1234567890");
	sums_are_right();
}

static uint64_t seqs[8];

static void eight_on_lease(void)
{
	int i;

	eight_for_lease();
	CHECK_EQ(run_lease_batch(), 8);
	for (i = 0; i < 8; i++)
		seqs[i] = batch_msgs[i].seq;
}

static int run_settle(int how, uint64_t delay_ns)
{
	struct mboxfs_settle s = { .seqs = (uintptr_t)seqs, .count = 8,
				   .how = how, .delay_ns = delay_ns };
	int n = ioctl(holder, MBOXFS_IOC_SETTLE, &s);

	extra = n < 0 ? 0 : n;
	return n;
}

static int run_ack(void)
{
	return run_settle(MBOXFS_ACK, 0);
}

static void check_acks(int error)
{
	CHECK_EQ(t_get("g/q", "leased_messages"), 8 - extra);
	CHECK_EQ(close(holder), 0);
	CHECK_EQ(t_get("g/q", "messages"), 8 - extra);
	sums_are_right();
}

static int run_return_later(void)
{
	return run_settle(MBOXFS_RETURN, 3600000000000ULL);
}

static void check_later(int error)
{
	CHECK_EQ(t_get("g/q", "delayed_messages"), extra);
	check_acks(error);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), extra);
}

static int run_look(void)
{
	struct mboxfs_look l = { .msgs = (uintptr_t)batch_msgs, .count = 8,
				 .what = 15 };
	int i;

	for (i = 0; i < 8; i++)
		batch_msgs[i] = t_msg(big + 100 * i, 100, 0);
	return ioctl(fd, MBOXFS_IOC_LOOK, &l);
}

static void check_look(int error)
{
	extra = 0;
	check_recv_batch(0);
}

static int run_cancel(void)
{
	uint64_t tags[] = { 0 };
	struct mboxfs_settle s = { .seqs = (uintptr_t)tags, .count = 1,
				   .how = MBOXFS_BY_TAG };

	extra = ioctl(fd, MBOXFS_IOC_CANCEL, &s);
	return extra;
}

static void check_cancel(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), error ? 8 : 0);
	CHECK_EQ(extra, error ? -1 : 8);
	sums_are_right();
}

static int run_restore(void)
{
	m = t_msg(big, 100, MBOXFS_RESTORE | MBOXFS_IS_DEAD);
	m.attempts = 3;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

static void check_restored(int error)
{
	CHECK_EQ(t_get("g/q", "dead_messages"), !error);
	sums_are_right();
}

static int run_recv(void)
{
	m = t_msg(big, 100, 0);
	return ioctl(fd, MBOXFS_IOC_RECV, &m);
}

static int run_peek(void)
{
	m = t_msg(big, 100, MBOXFS_PEEK);
	return ioctl(fd, MBOXFS_IOC_RECV, &m);
}

static void check_peek(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), 1);
	t_expect(fd, "1234567890");
	sums_are_right();
}

static int run_stat(void)
{
	static struct mboxfs_stat s;

	return ioctl(fd, MBOXFS_IOC_STAT, &s);
}

static void nothing(int error)
{
	sums_are_right();
}

static int run_poll(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0);
}

static int run_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), ret;

	if (ep < 0)
		return -1;
	ret = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
	close(ep);
	return ret;
}

static int run_fsync(void)
{
	return fsync(fd);
}

static void one_delayed(void)
{
	empty();
	m = t_msg("1234567890", 10, MBOXFS_DELAY);
	m.delay_ns = 3600000000000ULL;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
}

static int run_group_fsync(void)
{
	return fsync(dir);
}

static void check_published(int error)
{
	CHECK_EQ(t_get("g/q", "messages"), !error);
	CHECK_EQ(t_get("g/q", "delayed_messages"), !!error);
	sums_are_right();
}

static int run_group_revoke(void)
{
	return ioctl(dir, MBOXFS_IOC_REVOKE);
}

static void check_revoked(int error)
{
	CHECK_EQ(t_get("g/q", "delayed_messages"), !!error);
	sums_are_right();
}

static void no_barrier(void)
{
	close(fd);
	unlink("g/q");
	fd = t_open("g/q", O_RDWR);
}

static int run_barrier(void)
{
	struct mboxfs_barrier b = { .parties = 1 };

	return ioctl(fd, MBOXFS_IOC_BARRIER_WAIT, &b);
}

static int run_sleep(void)
{
	struct mboxfs_barrier b = { .timeout_ns = 1000 };
	int ret = ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b);

	return ret < 0 && errno == ETIMEDOUT ? 0 : ret;
}

static void check_barrier(int error)
{
	CHECK_EQ(t_get("g/q", "barrier_sleepers"), 0);
	sums_are_right();
}

static int run_broadcast(void)
{
	m = t_msg(big, 20000, 0);
	extra = ioctl(dir, MBOXFS_IOC_BROADCAST, &m);
	return extra;
}

static void no_broadcast(void)
{
	char name[16];
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "g/b%d", i);
		close(t_open(name, O_RDWR));
		CHECK_EQ(truncate(name, 0), 0);
	}
	empty();
}

/* As many as it says have it, and nobody else does. */
static void check_broadcast(int error)
{
	char name[16];
	int i, n = t_get("g/q", "messages");

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "g/b%d", i);
		n += t_get(name, "messages");
		CHECK_EQ(truncate(name, 0), 0);
	}
	CHECK_EQ(n, error ? 0 : extra);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "g/b%d", i);
		CHECK_EQ(unlink(name), 0);
	}
}

static void no_name(void)
{
	unlink("g/new");
	rmdir("g/new");
	extra = -1;
}

static int run_create(void)
{
	return extra = open("g/new", O_RDWR | O_CREAT | O_EXCL, 0600);
}

static int run_open(void)
{
	return extra = open("g/q", O_RDWR);
}

static int run_tmpfile(void)
{
	return extra = open("g", O_RDWR | O_TMPFILE, 0600);
}

static int run_mkdir(void)
{
	return mkdir("g/new", 0700);
}

static int run_symlink(void)
{
	return symlink("a/rather/long/target/which/does/not/fit/into/an/inode",
		       "g/new");
}

/* A file that could not be opened may have been made: VFS order. */
static void check_name(int error)
{
	struct stat st;

	if (extra >= 0)
		close(extra);
	if (!error)
		CHECK(lstat("g/new", &st) == 0 || errno == ENOENT);
	no_name();
	CHECK_EQ(t_get("g", "group_mailboxes"), 1);
	sums_are_right();
}

static void named(void)
{
	no_name();
	close(t_open("g/new", O_RDWR));
	CHECK_EQ(mkdir("h", 0777) == 0 || errno == EEXIST, 1);
}

static int run_rename(void)
{
	return rename("g/new", "h/new");
}

static void check_rename(int error)
{
	CHECK_EQ(access("g/new", F_OK), error ? 0 : -1);
	CHECK_EQ(access("h/new", F_OK), error ? -1 : 0);
	CHECK_EQ(t_get("h", "group_mailboxes"), !error);
	unlink("h/new");
	check_name(error);
}

static int run_unlink(void)
{
	return unlink("g/new");
}

static int run_rmdir(void)
{
	return rmdir("g/new");
}

static void made_dir(void)
{
	no_name();
	CHECK_EQ(mkdir("g/new", 0700), 0);
}

static int run_setxattr(void)
{
	return setxattr("g/q", "user.mboxfs.max_messages", "1000", 4, 0);
}

static int run_set_ceiling(void)
{
	return setxattr("g", "user.mboxfs.group_max_bytes", "1000000", 7, 0);
}

static int run_getxattr(void)
{
	return getxattr("g/q", "user.mboxfs.max_messages", big, 100);
}

static int run_listxattr(void)
{
	return listxattr("g/q", big, sizeof(big));
}

static int run_readdir(void)
{
	DIR *d = opendir("g");
	struct dirent *e;

	if (!d)
		return -1;
	errno = 0;
	while ((e = readdir(d)))
		;
	closedir(d);
	return errno ? -1 : 0;
}

static int run_statfs(void)
{
	struct statfs s;

	return statfs("g", &s);
}

static void no_process(void)
{
	char name[32];

	no_name();
	if (mkdir("pids", 0777) == 0)
		t_set("pids", "naming", "pid");
	snprintf(name, sizeof(name), "pids/%d", getpid());
	unlink(name);
}

static int run_process(void)
{
	char name[32];

	snprintf(name, sizeof(name), "pids/%d", getpid());
	return extra = open(name, O_RDWR | O_CREAT, 0600);
}

static void check_process(int error)
{
	if (extra >= 0)
		close(extra);
	no_process();
	CHECK_EQ(t_get("pids", "group_mailboxes"), 0);
}

static void not_mounted(void)
{
	mkdir("/tmp/mnt", 0755);
	while (umount("/tmp/mnt") == 0)
		;
}

static int run_mount(void)
{
	return mount("none", "/tmp/mnt", "mboxfs", 0,
		     "size=1m,max_messages=10,naming=id,mode=750");
}

static void check_mount(int error)
{
	CHECK_EQ(umount("/tmp/mnt"), error ? -1 : 0);
}

static void mounted(void)
{
	not_mounted();
	CHECK_EQ(run_mount(), 0);
}

static int run_remount(void)
{
	return mount("none", "/tmp/mnt", "mboxfs", MS_REMOUNT, "size=2m");
}

static void check_remount(int error)
{
	CHECK_EQ(umount("/tmp/mnt"), 0);
}

static const struct call calls[] = {
	{ "write", empty, run_write, was_sent },
	{ "write of 100 kB", empty, run_write_big, was_sent },
	{ "writev", empty, run_writev, was_sent },
	{ "SEND", empty, run_send, was_sent },
	{ "SEND, urgent", empty, run_send_urgent, was_sent },
	{ "SEND, delayed", empty, run_send_delayed, was_delayed },
	{ "SEND_BATCH", empty, run_send_batch, check_batch },
	{ "read", one_message, run_read, check_read },
	{ "read of 100 kB", big_message, run_read_big, check_read_big },
	{ "RECV", one_message, run_recv, check_read },
	{ "RECV, peek", one_message, run_peek, check_peek },
	{ "RECV_BATCH", eight_messages, run_recv_batch, check_recv_batch },
	{ "SEND_PACKED", empty, run_send_packed, check_send_packed },
	{ "RECV_PACKED", eight_messages, run_recv_packed, check_recv_batch },
	{ "RECV, lease", one_for_lease, run_lease, check_leased },
	{ "RECV_BATCH, lease", eight_for_lease, run_lease_batch, check_leased },
	{ "RECV_PACKED, lease", eight_for_lease, run_lease_packed,
	  check_leased },
	{ "read, on lease", one_to_read, run_read_lease, check_read_lease },
	{ "SETTLE", eight_on_lease, run_ack, check_acks },
	{ "SETTLE, later", eight_on_lease, run_return_later, check_later },
	{ "LOOK", eight_messages, run_look, check_look },
	{ "CANCEL", eight_messages, run_cancel, check_cancel },
	{ "SEND, restored", empty, run_restore, check_restored },
	{ "STAT", empty, run_stat, nothing },
	{ "poll", empty, run_poll, nothing },
	{ "epoll_ctl", empty, run_epoll, nothing },
	{ "fsync", one_delayed, run_fsync, check_published },
	{ "fsync of a group", one_delayed, run_group_fsync, check_published },
	{ "REVOKE of a group", one_delayed, run_group_revoke, check_revoked },
	{ "BARRIER_WAIT", no_barrier, run_barrier, check_barrier },
	{ "BARRIER_SLEEP", no_barrier, run_sleep, check_barrier },
	{ "BROADCAST", no_broadcast, run_broadcast, check_broadcast },
	{ "create", no_name, run_create, check_name },
	{ "open", no_name, run_open, check_name },
	{ "O_TMPFILE", no_name, run_tmpfile, check_name },
	{ "mkdir", no_name, run_mkdir, check_name },
	{ "symlink", no_name, run_symlink, check_name },
	{ "rename", named, run_rename, check_rename },
	{ "unlink", named, run_unlink, check_name },
	{ "rmdir", made_dir, run_rmdir, check_name },
	{ "setxattr", no_name, run_setxattr, check_name },
	{ "setxattr of a group", no_name, run_set_ceiling, check_name },
	{ "getxattr", no_name, run_getxattr, check_name },
	{ "listxattr", no_name, run_listxattr, check_name },
	{ "readdir", no_name, run_readdir, check_name },
	{ "statfs", no_name, run_statfs, check_name },
	{ "mailbox of a process", no_process, run_process, check_process },
	{ "mount", not_mounted, run_mount, check_mount },
	{ "remount", mounted, run_remount, check_remount },
};

TEST(each_fault_is_a_clean_error)
{
	unsigned int i;

	alarm(600);
	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "max_message_size", "1m");
	t_set("g", "max_bytes", "10m");
	fd = t_open("g/q", O_RDWR);
	dir = open("g", O_RDONLY | O_DIRECTORY);
	prepare_faults();
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		sweep(&calls[i]);
	printf("# %d faults in %zu calls\n", total,
	       sizeof(calls) / sizeof(*calls));
}
