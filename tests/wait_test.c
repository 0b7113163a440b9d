// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting: who is served, in which order, and what ends a wait.
 */
#include "test.h"

#include <sched.h>

#define MESSAGES	100000
#define WRITERS		3
#define READERS		3

static void *read_one(void *arg)
{
	t_expect(*(int *)arg, "hello");
	return NULL;
}

/* The VFS's position lock would make this hang for good. */
TEST(threads_sharing_an_open_file_do_not_lock_each_other_out)
{
	int fd = t_open("q", O_RDWR);
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, read_one, &fd), 0);
	t_await("q", "readers_waiting", 1);
	t_send(fd, "hello");
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(processes_sharing_an_open_file_do_not_lock_each_other_out)
{
	int fd = t_open("q", O_RDWR);

	if (!t_fork()) {
		t_expect(fd, "hello");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_send(fd, "hello");
	t_wait_all();
}

TEST(a_blocked_writer_and_a_reader_share_an_open_file)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "max_messages", "1");
	t_send(fd, "one");
	if (!t_fork()) {
		t_send(fd, "two");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_expect(fd, "one");
	t_wait_all();
	t_expect(fd, "two");
}

/* Numbers of one writer are contiguous in each reader's order of receipt. */
TEST(writers_and_readers_exchange_each_message_once_in_order)
{
	struct { int writer, number; } m;
	unsigned char *seen;
	int fd = t_open("q", O_RDWR), i, n = t_scaled(MESSAGES) / WRITERS;

	seen = mmap(NULL, WRITERS * n, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(seen != MAP_FAILED);
	t_set("q", "max_messages", "50");
	for (i = 0; i < READERS; i++) {
		if (t_fork())
			continue;
		int last[WRITERS] = { -1, -1, -1 };

		for (;;) {
			CHECK_EQ(read(fd, &m, sizeof(m)), sizeof(m));
			if (m.writer < 0)
				_exit(0);
			CHECK(m.number > last[m.writer]);
			last[m.writer] = m.number;
			__atomic_fetch_add(&seen[m.writer * n + m.number], 1,
					   __ATOMIC_RELAXED);
		}
	}
	pid_t writers[WRITERS];

	for (i = 0; i < WRITERS; i++) {
		writers[i] = t_fork();
		if (writers[i])
			continue;
		m.writer = i;
		for (m.number = 0; m.number < n; m.number++)
			CHECK_EQ(write(fd, &m, sizeof(m)), sizeof(m));
		_exit(0);
	}
	for (i = 0; i < WRITERS; i++)
		t_wait(writers[i]);
	m.writer = -1;
	for (i = 0; i < READERS; i++)
		CHECK_EQ(write(fd, &m, sizeof(m)), sizeof(m));
	t_wait_all();
	for (i = 0; i < WRITERS * n; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "received_total"), WRITERS * n + READERS);
}

TEST(each_message_wakes_one_reader)
{
	int fd = t_open("q", O_RDWR), i;
	pid_t pids[16];
	char c[8];

	for (i = 0; i < 16; i++) {
		pids[i] = t_fork();
		if (!pids[i]) {
			CHECK_EQ(read(fd, c, sizeof(c)), 1);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 16);
	for (i = 0; i < 15; i++)
		t_send(fd, "x");
	for (i = 0; i < 15; i++) {
		int status;

		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	t_sleep_ms(200);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), 0);
	CHECK_EQ(t_get("q", "readers_waiting"), 1);
	CHECK_EQ(t_get("q", "messages"), 0);
	t_send(fd, "x");
	t_wait_all();
}

TEST(readers_are_served_in_the_order_they_came)
{
	int fd = t_open("q", O_RDWR), i;
	char text[2] = "0";

	for (i = 0; i < 5; i++) {
		if (!t_fork()) {
			text[0] += i;
			t_expect(fd, text);
			_exit(0);
		}
		t_await("q", "readers_waiting", i + 1);
	}
	for (i = 0; i < 5; i++) {
		text[0] = '0' + i;
		t_send(fd, text);
	}
	t_wait_all();
}

TEST(writers_are_served_in_the_order_they_came)
{
	int fd = t_open("q", O_RDWR), i;
	char text[2] = "0";

	t_set("q", "max_messages", "1");
	t_send(fd, "first");
	for (i = 0; i < 5; i++) {
		if (!t_fork()) {
			text[0] += i;
			t_send(fd, text);
			_exit(0);
		}
		t_await("q", "writers_waiting", i + 1);
	}
	t_expect(fd, "first");
	for (i = 0; i < 5; i++) {
		text[0] = '0' + i;
		t_expect(fd, text);
	}
	t_wait_all();
}

static void be_real_time(int priority)
{
	struct sched_param param = { .sched_priority = priority };

	CHECK_EQ(sched_setscheduler(0, SCHED_FIFO, &param), 0);
}

TEST(real_time_readers_are_served_first_by_priority)
{
	static const int priorities[] = { 0, 10, 0, 50, 10 };
	static const char *const expected[] = { "3", "1", "4", "0", "2" };
	int fd = t_open("q", O_RDWR), i, k;

	for (i = 0; i < 5; i++) {
		if (!t_fork()) {
			if (priorities[i])
				be_real_time(priorities[i]);
			for (k = 0; expected[k][0] != '0' + i; k++)
				;
			/* Message k is for the k-th in order of service. */
			char text[2] = { '0' + k, 0 };

			t_expect(fd, text);
			_exit(0);
		}
		t_await("q", "readers_waiting", i + 1);
	}
	for (k = 0; k < 5; k++) {
		char text[2] = { '0' + k, 0 };

		t_send(fd, text);
	}
	t_wait_all();
}

/* It is served before those who wait already, also if they do not fit. */
TEST(a_real_time_writer_who_fits_gets_in_at_once)
{
	int fd = t_open("q", O_RDWR);
	pid_t pid;

	t_set("q", "max_bytes", "10");
	t_send(fd, "12345678");
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(write(fd, "later", 5), 5);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	be_real_time(10);
	CHECK_EQ(write(fd, "rt", 2), 2);
	CHECK_EQ(t_get("q", "writers_waiting"), 1);
	t_expect(fd, "12345678");
	t_wait_all();
	t_expect(fd, "rt");
	t_expect(fd, "later");
}

/* Room for small messages is no reason to let them pass a large one. */
TEST(a_newcomer_does_not_overtake_a_waiting_writer)
{
	int fd = t_open("q", O_RDWR), other = t_open("q", O_RDWR | O_NONBLOCK);
	static char big[600], small[100];
	char buffer[1000];
	pid_t pid;

	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, big, 600), 600);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(write(fd, big, 500), 500);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	CHECK_ERR(write(other, small, 100), EAGAIN);
	if (!t_fork()) {
		CHECK_EQ(write(fd, small, 100), 100);
		_exit(0);
	}
	t_await("q", "writers_waiting", 2);
	CHECK_EQ(read(fd, buffer, sizeof(buffer)), 600);
	t_wait_all();
	CHECK_EQ(read(fd, buffer, sizeof(buffer)), 500);
	CHECK_EQ(read(fd, buffer, sizeof(buffer)), 100);
}

/* With the large one gone, the small one behind it gets in at once. */
TEST(an_interrupted_writer_lets_the_next_one_in)
{
	int fd = t_open("q", O_RDWR);
	static char big[600], small[100];
	pid_t first, second;

	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, big, 600), 600);
	first = t_fork();
	if (!first) {
		write(fd, big, 500);
		_exit(1);
	}
	t_await("q", "writers_waiting", 1);
	second = t_fork();
	if (!second) {
		CHECK_EQ(write(fd, small, 100), 100);
		_exit(0);
	}
	t_await("q", "writers_waiting", 2);
	CHECK_EQ(kill(first, SIGKILL), 0);
	t_wait(second);
	CHECK_EQ(waitpid(first, NULL, 0), first);
	CHECK_EQ(t_get("q", "writers_waiting"), 0);
	CHECK_EQ(t_get("q", "messages"), 2);
	CHECK_EQ(t_get("q", "bytes"), 700);
}

TEST(freed_room_admits_all_who_fit)
{
	int fd = t_open("q", O_RDWR), i;
	static char data[1000];

	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, data, 1000), 1000);
	for (i = 0; i < 5; i++) {
		if (!t_fork()) {
			CHECK_EQ(write(fd, data, 100), 100);
			_exit(0);
		}
		t_await("q", "writers_waiting", i + 1);
	}
	CHECK_EQ(read(fd, data, 1000), 1000);
	t_await("q", "messages", 5);
	t_wait_all();
}

TEST(a_raised_limit_admits_waiting_writers)
{
	int fd = t_open("q", O_RDWR), i;

	t_set("q", "max_messages", "1");
	t_send(fd, "0");
	for (i = 0; i < 4; i++) {
		if (!t_fork()) {
			t_send(fd, "x");
			_exit(0);
		}
	}
	t_await("q", "writers_waiting", 4);
	t_set("q", "max_messages", "3");
	t_await("q", "writers_waiting", 2);
	CHECK_EQ(t_get("q", "messages"), 3);
	t_set("q", "max_messages", "0");
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 5);
}

/* Who waits for what has become impossible does not wait for ever. */
TEST(a_lowered_limit_lets_writers_out_who_never_fit)
{
	int fd = t_open("q", O_RDWR);
	static char data[1000];

	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, data, 1000), 1000);
	if (!t_fork()) {
		CHECK_ERR(write(fd, data, 600), EMSGSIZE);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_set("q", "max_bytes", "500");
	t_wait_all();
	CHECK_EQ(t_get("q", "bytes"), 1000);
}

TEST(a_changed_policy_lets_waiters_out)
{
	int fd = t_open("q", O_RDWR);
	char c;

	t_set("q", "max_messages", "1");
	if (!t_fork()) {
		CHECK_EQ(read(fd, &c, 1), 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_set("q", "when_empty", "eof");
	t_wait_all();
	t_send(fd, "one");
	if (!t_fork()) {
		CHECK_ERR(write(fd, "two", 3), ENOSPC);
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_set("q", "when_full", "fail");
	t_wait_all();
	t_set("q", "when_full", "block");
	if (!t_fork()) {
		t_send(fd, "three");
		_exit(0);
	}
	t_await("q", "writers_waiting", 1);
	t_set("q", "when_full", "drop_oldest");
	t_wait_all();
	t_expect(fd, "three");
	CHECK_EQ(t_get("q", "dropped_total"), 1);
}

TEST(a_killed_reader_leaves_no_trace)
{
	int fd = t_open("q", O_RDWR);
	pid_t first, second;
	char c;

	first = t_fork();
	if (!first) {
		read(fd, &c, 1);
		_exit(1);
	}
	t_await("q", "readers_waiting", 1);
	second = t_fork();
	if (!second) {
		t_expect(fd, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 2);
	CHECK_EQ(kill(first, SIGKILL), 0);
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait(second);
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
	CHECK_EQ(t_get("q", "messages"), 0);
}

static void on_signal(int signal)
{
}

static void catch_signal(int flags)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = flags };

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

TEST(a_signal_interrupts_or_restarts)
{
	int fd = t_open("q", O_RDWR);
	pid_t pid;
	char c;

	pid = t_fork();
	if (!pid) {
		catch_signal(0);
		CHECK_ERR(read(fd, &c, 1), EINTR);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	t_sleep_ms(50);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	t_wait(pid);
	CHECK_EQ(t_get("q", "readers_waiting"), 0);
	pid = t_fork();
	if (!pid) {
		catch_signal(SA_RESTART);
		t_expect(fd, "x");
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	t_sleep_ms(50);
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait(pid);
}

/*
 * A storm of signals against hand-overs: what a read that was interrupted
 * would have got must come out of another one. Nothing may be lost or doubled.
 */
TEST(signals_against_handoff_lose_nothing)
{
	int fd = t_open("q", O_RDWR), i, n = t_scaled(20000);
	unsigned char *seen;
	pid_t readers[4];
	int number;

	seen = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	for (i = 0; i < 4; i++) {
		readers[i] = t_fork();
		if (readers[i])
			continue;
		catch_signal(0);
		for (;;) {
			if (read(fd, &number, sizeof(number)) < 0) {
				CHECK_EQ(errno, EINTR);
				continue;
			}
			if (number < 0)
				_exit(0);
			__atomic_fetch_add(&seen[number], 1, __ATOMIC_RELAXED);
		}
	}
	t_await("q", "readers_waiting", 4);
	for (number = 0; number < n; number++) {
		CHECK_EQ(write(fd, &number, sizeof(number)), sizeof(number));
		kill(readers[number % 4], SIGUSR1);
	}
	t_await("q", "messages", 0);
	number = -1;
	for (i = 0; i < 4; i++)
		CHECK_EQ(write(fd, &number, sizeof(number)), sizeof(number));
	t_wait_all();
	for (i = 0; i < n; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(t_get("q", "received_total"), n + 4);
}

/* The same for writers: each number arrives exactly as often as it was sent. */
TEST(signals_against_admission_lose_nothing)
{
	int fd = t_open("q", O_RDWR), i, n = t_scaled(5000);
	int number, got = 0;
	unsigned char *seen;
	pid_t writers[4], kicker;

	t_set("q", "max_messages", "2");
	seen = calloc(4, n);
	catch_signal(0); /* before there is anyone to kill */
	for (i = 0; i < 4; i++) {
		writers[i] = t_fork();
		if (writers[i])
			continue;
		for (number = i * n; number < (i + 1) * n; number++)
			while (write(fd, &number, sizeof(number)) < 0)
				CHECK_EQ(errno, EINTR);
		_exit(0);
	}
	kicker = t_fork();
	if (!kicker) {
		for (i = 0;; i++) {
			kill(writers[i % 4], SIGUSR1);
			usleep(100);
		}
	}
	while (got++ < 4 * n) {
		CHECK_EQ(read(fd, &number, sizeof(number)), sizeof(number));
		CHECK_EQ(seen[number]++, 0);
	}
	kill(kicker, SIGKILL);
	waitpid(kicker, NULL, 0);
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "sent_total"), 4 * n);
}

TEST(nonblocking_calls_do_not_wait)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK);
	char c;

	t_set("q", "max_messages", "1");
	CHECK_ERR(read(fd, &c, 1), EAGAIN);
	t_send(fd, "x");
	CHECK_ERR(write(fd, "y", 1), EAGAIN);
	t_expect(fd, "x");
	t_send(fd, "y");
}

TEST(unlink_lets_everyone_out)
{
	int fd = t_open("q", O_RDWR), i;
	char c;

	for (i = 0; i < 8; i++) {
		if (!t_fork()) {
			CHECK_EQ(read(fd, &c, 1), 0);
			_exit(0);
		}
	}
	t_await("q", "readers_waiting", 8);
	CHECK_EQ(unlink("q"), 0);
	t_wait_all();
	CHECK_ERR(write(fd, "x", 1), ESHUTDOWN);
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(unlink_stops_writers_and_lets_readers_drain)
{
	int fd = t_open("q", O_RDWR), i;
	char c;

	t_set("q", "max_messages", "2");
	t_send(fd, "1");
	t_send(fd, "2");
	for (i = 0; i < 8; i++) {
		if (!t_fork()) {
			CHECK_ERR(write(fd, "3", 1), ESHUTDOWN);
			_exit(0);
		}
	}
	t_await("q", "writers_waiting", 8);
	CHECK_EQ(unlink("q"), 0);
	t_wait_all();
	t_expect(fd, "1");
	t_expect(fd, "2");
	CHECK_EQ(read(fd, &c, 1), 0);
}

/* Kept parts are read one read at a time, also by threads. */
TEST(kept_rests_stay_in_order_between_processes)
{
	int fd = t_open("q", O_RDWR), out[2], i, n = 0;
	char text[27], c, line[32];

	CHECK_EQ(pipe(out), 0);
	for (i = 0; i < 3; i++) {
		if (t_fork())
			continue;
		while (read(fd, &c, 1) == 1 && c != '.')
			CHECK_EQ(write(out[1], &c, 1), 1);
		_exit(0);
	}
	for (i = 0; i < 26; i++)
		text[i] = 'a' + i;
	for (i = 0; i < 100; i++)
		CHECK_EQ(write(fd, text, 26), 26);
	for (i = 0; i < 3; i++)
		t_send(fd, ".");
	t_wait_all();
	close(out[1]);
	while (read(out[0], line, 1) == 1)
		n++;
	CHECK_EQ(n, 2600);
}

static void stop_and_go_on(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(kill(pid, SIGCONT), 0);
}

/* A child that waits for a message of one byte for so long; -1: in read(). */
static pid_t reader_of(int fd, char wanted, long long timeout_ns)
{
	long long before = t_get("q", "readers_waiting");
	struct mboxfs_msg m;
	char c;
	pid_t pid = t_fork();

	if (!pid) {
		m = t_msg(&c, 1, 0);
		m.timeout_ns = timeout_ns;
		if (timeout_ns < 0)
			CHECK_EQ(read(fd, &c, 1), 1);
		else
			CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(c, wanted);
		_exit(0);
	}
	t_await("q", "readers_waiting", before + 1);
	return pid;
}

static void readers_keep_their_places(long long timeout_ns)
{
	int fd = t_open("q", O_RDWR);
	pid_t first = reader_of(fd, '1', timeout_ns);
	pid_t second = reader_of(fd, '2', timeout_ns);
	pid_t third = reader_of(fd, '3', timeout_ns);

	stop_and_go_on(second);
	t_await("q", "readers_waiting", 3);
	stop_and_go_on(first);
	t_await("q", "readers_waiting", 3);
	t_send(fd, "1");
	t_wait(first);
	t_send(fd, "2");
	t_wait(second);
	t_send(fd, "3");
	t_wait(third);
}

TEST(a_stopped_reader_comes_back_to_its_place)
{
	readers_keep_their_places(-1);
}

TEST(a_stopped_reader_with_a_timeout_comes_back_to_its_place)
{
	readers_keep_their_places(600 * 1000000000LL);
}

TEST(a_stopped_writer_comes_back_to_its_place)
{
	int fd = t_open("q", O_RDWR);
	pid_t pids[2];
	int i;

	t_set("q", "max_messages", "1");
	t_send(fd, "0");
	for (i = 0; i < 2; i++) {
		pids[i] = t_fork();
		if (!pids[i]) {
			t_send(fd, i ? "2" : "1");
			_exit(0);
		}
		t_await("q", "writers_waiting", i + 1);
	}
	stop_and_go_on(pids[0]);
	t_await("q", "writers_waiting", 2);
	t_expect(fd, "0");
	t_expect(fd, "1");
	t_expect(fd, "2");
	t_wait_all();
}

/* Neither EINTR, nor a timeout that begins anew. */
TEST(a_stop_does_not_move_the_deadline)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m;
	long long start;
	pid_t pid;
	char c;

	pid = t_fork();
	if (!pid) {
		m = t_msg(&c, 1, 0);
		m.timeout_ns = 1500000000;
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), ETIMEDOUT);
		_exit(0);
	}
	start = t_now_ms();
	t_await("q", "readers_waiting", 1);
	t_sleep_ms(1000);
	stop_and_go_on(pid);
	t_wait(pid);
	CHECK(t_now_ms() - start >= 1490);

	/* It is over while the task cannot know. */
	pid = t_fork();
	if (!pid) {
		m = t_msg(&c, 1, 0);
		m.timeout_ns = 3000000000;
		start = t_now_ms();
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), ETIMEDOUT);
		CHECK(t_now_ms() - start >= 2990);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	t_await("q", "readers_waiting", 0);
	t_sleep_ms(3500);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	t_wait(pid);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

TEST(a_frozen_reader_goes_on)
{
	int fd = t_open("q", O_RDWR);
	char text[16];
	pid_t pid;

	CHECK(!mkdir("/sys/fs/cgroup/frozen", 0755) || errno == EEXIST);
	pid = reader_of(fd, 'x', 600 * 1000000000LL);
	snprintf(text, sizeof(text), "%d", pid);
	write_file("/sys/fs/cgroup/frozen/cgroup.procs", text);
	write_file("/sys/fs/cgroup/frozen/cgroup.freeze", "1");
	t_await("q", "readers_waiting", 0);
	write_file("/sys/fs/cgroup/frozen/cgroup.freeze", "0");
	t_await("q", "readers_waiting", 1);
	t_send(fd, "x");
	t_wait(pid);
	CHECK_EQ(rmdir("/sys/fs/cgroup/frozen"), 0);
}

static void no_op(int sig)
{
}

/* What a handler interrupts is over, and leaves no trace. */
TEST(who_was_interrupted_by_a_handler_comes_as_a_newcomer)
{
	int fd = t_open("q", O_RDWR);
	pid_t first = t_fork(), second;
	struct sigaction act = { .sa_handler = no_op };
	struct mboxfs_msg m;
	char c;

	if (!first) {
		CHECK_EQ(sigaction(SIGUSR1, &act, NULL), 0);
		m = t_msg(&c, 1, 0);
		m.timeout_ns = 600 * 1000000000LL;
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EINTR);
		CHECK_EQ(m.timeout_ns, 600 * 1000000000LL);
		CHECK_EQ(raise(SIGSTOP), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(c, '2');
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(kill(first, SIGUSR1), 0);
	CHECK_EQ(waitpid(first, NULL, WUNTRACED), first);
	second = reader_of(fd, '1', 600 * 1000000000LL);
	CHECK_EQ(kill(first, SIGCONT), 0);
	t_await("q", "readers_waiting", 2);
	t_send(fd, "1");
	t_wait(second);
	t_send(fd, "2");
	t_wait(first);
}

/* What was remembered of a stop is gone with the call that goes on. */
TEST(a_stop_leaves_nothing_to_later_calls)
{
	int fd = t_open("q", O_RDWR);
	struct mboxfs_msg m;
	pid_t pid = t_fork();
	long long start;
	char c;

	if (!pid) {
		m = t_msg(&c, 1, 0);
		m.timeout_ns = 2000000000;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		t_sleep_ms(2500);
		start = t_now_ms();
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), ETIMEDOUT);
		CHECK(t_now_ms() - start >= m.timeout_ns / 1000000 - 1);
		CHECK(m.timeout_ns > 0);
		_exit(0);
	}
	t_await("q", "readers_waiting", 1);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	t_await("q", "readers_waiting", 0);
	t_send(fd, "x");
	CHECK_EQ(kill(pid, SIGCONT), 0);
	t_wait(pid);
}
