// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes that end by themselves: with their process, or with the open file
 * they are bound to; and what happens to their names.
 */
#include "test.h"

#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/mount.h>

static char box_name[32];

static const char *box_of(pid_t pid)
{
	snprintf(box_name, sizeof(box_name), "g/%d", pid);
	return box_name;
}

static void make_group(void)
{
	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "naming", "pid");
}

/* A child that sleeps until it is killed. */
static pid_t child(void)
{
	pid_t pid = t_fork();

	while (!pid)
		pause();
	return pid;
}

/* Not for ever: a process that cannot be killed fails the test. */
static void kill_and_wait(pid_t pid)
{
	int i;

	CHECK_EQ(kill(pid, SIGKILL), 0);
	for (i = 0; i < 10000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(1000);
	}
	CHECK(!"it cannot be killed");
}

/* A child that is bound to a mailbox; it has it open alone. */
static pid_t bound_child(const char *name)
{
	int go[2], fd;
	pid_t pid;
	char c;

	CHECK_EQ(pipe(go), 0);
	pid = t_fork();
	if (!pid) {
		fd = t_open(name, O_RDWR);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		t_send(fd, "left behind");
		CHECK_EQ(write(go[1], "x", 1), 1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(go[0], &c, 1), 1);
	close(go[0]);
	close(go[1]);
	return pid;
}

/*
 * Somebody who lists a directory into memory that does not come, for as long as
 * the test wants; the directory is locked meanwhile.
 */
struct lister {
	pthread_t	thread;
	int		dir;
	int		uffd;
	void		*page;
};

static void *list(void *arg)
{
	struct lister *l = arg;

	return (void *)syscall(SYS_getdents64, l->dir, l->page, 4096);
}

/* Whether the kernel can do that. */
static bool begin_listing(struct lister *l, const char *name)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
		.range.len = 4096,
	};
	struct uffd_msg msg;

	l->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (l->uffd < 0)
		return false;
	CHECK_EQ(ioctl(l->uffd, UFFDIO_API, &api), 0);
	l->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(l->page != MAP_FAILED);
	range.range.start = (uintptr_t)l->page;
	CHECK_EQ(ioctl(l->uffd, UFFDIO_REGISTER, &range), 0);
	l->dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(l->dir >= 0);
	CHECK_EQ(pthread_create(&l->thread, NULL, list, l), 0);
	CHECK_EQ(read(l->uffd, &msg, sizeof(msg)), sizeof(msg));
	CHECK_EQ(msg.event, UFFD_EVENT_PAGEFAULT);
	return true;
}

static void end_listing(struct lister *l)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)l->page, 4096 },
	};
	void *got;

	CHECK_EQ(ioctl(l->uffd, UFFDIO_ZEROPAGE, &zero), 0);
	CHECK_EQ(pthread_join(l->thread, &got), 0);
	CHECK((long)got > 0);
	close(l->dir);
	close(l->uffd);
}

/* Names go by a worker once the directory can be locked. */
static void await_rmdir(const char *name)
{
	int i;

	for (i = 0; i < 20000 && rmdir(name); i++)
		usleep(1000);
	CHECK(i < 20000);
}

TEST(a_locked_directory_does_not_hold_up_the_end_of_a_process)
{
	struct lister l;
	pid_t pid, sender;
	int fd;

	make_group();
	pid = child();
	fd = t_open(box_of(pid), O_WRONLY);
	t_set(box_of(pid), "max_messages", "1");
	t_send(fd, "never read");
	sender = t_fork();
	if (!sender) {
		CHECK_ERR(write(fd, "y", 1), ESRCH);
		_exit(0);
	}
	t_await(box_of(pid), "writers_waiting", 1);
	if (!begin_listing(&l, "g")) {
		kill(sender, SIGKILL);
		return;
	}
	kill_and_wait(pid);
	t_wait(sender);
	CHECK_ERR(access(box_of(pid), F_OK), ENOENT);
	close(fd);
	/* It is empty, and does not count any more. */
	t_await("g", "group_bytes", 0);
	t_await("g", "group_mailboxes", 0);
	end_listing(&l);
	CHECK_EQ(t_names("g"), 0);
	await_rmdir("g");
}

TEST(a_locked_directory_does_not_hold_up_the_end_of_a_bind)
{
	struct lister l;
	pid_t pid, other;

	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK_EQ(mkdir("h", 0777), 0);
	pid = bound_child("g/q");
	other = bound_child("g/r");
	if (!begin_listing(&l, "g"))
		return;
	kill_and_wait(pid);
	CHECK_ERR(access("g/q", F_OK), ENOENT);
	CHECK_EQ(t_get("g", "group_mailboxes"), 1);
	kill_and_wait(other);
	CHECK_ERR(access("g/r", F_OK), ENOENT);
	CHECK_EQ(t_get("g", "group_mailboxes"), 0);
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	end_listing(&l);
	CHECK_EQ(t_names("g"), 0);
	/* The name is free. */
	pid = bound_child("g/q");
	CHECK_EQ(t_names("g"), 1);
	CHECK_EQ(t_get("g/q", "messages"), 1);
	kill_and_wait(pid);
	CHECK_ERR(access("g/q", F_OK), ENOENT);
	await_rmdir("g");
}

TEST(unmounting_finds_the_names_that_wait)
{
	struct lister l;
	pid_t pid;

	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_EQ(mkdir("m", 0777), 0);
	CHECK_EQ(mount("none", "m", "mboxfs", 0, NULL), 0);
	CHECK_EQ(mkdir("m/g", 0777), 0);
	CHECK_EQ(mkdir("m/p", 0777), 0);
	t_set("m/p", "naming", "pid");
	pid = bound_child("m/g/q");
	if (!begin_listing(&l, "m/g"))
		return;
	kill_and_wait(pid);
	CHECK_ERR(access("m/g/q", F_OK), ENOENT);
	CHECK_EQ(umount2("m", MNT_DETACH), 0);
	/* What is left goes with the last file. */
	end_listing(&l);
}

static void bind_over(const char *name)
{
	int fd = open("/tmp/over", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	close(fd);
	CHECK_EQ(mount("/tmp/over", name, NULL, MS_BIND, NULL), 0);
}

static void await_umount(const char *name)
{
	int i;

	for (i = 0; i < 10000 && umount(name); i++)
		usleep(1000);
	CHECK(i < 10000);
}

TEST(what_is_mounted_on_a_name_goes_with_it)
{
	char name[32];
	pid_t pid;
	int fd;

	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_EQ(mkdir("m", 0777), 0);
	CHECK_EQ(mount("none", "m", "mboxfs", 0, NULL), 0);
	fd = t_open("m/q", O_RDWR);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
	bind_over("m/q");
	CHECK_EQ(close(fd), 0);
	CHECK_ERR(access("m/q", F_OK), ENOENT);
	CHECK_EQ(umount("m"), 0);

	CHECK_EQ(mount("none", "m", "mboxfs", 0, NULL), 0);
	t_set("m", "naming", "pid");
	pid = child();
	snprintf(name, sizeof(name), "m/%d", pid);
	close(t_open(name, O_WRONLY));
	bind_over(name);
	kill_and_wait(pid);
	/* Not looked up, which would find out as well. */
	await_umount("m");
}

static void use_first_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Make mailboxes, again and again, for processes that end meanwhile. */
static void make_and_unlink(volatile pid_t *pid)
{
	int fd;

	use_first_cpu();
	while (pid[0] >= 0) {
		if (!pid[0])
			continue;
		fd = open(box_of(pid[0]), O_WRONLY | O_CREAT, 0600);
		if (fd >= 0) {
			close(fd);
			unlink(box_name);
		}
	}
	_exit(0);
}

/*
 * Where the kernel can be preempted, the process ends in the midst of what its
 * mailbox is made by.
 */
static void end_soon(volatile pid_t *pid, int i)
{
	struct sched_param first = { .sched_priority = 1 };
	struct timespec t = { .tv_nsec = 1000 * (i % 100 * 7) };

	use_first_cpu();
	CHECK_EQ(sched_setscheduler(0, SCHED_FIFO, &first), 0);
	pid[0] = getpid();
	nanosleep(&t, NULL);
	_exit(0);
}

TEST(a_mailbox_made_too_late_does_not_stay)
{
	int i, n = t_scaled(400);
	volatile pid_t *pids;
	pid_t maker, pid;

	make_group();
	pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(pids != MAP_FAILED);
	maker = t_fork();
	if (!maker)
		make_and_unlink(pids);
	for (i = 0; i < n; i++) {
		pid = vfork();
		CHECK(pid >= 0);
		if (!pid)
			end_soon(pids, i);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
	pids[0] = -1;
	t_wait(maker);
	t_await("g", "group_mailboxes", 0);
}

TEST(what_has_ended_gets_no_name)
{
	int fd = open(".", O_RDWR | O_TMPFILE, 0600), other;
	char path[64];

	CHECK(fd >= 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, O_RDWR);
	CHECK(other >= 0);
	t_send(fd, "x");
	CHECK_EQ(close(fd), 0);
	CHECK_ERR(t_name_it(other, "q"), ENOENT);
	CHECK_ERR(access("q", F_OK), ENOENT);
	t_expect(other, "x");
	t_expect(other, "");
	CHECK_ERR(t_name_it(other, "q"), ENOENT);
	CHECK_EQ(t_names("."), 0);
}

/* The same, with the last close and linkat() at once. */
TEST(no_name_outlives_a_bind)
{
	volatile int *turn;
	int i, fd, other, n = t_scaled(200);
	pid_t linker;

	turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(turn != MAP_FAILED);
	for (i = 0; i < n; i++) {
		turn[0] = 0;
		fd = open(".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		CHECK(fd >= 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		snprintf(box_name, sizeof(box_name), "/proc/self/fd/%d", fd);
		other = open(box_name, O_PATH);
		CHECK(other >= 0);
		linker = t_fork();
		if (!linker) {
			close(fd);
			turn[0] = 1;
			if (t_name_it(other, "q"))
				CHECK_EQ(errno, ENOENT);
			_exit(0);
		}
		while (!turn[0])
			;
		CHECK_EQ(close(fd), 0);
		t_wait(linker);
		CHECK_ERR(access("q", F_OK), ENOENT);
		CHECK_EQ(t_names("."), 0);
		close(other);
	}
	t_await(".", "group_mailboxes", 0);
}
