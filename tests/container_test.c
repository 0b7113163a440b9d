// SPDX-License-Identifier: GPL-2.0-only
/*
 * As containers have it: user namespaces, memory cgroups, idmapped mounts.
 */
#include "test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>

#define MNT	"/tmp/mnt"
#define CGROUP	"/sys/fs/cgroup/mbox"

static int try_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == strlen(text) ? 0 : -1;
}

static void write_file(const char *path, const char *text)
{
	if (try_write(path, text))
		test_failed(__FILE__, __LINE__, "write to %s: %m", path);
}

/* Become root of a new user namespace, as an unprivileged user may. */
static void enter_userns(uid_t uid)
{
	char map[32];

	t_user(uid);
	prctl(PR_SET_DUMPABLE, 1);
	CHECK_EQ(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", uid);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/gid_map", map);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}

TEST(senders_are_shown_as_the_reader_knows_them)
{
	struct shared { volatile int step; } *s;
	struct mboxfs_msg m;
	int fd, inner;
	pid_t pid;
	char c[8];

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	mkdir(MNT, 0777);
	fd = t_open("q", O_RDWR); /* of a mount of the initial namespace */
	pid = t_fork();
	if (!pid) {
		enter_userns(1000);
		CHECK_EQ(mount("none", MNT, "mboxfs", 0, ""), 0);
		inner = t_open(MNT "/q", O_RDWR);
		t_send(inner, "mine");
		m = t_msg(c, sizeof(c), 0);
		CHECK_EQ(ioctl(inner, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(m.uid, 0);
		CHECK_EQ(m.gid, 0);
		CHECK_EQ(m.pid, getpid());
		CHECK_EQ(t_send_as(fd, "out", 0, 0), 0);
		s->step = 1;
		while (s->step != 2)
			usleep(1000);
		m = t_msg(c, sizeof(c), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
		CHECK_EQ(m.uid, 65534); /* has no number in here */
		CHECK_EQ(m.gid, 65534);
		_exit(0);
	}
	while (s->step != 1)
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	m = t_msg(c, sizeof(c), 0);
	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	CHECK_EQ(m.uid, 1000);
	CHECK_EQ(m.gid, 1000);
	CHECK_EQ(m.pid, pid);
	t_send(fd, "in");
	s->step = 2;
	t_wait(pid);
}

TEST(a_mailbox_of_a_process_without_a_user_there_is_refused)
{
	pid_t root = t_fork(), pid;
	char name[32];

	while (!root)
		pause();
	mkdir(MNT, 0777);
	pid = t_fork();
	if (!pid) {
		enter_userns(1000);
		CHECK_EQ(mount("none", MNT, "mboxfs", 0, "naming=pid"), 0);
		snprintf(name, sizeof(name), MNT "/%d", root);
		CHECK_ERR(open(name, O_WRONLY | O_CREAT, 0600), EOVERFLOW);
		snprintf(name, sizeof(name), MNT "/%d", getpid());
		CHECK(open(name, O_RDWR | O_CREAT, 0600) >= 0);
		_exit(0);
	}
	t_wait(pid);
	kill(root, SIGKILL);
}

/* All of the interface works in there. */
TEST(groups_and_barriers_in_a_user_namespace)
{
	struct mboxfs_barrier b = { .parties = 1, .timeout_ns = -1 };
	struct mboxfs_msg m = t_msg("x", 1, 0);
	int dir;

	mkdir(MNT, 0777);
	enter_userns(1000);
	CHECK_EQ(mount("none", MNT, "mboxfs", 0, "group_max_bytes=10"), 0);
	CHECK_EQ(chdir(MNT), 0);
	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "naming", "id");
	close(t_open("g/1", O_RDWR));
	close(t_open("g/2", O_RDWR));
	dir = open("g", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 2);
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_BARRIER_WAIT, &b), 1);
	CHECK_EQ(ioctl(dir, MBOXFS_IOC_STOP), 0);
	CHECK_EQ(t_get("g/1", "stopped"), 1);
	CHECK_EQ(t_get(".", "group_bytes"), 2);
	CHECK_EQ(t_get(".", "group_max_bytes"), 10);
	CHECK_EQ(chdir("/"), 0);
	close(dir);
	CHECK_EQ(umount(MNT), 0);
}

static void make_cgroup(void)
{
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP, 0755))
		CHECK_EQ(errno, EEXIST);
	/* Less where all is slow; but not less than a process needs. */
	write_file(CGROUP "/memory.max",
		   t_scaled(50) > 1 ? "16777216" : "6291456");
	try_write(CGROUP "/memory.swap.max", "0");
}

static long long available(void)
{
	char line[128];
	long long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	CHECK(f);
	while (kib < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %lld", &kib);
	fclose(f);
	return kib << 10;
}

enum what { SMALL, LARGE, URGENT, DELAYED, MAILBOXES, GROUPS, BARRIERS, NR };

static int fill_with(enum what what, int fd, int n)
{
	static char data[1 << 20];
	struct mboxfs_msg m = t_msg(data, 10, MBOXFS_NONBLOCK);
	struct mboxfs_barrier b = {};
	char name[32];
	int file;

	switch (what) {
	case LARGE:
		m.len = sizeof(data);
		break;
	case URGENT:
		m.priority = n % 32768;
		break;
	case DELAYED:
		m.flags |= MBOXFS_DELAY;
		m.delay_ns = 3600000000000ULL;
		break;
	case MAILBOXES:
	case GROUPS:
	case BARRIERS:
		snprintf(name, sizeof(name), "f%d", n);
		if (what == GROUPS)
			return mkdir(name, 0700);
		file = open(name, O_RDWR | O_CREAT, 0600);
		if (file < 0)
			return -1;
		if (what == BARRIERS && ioctl(file, MBOXFS_IOC_BARRIER_SLEEP,
					      &b) && errno != EAGAIN)
			return -1;
		close(file);
		return 0;
	default:
		break;
	}
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

/* Whatever is filled from inside: the sender pays, nobody else notices. */
TEST(a_memory_cgroup_is_not_exceeded)
{
	enum what what;

	mkdir(MNT, 0777);
	make_cgroup();
	for (what = 0; what < NR; what++) {
		long long before = available(), after;
		int status, go[2], n = 0;
		pid_t pid;

		CHECK_EQ(pipe(go), 0);
		pid = t_fork();
		if (!pid) {
			int fd;

			write_file(CGROUP "/cgroup.procs", "0");
			enter_userns(1000);
			CHECK_EQ(mount("none", MNT, "mboxfs", 0,
				       "max_messages=0,max_bytes=0,"
				       "max_message_size=0"), 0);
			CHECK_EQ(chdir(MNT), 0);
			fd = t_open("q", O_RDWR);
			while (!fill_with(what, fd, n))
				n++;
			/* Not by the mount's own bound. */
			if (errno != ENOMEM)
				test_failed(__FILE__, __LINE__,
					    "kind %d: %m after %d", what, n);
			CHECK_EQ(write(go[1], &n, sizeof(n)), sizeof(n));
			pause();
		}
		close(go[1]);
		/* Either it says that it is full, or the OOM killer came. */
		if (read(go[0], &n, sizeof(n)) == sizeof(n)) {
			after = available();
			CHECK(before - after < 48 << 20);
			CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
			kill(pid, SIGKILL);
		}
		close(go[0]);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		printf("# kind %d: %s after %d\n", what,
		       n ? "ENOMEM" : "OOM", n);
		/* It is the next one's turn when all has been given back. */
		for (n = 0; n < 200; n++) {
			FILE *f = fopen(CGROUP "/memory.current", "r");
			long long current = 0;

			CHECK(f && fscanf(f, "%lld", &current) == 1);
			fclose(f);
			if (current < 4 << 20)
				break;
			usleep(50000);
		}
	}
	CHECK_EQ(rmdir(CGROUP), 0);
}

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP	0x00100000
#endif
struct attr { uint64_t set, clr, propagation, userns_fd; };

/* A user namespace in which ids from 0 on are those from 10000 on. */
static int userns_of_ids(void)
{
	char path[64];
	int fd, go[2];
	pid_t pid;
	char c;

	CHECK_EQ(pipe(go), 0);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(unshare(CLONE_NEWUSER), 0);
		CHECK_EQ(write(go[1], "x", 1), 1);
		pause();
	}
	close(go[1]); /* or its failure would not be told */
	CHECK_EQ(read(go[0], &c, 1), 1);
	close(go[0]);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_file(path, "0 10000 5000");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_file(path, "0 10000 5000");
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return fd;
}

#define IDMAPPED "/tmp/idmapped"

TEST(ids_are_mapped_by_an_idmapped_mount)
{
	struct attr attr = { .set = MOUNT_ATTR_IDMAP };
	struct stat st;
	char name[48];
	int tree;
	pid_t pid, stranger = t_fork();

	if (!stranger) {
		t_user(77);
		pause();
	}
	CHECK_EQ(unshare(CLONE_NEWNS), 0);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	mkdir(MNT, 0777);
	mkdir(IDMAPPED, 0777);
	CHECK_EQ(mount("none", MNT, "mboxfs", 0, "mode=0777"), 0);
	CHECK_EQ(mkdir(MNT "/pids", 0777), 0);
	t_set(MNT "/pids", "naming", "pid");
	tree = syscall(428 /* open_tree */, AT_FDCWD, MNT,
		       1 /* OPEN_TREE_CLONE */);
	CHECK(tree >= 0);
	attr.userns_fd = userns_of_ids();
	CHECK_EQ(syscall(442 /* mount_setattr */, tree, "", AT_EMPTY_PATH,
			 &attr, sizeof(attr)), 0);
	CHECK_EQ(syscall(429 /* move_mount */, tree, "", AT_FDCWD, IDMAPPED,
			 4 /* MOVE_MOUNT_F_EMPTY_PATH */), 0);

	/* What belongs to 500 there belongs to 10500 here. */
	pid = t_fork();
	if (!pid) {
		int fd, dir;

		t_user(10500);
		CHECK_EQ(chdir(IDMAPPED), 0);
		fd = open("q", O_RDWR | O_CREAT, 0600);
		CHECK(fd >= 0);
		CHECK_EQ(stat("q", &st), 0);
		CHECK_EQ(st.st_uid, 10500);
		CHECK_EQ(mkdir("g", 0700), 0);
		close(open("g/p", O_RDWR | O_CREAT, 0600));
		t_set("q", "max_messages", "5");
		t_set("g", "naming", "any");
		t_send(fd, "x");
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_PURGE), 1);
		CHECK_EQ(ftruncate(fd, 0), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
		dir = open("g", O_RDONLY | O_DIRECTORY);
		CHECK_EQ(ioctl(dir, MBOXFS_IOC_STOP), 0);
		CHECK_EQ(t_get("g/p", "stopped"), 1);
		CHECK_EQ(ioctl(dir, MBOXFS_IOC_START), 0);
		{
			struct mboxfs_msg m = t_msg("x", 1, 0);

			CHECK_EQ(ioctl(dir, MBOXFS_IOC_BROADCAST, &m), 1);
		}
		/* A sender is who it is, whatever the mount says. */
		snprintf(name, sizeof(name), "pids/%d", getpid());
		fd = open(name, O_RDWR | O_CREAT, 0600);
		CHECK(fd >= 0);
		CHECK_EQ(fstat(fd, &st), 0);
		CHECK_EQ(st.st_uid, 10500);
		/* One without a user in this mount cannot own anything. */
		snprintf(name, sizeof(name), "pids/%d", stranger);
		CHECK_ERR(open(name, O_RDWR | O_CREAT, 0600), EOVERFLOW);
		_exit(0);
	}
	t_wait(pid);
	CHECK_EQ(stat(MNT "/q", &st), 0);
	CHECK_EQ(st.st_uid, 500);
	CHECK_EQ(st.st_gid, 500);
	/* 500 itself is a stranger through the idmapped mount. */
	pid = t_fork();
	if (!pid) {
		t_user(500);
		CHECK_ERR(open(IDMAPPED "/q", O_RDWR), EACCES);
		CHECK(open(MNT "/q", O_RDWR) >= 0);
		_exit(0);
	}
	t_wait(pid);
	kill(stranger, SIGKILL);
}
