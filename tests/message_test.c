// SPDX-License-Identifier: GPL-2.0-only
/*
 * One write is one message, one read takes one; what that means for every way
 * to write and read, and for buffers that are too small or bad.
 */
#include "test.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

TEST(one_write_is_one_message)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "one");
	t_send(fd, "two");
	t_send(fd, "three");
	t_expect(fd, "one");
	t_expect(fd, "two");
	t_expect(fd, "three");
	t_expect_empty(fd);
}

TEST(writev_gathers_and_readv_scatters)
{
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
	char a[2], b[8];
	struct iovec in[2] = { { a, 2 }, { b, 8 } };
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(writev(fd, out, 3), 5);
	t_send(fd, "next");
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(readv(fd, in, 2), 5);
	CHECK(!memcmp(a, "ab", 2) && !memcmp(b, "cde", 3));
	t_expect(fd, "next");
}

TEST(writev_of_nothing_sends_nothing)
{
	struct iovec none = { "", 0 };
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(writev(fd, &none, 0), 0);
	CHECK_EQ(writev(fd, &none, 1), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* As on a pipe, also where a message would wait or be refused. */
TEST(a_write_of_nothing_sends_nothing)
{
	int fd = t_open("q", O_RDWR), sync = open("q", O_WRONLY | O_SYNC);

	CHECK_EQ(write(fd, "", 0), 0);
	CHECK_EQ(write(fd, NULL, 0), 0);
	CHECK_EQ(pwrite(fd, "", 0, 5), 0);
	CHECK_EQ(write(sync, "", 0), 0);
	CHECK_EQ(t_get("q", "sent_total"), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(write(fd, "", 0), 0);
}

TEST(empty_messages_are_for_send_and_recv)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK);

	CHECK_EQ(t_send_as(fd, "", 0, 7), 0);
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "bytes"), 0);
	CHECK_EQ(t_get("q", "next_size"), 0);
	t_take(fd, 0, "");
	CHECK_EQ(t_get("q", "received_total"), 1);
}

/* So a read of 0 always means the end. */
TEST(a_read_passes_over_empty_messages)
{
	int fd = t_open("q", O_RDWR), i;
	char c;

	t_send_as(fd, "", 0, 0);
	t_send_as(fd, "", 0, 0);
	t_send(fd, "one");
	t_send_as(fd, "", 0, 0);
	t_expect(fd, "one");
	CHECK_EQ(t_get("q", "received_total"), 3);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	CHECK_EQ(t_get("q", "received_total"), 4);
	CHECK_EQ(fcntl(fd, F_SETFL, 0), 0);
	/* Who waits goes on waiting. */
	if (!t_fork()) {
		t_expect(fd, "two");
		_exit(0);
	}
	for (i = 0; i < 3; i++) {
		t_await("q", "readers_waiting", 1);
		t_send_as(fd, "", 0, 0);
		t_await("q", "received_total", 5 + i);
	}
	t_await("q", "readers_waiting", 1);
	t_send(fd, "two");
	t_wait_all();
	t_set("q", "when_empty", "eof");
	t_send_as(fd, "", 0, 0);
	CHECK_EQ(read(fd, &c, 1), 0);
	t_send_as(fd, "", 0, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), 10);
}

static void on_alarm(int sig)
{
}

/* Also by who is sent empty ones without end. */
TEST(a_read_that_passes_over_messages_can_be_interrupted)
{
	struct sigaction act = { .sa_handler = on_alarm };
	int fd = t_open("q", O_RDWR);
	pid_t sender;
	char c;

	sender = t_fork();
	if (!sender)
		for (;;)
			t_send_as(fd, "", 0, 0);
	CHECK_EQ(sigaction(SIGALRM, &act, NULL), 0);
	ualarm(200000, 0);
	CHECK_ERR(read(fd, &c, 1), EINTR);
	CHECK_EQ(kill(sender, SIGKILL), 0);
	CHECK_EQ(waitpid(sender, NULL, 0), sender);
	CHECK(t_get("q", "received_total") > 0);
}

TEST(read_of_nothing_takes_nothing)
{
	int fd = t_open("q", O_RDWR);
	char c;

	CHECK_EQ(read(fd, &c, 0), 0);
	t_send(fd, "x");
	CHECK_EQ(read(fd, &c, 0), 0);
	t_expect(fd, "x");
}

TEST(offsets_are_ignored)
{
	int fd = t_open("q", O_RDWR);
	char c[8];

	CHECK_EQ(pwrite(fd, "one", 3, 1000), 3);
	CHECK_EQ(pwrite(fd, "two", 3, 0), 3);
	CHECK_EQ(pread(fd, c, 8, 77777), 3);
	CHECK(!memcmp(c, "one", 3));
	CHECK_EQ(pread(fd, c, 8, 0), 3);
	CHECK(!memcmp(c, "two", 3));
	t_send(fd, "three");
	t_expect(fd, "three");
}

/* Where it is, nobody can say; so a shell does not read ahead and seek back. */
TEST(lseek_is_zero_and_means_nothing)
{
	static const char *const policies[] = { "keep", "truncate", "refuse" };
	int fd = t_open("q", O_RDWR), i;

	t_send(fd, "abc");
	CHECK_ERR(lseek(fd, 0, SEEK_CUR), ESPIPE);
	for (i = 0; i < 3; i++) {
		t_set("q", "short_read", policies[i]);
		CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
		CHECK_EQ(lseek(fd, -5, SEEK_END), 0);
		if (i)
			CHECK_EQ(lseek(fd, -5, SEEK_CUR), 0);
		else
			CHECK_ERR(lseek(fd, -5, SEEK_CUR), ESPIPE);
		CHECK_ERR(lseek(fd, 0, SEEK_DATA), EINVAL);
		CHECK_ERR(lseek(fd, 0, SEEK_HOLE), EINVAL);
	}
	t_expect(fd, "abc");
}

/* Sizes around every border of a body's pieces. */
TEST(bodies_of_all_sizes_are_intact)
{
	static const size_t sizes[] = {
		1, 15, 16, 63, 64, 87, 88, 89, 127, 128, 129, 215, 216, 217,
		471, 472, 473, 1000, 1024, 2000, 2048, 4000, 4050, 4051, 4052,
		4053, 4054, 4055, 4056, 4057, 4058, 4059, 4060, 4088, 4096,
		8000, 8140, 8141, 8142, 8143, 8144, 8145, 8192, 12231, 16384,
		65535, 65536, 100000, 1000000, 1048576,
	};
	static unsigned char out[(1 << 20) + 64], in[1 << 20];
	int fd = t_open("q", O_RDWR);
	size_t i;

	t_set("q", "max_message_size", "1m");
	t_set("q", "max_bytes", "0");
	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + (i >> 8) + (i >> 13);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		CHECK_EQ(write(fd, out + i, sizes[i]), sizes[i]);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memset(in, 0, sizeof(in));
		CHECK_EQ(read(fd, in, sizeof(in)), sizes[i]);
		CHECK(!memcmp(in, out + i, sizes[i]));
	}
	t_expect_empty(fd);
}

TEST(largest_message_is_64_mib)
{
	size_t max = 64 << 20;
	char *p = mmap(NULL, max + 1, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = t_open("q", O_RDWR);

	CHECK(p != MAP_FAILED);
	t_set("q", "max_message_size", "0");
	t_set("q", "max_bytes", "0");
	p[0] = 'a';
	p[max - 1] = 'z';
	CHECK_ERR(write(fd, p, max + 1), EMSGSIZE);
	CHECK_EQ(write(fd, p, max), max);
	p[0] = 0;
	p[max - 1] = 0;
	CHECK_EQ(read(fd, p, max + 1), max);
	CHECK(p[0] == 'a' && p[max - 1] == 'z');
}

TEST(too_long_is_emsgsize)
{
	static char p[70000];
	int fd = t_open("q", O_RDWR);

	CHECK_ERR(write(fd, p, 65537), EMSGSIZE);
	CHECK_EQ(write(fd, p, 65536), 65536);
	t_set("q", "max_bytes", "1000");
	CHECK_ERR(write(fd, p, 1001), EMSGSIZE);
	CHECK_EQ(t_get("q", "messages"), 1);
}

TEST(short_read_truncates)
{
	int fd = t_open("q", O_RDWR);
	char c[4];

	t_set("q", "short_read", "truncate");
	t_send(fd, "abcdefgh");
	t_send(fd, "next");
	CHECK_EQ(read(fd, c, 3), 3);
	CHECK(!memcmp(c, "abc", 3));
	t_expect(fd, "next");
}

TEST(short_read_refuses)
{
	int fd = t_open("q", O_RDWR);
	char c[4];

	t_set("q", "short_read", "refuse");
	t_send(fd, "abcdefgh");
	t_send(fd, "next");
	CHECK_ERR(read(fd, c, 3), EMSGSIZE);
	CHECK_EQ(t_get("q", "messages"), 2);
	t_expect(fd, "abcdefgh");
	CHECK_EQ(read(fd, c, 4), 4);
}

/* A reader that waits with too little room leaves; the next one gets it. */
TEST(short_read_refuses_waiters_too)
{
	int fd = t_open("q", O_RDWR);
	char c[8];

	t_set("q", "short_read", "refuse");
	if (!t_fork()) {
		CHECK_ERR(read(fd, c, 3), EMSGSIZE);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	if (!t_fork()) {
		CHECK_EQ(read(fd, c, 8), 5);
		_exit(0);
	}
	t_await("q", "readers_waiting", 2);
	t_send(fd, "abcde");
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 0);
}

TEST(short_read_keeps_the_rest)
{
	int fd = t_open("q", O_RDWR), other;
	struct pollfd p;
	char c[4];

	t_send(fd, "abcdefgh");
	t_send(fd, "next");
	other = open("q", O_RDONLY);
	CHECK_EQ(read(fd, c, 3), 3);
	CHECK(!memcmp(c, "abc", 3));
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "received_total"), 1);
	CHECK_EQ(read(fd, c, 3), 3);
	CHECK(!memcmp(c, "def", 3));
	/* The rest is this open file's alone. */
	t_expect(other, "next");
	t_expect_empty(other);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&p, 1, 0), 1);
	/* Even if the policy changes. */
	t_set("q", "short_read", "truncate");
	CHECK_EQ(read(fd, c, 4), 2);
	CHECK(!memcmp(c, "gh", 2));
	t_expect_empty(fd);
}

/* Parts that begin and end anywhere in the pieces of a body. */
TEST(kept_rest_of_a_long_message_is_intact)
{
	static unsigned char out[60000], in[60000];
	int fd = t_open("q", O_RDWR);
	size_t i, got = 0;
	ssize_t n;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + (i >> 8);
	CHECK_EQ(write(fd, out, sizeof(out)), sizeof(out));
	t_send(fd, "next");
	while (got < sizeof(out)) {
		n = read(fd, in + got, 1 + got % 9999);
		CHECK(n > 0);
		got += n;
	}
	CHECK_EQ(got, sizeof(out));
	CHECK(!memcmp(in, out, sizeof(out)));
	t_expect(fd, "next");
}

TEST(kept_rest_goes_with_the_last_close)
{
	int fd = t_open("q", O_RDWR), reader = t_open("q", O_RDONLY), copy;
	char c;

	t_send(fd, "abc");
	CHECK_EQ(read(reader, &c, 1), 1);
	copy = dup(reader);
	close(reader);
	CHECK_EQ(read(copy, &c, 1), 1);
	CHECK(c == 'b');
	CHECK_EQ(t_get("q", "truncated_total"), 0);
	close(copy);
	t_expect_empty(fd);
	CHECK_EQ(t_get("q", "truncated_total"), 1);
}

TEST(messages_that_lost_bytes_are_counted)
{
	int fd = t_open("q", O_RDWR), i;
	char text[8];
	struct mboxfs_msg m[2] = { t_msg(text, 2, MBOXFS_PEEK) };
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 2 };
	struct mboxfs_stat stat;

	for (i = 0; i < 6; i++)
		t_send(fd, "abc");
	/* All of it, in parts. */
	CHECK_EQ(read(fd, text, 2), 2);
	CHECK_EQ(read(fd, text, 2), 1);
	t_set("q", "short_read", "truncate");
	t_expect(fd, "abc");
	/* It stays. */
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m[0]), 0);
	CHECK_EQ(m[0].flags & MBOXFS_TRUNC, MBOXFS_TRUNC);
	CHECK_EQ(t_get("q", "truncated_total"), 0);
	CHECK_EQ(read(fd, text, 2), 2);
	CHECK_EQ(t_get("q", "truncated_total"), 1);
	CHECK_ERR(read(fd, (void *)8, 2), EFAULT);
	CHECK_EQ(t_get("q", "truncated_total"), 1);
	m[0] = t_msg(NULL, 0, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m[0]), 0);
	CHECK_EQ(t_get("q", "truncated_total"), 2);
	m[0] = t_msg(text, 3, 0);
	m[1] = t_msg(text, 2, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 2);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STAT, &stat), 0);
	CHECK_EQ(stat.truncated_total, 3);
	CHECK_EQ(stat.received_total, 6);
}

/* Also where rests are kept: nobody holds a lock while waiting. */
TEST(readers_of_one_open_file_wait_side_by_side)
{
	int fd = t_open("q", O_RDWR), i;
	char c[8];

	for (i = 0; i < 4; i++) {
		if (!t_fork()) {
			CHECK_EQ(read(fd, c, sizeof(c)), 3);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 4);
	for (i = 0; i < 4; i++)
		t_send(fd, "abc");
	t_wait_all();
}

/* Those who get long messages all at once: one begins, the others give back. */
TEST(kept_rests_of_many_readers_are_all_read)
{
	static struct mboxfs_msg m[64];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 64 };
	int fd = t_open("q", O_RDWR), out[2], i, first = 0, second = 0;
	char c[3];

	for (i = 0; i < 64; i++)
		m[i] = t_msg("abcdef", 6, 0);
	CHECK_EQ(pipe(out), 0);
	for (i = 0; i < 8; i++) {
		if (t_fork())
			continue;
		while (read(fd, c, 3) == 3)
			CHECK_EQ(write(out[1], c, 1), 1);
		_exit(0);
	}
	t_await("q", "readers_waiting", 8);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 64);
	for (i = 0; i < 128; i++) {
		CHECK_EQ(read(out[0], c, 1), 1);
		first += c[0] == 'a';
		second += c[0] == 'd';
	}
	CHECK_EQ(first, 64);
	CHECK_EQ(second, 64);
	CHECK_EQ(t_get("q", "received_total"), 64);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "truncated_total"), 0);
}

/*
 * The last byte before a page that is not there: that stays reserved, or what is
 * mapped next would come to lie there.
 */
static char *edge(void)
{
	char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(mprotect(p + 8192, 8192, PROT_NONE), 0);
	return p + 8192;
}

TEST(bad_pointer_sends_nothing)
{
	int fd = t_open("q", O_RDWR);
	struct iovec v[2] = { { "good", 4 }, { edge() - 2, 4 } };

	t_send(fd, "before");
	CHECK_ERR(write(fd, edge() - 10, 20), EFAULT);
	CHECK_ERR(write(fd, edge() - 6000, 9000), EFAULT);
	CHECK_ERR(write(fd, (void *)8, 20), EFAULT);
	CHECK_ERR(writev(fd, v, 2), EFAULT);
	t_send(fd, "after");
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "sent_total"), 2);
	t_expect(fd, "before");
	t_expect(fd, "after");
}

TEST(bad_pointer_receives_nothing)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "first message");
	t_send(fd, "second");
	CHECK_ERR(read(fd, edge() - 3, 20), EFAULT);
	CHECK_ERR(read(fd, (void *)8, 20), EFAULT);
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "received_total"), 0);
	t_expect(fd, "first message");
	t_expect(fd, "second");
}

TEST(bad_pointer_leaves_the_rest)
{
	int fd = t_open("q", O_RDWR);
	char c[2];

	t_send(fd, "abcdef");
	CHECK_EQ(read(fd, c, 2), 2);
	CHECK_ERR(read(fd, edge() - 1, 4), EFAULT);
	t_expect(fd, "cdef");
}

/* Who waits and then cannot take it, leaves it to the next who waits. */
TEST(failed_copy_goes_to_the_next_reader)
{
	int fd = t_open("q", O_RDWR);
	char *bad = edge() - 1;

	if (!t_fork()) {
		CHECK_ERR(read(fd, bad, 100), EFAULT);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	if (!t_fork()) {
		t_expect(fd, "message");
		_exit(0);
	}
	t_await("q", "readers_waiting", 2);
	t_send(fd, "message");
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), 1);
}

TEST(truncation_on_open_does_nothing)
{
	int fd = t_open("q", O_RDWR), other;
	struct stat before, after;

	t_send(fd, "stays");
	CHECK_EQ(fstat(fd, &before), 0);
	t_tick();
	other = open("q", O_WRONLY | O_TRUNC);
	CHECK(other >= 0);
	CHECK_EQ(fstat(fd, &after), 0);
	CHECK_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	CHECK_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	t_expect(fd, "stays");
}

TEST(truncate_purges)
{
	int fd = t_open("q", O_RDWR);

	t_send(fd, "one");
	t_send(fd, "two");
	CHECK_ERR(ftruncate(fd, 1), EINVAL);
	CHECK_ERR(truncate("q", 1LL << 40), EINVAL);
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "bytes"), 0);
	CHECK_EQ(t_get("q", "purged_total"), 2);
	t_send(fd, "three");
	CHECK_EQ(truncate("q", 0), 0);
	CHECK_EQ(t_get("q", "purged_total"), 3);
	t_expect_empty(fd);
}

TEST(what_makes_no_sense_is_refused)
{
	int fd = t_open("q", O_RDWR), pipes[2], plain;
	off_t zero = 0;

	t_send(fd, "message");
	CHECK_EQ(pipe(pipes), 0);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, ENODEV);
	CHECK_ERR(fallocate(fd, 0, 0, 10), EOPNOTSUPP);
	CHECK_ERR(splice(fd, NULL, pipes[1], NULL, 10, 0), EINVAL);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	CHECK_ERR(splice(pipes[0], NULL, fd, NULL, 1, 0), EINVAL);
	CHECK_ERR(sendfile(pipes[1], fd, &zero, 10), EINVAL);
	plain = open("/tmp/plain", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK_EQ(write(plain, "plain", 5), 5);
	CHECK_EQ(lseek(plain, 0, SEEK_SET), 0);
	CHECK_ERR(sendfile(fd, plain, &zero, 5), EINVAL);
	CHECK(copy_file_range(fd, NULL, plain, NULL, 10, 0) <= 0);
	CHECK(copy_file_range(plain, NULL, fd, NULL, 5, 0) <= 0);
	CHECK_ERR(open("q", O_RDWR | O_DIRECT), EINVAL);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_expect(fd, "message");
}

TEST(stat_shows_what_is_queued)
{
	int fd = t_open("q", O_RDWR);
	struct stat st;
	char c[16];

	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(st.st_blocks, 0);
	CHECK(S_ISREG(st.st_mode));
	t_send(fd, "12345");
	t_send(fd, "678");
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 8);
	CHECK(st.st_blocks > 0);
	CHECK_EQ(read(fd, c, sizeof(c)), 5);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 3);
}

/* What the VFS answers itself, as for every regular file. */
TEST(ioctls_of_the_vfs)
{
	int fd = t_open("q", O_RDWR), n = -1;
	struct fiemap map = { .fm_length = 100 };
	long long size = -1;
	char c;

	t_send(fd, "message");
	CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(ioctl(fd, FIOQSIZE, &size), 0);
	CHECK_EQ(size, 0);
	CHECK_EQ(ioctl(fd, FIGETBSZ, &n), 0);
	CHECK_EQ(n, getpagesize());
	n = 0;
	CHECK_ERR(ioctl(fd, FIBMAP, &n), EINVAL);
	CHECK_ERR(ioctl(fd, FS_IOC_FIEMAP, &map), EOPNOTSUPP);
	CHECK_ERR(ioctl(fd, FICLONE, fd), EOPNOTSUPP);
	CHECK_ERR(ioctl(fd, FIFREEZE), EOPNOTSUPP);
	CHECK_EQ(ioctl(fd, FIOCLEX), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ioctl(fd, FIONCLEX), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	t_expect(fd, "message");
	n = 1;
	CHECK_EQ(ioctl(fd, FIONBIO, &n), 0);
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	CHECK_EQ(ioctl(fd, FIOASYNC, &n), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & FASYNC, FASYNC);
}

static long long ns(struct timespec t)
{
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

TEST(times_are_last_send_and_last_receive)
{
	int fd = t_open("q", O_RDWR);
	struct stat a, b, c, d;

	CHECK_EQ(fstat(fd, &a), 0);
	t_tick();
	t_send(fd, "x");
	t_send(fd, "y");
	CHECK_EQ(fstat(fd, &b), 0);
	CHECK(ns(b.st_mtim) > ns(a.st_mtim));
	CHECK_EQ(ns(b.st_atim), ns(a.st_atim));
	t_tick();
	t_expect(fd, "x");
	CHECK_EQ(fstat(fd, &c), 0);
	CHECK(ns(c.st_atim) > ns(b.st_atim));
	CHECK_EQ(ns(c.st_mtim), ns(b.st_mtim));
	/* Each one, also where relatime would not. */
	t_tick();
	t_expect(fd, "y");
	CHECK_EQ(fstat(fd, &d), 0);
	CHECK(ns(d.st_atim) > ns(c.st_atim));
	/* What is set is a change of the file, and neither of these. */
	t_tick();
	t_set("q", "max_messages", "5");
	CHECK_EQ(fstat(fd, &a), 0);
	CHECK(ns(a.st_ctim) > ns(d.st_ctim));
	CHECK_EQ(ns(a.st_mtim), ns(d.st_mtim));
	CHECK_EQ(ns(a.st_atim), ns(d.st_atim));
}

TEST(fsync_needs_the_right_to_write)
{
	int fd = t_open("q", O_RDWR), reader;

	CHECK_EQ(chmod("q", 0644), 0);
	CHECK_EQ(fsync(fd), 0);
	CHECK_EQ(fdatasync(fd), 0);
	reader = open("q", O_RDONLY);
	CHECK_EQ(fsync(reader), 0);
	if (!t_fork()) {
		t_user(1000);
		reader = open("q", O_RDONLY);
		CHECK(reader >= 0);
		CHECK_ERR(fsync(reader), EACCES);
		_exit(0);
	}
	t_wait_all();
}

TEST(fdinfo_shows_the_state)
{
	int fd = t_open("q", O_RDWR), info;
	char path[64], text[1024];
	ssize_t n;

	t_send(fd, "12345");
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	n = read(info, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n] = 0;
	CHECK(strstr(text, "mbox-messages:\t1\n"));
	CHECK(strstr(text, "mbox-bytes:\t5\n"));
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A process dies where it is, and wants to leave a core there. */
static void dump_core(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	long long start = t_now_ms();
	bool late = false;
	int status;
	pid_t pid = fork();

	if (!pid) {
		CHECK_EQ(setrlimit(RLIMIT_CORE, &all), 0);
		CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		_exit(1);
	}
	while (!waitpid(pid, &status, WNOHANG) && !late) {
		t_sleep_ms(10);
		late = t_overdue(start, 20000);
	}
	if (late)
		kill(pid, SIGKILL);
	CHECK(!late);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK(!WCOREDUMP(status));
}

TEST(a_core_is_not_sent)
{
	static const char pattern[] = "/proc/sys/kernel/core_pattern";
	char before[128] = "";
	int fd = open(pattern, O_RDONLY);

	if (fd < 0 && errno == ENOENT) {
		printf("# this kernel dumps no cores\n");
		return;
	}
	CHECK(fd >= 0 && read(fd, before, sizeof(before) - 1) > 0);
	close(fd);
	write_to("/proc/sys/kernel/core_uses_pid", "0");
	write_to(pattern, "core");
	/* It neither makes a mailbox nor replaces one that is there. */
	dump_core();
	CHECK_ERR(access("core", F_OK), ENOENT);
	fd = t_open("core", O_RDWR);
	dump_core();
	t_send(fd, "x");
	CHECK_EQ(t_get("core", "sent_total"), 1);
	write_to(pattern, before);
}
