// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many who wait and many messages: everyone is served, nobody is forgotten, and
 * a message costs those it concerns.
 */
#include "test.h"

#include <linux/userfaultfd.h>
#include <sys/vfs.h>

/* More than a step looks at, so that it takes several. */
#define CROWD		1200
#define PAGE		4096

/* Waits for one message; what has come of it. */
struct waiter {
	pthread_t	thread;
	int		fd;
	struct mboxfs_msg m;
	char		text[16];
	int		error;
};

static void *receive(void *arg)
{
	struct waiter *w = arg;

	w->error = ioctl(w->fd, MBOXFS_IOC_RECV, &w->m) ? errno : 0;
	return NULL;
}

static void *send_one(void *arg)
{
	struct waiter *w = arg;

	w->error = ioctl(w->fd, MBOXFS_IOC_SEND, &w->m) ? errno : 0;
	return NULL;
}

/* Set up what is to be received or sent; more can be set before launch(). */
static void prepare(struct waiter *w, int fd, size_t len, unsigned int flags)
{
	w->fd = fd;
	w->m = t_msg(w->text, len, flags);
}

static void launch(struct waiter *w, void *(*run)(void *))
{
	pthread_attr_t attr;

	CHECK_EQ(pthread_attr_init(&attr), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attr, 64 << 10), 0);
	CHECK_EQ(pthread_create(&w->thread, &attr, run, w), 0);
}

static void join(struct waiter *w, int error)
{
	CHECK_EQ(pthread_join(w->thread, NULL), 0);
	CHECK_EQ(w->error, error);
}

/* A crowd that waits at "q"; each has @len bytes, of room or to send. */
static struct waiter *crowd(int fd, void *(*run)(void *), int n, size_t len,
			    unsigned int flags)
{
	struct waiter *w = calloc(n, sizeof(*w));
	int i;

	CHECK(w);
	for (i = 0; i < n; i++) {
		prepare(&w[i], fd, len, flags);
		launch(&w[i], run);
	}
	return w;
}

static void await_crowd(int n, bool writers)
{
	t_await("q", writers ? "writers_waiting" : "readers_waiting", n);
}

/* A reader that waits for one tag, for one sender, or both. */
static void want(struct waiter *w, int fd, unsigned int flags, uint64_t tag,
		 pid_t pid)
{
	long long before = t_get("q", "readers_waiting");

	prepare(w, fd, sizeof(w->text), flags);
	w->m.tag = tag;
	w->m.pid = pid;
	launch(w, receive);
	t_await("q", "readers_waiting", before + 1);
}

/* Who comes first and wants a message gets it, whatever else he does not want. */
TEST(each_message_finds_the_first_who_wants_it)
{
	enum { TAG, BOTH, OTHER, SENDER, PEEK, HIDDEN, ANY, LATE, N };
	int fd = t_open("q", O_RDWR), i;
	struct waiter w[N] = {};
	pid_t me = getpid();

	want(&w[OTHER], fd, MBOXFS_TAGGED, 99, 0);
	want(&w[HIDDEN], fd, MBOXFS_FROM, 0, 0);
	want(&w[BOTH], fd, MBOXFS_FROM | MBOXFS_TAGGED, 7, me);
	want(&w[PEEK], fd, MBOXFS_PEEK | MBOXFS_TAGGED, 7, 0);
	want(&w[TAG], fd, MBOXFS_TAGGED, 7, 0);
	want(&w[SENDER], fd, MBOXFS_FROM, 0, me);
	want(&w[ANY], fd, 0, 0, 0);
	want(&w[LATE], fd, MBOXFS_TAGGED, 7, 0);

	CHECK_EQ(t_send_as(fd, "both", 0, 7), 0);
	join(&w[BOTH], 0);
	CHECK_EQ(t_get("q", "readers_waiting"), N - 1);
	CHECK_EQ(t_send_as(fd, "tag", 0, 7), 0);
	join(&w[PEEK], 0);
	join(&w[TAG], 0);
	CHECK_EQ(t_send_as(fd, "sender", 0, 7), 0);
	join(&w[SENDER], 0);
	CHECK_EQ(t_send_as(fd, "any", 0, 7), 0);
	join(&w[ANY], 0);
	CHECK_EQ(t_send_as(fd, "stays", 0, 1), 0);
	CHECK_EQ(t_send_as(fd, "late", 0, 7), 0);
	join(&w[LATE], 0);
	for (i = 0; i < N; i++) {
		static const char *const got[N] = {
			[TAG] = "tag", [BOTH] = "both", [SENDER] = "sender",
			[PEEK] = "tag", [ANY] = "any", [LATE] = "late",
		};

		if (got[i])
			CHECK(!memcmp(w[i].text, got[i], w[i].m.len));
	}
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "readers_waiting"), 2);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 1);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	join(&w[OTHER], ESHUTDOWN);
	join(&w[HIDDEN], ESHUTDOWN);
}

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long publish_us(int fd, int n)
{
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);
	long long start;
	int i;

	m.delay_ns = 3600 * 1000000000ULL;
	for (i = 0; i < n; i++)
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	start = now_us();
	CHECK_EQ(fsync(fd), 0);
	start = now_us() - start;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), n);
	return start;
}

static long long best_us(int fd, int n)
{
	long long best = LLONG_MAX, us;
	int i;

	for (i = 0; i < 5; i++) {
		us = publish_us(fd, n);
		best = us < best ? us : best;
	}
	return best;
}

/* 1000 messages and 1200 readers were 1.2 million looks, one with each. */
TEST(readers_of_other_tags_cost_a_message_next_to_nothing)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w = calloc(n, sizeof(*w));
	long long alone = best_us(fd, 1000), crowded = LLONG_MAX, us;

	for (i = 0; i < n; i++) {
		prepare(&w[i], fd, sizeof(w[i].text), MBOXFS_TAGGED);
		w[i].m.tag = 1000 + i;
		launch(&w[i], receive);
	}
	await_crowd(n, false);
	/* What else the machine does only ever makes it more. */
	for (i = 0; i < 20; i++) {
		us = best_us(fd, 1000);
		crowded = us < crowded ? us : crowded;
		if (crowded < 20 * alone)
			break;
	}
	printf("# 1000 messages: %lld us, with %d who wait: %lld us\n", alone,
	       n, crowded);
	CHECK(crowded < 20 * alone);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	for (i = 0; i < n; i++)
		join(&w[i], ESHUTDOWN);
}

TEST(a_crowd_of_writers_gets_in_when_there_is_room)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w;

	t_set("q", "max_messages", "1");
	t_send(fd, "x");
	w = crowd(fd, send_one, n, 1, 0);
	await_crowd(n, true);
	t_set("q", "max_messages", "0");
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	CHECK_EQ(t_get("q", "messages"), n + 1);
	for (i = 0; i < n; i++)
		join(&w[i], 0);
}

/* Those who wait bring no more than the mailbox takes; each is served once. */
TEST(a_crowd_of_large_messages_waits_without_them)
{
	static char data[60000], got[60000];
	bool seen[60] = {};
	int fd = t_open("q", O_RDWR), n = 60, i;
	struct waiter *w = calloc(n, sizeof(*w));
	struct mboxfs_msg m;
	struct statfs st;
	long long before;

	t_set("q", "max_bytes", "200000");
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	t_set("q", "max_messages", "1");
	CHECK_EQ(fstatfs(fd, &st), 0);
	before = st.f_bfree;
	for (i = 0; i < n; i++) {
		prepare(&w[i], fd, sizeof(data), 0);
		w[i].m.data = (uintptr_t)data;
		w[i].m.tag = i;
		if (i == n / 2)
			w[i].m.timeout_ns = 3600 * 1000000000LL;
		launch(&w[i], send_one);
		await_crowd(i + 1, true);
	}
	CHECK_EQ(fstatfs(fd, &st), 0);
	CHECK((before - (long long)st.f_bfree) * st.f_bsize <= 300000);
	CHECK_EQ(read(fd, got, sizeof(got)), sizeof(got));
	for (i = 0; i < n; i++) {
		m = t_msg(got, sizeof(got), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK(m.tag < n && !seen[m.tag]);
		seen[m.tag] = true;
	}
	for (i = 0; i < n; i++)
		join(&w[i], 0);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
}

/* One of those who are to bring their message cannot: the others can. */
TEST(who_cannot_bring_a_message_holds_up_nobody)
{
	static char data[60000];
	int fd = t_open("q", O_RDWR), n = 8, i;
	struct waiter w[8] = {};
	char *gone = NULL;

	t_set("q", "max_bytes", "60000");
	CHECK_EQ(write(fd, data, sizeof(data)), sizeof(data));
	for (i = 0; i < n; i++) {
		prepare(&w[i], fd, sizeof(data), 0);
		w[i].m.data = (uintptr_t)data;
		if (i == 3) {
			gone = mmap(NULL, sizeof(data), PROT_READ,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			w[i].m.data = (uintptr_t)gone;
		}
		launch(&w[i], send_one);
		await_crowd(i + 1, true);
	}
	CHECK_EQ(munmap(gone, sizeof(data)), 0);
	for (i = 0; i < n; i++) {
		struct mboxfs_msg m = t_msg(data, sizeof(data), 0);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	}
	for (i = 0; i < n; i++)
		join(&w[i], i == 3 ? EFAULT : 0);
}

TEST(a_crowd_of_writers_leaves_what_is_stopped)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w;

	t_set("q", "max_messages", "1");
	t_send(fd, "x");
	w = crowd(fd, send_one, n, 1, 0);
	await_crowd(n, true);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	for (i = 0; i < n; i++)
		join(&w[i], ESHUTDOWN);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
	CHECK_EQ(t_get("q", "messages"), 1);
}

/* A rendezvous: half of them wait for a reader when it is stopped. */
TEST(a_crowd_of_senders_takes_its_messages_along)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w = crowd(fd, send_one, n, 1, MBOXFS_SYNC);

	t_set("q", "max_messages", "0");
	await_crowd(n, true);
	CHECK_EQ(t_get("q", "messages"), n);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	for (i = 0; i < n; i++)
		join(&w[i], ESHUTDOWN);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "revoked_total"), n);
}

TEST(a_crowd_sees_one_message_and_the_last_takes_it)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w = crowd(fd, receive, n, 16, MBOXFS_PEEK), last = {};

	await_crowd(n, false);
	want(&last, fd, 0, 0, 0);
	t_send(fd, "hello");
	join(&last, 0);
	for (i = 0; i < n; i++) {
		join(&w[i], 0);
		CHECK(!memcmp(w[i].text, "hello", 5));
	}
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), 1);
}

TEST(a_crowd_without_room_is_told_and_the_message_stays)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w;

	t_set("q", "short_read", "refuse");
	w = crowd(fd, receive, n, 3, 0);
	await_crowd(n, false);
	t_send(fd, "hello");
	for (i = 0; i < n; i++) {
		join(&w[i], EMSGSIZE);
		CHECK_EQ(w[i].m.len, 5);
	}
	t_expect(fd, "hello");
}

static void *read_end(void *arg)
{
	struct waiter *w = arg;

	w->error = read(w->fd, w->text, sizeof(w->text)) ? EIO : 0;
	return NULL;
}

TEST(a_crowd_of_readers_leaves_when_empty_becomes_the_end)
{
	int fd = t_open("q", O_RDWR), n = t_crowd(CROWD), i;
	struct waiter *w = crowd(fd, read_end, n, 0, 0);

	await_crowd(n, false);
	t_set("q", "when_empty", "eof");
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
	for (i = 0; i < n; i++)
		join(&w[i], 0);
}

TEST(what_is_purged_is_what_was_there)
{
	int fd = t_open("q", O_RDWR), i, n = 3000;
	struct mboxfs_msg m = t_msg("x", 1, 0);

	t_set("q", "max_messages", "0");
	for (i = 0; i < n; i++) {
		m.priority = i % 7;
		m.flags = i % 3 ? 0 : MBOXFS_DELAY;
		m.delay_ns = (1 + i % 11) * 1000000000000ULL;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	}
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), n);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "delayed_messages"), 0);
	CHECK_EQ(t_get("q", "purged_total"), n);
	t_send(fd, "next");
	t_expect(fd, "next");
}

static void leaves_after_the_last_delayed(bool sync)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);
	struct waiter w = {};

	want(&w, fd, MBOXFS_TAGGED, 7, 0);
	m.delay_ns = sync ? 3600 * 1000000000ULL : 300000000;
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	if (sync)
		CHECK_EQ(fsync(fd), 0);
	/* Nothing else may be asked of the mailbox, or that would let him go. */
	join(&w, ESHUTDOWN);
	t_expect(fd, "x");
}

TEST(who_waits_leaves_with_the_last_message_that_comes_due)
{
	leaves_after_the_last_delayed(false);
}

TEST(who_waits_leaves_with_the_last_message_that_is_published)
{
	leaves_after_the_last_delayed(true);
}

static void fill(int fd, int n)
{
	struct mboxfs_msg m[1000];
	struct mboxfs_batch b = { .msgs = (uintptr_t)m, .count = 1000 };
	int i;

	t_set("q", "max_messages", "0");
	for (i = 0; i < 1000; i++) {
		m[i] = t_msg("x", 1, 0);
		m[i].tag = 1;
	}
	for (; n > 0; n -= 1000)
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND_BATCH, &b), 1000);
}

/* Each urgent message once made it begin anew, so it never ended. */
TEST(a_search_ends_while_urgent_messages_come_and_go)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m;
	char c[8];
	pid_t pid;

	fill(fd, t_scaled(200000));
	CHECK_EQ(t_send_as(fd, "keep", 3, 1), 0);
	pid = t_fork();
	if (!pid) {
		for (;;) {
			CHECK_EQ(t_send_as(fd, "u", 5, 2), 0);
			m = t_msg(c, sizeof(c), 0);
			CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		}
	}
	m = t_msg(c, sizeof(c), MBOXFS_TAGGED | MBOXFS_NONBLOCK);
	m.tag = 7;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EAGAIN);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/*
 * A page whose first use waits until somebody says what is in it, or unmaps it;
 * NULL where the kernel has no userfaultfd, which debug kernels have not.
 */
static char *stalled_page(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *page;

	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*uffd < 0 && errno == ENOSYS) {
		printf("# this kernel has no userfaultfd\n");
		return NULL;
	}
	CHECK(*uffd >= 0);
	CHECK_EQ(ioctl(*uffd, UFFDIO_API, &api), 0);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	reg.range.start = (uintptr_t)page;
	reg.range.len = PAGE;
	CHECK_EQ(ioctl(*uffd, UFFDIO_REGISTER, &reg), 0);
	return page;
}

/* Until somebody waits for the page. */
static void await_fault(int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	struct uffd_msg m;

	CHECK_EQ(poll(&p, 1, 60000), 1);
	CHECK_EQ(read(uffd, &m, sizeof(m)), sizeof(m));
	CHECK_EQ(m.event, UFFD_EVENT_PAGEFAULT);
}

static void fill_page(int uffd, char *page)
{
	static char zero[PAGE] __attribute__((aligned(PAGE)));
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page,
		.src = (uintptr_t)zero,
		.len = PAGE,
	};

	CHECK_EQ(ioctl(uffd, UFFDIO_COPY, &copy), 0);
}

/*
 * One reader copies a message in front, and cannot; another one has searched
 * past its place when it comes back.
 */
TEST(what_comes_back_in_front_of_a_search_is_found)
{
	int fd = t_open("q", O_RDWR), uffd, i;
	struct waiter copying = {}, searching = {};
	char *page;

	CHECK_EQ(t_send_as(fd, "found", 0, 7), 0);
	fill(fd, t_scaled(200000));
	for (i = 0; i < 20; i++) {
		page = stalled_page(&uffd);
		if (!page)
			return;
		prepare(&copying, fd, PAGE, MBOXFS_TAGGED);
		copying.m.tag = 7;
		copying.m.data = (uintptr_t)page;
		launch(&copying, receive);
		await_fault(uffd);
		prepare(&searching, fd, sizeof(searching.text), MBOXFS_TAGGED);
		searching.m.tag = 7;
		launch(&searching, receive);
		usleep(i * 1000);
		CHECK_EQ(munmap(page, PAGE), 0);
		close(uffd);
		join(&copying, EFAULT);
		join(&searching, 0);
		CHECK(!memcmp(searching.text, "found", 5));
		CHECK_EQ(t_send_as(fd, "found", 4, 7), 0);
	}
}

/* A rendezvous with a reader who cannot go on: at the deadline it is over. */
static void deadline_while_copied(unsigned int flags, long long timeout,
				  int error, bool fails)
{
	int fd = t_open("q", O_RDWR), uffd;
	struct waiter copying = {}, sender = {};
	char *page = stalled_page(&uffd);

	if (!page)
		return;
	prepare(&copying, fd, PAGE, 0);
	copying.m.data = (uintptr_t)page;
	launch(&copying, receive);
	await_crowd(1, false);
	prepare(&sender, fd, 5, flags | MBOXFS_SYNC);
	sender.m.timeout_ns = timeout;
	send_one(&sender);
	CHECK_EQ(sender.error, error);
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "received_total"), 0);
	if (fails)
		CHECK_EQ(munmap(page, PAGE), 0);
	else
		fill_page(uffd, page);
	close(uffd);
	join(&copying, fails ? EFAULT : 0);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), !fails);
	CHECK_EQ(t_get("q", "revoked_total"), fails);
	unlink("q");
}

TEST(a_rendezvous_ends_at_its_deadline_while_it_is_copied)
{
	deadline_while_copied(0, 100000000, ETIMEDOUT, false);
	deadline_while_copied(0, 100000000, ETIMEDOUT, true);
	deadline_while_copied(MBOXFS_NONBLOCK, -1, EAGAIN, false);
	deadline_while_copied(MBOXFS_NONBLOCK, -1, EAGAIN, true);
}
