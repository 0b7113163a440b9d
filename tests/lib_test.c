// SPDX-License-Identifier: GPL-2.0-only
/*
 * libmboxfs: each of its calls, also called wrongly.
 */
#include "test.h"

#include <dirent.h>

#include <libmboxfs.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define SECOND	MBOX_MS(1000)
#define LONG	(t_patience_ms(60000) * MBOX_MS(1))

static int new_box(const char *name)
{
	int created = -1, fd;

	fd = mbox_create(AT_FDCWD, name, O_RDWR, 0666, NULL, 0, &created);
	CHECK(fd >= 0);
	CHECK_EQ(created, 1);
	return fd;
}

static int new_group(const char *name)
{
	int fd = mbox_create_group(AT_FDCWD, name, O_EXCL, 0777, NULL, 0, NULL);

	CHECK(fd >= 0);
	return fd;
}

static int closed_fd(void)
{
	int fd = dup(0);

	CHECK_EQ(close(fd), 0);
	return fd;
}

/* An ordinary file somewhere else. */
static int foreign_fd(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	CHECK(fd >= 0);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[256];
	ssize_t len = mbox_recv(fd, got, sizeof(got));

	CHECK_EQ(len, (ssize_t)strlen(text));
	CHECK(!memcmp(got, text, len));
}

static uint64_t value_of(int fd, enum mbox_attr attr)
{
	uint64_t value = 4711;

	CHECK_EQ(mbox_attr_get(fd, attr, &value), 0);
	return value;
}

static void await(int fd, enum mbox_attr attr, uint64_t value)
{
	long long start = t_now_ms();

	while (value_of(fd, attr) != value) {
		CHECK(!t_overdue(start, 20000));
		t_sleep_ms(1);
	}
}

static int mode_of(int fd)
{
	struct stat st;

	CHECK_EQ(fstat(fd, &st), 0);
	return st.st_mode & 07777;
}

TEST(open_takes_mailboxes_only)
{
	int fd = new_box("q");

	CHECK_EQ(close(fd), 0);
	fd = mbox_open(AT_FDCWD, "q", O_RDWR | O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_EQ(mbox_open(AT_FDCWD, "none", O_RDWR), -ENOENT);
	CHECK_EQ(mbox_open(AT_FDCWD, "none", O_RDWR | O_CREAT), -ENOENT);
	CHECK_EQ(mbox_open(AT_FDCWD, ".", O_RDONLY), -EISDIR);
	CHECK_EQ(mbox_open(AT_FDCWD, "/proc/version", O_RDONLY), -ENOTTY);
	CHECK_EQ(mbox_open(AT_FDCWD, NULL, O_RDONLY), -EFAULT);
	CHECK_EQ(mbox_open(closed_fd(), "q", O_RDONLY), -EBADF);
	CHECK_EQ(mbox_open_group(AT_FDCWD, "q"), -ENOTDIR);
	CHECK_EQ(mbox_open_group(AT_FDCWD, "/proc"), -ENOTTY);
	CHECK_EQ(mbox_open_group(AT_FDCWD, NULL), -EFAULT);
	CHECK(mbox_open_group(AT_FDCWD, ".") >= 0);
}

TEST(check_tells_mboxfs)
{
	CHECK_EQ(mbox_check(new_box("q")), 0);
	CHECK_EQ(mbox_check(new_group("g")), 0);
	CHECK_EQ(mbox_check(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_check(closed_fd()), -EBADF);
	CHECK_EQ(mbox_check(-1), -EBADF);
}

TEST(create_makes_or_opens)
{
	struct mbox_setting set[] = {
		{ MBOX_MAX_MESSAGES, 7 },
		{ MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_DROP_OLDEST },
	};
	int created = -1, fd;

	umask(077);
	fd = mbox_create(AT_FDCWD, "q", O_RDONLY, 0246, set, 2, &created);
	CHECK(fd >= 0);
	CHECK_EQ(created, 1);
	CHECK_EQ(mode_of(fd), 0246);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(value_of(fd, MBOX_MAX_MESSAGES), 7);
	CHECK_EQ(value_of(fd, MBOX_WHEN_FULL), MBOXFS_WHEN_FULL_DROP_OLDEST);
	/* What is there stays as it is. */
	set[0].value = 8;
	fd = mbox_create(AT_FDCWD, "q", O_WRONLY, 0600, set, 2, &created);
	CHECK(fd >= 0);
	CHECK_EQ(created, 0);
	CHECK_EQ(mode_of(fd), 0246);
	CHECK_EQ(value_of(fd, MBOX_MAX_MESSAGES), 7);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
	CHECK_EQ(mbox_create(AT_FDCWD, "q", O_RDWR | O_EXCL, 0600, NULL, 0,
			     NULL), -EEXIST);
	CHECK_EQ(value_of(fd, MBOX_MESSAGES), 1);
	CHECK_EQ(t_names("."), 1);
}

TEST(create_leaves_nothing_when_it_fails)
{
	struct mbox_setting bad[] = {
		{ MBOX_MAX_MESSAGES, 7 },
		{ MBOX_GROUP_MAX_BYTES, 7 },
	};
	struct mbox_setting range = { MBOX_TTL_MS, 1ULL << 32 };
	char *path = malloc(PATH_MAX + 2);
	int g = new_group("g");

	CHECK_EQ(mbox_create(g, "q", O_RDWR, 0600, bad, 2, NULL), -EOPNOTSUPP);
	CHECK_EQ(mbox_create(g, "q", O_RDWR, 0600, &range, 1, NULL), -ERANGE);
	CHECK_EQ(mbox_create(g, "q", O_RDWR, 0600, NULL, 1, NULL), -EFAULT);
	CHECK_EQ(mbox_create(g, NULL, O_RDWR, 0600, NULL, 0, NULL), -EFAULT);
	CHECK_EQ(mbox_create(g, "", O_RDWR, 0600, NULL, 0, NULL), -ENOENT);
	CHECK_EQ(mbox_create(g, "no/q", O_RDWR, 0600, NULL, 0, NULL), -ENOENT);
	CHECK_EQ(mbox_create(g, ".", O_RDWR, 0600, NULL, 0, NULL), -EISDIR);
	CHECK_EQ(mbox_create(AT_FDCWD, "/tmp/not-on-mboxfs", O_RDWR, 0600, NULL, 0, NULL),
		 -ENOTTY);
	memset(path, 'x', PATH_MAX + 1);
	path[PATH_MAX + 1] = '\0';
	CHECK_EQ(mbox_create(g, path, O_RDWR, 0600, NULL, 0, NULL),
		 -ENAMETOOLONG);
	path[256] = '\0';
	CHECK_EQ(mbox_create(g, path, O_RDWR, 0600, NULL, 0, NULL),
		 -ENAMETOOLONG);
	CHECK_EQ(symlink("nowhere", "g/link"), 0);
	CHECK_EQ(mbox_create(g, "link", O_RDWR, 0600, NULL, 0, NULL), -EEXIST);
	bad[1].attr = MBOX_STOPPED;
	CHECK_EQ(mbox_create_group(g, "n", 0, 0700, bad, 2, NULL), -EOPNOTSUPP);
	CHECK_EQ(mbox_create_group(g, NULL, 0, 0700, NULL, 0, NULL), -EFAULT);
	CHECK_EQ(mbox_create_group(g, "link", 0, 0700, NULL, 0, NULL), -EEXIST);
	CHECK_EQ(mbox_create_group(AT_FDCWD, "/tmp/g", 0, 0700, NULL, 0, NULL),
		 -ENOTTY);
	CHECK_EQ(access("/tmp/g", F_OK), -1);
	CHECK_EQ(t_names("g"), 1);
}

/* In a sticky group O_CREAT is refused for what belongs to others. */
TEST(create_opens_what_others_own_in_a_sticky_group)
{
	int created = -1, fd;

	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(chmod("g", 01777), 0);
	if (!t_fork()) {
		t_user(1000);
		new_box("g/q");
		_exit(0);
	}
	t_wait_all();
	CHECK_ERR(open("g/q", O_CREAT | O_WRONLY, 0666), EACCES);
	fd = mbox_create(AT_FDCWD, "g/q", O_WRONLY, 0666, NULL, 0, &created);
	CHECK(fd >= 0);
	CHECK_EQ(created, 0);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
}

TEST(create_works_for_other_users)
{
	struct mbox_setting set = { MBOX_MAX_MESSAGES, 3 };
	int fd;

	CHECK_EQ(chmod(".", 01777), 0);
	t_user(1000);
	umask(0777);
	fd = mbox_create(AT_FDCWD, "q", O_RDONLY, 0400, &set, 1, NULL);
	CHECK(fd >= 0);
	CHECK_EQ(mode_of(fd), 0400);
	CHECK_EQ(value_of(fd, MBOX_MAX_MESSAGES), 3);
	CHECK_EQ(mbox_create(AT_FDCWD, "q", O_RDWR, 0600, NULL, 0, NULL),
		 -EACCES);
	umask(0);
	CHECK_EQ(mkdir("closed", 0555), 0);
	CHECK_EQ(mbox_create(AT_FDCWD, "closed/q", O_RDWR, 0600, NULL, 0, NULL),
		 -EACCES);
	CHECK_EQ(mbox_create_group(AT_FDCWD, "closed/g", 0, 0700, NULL, 0,
				   NULL), -EACCES);
}

TEST(create_group_makes_or_opens)
{
	struct mbox_setting set[] = {
		{ MBOX_NAMING, MBOX_NAMING_ID },
		{ MBOX_GROUP_MAX_MAILBOXES, 2 },
	};
	int created = -1, g, n;

	umask(077);
	CHECK_EQ(mkdir("setgid", 0777), 0);
	CHECK_EQ(chmod("setgid", 02777), 0);
	g = mbox_create_group(AT_FDCWD, "setgid/g/", 0, 0751, set, 2, &created);
	CHECK(g >= 0);
	CHECK_EQ(created, 1);
	CHECK_EQ(mode_of(g), 02751);
	CHECK_EQ(value_of(g, MBOX_NAMING), MBOX_NAMING_ID);
	CHECK_EQ(value_of(g, MBOX_GROUP_MAX_MAILBOXES), 2);
	CHECK_EQ(fcntl(g, F_GETFD), FD_CLOEXEC);
	g = mbox_create_group(AT_FDCWD, "setgid/g", 0, 0700, NULL, 0, &created);
	CHECK(g >= 0);
	CHECK_EQ(created, 0);
	CHECK_EQ(mode_of(g), 02751);
	CHECK_EQ(mbox_create_group(AT_FDCWD, "setgid/g", O_EXCL, 0700, NULL, 0,
				   NULL), -EEXIST);
	/* Where names are numbers. */
	n = mbox_create_group(g, "17", O_EXCL, 0700, NULL, 0, NULL);
	CHECK(n >= 0);
	CHECK_EQ(mbox_create_group(g, "x", 0, 0700, NULL, 0, NULL), -EINVAL);
	CHECK_EQ(mbox_create(g, "x", O_RDWR, 0600, NULL, 0, NULL), -EINVAL);
	CHECK(mbox_create(g, "18", O_RDWR, 0600, NULL, 0, NULL) >= 0);
	CHECK_EQ(t_names("setgid/g"), 2);
	CHECK_EQ(t_names("setgid"), 1);
}

struct race {
	pthread_barrier_t *start;
	int created, fd, group;
};

static void *create_one(void *arg)
{
	struct mbox_setting set = { MBOX_MAX_MESSAGES, 5 };
	struct race *r = arg;

	pthread_barrier_wait(r->start);
	if (r->group)
		r->fd = mbox_create_group(AT_FDCWD, "g", 0, 0700, &set, 1,
					  &r->created);
	else
		r->fd = mbox_create(AT_FDCWD, "q", O_RDWR, 0600, &set, 1,
				    &r->created);
	/* Nobody sees it before it is complete. */
	CHECK(r->fd >= 0);
	CHECK_EQ(value_of(r->fd, MBOX_MAX_MESSAGES), 5);
	CHECK_EQ(mode_of(r->fd) & 0777, r->group ? 0700 : 0600);
	return NULL;
}

#define RACERS	8

static void race(int group)
{
	struct race r[RACERS];
	pthread_t threads[RACERS];
	pthread_barrier_t start;
	int i, created = 0;

	pthread_barrier_init(&start, NULL, RACERS);
	for (i = 0; i < RACERS; i++) {
		r[i] = (struct race){ &start, -1, -1, group };
		CHECK_EQ(pthread_create(&threads[i], NULL, create_one, &r[i]), 0);
	}
	for (i = 0; i < RACERS; i++) {
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
		created += r[i].created;
		CHECK_EQ(close(r[i].fd), 0);
	}
	CHECK_EQ(created, 1);
	CHECK_EQ(t_names("."), 1);
}

TEST(of_many_who_create_one_has)
{
	int i;

	for (i = 0; i < t_scaled(20); i++) {
		race(0);
		CHECK_EQ(unlink("q"), 0);
		race(1);
		CHECK_EQ(rmdir("g"), 0);
	}
}

TEST(mailboxes_of_processes)
{
	struct mbox_setting set = { MBOX_NAMING, MBOX_NAMING_PID };
	int g, own, other;
	char name[16];
	pid_t child;

	g = mbox_create_group(AT_FDCWD, "g", 0, 01777, &set, 1, NULL);
	CHECK(g >= 0);
	own = mbox_open_process(g, 0, O_RDWR);
	CHECK(own >= 0);
	CHECK_EQ(fcntl(own, F_GETFD), FD_CLOEXEC);
	snprintf(name, sizeof(name), "%d", getpid());
	CHECK_EQ(faccessat(g, name, F_OK, 0), 0);
	CHECK_EQ(mbox_send(own, "me", 2), 0);
	expect(own, "me");
	child = t_fork();
	if (!child) {
		t_user(1000);
		other = mbox_open_process(g, getppid(), O_WRONLY);
		CHECK(other >= 0);
		CHECK_EQ(mbox_send(other, "child", 5), 0);
		pause();
	}
	expect(own, "child");
	other = mbox_open_process(g, child, O_RDWR);
	CHECK(other >= 0);
	CHECK_EQ(mbox_recv(other, name, 1), -EPERM);
	kill(child, SIGKILL);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	CHECK_EQ(mbox_send(other, "x", 1), -ESRCH);
	CHECK_EQ(mbox_open_process(g, child, O_WRONLY), -ESRCH);
	CHECK_EQ(mbox_open_process(g, -1, O_WRONLY), -EINVAL);
	CHECK_EQ(mbox_open_process(foreign_fd(), 0, O_WRONLY), -ENOTTY);
	CHECK_EQ(mbox_open_process(closed_fd(), 0, O_WRONLY), -EBADF);
	CHECK_EQ(mbox_open_process(own, 0, O_WRONLY), -ENOTDIR);
	CHECK_EQ(mbox_create(g, "7", O_RDWR, 0600, NULL, 0, NULL), -EPERM);
}

TEST(send_and_receive)
{
	int fd = new_box("q"), i;
	char got[8];

	CHECK_EQ(mbox_send(fd, "hello", 5), 0);
	CHECK_EQ(mbox_send(fd, NULL, 0), 0);
	CHECK_EQ(mbox_send(fd, "a long message", 14), 0);
	for (i = 0; i < 2; i++) {
		memset(got, 0, sizeof(got));
		CHECK_EQ(mbox_peek(fd, got, sizeof(got)), 5);
		CHECK(!strcmp(got, "hello"));
	}
	expect(fd, "hello");
	CHECK_EQ(mbox_recv(fd, got, sizeof(got)), 0);
	/* Never more than there is room. */
	CHECK_EQ(mbox_recv(fd, got, 6), -EMSGSIZE);
	CHECK_EQ(mbox_attr_set(fd, MBOX_SHORT_READ,
			       MBOXFS_SHORT_READ_TRUNCATE), 0);
	CHECK_EQ(mbox_recv(fd, got, 6), 6);
	CHECK(!memcmp(got, "a long", 6));
	CHECK_EQ(mbox_peek(fd, got, sizeof(got)), -EAGAIN);
	CHECK_EQ(mbox_send(fd, NULL, 1), -EFAULT);
	CHECK_EQ(mbox_send(fd, "x", SIZE_MAX), -EMSGSIZE);
	CHECK_EQ(mbox_send(fd, "x", (1ULL << 32) + 1), -EMSGSIZE);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
	CHECK_EQ(mbox_recv(fd, NULL, 1), -EFAULT);
	CHECK_EQ(mbox_recv(fd, got, (1ULL << 32) + 8), 1);
	CHECK_EQ(mbox_stop(fd), 0);
	CHECK_EQ(mbox_recv(fd, got, 1), -ESHUTDOWN);
}

TEST(messages_and_what_is_known_about_them)
{
	struct mboxfs_msg m, in;
	int fd = new_box("q");
	char got[64];

	mbox_msg_init(&m);
	CHECK_EQ(m.timeout_ns, MBOX_FOREVER);
	m.priority = 3;
	m.tag = 99;
	in = m;
	CHECK_EQ(mbox_send_msg(fd, "low", 3, NULL), 0);
	CHECK_EQ(mbox_send_msg(fd, "high", 4, &m), 0);
	CHECK(!memcmp(&m, &in, sizeof(m)));
	mbox_msg_init(&m);
	CHECK_EQ(mbox_recv_msg(fd, got, 2, &m), -EMSGSIZE);
	CHECK_EQ(m.len, 4);
	CHECK_EQ(mbox_attr_set(fd, MBOX_SHORT_READ,
			       MBOXFS_SHORT_READ_TRUNCATE), 0);
	CHECK_EQ(mbox_recv_msg(fd, got, 2, &m), 2);
	CHECK_EQ(m.len, 4);
	CHECK(m.flags & MBOXFS_TRUNC);
	CHECK_EQ(m.priority, 3);
	CHECK_EQ(m.tag, 99);
	CHECK_EQ(m.pid, getpid());
	CHECK_EQ(m.uid, 0);
	CHECK_EQ(m.seq, 2);
	CHECK(m.sent_ns > 0);
	/* The struct of one receive serves the next: room is what is said. */
	got[1] = '#';
	CHECK_EQ(mbox_recv_msg(fd, got, 1, &m), 1);
	CHECK_EQ(got[1], '#');
	CHECK_EQ(m.len, 3);
	CHECK_EQ(mbox_send_msg(closed_fd(), "x", 1, &m), -EBADF);
	CHECK_EQ(mbox_recv_msg(closed_fd(), got, 1, &m), -EBADF);
}

TEST(receive_chooses)
{
	int fd = new_box("q");
	struct mboxfs_msg m;
	char got[8];

	mbox_msg_init(&m);
	m.tag = 1;
	CHECK_EQ(mbox_send_msg(fd, "one", 3, &m), 0);
	m.tag = 2;
	CHECK_EQ(mbox_send_msg(fd, "two", 3, &m), 0);
	m.flags = MBOXFS_TAGGED | MBOXFS_PEEK;
	CHECK_EQ(mbox_recv_msg(fd, got, sizeof(got), &m), 3);
	CHECK(!memcmp(got, "two", 3));
	m.flags = MBOXFS_TAGGED | MBOXFS_NONBLOCK;
	m.tag = 3;
	CHECK_EQ(mbox_recv_msg(fd, got, sizeof(got), &m), -EAGAIN);
	m.flags = MBOXFS_TAGGED | MBOXFS_FROM;
	m.tag = 2;
	m.pid = getpid();
	CHECK_EQ(mbox_recv_msg(fd, got, sizeof(got), &m), 3);
	CHECK(!memcmp(got, "two", 3));
	m.flags = MBOXFS_FROM;
	m.pid = 1;
	m.timeout_ns = MBOX_MS(1);
	CHECK_EQ(mbox_recv_msg(fd, got, sizeof(got), &m), -ETIMEDOUT);
	m.flags = 1U << 31;
	CHECK_EQ(mbox_recv_msg(fd, got, sizeof(got), &m), -EINVAL);
	expect(fd, "one");
}

TEST(send_waits_delays_and_meets)
{
	int fd = new_box("q");
	struct mboxfs_msg m;

	CHECK_EQ(mbox_attr_set(fd, MBOX_MAX_MESSAGES, 1), 0);
	mbox_msg_init(&m);
	m.flags = MBOXFS_DELAY;
	m.delay_ns = 3600 * SECOND;
	CHECK_EQ(mbox_send_msg(fd, "x", 1, &m), 0);
	CHECK_EQ(value_of(fd, MBOX_DELAYED_MESSAGES), 1);
	m.flags = MBOXFS_NONBLOCK;
	CHECK_EQ(mbox_send_msg(fd, "y", 1, &m), -EAGAIN);
	m.flags = 0;
	m.timeout_ns = MBOX_MS(2);
	CHECK_EQ(mbox_send_msg(fd, "y", 1, &m), -ETIMEDOUT);
	m.priority = MBOXFS_PRIORITY_MAX + 1;
	CHECK_EQ(mbox_send_msg(fd, "y", 1, &m), -EINVAL);
	CHECK_EQ(mbox_purge(fd), 1);
	m.priority = 0;
	m.flags = MBOXFS_SYNC;
	CHECK_EQ(mbox_send_msg(fd, "y", 1, &m), -ETIMEDOUT);
	if (!t_fork()) {
		expect(fd, "y");
		_exit(0);
	}
	m.timeout_ns = LONG;
	CHECK_EQ(mbox_send_msg(fd, "y", 1, &m), 0);
	CHECK_EQ(value_of(fd, MBOX_MESSAGES), 0);
	t_wait_all();
}

static void on_signal(int sig)
{
}

TEST(a_signal_ends_a_wait)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fd = new_box("q"), g = new_group("g");
	char got[8];

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	if (!t_fork())
		for (;;) {
			t_sleep_ms(20);
			kill(getppid(), SIGUSR1);
		}
	CHECK_EQ(mbox_recv(fd, got, sizeof(got)), -EINTR);
	CHECK_EQ(mbox_wait_readable(fd, MBOX_FOREVER), -EINTR);
	CHECK_EQ(mbox_barrier_sleep(g, MBOX_FOREVER), -EINTR);
	CHECK_EQ(mbox_barrier_wait(g, 2, LONG), -EINTR);
}

TEST(packed_messages)
{
	struct { struct mboxfs_record head; char text[8]; } r[3] = {
		{ { .len = 2, .tag = 1 }, "ab" },
		{ { .len = 8, .tag = 2 }, "cdefghij" },
		{ { .len = 1, .priority = 3 }, "k" },
	}, got[3];
	int fd = t_open("q", O_RDWR);
	size_t len = sizeof(got);

	CHECK_EQ(mbox_send_packed(fd, r, sizeof(r), 0, MBOX_FOREVER), 3);
	CHECK_EQ(mbox_recv_packed(fd, got, &len, 2, MBOX_FOREVER), 2);
	CHECK_EQ(len, 48);
	CHECK(got[0].head.priority == 3 && got[0].text[0] == 'k');
	CHECK(got[1].head.tag == 1 && !memcmp(got[1].text, "ab", 2));
	len = 20;
	CHECK_EQ(mbox_recv_packed(fd, got, &len, 0, 0), -EMSGSIZE);
	CHECK_EQ(len, 24);
	CHECK_EQ(mbox_recv_packed(fd, got, &len, 0, 0), 1);
	CHECK(got[0].head.len == 8 && !memcmp(got[0].text, "cdefghij", 8));
	CHECK_EQ(mbox_recv_packed(fd, got, &len, 0, 0), -EAGAIN);
	CHECK_EQ(len, 24);
	CHECK_EQ(mbox_send_packed(fd, r, SIZE_MAX, 0, 0), -EINVAL);
	CHECK_EQ(mbox_send_packed(foreign_fd(), r, 24, 0, 0), -ENOTTY);
}

TEST(batches)
{
	struct mboxfs_msg m[4];
	int fd = new_box("q"), i;
	char got[4][8];

	for (i = 0; i < 4; i++) {
		mbox_msg_init(&m[i]);
		mbox_msg_data(&m[i], &"abcd"[i], 1);
	}
	CHECK_EQ(mbox_send_batch(fd, m, 4, MBOX_FOREVER), 4);
	CHECK_EQ(mbox_send_batch(fd, m, 0, MBOX_FOREVER), 0);
	for (i = 0; i < 4; i++)
		mbox_msg_data(&m[i], got[i], sizeof(got[i]));
	CHECK_EQ(mbox_recv_batch(fd, m, 3, MBOX_FOREVER), 3);
	CHECK_EQ(got[2][0], 'c');
	CHECK_EQ(m[2].len, 1);
	CHECK_EQ(m[2].seq, 3);
	mbox_msg_data(&m[0], got[0], sizeof(got[0]));
	CHECK_EQ(mbox_recv_batch(fd, m, 4, 0), 1);
	CHECK_EQ(got[0][0], 'd');
	CHECK_EQ(mbox_recv_batch(fd, m, 4, 0), -EAGAIN);
	CHECK_EQ(mbox_recv_batch(fd, m, 4, MBOX_MS(1)), -ETIMEDOUT);
	CHECK_EQ(mbox_send_batch(fd, NULL, 1, 0), -EFAULT);
	CHECK_EQ(mbox_recv_batch(fd, NULL, 1, 0), -EFAULT);
	CHECK_EQ(mbox_send_batch(foreign_fd(), m, 1, 0), -ENOTTY);
	CHECK_EQ(mbox_recv_batch(closed_fd(), m, 1, 0), -EBADF);
}

TEST(broadcast_reaches_the_group)
{
	int g = new_group("g"), a = new_box("g/a"), b = new_box("g/b");
	struct mboxfs_msg m;

	CHECK_EQ(mbox_broadcast(g, "all", 3, NULL), 2);
	expect(a, "all");
	expect(b, "all");
	CHECK_EQ(mbox_stop(b), 0);
	mbox_msg_init(&m);
	m.flags = MBOXFS_DELAY;
	m.delay_ns = 3600 * SECOND;
	CHECK_EQ(mbox_broadcast(g, "all", 3, &m), 1);
	CHECK_EQ(value_of(a, MBOX_DELAYED_MESSAGES), 1);
	m.flags = MBOXFS_SYNC;
	CHECK_EQ(mbox_broadcast(g, "all", 3, &m), -EINVAL);
	CHECK_EQ(mbox_broadcast(a, "all", 3, NULL), -ENOTTY);
	CHECK_EQ(mbox_broadcast(g, NULL, 3, NULL), -EFAULT);
	CHECK_EQ(mbox_broadcast(closed_fd(), "all", 3, NULL), -EBADF);
}

/* A value that it does not have by default. */
static uint64_t another_value(enum mbox_attr attr)
{
	if (attr == MBOX_FLUSH_ON_CLOSE || attr == MBOX_STOPPED ||
	    (mbox_attr_flags(attr) & MBOX_ATTR_POLICY))
		return attr != MBOX_SHORT_READ;
	return 12345;
}

static void set_and_reset(int fd, const char *path, enum mbox_attr attr)
{
	uint64_t value = another_value(attr), old = value_of(fd, attr), got;

	CHECK(old != value);
	CHECK_EQ(mbox_attr_set(fd, attr, value), 0);
	CHECK_EQ(value_of(fd, attr), value);
	CHECK_EQ(mbox_attr_reset(fd, attr), 0);
	CHECK_EQ(value_of(fd, attr), old);
	CHECK_EQ(mbox_attr_set_path(path, attr, value), 0);
	CHECK_EQ(mbox_attr_get_path(path, attr, &got), 0);
	CHECK_EQ(got, value);
	CHECK_EQ(mbox_attr_reset_path(path, attr), 0);
	CHECK_EQ(value_of(fd, attr), old);
}

/* All attributes of something; returns how many. */
static int try_attributes(int fd, const char *path, int kind)
{
	uint64_t value;
	int attr, flags, n = 0;

	for (attr = 0; mbox_attr_name(attr); attr++) {
		flags = mbox_attr_flags(attr);
		CHECK_EQ(mbox_attr_by_name(mbox_attr_name(attr)), attr);
		if (!(flags & kind)) {
			CHECK_EQ(mbox_attr_get(fd, attr, &value), -EOPNOTSUPP);
			CHECK_EQ(mbox_attr_set(fd, attr, 1), -EOPNOTSUPP);
			CHECK_EQ(mbox_attr_reset(fd, attr), -EOPNOTSUPP);
			continue;
		}
		n++;
		if (!(flags & MBOX_ATTR_COUNTER)) {
			set_and_reset(fd, path, attr);
			continue;
		}
		if (attr == MBOX_NEXT_SIZE)
			CHECK_EQ(mbox_attr_get(fd, attr, &value), -ENODATA);
		else
			CHECK_EQ(value_of(fd, attr), 0);
		CHECK_EQ(mbox_attr_set(fd, attr, 1), -EPERM);
		CHECK_EQ(mbox_attr_reset(fd, attr), -EPERM);
	}
	return n;
}

/* As many as the kernel lists; @hidden are there but not now. */
static int listed(int fd, int hidden)
{
	char list[2048];
	ssize_t len = flistxattr(fd, list, sizeof(list));
	int n = hidden;
	char *p;

	CHECK(len > 0);
	for (p = list; p < list + len; p += strlen(p) + 1) {
		CHECK(mbox_attr_by_name(p + strlen(MBOXFS_XATTR_PREFIX)) >= 0);
		n++;
	}
	return n;
}

TEST(attributes_of_mailboxes)
{
	int fd = new_box("q");

	CHECK_EQ(try_attributes(fd, "q", MBOX_ATTR_OF_MAILBOX), listed(fd, 1));
}

TEST(attributes_of_groups)
{
	int fd = new_group("g");

	CHECK_EQ(try_attributes(fd, "g", MBOX_ATTR_OF_GROUP), listed(fd, 0));
}

TEST(attributes_called_wrongly)
{
	static const int unknown[] = { -1, MBOX_BARRIER_SLEEPERS + 1, INT_MAX };
	int fd = new_box("q"), attr, i;
	uint64_t value = 5;

	CHECK_EQ(mbox_attr_set(fd, MBOX_WHEN_FULL, 3), -EINVAL);
	CHECK_EQ(mbox_attr_set(fd, MBOX_WHEN_EMPTY, 3), -EINVAL);
	CHECK_EQ(mbox_attr_set(fd, MBOX_TTL_MS, 1ULL << 32), -ERANGE);
	CHECK_EQ(mbox_attr_set(fd, MBOX_MAX_BYTES, UINT64_MAX), -ERANGE);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		attr = unknown[i];
		CHECK_EQ(mbox_attr_get(fd, attr, &value), -EOPNOTSUPP);
		CHECK_EQ(mbox_attr_set(fd, attr, 1), -EOPNOTSUPP);
		CHECK_EQ(mbox_attr_reset(fd, attr), -EOPNOTSUPP);
		CHECK_EQ(mbox_attr_flags(attr), -EOPNOTSUPP);
		CHECK(!mbox_attr_name(attr));
		CHECK(!mbox_attr_word(attr, 0));
	}
	CHECK_EQ(mbox_attr_get(fd, MBOX_BYTES, NULL), -EFAULT);
	CHECK_EQ(mbox_attr_get(closed_fd(), MBOX_BYTES, &value), -EBADF);
	CHECK_EQ(mbox_attr_set(closed_fd(), MBOX_TTL_MS, 1), -EBADF);
	CHECK_EQ(mbox_attr_get_path("no", MBOX_BYTES, &value), -ENOENT);
	CHECK_EQ(mbox_attr_get_path(NULL, MBOX_BYTES, &value), -EFAULT);
	CHECK_EQ(mbox_attr_set_path(NULL, MBOX_TTL_MS, 1), -EFAULT);
	CHECK_EQ(mbox_attr_reset_path(NULL, MBOX_TTL_MS), -EFAULT);
	CHECK_EQ(value, 5);
	/* Elsewhere nothing is set, even if it could be. */
	CHECK_EQ(mbox_attr_set(foreign_fd(), MBOX_TTL_MS, 1), -ENOTTY);
	CHECK_EQ(mbox_attr_set_path("/tmp", MBOX_TTL_MS, 1), -ENOTTY);
	CHECK_EQ(mbox_attr_get_path("/tmp", MBOX_TTL_MS, &value), -ENOTTY);
}

TEST(attributes_are_the_owners)
{
	int fd = new_box("q");

	t_user(1000);
	CHECK_EQ(mbox_attr_set(fd, MBOX_MAX_BYTES, 1), -EPERM);
	CHECK_EQ(mbox_attr_reset(fd, MBOX_MAX_BYTES), -EPERM);
	CHECK_EQ(mbox_set(fd, "max_bytes", "1"), -EPERM);
	CHECK_EQ(mbox_stop(fd), -EPERM);
	CHECK_EQ(mbox_purge(fd), -EPERM);
	CHECK_EQ(mbox_bind(fd), -EPERM);
	CHECK_EQ(mbox_set_delay(fd, 5), -EPERM);
	CHECK_EQ(value_of(fd, MBOX_SEND_DELAY_MS), 0);
}

TEST(attributes_as_text)
{
	int fd = new_box("q");
	char text[MBOX_TEXT_SIZE], name[300];

	CHECK_EQ(mbox_set(fd, "max_bytes", "64k"), 0);
	CHECK_EQ(mbox_get(fd, "max_bytes", text, sizeof(text)), 5);
	CHECK(!strcmp(text, "65536"));
	CHECK_EQ(mbox_get(fd, "max_bytes", text, 6), 5);
	CHECK_EQ(mbox_get(fd, "max_bytes", text, 5), -ERANGE);
	CHECK_EQ(mbox_get(fd, "max_bytes", text, 1), -ERANGE);
	CHECK_EQ(mbox_get(fd, "max_bytes", text, 0), -ERANGE);
	CHECK_EQ(mbox_set_path("q", "when_full", "fail"), 0);
	CHECK_EQ(mbox_get_path("q", "when_full", text, sizeof(text)), 4);
	CHECK(!strcmp(text, "fail"));
	CHECK_EQ(mbox_set_path("q", "when_full", NULL), 0);
	CHECK_EQ(value_of(fd, MBOX_WHEN_FULL), MBOXFS_WHEN_FULL_BLOCK);
	CHECK_EQ(mbox_set(fd, "when_full", "sometimes"), -EINVAL);
	CHECK_EQ(mbox_set(fd, "max_bytes", "12 apples"), -EINVAL);
	CHECK_EQ(mbox_set(fd, "max_bytes", ""), -EINVAL);
	CHECK_EQ(mbox_set(fd, "nonsense", "1"), -EOPNOTSUPP);
	CHECK_EQ(mbox_get(fd, "nonsense", text, sizeof(text)), -EOPNOTSUPP);
	CHECK_EQ(mbox_set(fd, NULL, "1"), -EFAULT);
	CHECK_EQ(mbox_get(fd, NULL, text, sizeof(text)), -EFAULT);
	CHECK_EQ(mbox_get(fd, "max_bytes", NULL, 8), -EFAULT);
	CHECK_EQ(mbox_get_path(NULL, "max_bytes", text, 8), -EFAULT);
	CHECK_EQ(mbox_set_path(NULL, "max_bytes", "1"), -EFAULT);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CHECK_EQ(mbox_set(fd, name, "1"), -ERANGE);
	CHECK_EQ(mbox_get(fd, name, text, sizeof(text)), -ERANGE);
	CHECK_EQ(mbox_get(foreign_fd(), "ttl_ms", text, 8), -ENOTTY);
	CHECK_EQ(mbox_set(foreign_fd(), "ttl_ms", "1"), -ENOTTY);
	CHECK_EQ(mbox_attr_by_name("nonsense"), -EOPNOTSUPP);
	CHECK_EQ(mbox_attr_by_name(NULL), -EFAULT);
}

static uint64_t parsed(enum mbox_attr attr, const char *text)
{
	uint64_t value = 0;

	CHECK_EQ(mbox_attr_parse(attr, text, &value), 0);
	return value;
}

/* The library reads numbers as the kernel does. */
TEST(text_of_attributes)
{
	static const char *const bad[] = {
		"", "k", "-1", "+1", " 1", "1 ", "1kk", "0x10", "1.5", "1t",
		"fail",
	};
	char text[MBOX_TEXT_SIZE];
	int fd = new_box("q"), i;
	uint64_t value;

	CHECK_EQ(parsed(MBOX_MAX_BYTES, "0"), 0);
	CHECK_EQ(parsed(MBOX_MAX_BYTES, "007"), 7);
	CHECK_EQ(parsed(MBOX_MAX_BYTES, "3k"), 3072);
	CHECK_EQ(parsed(MBOX_MAX_BYTES, "3M"), 3 << 20);
	CHECK_EQ(parsed(MBOX_MAX_BYTES, "3g"), 3LL << 30);
	CHECK(parsed(MBOX_MAX_BYTES, "18446744073709551615") == UINT64_MAX);
	CHECK_EQ(parsed(MBOX_WHEN_FULL, "drop_oldest"), 2);
	CHECK_EQ(parsed(MBOX_NAMING, "pid"), MBOX_NAMING_PID);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(mbox_attr_parse(MBOX_MAX_BYTES, bad[i], &value),
			 -EINVAL);
		CHECK_EQ(mbox_set(fd, "max_bytes", bad[i]), -EINVAL);
	}
	CHECK_EQ(mbox_attr_parse(MBOX_MAX_BYTES, "18446744073709551616",
				 &value), -ERANGE);
	CHECK_EQ(mbox_attr_parse(MBOX_MAX_BYTES, "18014398509481984k", &value),
		 -ERANGE);
	CHECK_EQ(mbox_attr_parse(MBOX_NAMING, "1", &value), -EINVAL);
	CHECK_EQ(mbox_attr_parse(MBOX_NAMING, NULL, &value), -EFAULT);
	CHECK_EQ(mbox_attr_parse(MBOX_NAMING, "id", NULL), -EFAULT);
	CHECK_EQ(mbox_attr_parse(999, "1", &value), -EOPNOTSUPP);
	CHECK_EQ(mbox_attr_format(MBOX_TTL_MS, UINT64_MAX, text, sizeof(text)),
		 20);
	CHECK(!strcmp(text, "18446744073709551615"));
	CHECK_EQ(mbox_attr_format(MBOX_NAMING, 1, text, sizeof(text)), 2);
	CHECK(!strcmp(text, "id"));
	CHECK_EQ(mbox_attr_format(MBOX_NAMING, 1, text, 2), -ERANGE);
	CHECK_EQ(mbox_attr_format(MBOX_NAMING, 3, text, sizeof(text)), -EINVAL);
	CHECK_EQ(mbox_attr_format(MBOX_NAMING, 1, NULL, 0), -EFAULT);
	CHECK_EQ(mbox_attr_format(999, 1, text, sizeof(text)), -EOPNOTSUPP);
	CHECK(!strcmp(mbox_attr_word(MBOX_SHORT_READ, 1), "keep"));
	CHECK(!mbox_attr_word(MBOX_SHORT_READ, 3));
	CHECK(!mbox_attr_word(MBOX_TTL_MS, 0));
	CHECK(mbox_attr_flags(MBOX_SHORT_READ) & MBOX_ATTR_POLICY);
}

TEST(stat_and_counters)
{
	int fd = new_box("q"), g = new_group("g");
	struct mboxfs_stat s;

	CHECK_EQ(mbox_send(fd, "abc", 3), 0);
	CHECK_EQ(mbox_stat(fd, &s), 0);
	CHECK_EQ(s.messages, 1);
	CHECK_EQ(s.bytes, 3);
	CHECK_EQ(s.max_messages, value_of(fd, MBOX_MAX_MESSAGES));
	CHECK_EQ(value_of(fd, MBOX_NEXT_SIZE), 3);
	CHECK_EQ(value_of(fd, MBOX_SENT_TOTAL), 1);
	CHECK_EQ(mbox_stat(fd, NULL), -EFAULT);
	CHECK_EQ(mbox_stat(g, &s), -ENOTTY);
	CHECK_EQ(mbox_stat(foreign_fd(), &s), -ENOTTY);
	CHECK_EQ(mbox_stat(closed_fd(), &s), -EBADF);
}

TEST(delay_flush_and_revoke)
{
	int g = new_group("g"), fd = new_box("g/q");

	CHECK_EQ(mbox_set_delay(fd, 3600000), 0);
	CHECK_EQ(mbox_send(fd, "one", 3), 0);
	CHECK_EQ(mbox_flush(fd), 0);
	expect(fd, "one");
	CHECK_EQ(mbox_send(fd, "two", 3), 0);
	CHECK_EQ(mbox_flush(g), 0);
	expect(fd, "two");
	CHECK_EQ(mbox_send(fd, "three", 5), 0);
	CHECK_EQ(mbox_revoke(fd), 1);
	CHECK_EQ(mbox_revoke(fd), 0);
	CHECK_EQ(mbox_send(fd, "four", 4), 0);
	CHECK_EQ(mbox_revoke(g), 1);
	CHECK_EQ(value_of(fd, MBOX_REVOKED_TOTAL), 2);
	CHECK_EQ(mbox_flush(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_flush(closed_fd()), -EBADF);
	CHECK_EQ(mbox_revoke(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_set_delay(foreign_fd(), 1), -ENOTTY);
	CHECK_EQ(mbox_revoke(mbox_open(AT_FDCWD, "g/q", O_RDONLY)), -EBADF);
}

TEST(stop_start_and_purge)
{
	int g = new_group("g"), fd = new_box("g/q");

	CHECK_EQ(mbox_stop(fd), 0);
	CHECK_EQ(mbox_send(fd, "x", 1), -ESHUTDOWN);
	CHECK_EQ(mbox_start(fd), 0);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
	CHECK_EQ(mbox_stop(g), 0);
	CHECK_EQ(mbox_send(fd, "x", 1), -ESHUTDOWN);
	CHECK_EQ(mbox_start(g), 0);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
	CHECK_EQ(mbox_purge(fd), 2);
	CHECK_EQ(mbox_purge(fd), 0);
	CHECK_EQ(mbox_purge(g), -ENOTTY);
	CHECK_EQ(mbox_stop(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_start(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_purge(closed_fd()), -EBADF);
}

TEST(bind_ends_with_the_open_file)
{
	int fd = new_box("q"), other = mbox_open(AT_FDCWD, "q", O_RDWR);

	CHECK_EQ(mbox_bind(fd), 0);
	CHECK_EQ(mbox_bind(other), -EBUSY);
	CHECK_EQ(mbox_bind(foreign_fd()), -ENOTTY);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(mbox_send(other, "x", 1), -ESHUTDOWN);
	CHECK_EQ(access("q", F_OK), -1);
}

static void *sleeper(void *arg)
{
	CHECK_EQ(mbox_barrier_sleep(*(int *)arg, LONG), 0);
	return NULL;
}

static void sleep_and_awake(int fd)
{
	pthread_t threads[3];
	int i;

	CHECK_EQ(mbox_barrier_awake(fd), 0);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, sleeper, &fd), 0);
	await(fd, MBOX_BARRIER_SLEEPERS, 3);
	CHECK_EQ(mbox_barrier_awake(fd), 3);
	for (i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(mbox_barrier_sleep(fd, 0), -EAGAIN);
	CHECK_EQ(mbox_barrier_sleep(fd, MBOX_MS(1)), -ETIMEDOUT);
}

TEST(barriers)
{
	int fd = new_box("q");

	sleep_and_awake(fd);
	sleep_and_awake(new_group("g"));
	CHECK_EQ(mbox_barrier_wait(fd, 1, 0), 1);
	CHECK_EQ(mbox_barrier_wait(fd, 0, 0), -EINVAL);
	CHECK_EQ(mbox_barrier_wait(fd, 2, 0), -EAGAIN);
	CHECK_EQ(mbox_barrier_wait(fd, 2, MBOX_MS(1)), -ETIMEDOUT);
	CHECK_EQ(mbox_barrier_sleep(foreign_fd(), 0), -ENOTTY);
	CHECK_EQ(mbox_barrier_awake(foreign_fd()), -ENOTTY);
	CHECK_EQ(mbox_barrier_wait(closed_fd(), 1, 0), -EBADF);
}

static void *waiter(void *arg)
{
	return (void *)(intptr_t)mbox_barrier_wait(*(int *)arg, 4, LONG);
}

TEST(one_of_the_parties_is_the_last)
{
	int g = new_group("g"), round, i, last;
	pthread_t threads[3];
	void *ret;

	for (round = 0; round < t_scaled(20); round++) {
		for (i = 0; i < 3; i++)
			CHECK_EQ(pthread_create(&threads[i], NULL, waiter, &g),
				 0);
		last = mbox_barrier_wait(g, 4, LONG);
		CHECK(last >= 0);
		for (i = 0; i < 3; i++) {
			CHECK_EQ(pthread_join(threads[i], &ret), 0);
			CHECK((intptr_t)ret >= 0);
			last += (intptr_t)ret;
		}
		CHECK_EQ(last, 1);
	}
}

TEST(wait_for_messages_and_room)
{
	int fd = new_box("q"), out = mbox_open(AT_FDCWD, "q", O_WRONLY);
	int in = mbox_open(AT_FDCWD, "q", O_RDONLY);

	CHECK_EQ(mbox_wait_readable(fd, 0), 0);
	CHECK_EQ(mbox_wait_readable(fd, MBOX_MS(2)), 0);
	CHECK_EQ(mbox_wait_writable(fd, MBOX_FOREVER), 1);
	CHECK_EQ(mbox_attr_set(fd, MBOX_MAX_MESSAGES, 1), 0);
	CHECK_EQ(mbox_send(fd, "x", 1), 0);
	CHECK_EQ(mbox_wait_readable(fd, MBOX_FOREVER), 1);
	CHECK_EQ(mbox_wait_readable(fd, INT64_MAX), 1);
	CHECK_EQ(mbox_wait_writable(fd, MBOX_MS(2)), 0);
	if (!t_fork()) {
		t_sleep_ms(50);
		expect(fd, "x");
		_exit(0);
	}
	CHECK_EQ(mbox_wait_writable(fd, LONG), 1);
	t_wait_all();
	CHECK_EQ(mbox_wait_readable(out, 0), -EBADF);
	CHECK_EQ(mbox_wait_writable(in, 0), -EBADF);
	CHECK_EQ(mbox_wait_readable(new_group("g"), 0), -ENOTTY);
	CHECK_EQ(mbox_wait_readable(foreign_fd(), 0), -ENOTTY);
	CHECK_EQ(mbox_wait_writable(closed_fd(), 0), -EBADF);
}

/* POLLHUP is there at once, but nothing to receive before it is due. */
TEST(wait_for_what_is_delayed_in_a_stopped_mailbox)
{
	int fd = new_box("q");
	struct mboxfs_msg m;
	long long begin;

	mbox_msg_init(&m);
	m.flags = MBOXFS_DELAY;
	m.delay_ns = MBOX_MS(300);
	CHECK_EQ(mbox_send_msg(fd, "x", 1, &m), 0);
	CHECK_EQ(mbox_stop(fd), 0);
	CHECK_EQ(mbox_wait_writable(fd, MBOX_FOREVER), 1);
	begin = t_now_ms();
	CHECK_EQ(mbox_wait_readable(fd, MBOX_MS(1)), 0);
	CHECK_EQ(mbox_wait_readable(fd, LONG), 1);
	CHECK(!t_overdue(begin, 30000));
	expect(fd, "x");
	/* Drained: receiving says so without waiting. */
	CHECK_EQ(mbox_wait_readable(fd, MBOX_FOREVER), 1);
}

static void explained(int fd, int error, size_t len, const char *part)
{
	char text[256];
	int ret = mbox_explain(fd, error, len, text, sizeof(text));

	if (ret != (int)strlen(text) || !strstr(text, part))
		test_failed(__FILE__, __LINE__, "the explanation is %d '%s', not '%s'",
			    ret, text, part);
}

TEST(explain_the_mailboxs_limits)
{
	struct mbox_setting set[] = {
		{ MBOX_MAX_MESSAGES, 2 }, { MBOX_MAX_BYTES, 10 },
		{ MBOX_MAX_MESSAGE_SIZE, 8 }, { MBOX_WHEN_FULL, 1 },
	};
	int fd = mbox_create(AT_FDCWD, "q", O_RDWR | O_NONBLOCK, 0600, set, 4,
			     NULL);
	int in = mbox_open(AT_FDCWD, "q", O_RDONLY);
	char got[4];

	explained(in, mbox_peek(in, got, 1), 1, "empty");
	explained(fd, mbox_recv(fd, got, 1), 1, "empty");
	explained(fd, mbox_send(fd, "123456789", 9), 9, "max_message_size is 8");
	explained(fd, -EFBIG, 9, "max_message_size is 8");
	CHECK_EQ(mbox_attr_reset(fd, MBOX_MAX_MESSAGE_SIZE), 0);
	explained(fd, mbox_send(fd, "12345678901", 11), 11, "max_bytes is 10");
	CHECK_EQ(mbox_send(fd, "12345678", 8), 0);
	explained(fd, mbox_send(fd, "123", 3), 3, "max_bytes is 10, when_full");
	CHECK_EQ(mbox_attr_reset(fd, MBOX_WHEN_FULL), 0);
	explained(fd, mbox_send(fd, "123", 3), 3, "8 bytes and 3 more");
	CHECK_EQ(mbox_send(fd, "9", 1), 0);
	explained(fd, mbox_send(fd, "0", 1), 1, "max_messages is 2");
	CHECK_EQ(mbox_attr_set(fd, MBOX_SHORT_READ,
			       MBOXFS_SHORT_READ_REFUSE), 0);
	explained(in, mbox_recv(in, got, 4), 4, "short_read is refuse");
	CHECK_EQ(mbox_stop(fd), 0);
	explained(fd, mbox_send(fd, "0", 1), 1, "stopped");
	CHECK_EQ(unlink("q"), 0);
	explained(fd, mbox_send(fd, "0", 1), 1, "lost its name");
}

TEST(explain_ceilings)
{
	static const char zeros[95];
	int g = new_group("g"), fd;

	new_group("g/sub");
	fd = new_box("g/sub/q");
	CHECK_EQ(mbox_attr_set(g, MBOX_GROUP_MAX_BYTES, 100), 0);
	CHECK_EQ(mbox_attr_set(g, MBOX_GROUP_MAX_MAILBOXES, 1), 0);
	CHECK_EQ(mbox_send(fd, "1234567890", 10), 0);
	explained(fd, mbox_send(fd, zeros, 95), 95,
		  "10 bytes and 95 more");
	explained(fd, mbox_send(fd, zeros, 95), 95,
		  "explain_ceilings/g is 100");
	explained(g, mbox_create(g, "r", O_RDWR, 0600, NULL, 0, NULL), 0,
		  "group_max_mailboxes of");
	/* How things are now may not say it any more. */
	explained(fd, -EDQUOT, 1, "ceiling");
}

TEST(explain_the_rest)
{
	int fd = new_box("q"), g = new_group("g");
	char text[8];

	explained(fd, -ENOSPC, 0, "mount full");
	explained(fd, -EINTR, 0, "Interrupted");
	explained(fd, -ECANCELED, 0, "unread");
	explained(fd, -ESRCH, 0, "process");
	explained(g, mbox_purge(g), 0, "group");
	explained(foreign_fd(), -ENOTTY, 0, "not on mboxfs");
	explained(closed_fd(), -EBADF, 0, "Bad file");
	explained(fd, -99999, 0, "unknown");
	explained(fd, INT_MIN, 0, "unknown");
	/* As snprintf. */
	CHECK(mbox_explain(fd, -EINTR, 0, text, sizeof(text)) > 8);
	CHECK(!strcmp(text, "Interru"));
	CHECK(mbox_explain(fd, -EINTR, 0, NULL, 0) > 8);
	CHECK_EQ(mbox_explain(fd, -EINTR, 0, NULL, 1), -EFAULT);
}

TEST(errno_stays)
{
	struct mboxfs_stat stat;
	char text[64];
	uint64_t value;
	int fd;

	errno = 4711;
	fd = mbox_create(AT_FDCWD, "q", O_RDWR, 0600, NULL, 0, NULL);
	mbox_open(AT_FDCWD, "none", O_RDWR);
	mbox_create(AT_FDCWD, "none/q", O_RDWR, 0600, NULL, 0, NULL);
	mbox_create_group(AT_FDCWD, "q", 0, 0700, NULL, 0, NULL);
	mbox_open_process(fd, 0, O_RDWR);
	mbox_send(-1, "x", 1);
	mbox_peek(fd, text, 1);
	mbox_stat(-1, &stat);
	mbox_attr_get(fd, MBOX_NEXT_SIZE, &value);
	mbox_attr_get_path("none", MBOX_BYTES, &value);
	mbox_set(fd, "nonsense", "1");
	mbox_flush(-1);
	mbox_barrier_sleep(fd, 0);
	mbox_wait_readable(-1, 0);
	mbox_explain(fd, -EDQUOT, 0, text, sizeof(text));
	mbox_explain(-1, -EDQUOT, 0, text, sizeof(text));
	CHECK_EQ(errno, 4711);
	/* The group may not be looked at. */
	CHECK_EQ(chmod(".", 0), 0);
	t_user(1000);
	errno = 4711;
	explained(fd, -EDQUOT, 0, "ceiling");
	CHECK_EQ(errno, 4711);
}

#define PER_THREAD	500
#define SENDERS		4

static void *send_many(void *arg)
{
	struct mboxfs_msg m;
	char text[32];
	int i, len;

	mbox_msg_init(&m);
	for (i = 0; i < PER_THREAD; i++) {
		m.tag = i;
		len = snprintf(text, sizeof(text), "%lu/%d",
			       (unsigned long)pthread_self(), i);
		CHECK_EQ(mbox_send_msg(*(int *)arg, text, len, &m), 0);
		/* Others set and look meanwhile. */
		CHECK_EQ(mbox_attr_set(*(int *)arg, MBOX_MAX_MESSAGES,
				       1 + i % 7), 0);
		CHECK(value_of(*(int *)arg, MBOX_MAX_MESSAGES) <= 7);
	}
	return NULL;
}

static void *receive_many(void *arg)
{
	unsigned long sum = 0;
	struct mboxfs_msg m;
	char got[64], *slash;
	ssize_t len;

	mbox_msg_init(&m);
	while ((len = mbox_recv_msg(*(int *)arg, got, sizeof(got) - 1, &m)) > 0) {
		got[len] = '\0';
		slash = strchr(got, '/');
		CHECK(slash);
		CHECK_EQ(atoi(slash + 1), m.tag);
		sum += m.tag;
	}
	CHECK_EQ(len, -ESHUTDOWN);
	return (void *)sum;
}

TEST(threads)
{
	pthread_t senders[SENDERS], receivers[SENDERS];
	unsigned long sum = 0;
	int fd = new_box("q"), i;
	void *ret;

	for (i = 0; i < SENDERS; i++) {
		CHECK_EQ(pthread_create(&senders[i], NULL, send_many, &fd), 0);
		CHECK_EQ(pthread_create(&receivers[i], NULL, receive_many, &fd),
			 0);
	}
	for (i = 0; i < SENDERS; i++)
		CHECK_EQ(pthread_join(senders[i], NULL), 0);
	CHECK_EQ(mbox_stop(fd), 0);
	for (i = 0; i < SENDERS; i++) {
		CHECK_EQ(pthread_join(receivers[i], &ret), 0);
		sum += (unsigned long)ret;
	}
	CHECK_EQ(sum, SENDERS * (PER_THREAD * (PER_THREAD - 1UL) / 2));
}
