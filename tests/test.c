// SPDX-License-Identifier: GPL-2.0-only
/*
 * The harness of test.h.
 */
#include "test.h"

#include <dirent.h>
#include <ftw.h>
#include <grp.h>
#include <stdarg.h>

struct test *test_list;

void test_failed(const char *file, int line, const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "# %s:%d: %s\n", file, line, text);
	_exit(1);
}

int t_open(const char *name, int flags)
{
	int fd = open(name, flags | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		test_failed(__FILE__, __LINE__, "open %s: %m", name);
	return fd;
}

int t_open_group(const char *name)
{
	int fd;

	CHECK_EQ(mkdir(name, 0777), 0);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

/* Give a mailbox of O_TMPFILE its name; as linkat(). */
int t_name_it(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

void t_send(int fd, const char *text)
{
	ssize_t len = strlen(text);

	CHECK_EQ(write(fd, text, len), len);
}

void t_expect(int fd, const char *text)
{
	const size_t room = 1 << 20;
	static __thread char *got; /* for good: a thread is cheap without it */
	ssize_t n, len = strlen(text);

	if (!got)
		got = malloc(room);
	CHECK(got);
	n = read(fd, got, room);

	if (n != len || memcmp(got, text, len))
		test_failed(__FILE__, __LINE__,
			    "received %zd '%.*s', not '%s' (errno %m)", n,
			    n > 0 ? (int)n : 0, got, text);
}

void t_expect_empty(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	CHECK_EQ(poll(&p, 1, 0), 0);
}

int t_send_as(int fd, const char *text, unsigned int priority, uint64_t tag)
{
	struct mboxfs_msg m = t_msg(text, strlen(text), 0);

	m.priority = priority;
	m.tag = tag;
	return ioctl(fd, MBOXFS_IOC_SEND, &m);
}

void t_take(int fd, unsigned int flags, const char *text)
{
	char got[256];
	struct mboxfs_msg m = t_msg(got, sizeof(got), flags);

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	if (m.len != strlen(text) || memcmp(got, text, m.len))
		test_failed(__FILE__, __LINE__, "received '%.*s', not '%s'",
			    (int)m.len, got, text);
}

int t_try_set(const char *name, const char *attribute, const char *value)
{
	char full[128];

	snprintf(full, sizeof(full), "user.mboxfs.%s", attribute);
	return setxattr(name, full, value, strlen(value), 0);
}

void t_set(const char *name, const char *attribute, const char *value)
{
	if (t_try_set(name, attribute, value))
		test_failed(__FILE__, __LINE__, "set %s of %s to %s: %m",
			    attribute, name, value);
}

long long t_get(const char *name, const char *attribute)
{
	char full[128], value[64] = "";

	snprintf(full, sizeof(full), "user.mboxfs.%s", attribute);
	if (getxattr(name, full, value, sizeof(value) - 1) < 0)
		test_failed(__FILE__, __LINE__, "get %s of %s: %m", attribute,
			    name);
	return strtoll(value, NULL, 10);
}

void t_await(const char *name, const char *attribute, long long value)
{
	long long end = t_now_ms() + 20000, got;

	do {
		got = t_get(name, attribute);
		if (got == value)
			return;
		usleep(1000);
	} while (t_now_ms() < end);
	test_failed(__FILE__, __LINE__, "%s of %s stays %lld, not %lld",
		    attribute, name, got, value);
}

pid_t t_fork(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

void t_wait(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		test_failed(__FILE__, __LINE__, "process %d ended with %#x",
			    pid, status);
}

void t_wait_all(void)
{
	int status;

	while (wait(&status) > 0)
		if (status)
			test_failed(__FILE__, __LINE__,
				    "a process ended with %#x", status);
}

void t_user(uid_t uid)
{
	CHECK_EQ(setgroups(0, NULL), 0);
	CHECK_EQ(setresgid(uid, uid, uid), 0);
	CHECK_EQ(setresuid(uid, uid, uid), 0);
}

/* How many names there are in a group. */
int t_names(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir)))
		n += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
	closedir(dir);
	return n;
}

/* A large number, or a part of it where TEST_SCALE says that all is slow. */
int t_scaled(int n)
{
	n /= atoi(getenv("TEST_SCALE") ?: "1");
	return n > 0 ? n : 1;
}

/* The same for a number of processes: a tenth is still a crowd. */
int t_crowd(int n)
{
	return atoi(getenv("TEST_SCALE") ?: "1") > 10 ? n / 10 : n;
}

long long t_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void t_sleep_ms(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* What takes longer is told. */
#define SLOW_MS	3000

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

/* Run a test; kill whatever it leaves behind. */
static bool run(const struct test *test, const char *dir)
{
	int status;
	pid_t pid;

	if (mkdir(dir, 0777) || chmod(dir, 0777) || chdir(dir)) {
		printf("# %s: %m\n", dir);
		return false;
	}
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(atoi(getenv("TEST_SECONDS") ?: "120"));
		test->run();
		exit(0);
	}
	setpgid(pid, pid);
	if (waitpid(pid, &status, 0) != pid)
		return false;
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status))
		printf("# killed by signal %s\n",
		       sigabbrev_np(WTERMSIG(status)));
	if (chdir("/") || nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		printf("# cannot remove %s: %m\n", dir);
	return status == 0;
}

int main(int argc, char *argv[])
{
	const char *mount = getenv("MBOXFS_MOUNT") ?: "/mnt/mbox";
	int n = 0, failed = 0;
	struct test *test;
	char dir[PATH_MAX];
	long long start;
	bool ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(0);
	for (test = test_list; test; test = test->next) {
		if (argc > 1 && strcmp(argv[1], test->name))
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", mount, test->name);
		start = t_now_ms();
		ok = run(test, dir);
		printf("%sok %d - %s\n", ok ? "" : "not ", ++n, test->name);
		if (t_now_ms() - start >= SLOW_MS)
			printf("# that took %lld s\n",
			       (t_now_ms() - start) / 1000);
		failed += !ok;
	}
	printf("1..%d\n", n);
	return failed ? 1 : 0;
}
