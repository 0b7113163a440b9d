// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel message system, on mboxfs: lib/compat/kmsg.h.
 */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>

#include <kmsg.h>

#define CAPACITY	32
#define BAD		((void *)8)

/* Each test has a system of its own. */
__attribute__((constructor)) static void set_folder(void)
{
	setenv("MBOXFS", ".", 1);
}

static void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

static const char *box_of(pid_t pid)
{
	static __thread char name[32];

	snprintf(name, sizeof(name), "kmsg/%d", pid);
	return name;
}

static long send_text(pid_t pid, const char *text, bool block)
{
	return SendMsg(pid, (void *)text, strlen(text), block);
}

static void expect(const char *text)
{
	char msg[MAX_MSG_SIZE];
	int len = -1;
	pid_t sender;

	CHECK_EQ(RcvMsg(&sender, msg, &len, NO_BLOCK), 0);
	if (len != (int)strlen(text) || memcmp(msg, text, len))
		test_failed(__FILE__, __LINE__, "received '%.*s', not '%s'",
			    len, msg, text);
}

static long receive(bool block)
{
	char msg[MAX_MSG_SIZE];
	pid_t sender;
	int len;

	return RcvMsg(&sender, msg, &len, block);
}

static int count(void)
{
	int n = -1;

	CHECK_EQ(ManageMailbox(false, &n), 0);
	return n;
}

static void stop(void)
{
	int n;

	CHECK_EQ(ManageMailbox(true, &n), 0);
}

static void fill(pid_t pid)
{
	int i;

	for (i = 0; i < CAPACITY; i++)
		CHECK_EQ(SendMsg(pid, &i, sizeof(i), NO_BLOCK), 0);
}

static void await_removal(void)
{
	t_await("kmsg", "group_mailboxes", 0);
	CHECK_EQ(t_get("kmsg", "group_bytes"), 0);
}

TEST(messages_come_with_sender_and_length)
{
	char msg[MAX_MSG_SIZE + 1] = "";
	pid_t sender, owner = getpid(), child;
	struct stat st;
	int len;

	child = t_fork();
	if (!child) {
		t_user(1000);
		CHECK_EQ(send_text(owner, "hello", BLOCK), 0);
		CHECK_EQ(send_text(owner, "world", NO_BLOCK), 0);
		_exit(0);
	}
	CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), 0);
	CHECK_EQ(sender, child);
	CHECK_EQ(len, 5);
	CHECK(!strcmp(msg, "hello"));
	t_wait(child);
	/* The sender has ended. */
	CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), 0);
	CHECK_EQ(sender, child);
	CHECK(!strcmp(msg, "world"));
	CHECK_EQ(send_text(owner, "to myself", BLOCK), 0);
	expect("to myself");
	CHECK_EQ(stat("kmsg", &st), 0);
	CHECK_EQ(st.st_mode, S_IFDIR | 01777);
}

/* By whoever comes first. */
TEST(the_mailbox_is_made_by_need)
{
	pid_t child = t_fork();

	if (!child) {
		CHECK_EQ(receive(NO_BLOCK), MAILBOX_EMPTY);
		_exit(0);
	}
	t_wait(child);
	child = t_fork();
	if (!child) {
		CHECK_EQ(count(), 0);
		_exit(0);
	}
	t_wait(child);
	await_removal();
	CHECK_EQ(t_get("kmsg", "max_messages"), CAPACITY);
	CHECK_EQ(t_get("kmsg", "max_message_size"), MAX_MSG_SIZE);
}

TEST(thirty_two_messages_fit)
{
	pid_t owner = getpid(), child;
	int i, got, len;
	pid_t sender;

	fill(owner);
	CHECK_EQ(count(), CAPACITY);
	CHECK_EQ(send_text(owner, "x", NO_BLOCK), MAILBOX_FULL);
	CHECK_EQ(SendMsg(owner, NULL, 0, NO_BLOCK), MAILBOX_FULL);
	child = t_fork();
	if (!child) {
		CHECK_EQ(send_text(owner, "last", BLOCK), 0);
		_exit(0);
	}
	t_await(box_of(owner), "writers_waiting", 1);
	CHECK_EQ(count(), CAPACITY);
	for (i = 0; i < CAPACITY; i++) {
		CHECK_EQ(RcvMsg(&sender, &got, &len, NO_BLOCK), 0);
		CHECK_EQ(got, i);
	}
	t_wait(child);
	expect("last");
	CHECK_EQ(receive(NO_BLOCK), MAILBOX_EMPTY);
	CHECK_EQ(count(), 0);
}

/* As kmsg.h says: of the group, for mailboxes that are made from then on. */
TEST(the_group_may_say_how_many_fit)
{
	int sent = 2 * CAPACITY, i;
	pid_t me = getpid();

	CHECK_EQ(mkdir("kmsg", 01777), 0);
	t_set("kmsg", "naming", "pid");
	t_set("kmsg", "max_messages", "64");
	t_set("kmsg", "max_message_size", "128");
	for (i = 0; i < sent; i++)
		CHECK_EQ(SendMsg(me, &i, sizeof(i), NO_BLOCK), 0);
	CHECK_EQ(SendMsg(me, &i, sizeof(i), NO_BLOCK), MAILBOX_FULL);
	CHECK_EQ(count(), sent);
}

/* Whatever messages elsewhere are left with. */
TEST(what_has_no_room_is_gone)
{
	char long_one[200] = "", got[MAX_MSG_SIZE];
	pid_t sender;
	int fd, len;

	t_set(".", "short_read", "keep");
	CHECK_EQ(count(), 0);
	t_set(box_of(getpid()), "max_message_size", "200");
	fd = open(box_of(getpid()), O_WRONLY);
	CHECK_EQ(write(fd, long_one, sizeof(long_one)), sizeof(long_one));
	CHECK_EQ(RcvMsg(&sender, got, &len, NO_BLOCK), 0);
	CHECK_EQ(len, MAX_MSG_SIZE);
	CHECK_EQ(count(), 0);
}

TEST(lengths)
{
	char msg[MAX_MSG_SIZE + 1] = "", got[MAX_MSG_SIZE];
	pid_t me = getpid(), sender;
	int len;

	CHECK_EQ(SendMsg(me, msg, -1, NO_BLOCK), MSG_LENGTH_ERROR);
	CHECK_EQ(SendMsg(me, msg, INT_MIN, BLOCK), MSG_LENGTH_ERROR);
	CHECK_EQ(SendMsg(me, msg, INT_MAX, BLOCK), MSG_TOO_LONG);
	CHECK_EQ(SendMsg(me, msg, MAX_MSG_SIZE + 1, BLOCK), MSG_TOO_LONG);
	CHECK_EQ(count(), 0);
	memset(msg, 'x', MAX_MSG_SIZE);
	CHECK_EQ(SendMsg(me, msg, MAX_MSG_SIZE, BLOCK), 0);
	CHECK_EQ(SendMsg(me, msg, 0, BLOCK), 0);
	CHECK_EQ(SendMsg(me, NULL, 0, BLOCK), 0);
	CHECK_EQ(count(), 3);
	CHECK_EQ(RcvMsg(&sender, got, &len, BLOCK), 0);
	CHECK_EQ(len, MAX_MSG_SIZE);
	CHECK(!memcmp(got, msg, MAX_MSG_SIZE));
	CHECK_EQ(RcvMsg(&sender, got, &len, BLOCK), 0);
	CHECK_EQ(len, 0);
	/* Nothing is written, so no room is needed. */
	len = -1;
	CHECK_EQ(RcvMsg(&sender, NULL, &len, BLOCK), 0);
	CHECK_EQ(len, 0);
	CHECK_EQ(sender, me);
	/* Not to know where to is a mistake also if there is none. */
	CHECK_EQ(RcvMsg(&sender, NULL, &len, NO_BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(receive(NO_BLOCK), MAILBOX_EMPTY);
	stop();
	CHECK_EQ(RcvMsg(&sender, NULL, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(receive(BLOCK), MAILBOX_STOPPED);
}

/* As a program calls that has declared them itself, or not at all. */
TEST(any_number_is_true_or_false)
{
	long (*send)(pid_t, void *, int, int) = (void *)SendMsg;
	long (*receive)(pid_t *, void *, int *, int) = (void *)RcvMsg;
	long (*manage)(int, int *) = (void *)ManageMailbox;
	long (*restart)(int, int *) = (void *)ManageMailboxRestart;
	int numbers[] = { 1, 2, 3, 4, 42, 128, 255, -1 }, i, len, got;
	pid_t me = getpid(), sender;

	for (i = 0; i < 8; i++) {
		CHECK_EQ(send(me, &i, sizeof(i), numbers[i]), 0);
		CHECK_EQ(count(), 1);
		CHECK_EQ(receive(&sender, &got, &len, numbers[i]), 0);
		CHECK_EQ(got, i);
		CHECK_EQ(count(), 0);
		CHECK_EQ(manage(numbers[i], &len), 0);
		CHECK_EQ(send(me, &i, sizeof(i), numbers[i]), MAILBOX_STOPPED);
		CHECK_EQ(manage(0, &len), 0);
		CHECK_EQ(restart(numbers[i], &len), 0);
		CHECK_EQ(send(me, &i, sizeof(i), 0), MAILBOX_STOPPED);
		CHECK_EQ(restart(0, &len), 0);
	}
	CHECK_EQ(receive(&sender, &got, &len, 0), MAILBOX_EMPTY);
	CHECK_EQ(send(me, &i, sizeof(i), 0), 0);
}

/* None of these calls changes anything. */
static void call_badly(void *bad)
{
	char msg[MAX_MSG_SIZE];
	pid_t me = getpid(), sender;
	int len;

	CHECK_EQ(SendMsg(me, bad, 1, NO_BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(SendMsg(me, bad, MAX_MSG_SIZE, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg(bad, msg, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg(&sender, bad, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg(&sender, msg, bad, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(ManageMailbox(true, bad), MSG_ARG_ERROR);
	CHECK_EQ(ManageMailbox(false, bad), MSG_ARG_ERROR);
	CHECK_EQ(ManageMailboxRestart(true, bad), MSG_ARG_ERROR);
}

TEST(bad_pointers_change_nothing)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t me = getpid(), sender;
	int i, len;

	CHECK_EQ(mprotect(page + 4096, 4096, PROT_NONE), 0);
	CHECK_EQ(send_text(me, "one", BLOCK), 0);
	CHECK_EQ(send_text(me, "two", BLOCK), 0);
	CHECK_EQ(send_text(me, "three", BLOCK), 0);
	call_badly(NULL);
	call_badly(BAD);
	call_badly(page + 4096);
	call_badly((void *)0xffff800000000000);
	/* Only a part of it is there. */
	CHECK_EQ(SendMsg(me, page + 4090, 10, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg(&sender, page + 4094, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg((pid_t *)(page + 4094), page, &len, BLOCK),
		 MSG_ARG_ERROR);
	CHECK_EQ(count(), 3);
	expect("one");
	/* Not stopped; the room is enough for what comes. */
	CHECK_EQ(send_text(me, "four", BLOCK), 0);
	CHECK_EQ(RcvMsg(&sender, page + 4093, &len, BLOCK), 0);
	CHECK(!memcmp(page + 4093, "two", 3));
	expect("three");
	expect("four");
	/* The same where what is read only cannot be written. */
	CHECK_EQ(send_text(me, "five", BLOCK), 0);
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	CHECK_EQ(RcvMsg(&sender, page, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(RcvMsg((pid_t *)page, &i, &len, BLOCK), MSG_ARG_ERROR);
	CHECK_EQ(ManageMailbox(true, (int *)page), MSG_ARG_ERROR);
	CHECK_EQ(send_text(me, "six", BLOCK), 0);
	expect("five");
	expect("six");
}

static void *receive_to_nowhere(void *arg)
{
	pid_t sender;
	int len;

	CHECK_EQ(RcvMsg(&sender, BAD, &len, BLOCK), MSG_ARG_ERROR);
	return NULL;
}

/* Who waits with a bad pointer leaves the message to others. */
TEST(a_message_survives_who_waited_with_a_bad_pointer)
{
	pthread_t thread;

	CHECK_EQ(count(), 0);
	CHECK_EQ(pthread_create(&thread, NULL, receive_to_nowhere, NULL), 0);
	t_await(box_of(getpid()), "readers_waiting", 1);
	CHECK_EQ(send_text(getpid(), "survivor", BLOCK), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	expect("survivor");
}

static void expect_invalid(pid_t pid)
{
	CHECK_EQ(send_text(pid, "x", NO_BLOCK), MAILBOX_INVALID);
	CHECK_EQ(send_text(pid, "x", BLOCK), MAILBOX_INVALID);
	CHECK_EQ(SendMsg(pid, NULL, 0, BLOCK), MAILBOX_INVALID);
}

static pid_t child_of_kthreadd(void)
{
	char path[64], line[512];
	int pid, parent;
	FILE *f;

	for (pid = 3; pid < 1000; pid++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = fopen(path, "r");
		if (!f)
			continue;
		parent = 0;
		if (fgets(line, sizeof(line), f))
			sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
		fclose(f);
		if (parent == 2)
			return pid;
	}
	CHECK(!"a kernel thread");
	return 0;
}

TEST(not_every_number_is_a_destination)
{
	pid_t child = t_fork();
	siginfo_t info;

	if (!child)
		_exit(0);
	expect_invalid(0);
	expect_invalid(1);
	expect_invalid(-1);
	expect_invalid(-getpid());
	expect_invalid(INT_MIN);
	expect_invalid(INT_MAX);
	expect_invalid(2); /* kthreadd */
	expect_invalid(child_of_kthreadd());
	expect_invalid(4194000);
	CHECK_EQ(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	expect_invalid(child); /* a zombie */
	CHECK_EQ(waitpid(child, NULL, 0), child);
	expect_invalid(child);
	await_removal();
}

static struct thread_ids {
	volatile int tid, go;
} *ids;

static void *tell_tid(void *arg)
{
	ids->tid = gettid();
	while (!ids->go)
		t_sleep_ms(1);
	return NULL;
}

TEST(a_threads_id_stands_for_its_process)
{
	pthread_t thread;
	pid_t child;

	ids = share(4096);
	child = t_fork();
	if (!child) {
		CHECK_EQ(pthread_create(&thread, NULL, tell_tid, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		expect("to a thread");
		expect("to its process");
		_exit(0);
	}
	while (!ids->tid)
		t_sleep_ms(1);
	CHECK(ids->tid != child);
	CHECK_EQ(send_text(ids->tid, "to a thread", BLOCK), 0);
	CHECK_EQ(send_text(child, "to its process", BLOCK), 0);
	ids->go = 1;
	t_wait(child);
	expect_invalid(ids->tid);
}

/* Nobody has a /proc any more from now on. */
static void hide_proc(void)
{
	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_EQ(mount("none", "/proc", "tmpfs", 0, NULL), 0);
}

static pid_t process_with_thread(void)
{
	pthread_t thread;
	pid_t child = t_fork();

	if (child)
		return child;
	CHECK_EQ(count(), 0);
	CHECK_EQ(pthread_create(&thread, NULL, tell_tid, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	ids->tid = 0;
	pause();
	_exit(0);
}

/* Looking for a thread's process is slow, and done once. */
TEST(a_thread_that_is_known_is_not_looked_for)
{
	pid_t child, thread;
	int i;

	ids = share(4096);
	child = process_with_thread();
	while (!ids->tid)
		t_sleep_ms(1);
	thread = ids->tid;
	CHECK_EQ(send_text(thread, "x", NO_BLOCK), 0);
	hide_proc();
	for (i = 1; i < CAPACITY; i++)
		CHECK_EQ(send_text(thread, "x", NO_BLOCK), 0);
	CHECK_EQ(send_text(thread, "x", NO_BLOCK), MAILBOX_FULL);
	CHECK_EQ(send_text(child, "x", NO_BLOCK), MAILBOX_FULL);
	CHECK_EQ(t_get(box_of(child), "messages"), CAPACITY);
	/* It has ended, its process has not; and then that, too. */
	ids->go = 1;
	while (!syscall(SYS_tgkill, child, thread, 0))
		t_sleep_ms(1);
	expect_invalid(thread);
	CHECK_EQ(send_text(child, "x", NO_BLOCK), MAILBOX_FULL);
	kill(child, SIGKILL);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	expect_invalid(thread);
	expect_invalid(child);
}

static void *last_thread(void *arg)
{
	char msg[MAX_MSG_SIZE];
	pid_t sender;
	int len, i;

	t_await_state(getpid(), 'Z'); /* the main thread has left */
	ids->tid = gettid();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), 0);
		CHECK_EQ(len, 5);
	}
	fill(getpid());
	ids->go = 1;
	/* Until somebody waits; and then the process ends. */
	t_await(box_of(getpid()), "writers_waiting", 1);
	_exit(0);
}

TEST(the_main_thread_leaves_before_the_last_one)
{
	pthread_t thread;
	pid_t child;

	ids = share(4096);
	child = t_fork();
	if (!child) {
		CHECK_EQ(pthread_create(&thread, NULL, last_thread, NULL), 0);
		pthread_exit(NULL);
	}
	while (!ids->tid)
		t_sleep_ms(1);
	CHECK_EQ(send_text(child, "hello", BLOCK), 0);
	CHECK_EQ(send_text(ids->tid, "again", BLOCK), 0);
	while (!ids->go)
		t_sleep_ms(1);
	CHECK_EQ(send_text(child, "x", BLOCK), MAILBOX_INVALID);
	t_wait(child);
	expect_invalid(child);
	expect_invalid(ids->tid);
	await_removal();
}

static void *receive_from_child(void *arg)
{
	return (void *)receive(BLOCK);
}

static pid_t blocked_sender(pid_t owner, long wanted)
{
	pid_t child = t_fork();

	if (!child) {
		CHECK_EQ(send_text(owner, "blocked", BLOCK), wanted);
		_exit(0);
	}
	return child;
}

TEST(stop_lets_out_who_waits_to_send)
{
	pid_t me = getpid();
	int i, n;

	fill(me);
	for (i = 0; i < 10; i++)
		blocked_sender(me, MAILBOX_STOPPED);
	t_await(box_of(me), "writers_waiting", 10);
	CHECK_EQ(ManageMailbox(true, &n), 0);
	CHECK_EQ(n, CAPACITY);
	t_wait_all();
	CHECK_EQ(send_text(me, "x", BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(send_text(me, "x", NO_BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(ManageMailbox(true, &n), 0);
	CHECK_EQ(n, CAPACITY);
	/* What is there stays readable. */
	for (i = 0; i < CAPACITY; i++)
		CHECK_EQ(receive(i % 2), 0);
	CHECK_EQ(receive(BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(receive(NO_BLOCK), MAILBOX_STOPPED);
	stop();
	CHECK_EQ(count(), 0);
	CHECK_EQ(receive(BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(send_text(me, "x", NO_BLOCK), MAILBOX_STOPPED);
}

TEST(stop_lets_out_who_waits_to_receive)
{
	pthread_t threads[10];
	void *ret;
	int i;

	CHECK_EQ(count(), 0);
	for (i = 0; i < 10; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, receive_from_child,
					NULL), 0);
	t_await(box_of(getpid()), "readers_waiting", 10);
	stop();
	for (i = 0; i < 10; i++) {
		CHECK_EQ(pthread_join(threads[i], &ret), 0);
		CHECK_EQ((long)ret, MAILBOX_STOPPED);
	}
}

TEST(stopping_before_any_message)
{
	stop();
	CHECK_EQ(receive(BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(send_text(getpid(), "x", BLOCK), MAILBOX_STOPPED);
}

TEST(counting_does_not_start_again)
{
	pid_t me = getpid();

	CHECK_EQ(send_text(me, "one", BLOCK), 0);
	stop();
	CHECK_EQ(count(), 1);
	CHECK_EQ(send_text(me, "x", BLOCK), MAILBOX_STOPPED);
	expect("one");
	CHECK_EQ(receive(BLOCK), MAILBOX_STOPPED);
}

static pid_t full_owner(void)
{
	pid_t pid = t_fork();

	while (!pid)
		pause();
	fill(pid);
	return pid;
}

TEST(the_end_of_an_owner_lets_out_fifty_senders)
{
	pid_t owner = full_owner(), senders[50];
	int i, n = t_crowd(50);

	for (i = 0; i < n; i++)
		senders[i] = blocked_sender(owner, MAILBOX_INVALID);
	t_await(box_of(owner), "writers_waiting", n);
	kill(owner, SIGKILL);
	for (i = 0; i < n; i++)
		t_wait(senders[i]);
	CHECK_EQ(waitpid(owner, NULL, 0), owner);
	expect_invalid(owner);
	await_removal();
}

static void use_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	CHECK_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

/*
 * The owner has the only processor until it is gone, so that those it lets out
 * run later.
 */
TEST(what_let_a_sender_out_stays_the_reason)
{
	struct sched_param first = { .sched_priority = 1 };
	int n = t_crowd(50), i, total;
	pid_t owner, sender;

	use_one_cpu();
	owner = t_fork();
	if (!owner) {
		fill(getpid());
		t_await(box_of(getpid()), "writers_waiting", n);
		CHECK_EQ(sched_setscheduler(0, SCHED_FIFO, &first), 0);
		CHECK_EQ(ManageMailbox(true, &total), 0);
		_exit(0);
	}
	while (access(box_of(owner), F_OK) ||
	       t_get(box_of(owner), "messages") < CAPACITY)
		t_sleep_ms(1);
	for (i = 0; i < n; i++) {
		sender = blocked_sender(owner, MAILBOX_STOPPED);
		CHECK(sender > 0);
	}
	t_wait_all();
	expect_invalid(owner);
	await_removal();
}

static void handler(int sig)
{
}

static pid_t interruptible(void)
{
	struct sigaction sa = {
		.sa_handler = handler, .sa_flags = SA_RESTART,
	};
	pid_t pid = t_fork();

	if (!pid)
		CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	return pid;
}

/* SA_RESTART makes no difference, and nothing is lost. */
TEST(interrupted)
{
	volatile bool *out = share(sizeof(*out));
	pid_t me = getpid(), child;
	int i;

	fill(me);
	child = interruptible();
	if (!child) {
		CHECK_EQ(send_text(me, "x", BLOCK), MAILBOX_ERROR);
		_exit(0);
	}
	t_await(box_of(me), "writers_waiting", 1);
	kill(child, SIGUSR1);
	t_wait(child);
	CHECK_EQ(count(), CAPACITY);
	for (i = 0; i < CAPACITY; i++)
		CHECK_EQ(receive(NO_BLOCK), 0);
	CHECK_EQ(receive(NO_BLOCK), MAILBOX_EMPTY);
	child = interruptible();
	if (!child) {
		CHECK_EQ(receive(BLOCK), MAILBOX_ERROR);
		*out = true;
		CHECK_EQ(receive(BLOCK), 0);
		_exit(0);
	}
	CHECK_EQ(count(), 0);
	while (access(box_of(child), F_OK))
		t_sleep_ms(1);
	t_await(box_of(child), "readers_waiting", 1);
	kill(child, SIGUSR1);
	/* A message that comes at once may be what ends the wait. */
	while (!*out)
		t_sleep_ms(1);
	CHECK_EQ(send_text(child, "x", BLOCK), 0);
	t_wait(child);
}

TEST(without_mboxfs)
{
	int n;

	CHECK_EQ(setenv("MBOXFS", "/tmp", 1), 0);
	CHECK_EQ(send_text(getpid(), "x", BLOCK), MAILBOX_ERROR);
	CHECK_EQ(receive(BLOCK), MAILBOX_ERROR);
	CHECK_EQ(ManageMailbox(true, &n), MAILBOX_ERROR);
	CHECK(access("/tmp/kmsg", F_OK));
	CHECK_EQ(setenv("MBOXFS", "/nowhere", 1), 0);
	CHECK_EQ(receive(BLOCK), MAILBOX_ERROR);
	errno = 4711;
	CHECK_EQ(send_text(2, "x", BLOCK), MAILBOX_ERROR);
	CHECK_EQ(errno, 4711);
}

#define CROWD	100

/* Of the crowd: what was sent to, and received by, each receiver. */
static struct crowd {
	volatile pid_t receivers[CROWD];
	long sent[CROWD], received[CROWD], gone, stopped, full;
} *crowd;

struct letter {
	int sender, number;
};

static void add(long *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Receives until it has enough; then it stops and drains, or just vanishes. */
static void crowd_receive(int me, int enough)
{
	int last[CROWD] = { 0 }, len, n;
	struct letter letter;
	pid_t sender;
	long ret;

	while (true) {
		ret = RcvMsg(&sender, &letter, &len, me % 3);
		if (ret == MAILBOX_EMPTY) {
			sched_yield();
			continue;
		}
		if (ret == MAILBOX_STOPPED)
			return;
		CHECK_EQ(ret, 0);
		CHECK_EQ(len, sizeof(letter));
		CHECK(letter.number > last[letter.sender]);
		last[letter.sender] = letter.number;
		add(&crowd->received[me]);
		if (--enough)
			continue;
		if (me % 2)
			kill(getpid(), SIGKILL);
		CHECK_EQ(ManageMailbox(true, &n), 0);
	}
}

/* Sends to all until nobody is left. */
static void crowd_send(int me, int receivers)
{
	struct letter letter = { me, 0 };
	int left = receivers, to;
	bool out[CROWD] = { 0 };
	long ret;

	srand(me);
	while (left) {
		to = rand() % receivers;
		if (out[to])
			continue;
		letter.number++;
		ret = SendMsg(crowd->receivers[to], &letter, sizeof(letter),
			      rand() % 2);
		if (ret == 0) {
			add(&crowd->sent[to]);
			continue;
		}
		if (ret == MAILBOX_FULL) {
			add(&crowd->full);
			continue;
		}
		CHECK(ret == MAILBOX_STOPPED || ret == MAILBOX_INVALID);
		add(ret == MAILBOX_STOPPED ? &crowd->stopped : &crowd->gone);
		out[to] = true;
		left--;
	}
}

static void check_crowd(int n)
{
	long sent = 0, received = 0;
	int i;

	for (i = 0; i < n; i++) {
		sent += crowd->sent[i];
		received += crowd->received[i];
		/* Who stopped and drained got all that was accepted. */
		if (i % 2 == 0)
			CHECK_EQ(crowd->received[i], crowd->sent[i]);
		else
			CHECK(crowd->received[i] <= crowd->sent[i]);
	}
	printf("# %ld sent, %ld received, %ld full, %ld stopped, %ld gone\n",
	       sent, received, crowd->full, crowd->stopped, crowd->gone);
	CHECK_EQ(crowd->stopped + crowd->gone, (long)n * n);
}

TEST(a_hundred_senders_and_a_hundred_receivers_who_vanish)
{
	int i, n = t_crowd(CROWD), enough = t_scaled(200);
	pid_t pid;

	crowd = share(sizeof(*crowd));
	for (i = 0; i < n; i++) {
		pid = t_fork();
		if (!pid) {
			crowd_receive(i, enough);
			_exit(0);
		}
		crowd->receivers[i] = pid;
	}
	for (i = 0; i < n; i++) {
		if (t_fork())
			continue;
		crowd_send(i, n);
		_exit(0);
	}
	for (i = 0; i < 2 * n; i++) {
		int status;

		CHECK(wait(&status) > 0);
		if (status && status != SIGKILL)
			test_failed(__FILE__, __LINE__,
				    "a process ended with %#x", status);
	}
	check_crowd(n);
	await_removal();
}
