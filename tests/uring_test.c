// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring: one request, one message; and no spinning while there is none.
 */
#include "test.h"

#include <liburing.h>
#include <sys/resource.h>

static struct io_uring ring;

static void start(void)
{
	CHECK_EQ(io_uring_queue_init(64, &ring, 0), 0);
}

static struct io_uring_sqe *request(void *data)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	CHECK(sqe);
	io_uring_sqe_set_data(sqe, data);
	return sqe;
}

static void submit_read(int fd, char *buffer, size_t size)
{
	io_uring_prep_read(request(buffer), fd, buffer, size, 0);
	CHECK_EQ(io_uring_submit(&ring), 1);
}

static void submit_write(int fd, const char *text)
{
	io_uring_prep_write(request(NULL), fd, text, strlen(text), 0);
	CHECK_EQ(io_uring_submit(&ring), 1);
}

static int result(void)
{
	struct __kernel_timespec timeout = {
		.tv_sec = t_patience_ms(20000) / 1000
	};
	struct io_uring_cqe *cqe;
	int ret;

	CHECK_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &timeout), 0);
	ret = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return ret;
}

static bool pending(void)
{
	struct io_uring_cqe *cqe;

	return io_uring_peek_cqe(&ring, &cqe) != 0;
}

TEST(a_read_takes_one_message_and_glues_none)
{
	int fd = t_open("q", O_RDWR);
	char buffer[64] = "";

	start();
	t_send(fd, "aaaa");
	t_send(fd, "bb");
	submit_read(fd, buffer, sizeof(buffer));
	CHECK_EQ(result(), 4);
	CHECK(!memcmp(buffer, "aaaa", 4));
	CHECK_EQ(t_get("q", "messages"), 1);
	submit_read(fd, buffer, sizeof(buffer));
	CHECK_EQ(result(), 2);
	CHECK(!memcmp(buffer, "bb", 2));
}

TEST(a_waiting_read_gets_one_message)
{
	int fd = t_open("q", O_RDWR);
	char buffer[64] = "";

	start();
	submit_read(fd, buffer, sizeof(buffer));
	CHECK(pending());
	t_send(fd, "first");
	CHECK_EQ(result(), 5);
	CHECK(!memcmp(buffer, "first", 5));
	t_send(fd, "second");
	CHECK_EQ(t_get("q", "messages"), 1);
}

TEST(vectored_and_worker_reads_take_one_message)
{
	int fd = t_open("q", O_RDWR);
	char a[4], b[64], c[64];
	struct iovec v[2] = { { a, 4 }, { b, 64 } };
	struct io_uring_sqe *sqe;

	start();
	t_send(fd, "abcdefg");
	t_send(fd, "hi");
	io_uring_prep_readv(request(NULL), fd, v, 2, 0);
	CHECK_EQ(io_uring_submit(&ring), 1);
	CHECK_EQ(result(), 7);
	CHECK(!memcmp(a, "abcd", 4) && !memcmp(b, "efg", 3));
	sqe = request(NULL);
	io_uring_prep_read(sqe, fd, c, sizeof(c), 0);
	sqe->flags |= IOSQE_ASYNC;
	CHECK_EQ(io_uring_submit(&ring), 1);
	CHECK_EQ(result(), 2);
	CHECK(!memcmp(c, "hi", 2));
}

TEST(a_write_is_one_message_unless_it_is_of_nothing)
{
	int fd = t_open("q", O_RDWR);

	start();
	submit_write(fd, "hello");
	CHECK_EQ(result(), 5);
	submit_write(fd, "");
	CHECK_EQ(result(), 0);
	CHECK_EQ(t_get("q", "messages"), 1);
	t_expect(fd, "hello");
}

TEST(a_read_passes_over_empty_messages)
{
	int fd = t_open("q", O_RDWR);
	char buffer[8];

	start();
	t_send_as(fd, "", 0, 0);
	submit_read(fd, buffer, sizeof(buffer));
	t_await("q", "messages", 0);
	t_send_as(fd, "", 0, 0);
	CHECK(pending());
	t_send(fd, "x");
	CHECK_EQ(result(), 1);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), 3);
}

TEST(writes_wait_for_room)
{
	int fd = t_open("q", O_RDWR);

	start();
	t_set("q", "max_messages", "1");
	t_send(fd, "1");
	submit_write(fd, "2");
	CHECK(pending());
	CHECK_EQ(t_get("q", "messages"), 1);
	t_expect(fd, "1");
	CHECK_EQ(result(), 1);
	t_expect(fd, "2");
}

TEST(many_reads_share_many_messages)
{
	int fd = t_open("q", O_RDWR), i, n;
	static int buffers[32];
	bool seen[32] = { false };

	start();
	for (i = 0; i < 32; i++)
		submit_read(fd, (char *)&buffers[i], sizeof(buffers[i]));
	CHECK(pending());
	for (i = 0; i < 32; i++)
		CHECK_EQ(write(fd, &i, sizeof(i)), sizeof(i));
	for (i = 0; i < 32; i++)
		CHECK_EQ(result(), sizeof(int));
	for (i = 0; i < 32; i++) {
		n = buffers[i];
		CHECK(n >= 0 && n < 32 && !seen[n]);
		seen[n] = true;
	}
}

static long long cpu_us(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000LL +
	       r.ru_utime.tv_usec + r.ru_stime.tv_usec;
}

/* Nor does anything poll in circles while requests wait. */
TEST(waiting_requests_use_no_time)
{
	int in = t_open("in", O_RDWR), out = t_open("out", O_RDWR);
	char buffer[64];
	long long before, begin;

	start();
	t_set("out", "max_messages", "1");
	t_send(out, "1");
	submit_read(in, buffer, sizeof(buffer));
	submit_write(out, "2");
	before = cpu_us();
	begin = t_now_ms();
	t_sleep_ms(1000);
	CHECK(cpu_us() - before < (t_now_ms() - begin) * 300);
	t_send(in, "x");
	t_expect(out, "1");
	CHECK_EQ(result(), 1);
	CHECK_EQ(result(), 1);
}

/* A write with room is done at once: nothing is handed to a worker. */
TEST(a_write_with_room_needs_no_worker)
{
	int fd = t_open("q", O_RDWR), i;
	char line[128];
	bool worker;
	FILE *f;

	start();
	/* Without block devices, io_uring hands all that is a file to one. */
	worker = access("/proc/partitions", F_OK) != 0;
	for (i = 0; i < 100; i++) {
		submit_write(fd, "x");
		CHECK(worker || !pending());
		CHECK_EQ(result(), 1);
	}
	f = fopen("/proc/self/status", "r");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "Threads:", 8))
			CHECK(worker || atoi(line + 8) == 1);
	fclose(f);
}

TEST(kept_rest_is_read_on)
{
	int fd = t_open("q", O_RDWR);
	char buffer[4];

	start();
	t_send(fd, "abcdefg");
	t_send(fd, "next");
	submit_read(fd, buffer, 4);
	CHECK_EQ(result(), 4);
	CHECK(!memcmp(buffer, "abcd", 4));
	submit_read(fd, buffer, 4);
	CHECK_EQ(result(), 3);
	CHECK(!memcmp(buffer, "efg", 3));
	t_expect(fd, "next");
}

TEST(a_pending_read_can_be_cancelled)
{
	int fd = t_open("q", O_RDWR);
	char buffer[64];
	int a, b;

	start();
	submit_read(fd, buffer, sizeof(buffer));
	io_uring_prep_cancel(request(NULL), buffer, 0);
	CHECK_EQ(io_uring_submit(&ring), 1);
	a = result();
	b = result();
	CHECK(a == -ECANCELED || b == -ECANCELED);
	t_send(fd, "x");
	t_expect(fd, "x");
}
