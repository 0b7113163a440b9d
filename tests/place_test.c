// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages are copied where they lie, in one section: all lengths, memory that is
 * not there, and several in one call.
 */
#include "test.h"

#include <sys/mman.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Memory of @len bytes that no page table knows yet, filled with @byte. */
static char *fresh(size_t len, int byte)
{
	int fd = memfd_create("fresh", 0);
	char *p;

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, len), 0);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	memset(p, byte, len);
	munmap(p, len);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	close(fd);
	return p;
}

/* Two pages, of which the second one cannot be touched. */
static char *edge(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK_EQ(mprotect(p + 4096, 4096, PROT_NONE), 0);
	return p + 4096;
}

/* Where nothing is mapped; not told to the compiler, which would object. */
static void *volatile nowhere;

/* Something of each length is kept, so that the next message is sent in place. */
static void warm_up(int fd, size_t len)
{
	static char data[65536], got[65536];

	CHECK_EQ(write(fd, data, len), len);
	CHECK_EQ(read(fd, got, sizeof(got)), len);
}

TEST(bodies_of_all_lengths)
{
	static const int around[] = { 16, 80, 144, 272, 400, 656, 912, 1024,
				      1424, 1936, 2960, 3984, 4080, 4096, 8080,
				      8192, 12288, 65500 };
	static char data[65536], got[65536];
	int fd = t_open("q", O_RDWR), i, k, round;
	size_t len;

	for (i = 0; i < sizeof(data); i++)
		data[i] = random();
	for (i = 0; i < ARRAY_SIZE(around); i++)
		for (k = -9; k <= 9; k++)
			for (round = 0; round < 3; round++) {
				len = around[i] + k;
				memset(got, 0, len + 1);
				CHECK_EQ(write(fd, data + (k + 9), len), len);
				CHECK_EQ(t_get("q", "bytes"), len);
				CHECK_EQ(read(fd, got, sizeof(got)), len);
				CHECK(!memcmp(got, data + (k + 9), len));
				CHECK_EQ(got[len], 0);
			}
	CHECK_EQ(t_get("q", "bytes"), 0);
}

TEST(lengths_that_change_share_what_is_kept)
{
	static char data[9000], got[9000];
	int fd = t_open("q", O_RDWR), i;
	size_t len[64];

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	for (i = 0; i < 5000; i++) {
		len[i % 64] = 1 + random() % (random() % 2 ? 200 : 9000);
		CHECK_EQ(write(fd, data, len[i % 64]), len[i % 64]);
		if (i < 32)
			continue;
		CHECK_EQ(read(fd, got, sizeof(got)), len[(i - 32) % 64]);
		CHECK(!memcmp(got, data, len[(i - 32) % 64]));
	}
	CHECK_EQ(t_get("q", "messages"), 32);
}

TEST(a_message_that_is_not_in_memory_is_sent)
{
	static const size_t sizes[] = { 100, 1000, 4096, 8000 };
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_msg m;
	char got[8192], *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		warm_up(fd, sizes[i]);
		p = fresh(8192, 'f');
		CHECK_EQ(write(fd, p, sizes[i]), sizes[i]);
		p = fresh(8192, 'g');
		m = t_msg(p, sizes[i], 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
		CHECK_EQ(read(fd, got, sizeof(got)), sizes[i]);
		CHECK(got[0] == 'f' && got[sizes[i] - 1] == 'f');
		CHECK_EQ(read(fd, got, sizeof(got)), sizes[i]);
		CHECK(got[0] == 'g' && got[sizes[i] - 1] == 'g');
	}
}

TEST(a_buffer_that_is_not_in_memory_receives)
{
	static const size_t sizes[] = { 100, 1000, 4096, 8000 };
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_msg m, *there;
	char data[8192], *p;

	memset(data, 'd', sizeof(data));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		CHECK_EQ(write(fd, data, sizes[i]), sizes[i]);
		CHECK_EQ(write(fd, data, sizes[i]), sizes[i]);
		p = fresh(8192, 'f');
		CHECK_EQ(read(fd, p, 8192), sizes[i]);
		CHECK(!memcmp(p, data, sizes[i]));
		p = fresh(8192, 'f');
		there = (struct mboxfs_msg *)fresh(4096, 0);
		m = t_msg(p, 8192, 0);
		*there = m;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, there), 0);
		CHECK_EQ(there->len, sizes[i]);
		CHECK(!memcmp(p, data, sizes[i]));
	}
	CHECK_EQ(t_get("q", "received_total"), 2 * ARRAY_SIZE(sizes));
}

TEST(what_has_no_room_in_memory_stays)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK);
	struct mboxfs_batch b = { .count = 1 };
	struct mboxfs_msg m, *there;
	char *end = edge(), *page;

	warm_up(fd, 5);
	t_send(fd, "first");
	t_send(fd, "other");
	CHECK_ERR(read(fd, nowhere, 100), EFAULT);
	CHECK_ERR(read(fd, end - 3, 100), EFAULT);
	CHECK_ERR(read(fd, end, 5), EFAULT);
	m = t_msg(NULL, 100, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EFAULT);
	m = t_msg(end - 3, 100, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EFAULT);
	/* The room that it says is there is not overwritten: it is read again. */
	m = t_msg(end - 3, 100, 0);
	b.msgs = (uintptr_t)&m;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EFAULT);
	CHECK_EQ(m.len, 100);
	/* What is known about a message has no room, its body has. */
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	there = (struct mboxfs_msg *)page;
	*there = t_msg(end - 100, 100, 0);
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, there), EFAULT);
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "received_total"), 1);
	t_expect(fd, "first");
	t_expect(fd, "other");
}

TEST(what_cannot_be_read_is_not_sent)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK);
	char *end = edge();
	struct mboxfs_msg m;

	warm_up(fd, 8);
	CHECK_ERR(write(fd, nowhere, 8), EFAULT);
	CHECK_ERR(write(fd, end - 4, 8), EFAULT);
	m = t_msg(end - 4, 8, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EFAULT);
	m = t_msg(NULL, 8, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND, &m), EFAULT);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "sent_total"), 1);
	t_send(fd, "12345678");
	t_expect(fd, "12345678");
}

TEST(limits_hold_for_what_is_sent_in_place)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK);

	warm_up(fd, 8);
	t_set("q", "max_messages", "2");
	t_send(fd, "a2345678");
	t_send(fd, "b2345678");
	CHECK_ERR(write(fd, "c2345678", 8), EAGAIN);
	t_expect(fd, "a2345678");
	t_set("q", "max_message_size", "7");
	CHECK_ERR(write(fd, "c2345678", 8), EMSGSIZE);
	t_set("q", "max_message_size", "100");
	t_set("q", "max_bytes", "15");
	CHECK_ERR(write(fd, "c2345678", 8), EAGAIN);
	t_expect(fd, "b2345678");
	t_set("q", "ttl_ms", "1");
	t_send(fd, "d2345678");
	t_await("q", "messages", 0);
	CHECK_EQ(t_get("q", "expired_total"), 1);
}

/* A record of a packed message, and where the next one is. */
static char *pack(char *p, const void *data, unsigned int len,
		  unsigned int priority, uint64_t tag)
{
	struct mboxfs_record r = { .len = len, .priority = priority,
				   .tag = tag };

	memcpy(p, &r, sizeof(r));
	memcpy(p + sizeof(r), data, len);
	return p + (sizeof(r) + len + 7) / 8 * 8;
}

static struct mboxfs_packed packed(void *buf, unsigned int len,
				   unsigned int count)
{
	return (struct mboxfs_packed){ .buf = (uintptr_t)buf, .len = len,
				       .count = count, .timeout_ns = 0 };
}

TEST(packed_messages_are_messages)
{
	char buf[1024] __attribute__((aligned(8))), got[1024], *p = buf;
	int fd = t_open("q", O_RDWR);
	struct mboxfs_record *r;
	struct mboxfs_packed k;
	struct mboxfs_msg m;

	p = pack(p, "one", 3, 0, 7);
	p = pack(p, "", 0, 0, 0);
	p = pack(p, "urgent", 6, 9, 8);
	p = pack(p, "last", 4, 0, 9);
	k = packed(buf, p - buf, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 4);
	m = t_msg(got, sizeof(got), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	CHECK(m.len == 6 && m.priority == 9 && m.tag == 8 && m.seq == 3);
	k = packed(got, sizeof(got), 0);
	memset(got, 'x', sizeof(got));
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 3);
	CHECK_EQ(k.len, 24 + 16 + 24);
	r = (struct mboxfs_record *)got;
	CHECK(r->len == 3 && r->tag == 7 && !r->priority);
	CHECK(!memcmp(r + 1, "one", 3));
	r = (struct mboxfs_record *)(got + 24);
	CHECK(!r->len && !r->tag);
	r = (struct mboxfs_record *)(got + 40);
	CHECK(r->len == 4 && r->tag == 9 && !memcmp(r + 1, "last", 4));
	CHECK_EQ(got[64], 'x');
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EAGAIN);
}

TEST(packed_messages_come_whole_and_no_more_than_fit)
{
	char got[256] __attribute__((aligned(8)));
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_packed k;

	t_set("q", "short_read", "truncate");
	for (i = 0; i < 10; i++)
		CHECK_EQ(write(fd, "0123456789", 10), 10);
	k = packed(got, sizeof(got), 3);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 3);
	CHECK_EQ(k.len, 3 * 32);
	/* The last one needs no padding. */
	k = packed(got, 2 * 32 + 26, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 3);
	CHECK_EQ(k.len, 2 * 32 + 26);
	k = packed(got, 2 * 32 + 25, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 2);
	k = packed(got, 25, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EMSGSIZE);
	CHECK_EQ(k.len, 26);
	k = packed(got, 3, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EMSGSIZE);
	CHECK_EQ(k.len, 26);
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "truncated_total"), 0);
}

TEST(packed_records_have_to_be_right)
{
	char buf[256] __attribute__((aligned(8))) = "", *p;
	int fd = t_open("q", O_RDWR), reader = t_open("q", O_RDONLY);
	struct mboxfs_packed k;

	p = pack(buf, "abc", 3, 0, 0);
	pack(p, "def", 3, 0, 0);
	k = packed(buf, 24 + 10, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 1); /* half a header */
	k = packed(buf, 24 + 18, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 1); /* two bytes */
	k = packed(buf, 18, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), EINVAL);
	k = packed(buf, 15, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), EINVAL);
	k = packed(buf, 0, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 0);
	pack(buf, "abc", 3, 32768, 0);
	k = packed(buf, 24, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), EINVAL);
	((struct mboxfs_record *)buf)->len = UINT32_MAX;
	((struct mboxfs_record *)buf)->priority = 0;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), EINVAL);
	k.flags = MBOXFS_PEEK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EINVAL);
	k.flags = 0;
	k.reserved[1] = 1;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EINVAL);
	k = packed((void *)-4096UL, 8192, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EFAULT);
	k = packed(buf, sizeof(buf), 0);
	CHECK_ERR(ioctl(reader, MBOXFS_IOC_SEND_PACKED, &k), EBADF);
	CHECK_EQ(t_get("q", "messages"), 2);
}

TEST(packed_messages_wait_for_the_first_only)
{
	char got[256] __attribute__((aligned(8)));
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_packed k;
	pid_t pid = t_fork();

	if (!pid) {
		k = packed(got, sizeof(got), 0);
		k.timeout_ns = -1;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 1);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait(pid);
	/* So does who sends. */
	t_set("q", "max_messages", "1");
	pid = t_fork();
	if (!pid) {
		for (i = 0; i < 3; i++)
			pack(got + i * 24, "y", 1, 0, 0);
		k = packed(got, 72, 0);
		k.timeout_ns = -1;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 1);
		_exit(0);
	}
	t_wait(pid);
	t_expect(fd, "y");
	t_send(fd, "z");
	pid = t_fork();
	if (!pid) {
		pack(got, "w", 1, 0, 0);
		k = packed(got, 24, 0);
		k.timeout_ns = -1;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 1);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_expect(fd, "z");
	t_wait(pid);
	t_expect(fd, "w");
}

/* Many more than one section has, of lengths that need all ways of copying. */
TEST(many_packed_messages_are_in_order)
{
	static char buf[1 << 20] __attribute__((aligned(8))), data[9000];
	int fd = t_open("q", O_RDWR), i, n = 0, len[2000], done, at = 0;
	struct mboxfs_packed k;
	struct mboxfs_record *r;
	char *p = buf;

	t_set("q", "max_bytes", "0");
	t_set("q", "max_messages", "0");
	memset(data, 'd', sizeof(data));
	while (n < 2000 && p - buf < (int)sizeof(buf) - 9100) {
		len[n] = random() % (n % 100 ? 100 : 9000);
		p = pack(p, data, len[n], n % 50 ? 0 : n % 7, n);
		n++;
	}
	k = packed(buf, p - buf, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), n);
	CHECK_EQ(t_get("q", "messages"), n);
	for (i = 0; i < n; i += done) {
		k = packed(buf, 20000, 0);
		done = ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k);
		CHECK(done > 0);
		for (at = 0; at < (int)k.len; ) {
			r = (struct mboxfs_record *)(buf + at);
			CHECK_EQ(r->len, len[r->tag]);
			at += (sizeof(*r) + r->len + 7) / 8 * 8;
		}
	}
	CHECK_EQ(t_get("q", "bytes"), 0);
	CHECK_EQ(t_get("q", "received_total"), n);
}

TEST(packed_messages_at_the_edge_of_memory)
{
	int fd = t_open("q", O_RDWR), i;
	char *end = edge(), *p;
	struct mboxfs_packed k;

	warm_up(fd, 8);
	for (i = 0, p = end - 72; i < 3; i++)
		p = pack(p, "12345678", 8, 0, i);
	k = packed(end - 72, 4096, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), 3);
	/* Two have room; the third one stays, and is the next. */
	k = packed(end - 60, 4096, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), 2);
	CHECK_EQ(t_get("q", "messages"), 1);
	k = packed(end - 10, 4096, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_PACKED, &k), EFAULT);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_expect(fd, "12345678");
	k = packed(end - 8, 4096, 0);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_SEND_PACKED, &k), EFAULT);
}

TEST(a_batch_of_all_kinds_is_in_order)
{
	static char data[9000], got[200][9000];
	int fd = t_open("q", O_RDWR), i, n;
	struct mboxfs_msg m[200];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 200,
				  .timeout_ns = -1 };

	t_set("q", "max_bytes", "0");
	memset(data, 'd', sizeof(data));
	for (i = 0; i < 200; i++) {
		m[i] = t_msg(data, i % 20 ? i : 8900, 0);
		m[i].tag = i;
		if (i == 77) {
			m[i].flags = MBOXFS_DELAY; /* of 0: at once */
			m[i].delay_ns = 0;
		}
	}
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 200);
	for (i = 0; i < 200; i++)
		m[i] = t_msg(got[i], sizeof(got[i]), 0);
	n = ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b);
	CHECK_EQ(n, 200);
	for (i = 0; i < 200; i++) {
		CHECK_EQ(m[i].tag, i);
		CHECK_EQ(m[i].len, i % 20 ? i : 8900);
		CHECK(!memcmp(got[i], data, m[i].len));
	}
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* In a batch, one without room ends it, after those before it. */
TEST(a_batch_ends_where_there_is_no_room)
{
	int fd = t_open("q", O_RDWR), i;
	struct mboxfs_msg m[3];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 3,
				  .timeout_ns = -1 };
	char got[3][8];

	t_set("q", "short_read", "refuse");
	t_send(fd, "aa");
	t_send(fd, "bbbb");
	t_send(fd, "cc");
	for (i = 0; i < 3; i++)
		m[i] = t_msg(got[i], 3, 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), 1);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EMSGSIZE);
	CHECK_EQ(m[0].len, 4);
	t_expect(fd, "bbbb");
	t_expect(fd, "cc");
}
