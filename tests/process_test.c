// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mailboxes that belong to processes (naming=pid).
 */
#include "test.h"

#include <dirent.h>
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

static int open_box(pid_t pid, int flags)
{
	return open(box_of(pid), flags | O_CLOEXEC, 0666);
}

/* A child that sleeps until it is killed. */
static pid_t child(void)
{
	pid_t pid = t_fork();

	while (!pid)
		pause();
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static int entries(void)
{
	DIR *dir = opendir("g");
	struct dirent *entry;
	int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Removal is up to a worker, but not being found is not. */
static void await_removal(void)
{
	t_await("g", "group_mailboxes", 0);
}

TEST(the_first_sender_makes_it_and_the_process_owns_it)
{
	struct stat st;
	int fd, go[2];
	pid_t pid;
	char c;

	make_group();
	CHECK_EQ(pipe(go), 0);
	pid = t_fork();
	if (!pid) {
		t_user(1000);
		CHECK_EQ(write(go[1], "x", 1), 1);
		/* Made by another one before this reads. */
		pause();
	}
	CHECK_EQ(read(go[0], &c, 1), 1);
	CHECK_ERR(open_box(pid, O_WRONLY), ENOENT);
	umask(077);
	if (!t_fork()) {
		t_user(1001);
		fd = open_box(pid, O_WRONLY | O_CREAT);
		CHECK(fd >= 0);
		t_send(fd, "hello");
		CHECK_ERR(open_box(pid, O_RDONLY), EACCES);
		_exit(0);
	}
	CHECK_EQ(wait(NULL) > 0, 1);
	CHECK_EQ(stat(box_of(pid), &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0622);
	CHECK_EQ(st.st_uid, 1000);
	CHECK_EQ(st.st_gid, 1000);
	CHECK_EQ(entries(), 1);
	/* Not even root receives. */
	fd = open_box(pid, O_RDWR);
	CHECK(fd >= 0);
	CHECK_ERR(read(fd, &c, 1), EPERM);
	{
		struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_NONBLOCK);
		struct mboxfs_batch b = {
			.msgs = (uintptr_t)&m, .count = 1, .timeout_ns = -1,
		};

		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EPERM);
		m.flags |= MBOXFS_PEEK;
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EPERM);
		m.flags = 0;
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV_BATCH, &b), EPERM);
	}
	t_send(fd, "root");
	CHECK_EQ(t_get(box_of(pid), "messages"), 2);
	end(pid);
	CHECK_ERR(write(fd, "x", 1), ESRCH);
	CHECK_ERR(open_box(pid, O_WRONLY), ENOENT);
	CHECK_ERR(open_box(pid, O_WRONLY | O_CREAT), ESRCH);
	CHECK_EQ(entries(), 0);
	close(fd);
	await_removal();
}

static void *receive(void *arg)
{
	t_expect(*(int *)arg, "for a thread");
	return NULL;
}

TEST(any_thread_of_the_process_receives)
{
	pthread_t thread;
	int fd;

	make_group();
	fd = open_box(getpid(), O_RDWR | O_CREAT);
	CHECK(fd >= 0);
	CHECK_EQ(pthread_create(&thread, NULL, receive, &fd), 0);
	t_await(box_of(getpid()), "readers_waiting", 1);
	if (!t_fork()) {
		char c;

		/* A child is another process, although it has the file. */
		CHECK_ERR(read(fd, &c, 1), EPERM);
		t_send(fd, "for a thread");
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

TEST(only_processes_that_live_have_one)
{
	pid_t zombie = t_fork(), thread_id = 0;
	char name[64];
	FILE *f;
	int i;

	if (!zombie)
		_exit(0);
	make_group();
	/* Kernel threads: kthreadd, and one of its children. */
	CHECK_ERR(open_box(2, O_WRONLY | O_CREAT), ESRCH);
	f = popen("ps -o pid= --ppid 2 2>/dev/null || "
		  "pgrep -P 2 2>/dev/null | head -1", "r");
	if (f && fscanf(f, "%d", &thread_id) == 1)
		CHECK_ERR(open_box(thread_id, O_WRONLY | O_CREAT), ESRCH);
	CHECK_ERR(open_box(4194000, O_WRONLY | O_CREAT), ESRCH);
	CHECK_ERR(open("g/99999999999", O_WRONLY | O_CREAT, 0600), ESRCH);
	CHECK_ERR(open("g/4294967298", O_WRONLY | O_CREAT, 0600), ESRCH);
	for (i = 0; i < 1000; i++) {
		siginfo_t info;

		if (!waitid(P_PID, zombie, &info, WEXITED | WNOWAIT))
			break;
	}
	CHECK_ERR(open_box(zombie, O_WRONLY | O_CREAT), ESRCH);
	CHECK_EQ(waitpid(zombie, NULL, 0), zombie);
	CHECK_ERR(open_box(zombie, O_WRONLY | O_CREAT), ESRCH);
	CHECK_ERR(open("g/abc", O_WRONLY | O_CREAT, 0600), EINVAL);
	snprintf(name, sizeof(name), "g/0%d", getpid());
	CHECK_ERR(open(name, O_WRONLY | O_CREAT, 0600), EINVAL);
	/* The number of a thread is not that of a process. */
	CHECK_EQ(entries(), 0);
	i = open_box(1, O_WRONLY | O_CREAT);
	CHECK(i >= 0); /* init is a process of user space */
	close(i);
}

static int tid;

static void *tell_tid(void *arg)
{
	tid = gettid();
	pause();
	return NULL;
}

TEST(a_thread_has_no_mailbox_of_its_own)
{
	pthread_t thread;

	make_group();
	CHECK_EQ(pthread_create(&thread, NULL, tell_tid, NULL), 0);
	while (!*(volatile int *)&tid)
		usleep(1000);
	CHECK_ERR(open_box(tid, O_WRONLY | O_CREAT), ESRCH);
}

TEST(nothing_else_is_made_there)
{
	char path[64];
	int fd;

	make_group();
	close(open_box(getpid(), O_RDWR | O_CREAT));
	CHECK_ERR(mkdir("g/1", 0777), EPERM);
	CHECK_ERR(symlink("x", "g/1"), EPERM);
	CHECK_ERR(open("g", O_RDWR | O_TMPFILE, 0600), EPERM);
	fd = open(".", O_RDWR | O_TMPFILE, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERR(linkat(AT_FDCWD, path, AT_FDCWD, "g/1", AT_SYMLINK_FOLLOW),
		  EPERM);
	close(t_open("q", O_RDWR));
	CHECK_ERR(rename("q", "g/1"), EPERM);
	CHECK_ERR(rename("q", box_of(getpid())), EPERM);
	CHECK_ERR(rename(box_of(getpid()), "q"), EPERM);
	CHECK_ERR(rename(box_of(getpid()), "g/1"), EPERM);
	CHECK_ERR(rmdir("g"), ENOTEMPTY);
	CHECK_EQ(unlink(box_of(getpid())), 0);
	CHECK_EQ(rmdir("g"), 0);
}

TEST(a_group_of_dead_processes_is_empty)
{
	pid_t pid;
	int i;

	for (i = 0; i < 50; i++) {
		make_group();
		pid = child();
		close(open_box(pid, O_WRONLY | O_CREAT));
		CHECK_ERR(rmdir("g"), ENOTEMPTY);
		CHECK_ERR(t_try_set("g", "naming", "any"), ENOTEMPTY);
		end(pid);
		if (i % 2)
			t_set("g", "naming", "any");
		CHECK_EQ(rmdir("g"), 0);
	}
}

/* How a process ends, with a sender who waits. */
static void ends(void (*how)(pid_t pid))
{
	pid_t pid, sender;
	int fd;

	pid = child();
	fd = open_box(pid, O_WRONLY | O_CREAT);
	CHECK(fd >= 0);
	t_set(box_of(pid), "max_messages", "1");
	t_send(fd, "x");
	sender = t_fork();
	if (!sender) {
		CHECK_ERR(write(fd, "y", 1), ESRCH);
		_exit(0);
	}
	t_await(box_of(pid), "writers_waiting", 1);
	how(pid);
	t_wait(sender);
	CHECK_ERR(write(fd, "z", 1), ESRCH);
	CHECK_ERR(open_box(pid, O_WRONLY), ENOENT);
	waitpid(pid, NULL, 0);
	close(fd);
	await_removal();
}

static void by_kill(pid_t pid)
{
	kill(pid, SIGKILL);
}

static void by_term(pid_t pid)
{
	kill(pid, SIGTERM);
}

TEST(waiting_senders_learn_that_it_has_ended)
{
	make_group();
	ends(by_kill);
	ends(by_term);
}

static volatile int *shared;

static void *outlive(void *arg)
{
	int fd = *(int *)arg;

	while (!shared[0])
		usleep(1000);
	t_expect(fd, "still here");
	shared[1] = 1;
	while (!shared[2])
		usleep(1000);
	_exit(0);
}

TEST(the_main_thread_may_leave_earlier)
{
	pid_t pid;
	int fd;

	make_group();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = t_fork();
	if (!pid) {
		pthread_t thread;

		fd = open_box(getpid(), O_RDWR | O_CREAT);
		CHECK(fd >= 0);
		CHECK_EQ(pthread_create(&thread, NULL, outlive, &fd), 0);
		shared[3] = 1;
		pthread_exit(NULL);
	}
	while (!shared[3])
		usleep(1000);
	t_await_state(pid, 'Z'); /* its main thread */
	fd = open_box(pid, O_WRONLY);
	CHECK(fd >= 0);
	t_send(fd, "still here");
	shared[0] = 1;
	while (!shared[1])
		usleep(1000);
	/* One that is made only now finds the process, too. */
	CHECK_EQ(unlink(box_of(pid)), 0);
	CHECK_ERR(write(fd, "x", 1), ESHUTDOWN);
	close(fd);
	fd = open_box(pid, O_WRONLY | O_CREAT);
	CHECK(fd >= 0);
	shared[2] = 1;
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_ERR(write(fd, "x", 1), ESRCH);
	close(fd);
	await_removal();
}

static void *exec_again(void *arg)
{
	execl("/proc/self/exe", "process_test", "after_exec", arg, NULL);
	_exit(2);
}

/* Also of a thread that is not the main one: the process stays the same. */
TEST(exec_keeps_the_mailbox)
{
	int fd, i, go[2];
	char number[16];
	pid_t pid;

	make_group();
	for (i = 0; i < 2; i++) {
		CHECK_EQ(pipe(go), 0);
		pid = t_fork();
		if (!pid) {
			pthread_t thread;
			char c;

			CHECK_EQ(read(go[0], &c, 1), 1);
			fd = open_box(getpid(), O_RDWR);
			CHECK(fd >= 0);
			fcntl(fd, F_SETFD, 0);
			snprintf(number, sizeof(number), "%d", fd);
			if (!i)
				exec_again(number);
			CHECK_EQ(pthread_create(&thread, NULL, exec_again,
						number), 0);
			pause();
		}
		fd = open_box(pid, O_WRONLY | O_CREAT);
		CHECK(fd >= 0);
		t_send(fd, "through exec");
		CHECK_EQ(write(go[1], "x", 1), 1);
		t_wait(pid);
		close(fd);
		await_removal();
	}
}

/* Two who may send to a process cannot keep each other from it. */
TEST(strangers_neither_delay_nor_revoke)
{
	int fd, group, go[2];
	struct mboxfs_msg m = t_msg("x", 1, MBOXFS_DELAY);
	pid_t pid, stranger;
	char c;

	make_group();
	group = open("g", O_RDONLY);
	CHECK_EQ(pipe(go), 0);
	pid = t_fork();
	if (!pid) {
		t_user(1000);
		fd = open_box(getpid(), O_RDWR | O_CREAT);
		CHECK(fd >= 0);
		CHECK_EQ(read(go[0], &c, 1), 1);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE), 1);
		t_set(box_of(getpid()), "send_delay_ms", "0");
		_exit(0);
	}
	while (access(box_of(pid), F_OK))
		usleep(1000);
	stranger = t_fork();
	if (!stranger) {
		t_user(1001);
		fd = open_box(pid, O_WRONLY);
		CHECK(fd >= 0);
		m.delay_ns = 1000000000000;
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_SEND, &m), 0);
		CHECK_ERR(t_try_set(box_of(pid), "send_delay_ms", "1"), EPERM);
		/* Not even what he has sent himself. */
		CHECK_ERR(ioctl(fd, MBOXFS_IOC_REVOKE), EPERM);
		CHECK_EQ(ioctl(group, MBOXFS_IOC_REVOKE), 0);
		_exit(0);
	}
	t_wait(stranger);
	CHECK_EQ(t_get(box_of(pid), "delayed_messages"), 1);
	CHECK_EQ(write(go[1], "x", 1), 1);
	t_wait(pid);
}

static void expect_not_mine(int fd)
{
	char c;
	struct mboxfs_msg m = t_msg(&c, 1, MBOXFS_NONBLOCK);

	CHECK_ERR(read(fd, &c, 1), EPERM);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_RECV, &m), EPERM);
}

TEST(a_process_owns_its_mailbox_under_the_ids_it_was_made_for)
{
	int fd;

	make_group();
	fd = open_box(getpid(), O_RDWR | O_CREAT);
	CHECK(fd >= 0);
	t_send(fd, "x");
	CHECK_EQ(seteuid(1000), 0);
	expect_not_mine(fd);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_REVOKE), EPERM);
	CHECK_EQ(seteuid(0) || setegid(1000), 0);
	expect_not_mine(fd);
	CHECK_EQ(setegid(0), 0);
	/* It has the old ids again; who owns the file is another matter. */
	CHECK_EQ(fchown(fd, 1000, 1000), 0);
	t_expect(fd, "x");
}

/* A program with more rights does not take orders in its caller's mailbox. */
TEST(a_set_id_program_is_not_the_owner)
{
	static const mode_t modes[] = { 04755, 02755 };
	char number[16];
	int fd, i;

	make_group();
	CHECK_EQ(system("cp /proc/$PPID/exe /tmp/set_id"), 0);
	CHECK_EQ(chown("/tmp/set_id", 1001, 1001), 0);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(chmod("/tmp/set_id", modes[i]), 0);
		if (t_fork()) {
			t_wait_all();
			continue;
		}
		t_user(1000);
		fd = open_box(getpid(), O_RDWR | O_CREAT);
		CHECK(fd >= 0);
		t_send(fd, "do as I say");
		fcntl(fd, F_SETFD, 0);
		snprintf(number, sizeof(number), "%d", fd);
		execl("/tmp/set_id", "process_test", "set_id", number, NULL);
		_exit(2);
	}
	CHECK_EQ(unlink("/tmp/set_id"), 0);
}

/* A number means what it means where the mount was made. */
TEST(numbers_are_those_of_the_mounts_namespace)
{
	pid_t pid;
	int fd, outer;

	make_group();
	outer = getpid();
	CHECK_EQ(unshare(CLONE_NEWPID | CLONE_NEWNS), 0);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(getpid(), 1);
		/* The old mount knows the old numbers: this is its init. */
		fd = open_box(1, O_WRONLY | O_CREAT);
		CHECK(fd >= 0);
		t_send(fd, "x");
		close(fd);
		CHECK_EQ(unlink(box_of(1)), 0);
		fd = open_box(outer, O_WRONLY | O_CREAT);
		CHECK(fd >= 0);
		t_send(fd, "to the outside");
		/* A mount made here knows those of here. */
		mkdir("/tmp/mnt", 0755);
		CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, "naming=pid"),
			 0);
		fd = open("/tmp/mnt/1", O_RDWR | O_CREAT, 0600);
		CHECK(fd >= 0);
		t_send(fd, "to myself");
		t_expect(fd, "to myself");
		snprintf(box_name, sizeof(box_name), "/tmp/mnt/%d", outer);
		if (outer > 2)
			CHECK_ERR(open(box_name, O_WRONLY | O_CREAT, 0600),
				  ESRCH);
		_exit(0);
	}
	t_wait(pid);
	fd = open_box(outer, O_RDWR);
	CHECK(fd >= 0);
	t_expect(fd, "to the outside");
}

static void add(long *counter)
{
	__sync_fetch_and_add(counter, 1);
}

#define COMERS	1000
#define SPRAYERS 8

/* Processes come and go while others send to whatever number there is. */
TEST(a_thousand_processes_that_come_and_go)
{
	int i, alive = 0, own = 0, comers = t_scaled(COMERS);
	struct shared {
		int pids[64];
		long sent, gone, refused, received;
		bool stop;
	} *s;

	make_group();
	t_set("g", "max_messages", "4");
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < SPRAYERS; i++) {
		if (t_fork())
			continue;
		srand(i);
		while (!s->stop) {
			pid_t to = s->pids[rand() % 64];
			struct mboxfs_msg m = t_msg("spray", 5, 0);
			int fd;

			m.timeout_ns = rand() % 4 ? -1 : 1000000;
			fd = to ? open_box(to, O_WRONLY | O_CREAT) : -1;
			if (fd < 0) {
				CHECK(!to || errno == ESRCH || errno == ENOENT);
				add(&s->gone);
				continue;
			}
			while (!ioctl(fd, MBOXFS_IOC_SEND, &m))
				add(&s->sent);
			CHECK(errno == ESRCH || errno == ETIMEDOUT);
			add(&s->refused);
			close(fd);
		}
		_exit(0);
	}
	for (i = 0; i < comers || alive; ) {
		pid_t pid;

		if (i < comers && alive < 32) {
			pid = t_fork();
			if (!pid) {
				struct pollfd p = { .events = POLLIN };
				char c[16];

				srand(i);
				p.fd = open_box(getpid(), O_RDWR | O_CREAT);
				CHECK(p.fd >= 0);
				while (rand() % 50) {
					if (poll(&p, 1, 20) == 1 &&
					    read(p.fd, c, 16) == 5)
						add(&s->received);
				}
				if (i % 3)
					_exit(0);
				kill(getpid(), SIGKILL);
			}
			s->pids[i++ % 64] = pid;
			alive++;
		} else {
			CHECK(wait(NULL) > 0);
			alive--;
			own++;
		}
	}
	s->stop = true;
	t_wait_all();
	printf("# %ld sent, %ld received, %ld gone before, %ld while sending\n",
	       s->sent, s->received, s->gone, s->refused);
	CHECK_EQ(own, comers);
	CHECK(s->received > comers / 10);
	CHECK_EQ(entries(), 0);
	await_removal();
	CHECK_EQ(t_get("g", "group_bytes"), 0);
	CHECK_EQ(rmdir("g"), 0);
}

/* Unmounting while processes of mailboxes end. */
TEST(unmounting_while_processes_end)
{
	int i;

	mkdir("/tmp/mnt", 0755);
	for (i = 0; i < 100; i++) {
		pid_t pid[8];
		char name[32];
		int n;

		CHECK_EQ(mount("none", "/tmp/mnt", "mboxfs", 0, "naming=pid"),
			 0);
		for (n = 0; n < 8; n++) {
			pid[n] = child();
			snprintf(name, sizeof(name), "/tmp/mnt/%d", pid[n]);
			close(t_open(name, O_WRONLY));
		}
		for (n = 0; n < 8; n++) {
			kill(pid[n], SIGKILL);
			snprintf(name, sizeof(name), "/tmp/mnt/%d", pid[n]);
			if (i % 3 == 1)
				close(open(name, O_WRONLY));
		}
		CHECK_EQ(umount2("/tmp/mnt", i % 2 ? MNT_DETACH : 0), 0);
		for (n = 0; n < 8; n++)
			CHECK_EQ(waitpid(pid[n], NULL, 0), pid[n]);
	}
}

/* What the tests of exec run. */
__attribute__((constructor)) static void after_exec(int argc, char *argv[])
{
	if (argc == 3 && !strcmp(argv[1], "set_id")) {
		CHECK(geteuid() == 1001 || getegid() == 1001);
		expect_not_mine(atoi(argv[2]));
		_exit(0);
	}
	if (argc != 3 || strcmp(argv[1], "after_exec"))
		return;
	t_expect(atoi(argv[2]), "through exec");
	_exit(0);
}
