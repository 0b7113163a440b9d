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

/* What a test's processes tell the one that waits for them. */
static struct told {
	int extra_seconds;
	int failed;
} *told;

void test_failed(const char *file, int line, const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(STDOUT_FILENO, "# %s:%d: %s\n", file, line, text);
	__atomic_store_n(&told->failed, 1, __ATOMIC_RELAXED);
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

/* Take the next message on lease, with all that is known about it. */
struct mboxfs_msg t_lease_next(int fd, unsigned int flags)
{
	static char text[256];
	struct mboxfs_msg m = t_msg(text, sizeof(text), flags | MBOXFS_LEASE);

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	return m;
}

/* The same at once; its number. */
uint64_t t_lease(int fd, const char *text)
{
	char got[256];
	struct mboxfs_msg m = t_msg(got, sizeof(got),
				    MBOXFS_LEASE | MBOXFS_NONBLOCK);

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_RECV, &m), 0);
	if (m.len != strlen(text) || memcmp(got, text, m.len))
		test_failed(__FILE__, __LINE__, "on lease is '%.*s', not '%s'",
			    (int)m.len, got, text);
	return m.seq;
}

int t_settle(int fd, uint64_t seq, int how)
{
	struct mboxfs_settle s = { .seqs = (uintptr_t)&seq, .count = 1,
				   .how = how };

	return ioctl(fd, MBOXFS_IOC_SETTLE, &s);
}

void t_bury(int fd, const char *text)
{
	CHECK_EQ(t_settle(fd, t_lease(fd, text), MBOXFS_BURY), 1);
}

struct mboxfs_stat t_stat(int fd)
{
	struct mboxfs_stat s;

	CHECK_EQ(ioctl(fd, MBOXFS_IOC_STAT, &s), 0);
	return s;
}

/* Each message that was sent is somewhere, or has gone in one way. */
void t_sums_add_up(int fd)
{
	struct mboxfs_stat s = t_stat(fd);

	CHECK_EQ(s.sent_total, s.messages + s.delayed_messages +
		 s.leased_messages + s.dead_messages + s.received_total +
		 s.dropped_total + s.expired_total + s.revoked_total +
		 s.purged_total);
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
	long long start = t_now_ms(), got;

	do {
		got = t_get(name, attribute);
		if (got == value)
			return;
		usleep(1000);
	} while (!t_overdue(start, 20000));
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

/* What @ms on a quiet machine are on this one; tests/run has measured it. */
long long t_patience_ms(long long ms)
{
	long long percent = 100;
	FILE *f = fopen("/run/slowness", "re");

	if (f) {
		if (fscanf(f, "%lld", &percent) != 1 || percent < 100)
			percent = 100;
		fclose(f);
	}
	return ms / 100 * percent;
}

/* Whether what began at @start should be over, by a limit that is for hangs. */
bool t_overdue(long long start, long long ms)
{
	long long took = t_now_ms() - start;

	return took > ms && took > t_patience_ms(ms);
}

/* Seconds that a test takes on purpose, beyond its limit. */
void t_takes(int seconds)
{
	__atomic_fetch_add(&told->extra_seconds, seconds, __ATOMIC_RELAXED);
}

/* Wait until a process, or its first thread, is in a state of /proc: S, Z. */
void t_await_state(pid_t pid, char state)
{
	long long start = t_now_ms();
	char path[32], got = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		f = fopen(path, "re");
		CHECK(f);
		if (fscanf(f, "%*d (%*[^)]) %c", &got) == 1 && got == state) {
			fclose(f);
			return;
		}
		fclose(f);
		usleep(1000);
	} while (!t_overdue(start, 20000));
	test_failed(__FILE__, __LINE__, "process %d stays %c, not %c", pid, got,
		    state);
}

/* Wait until the clock of files' times has gone on. */
void t_tick(void)
{
	struct timespec was, is;

	clock_gettime(CLOCK_REALTIME_COARSE, &was);
	do {
		usleep(1000);
		clock_gettime(CLOCK_REALTIME_COARSE, &is);
	} while (is.tv_sec == was.tv_sec && is.tv_nsec == was.tv_nsec);
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

/* Wait for a test until it is over, or has had its time. */
static bool wait_for_it(pid_t pid, int *status)
{
	long long left = atoi(getenv("TEST_SECONDS") ?: "120") * 1000LL;
	struct timespec second = { .tv_sec = 1 };
	long long then = t_now_ms(), now;
	int grace = 5;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (!waitpid(pid, status, WNOHANG)) {
		sigtimedwait(&child, NULL, &second);
		now = t_now_ms();
		left -= (now - then) * 1000 / t_patience_ms(1000);
		then = now;
		/* Others may wait for one that has failed. */
		if (__atomic_load_n(&told->failed, __ATOMIC_RELAXED))
			grace--;
		if (grace > 0 && left > -1000LL *
		    __atomic_load_n(&told->extra_seconds, __ATOMIC_RELAXED))
			continue;
		printf("# %s\n", grace > 0 ? "no end in time" :
		       "ended, as a part of it has failed");
		kill(-pid, SIGKILL);
		return waitpid(pid, status, 0) == pid;
	}
	return true;
}

/* Run a test; kill whatever it leaves behind. */
static bool run(const struct test *test, const char *dir)
{
	int status = -1;
	sigset_t old, child;
	pid_t pid;

	if (mkdir(dir, 0777) || chmod(dir, 0777) || chdir(dir)) {
		printf("# %s: %m\n", dir);
		return false;
	}
	/* So that its end is not missed before it is waited for. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &old);
	pid = fork();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		test->run();
		exit(0);
	}
	setpgid(pid, pid);
	if (!wait_for_it(pid, &status))
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
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	umask(0);
	for (test = test_list; test; test = test->next) {
		if (argc > 1 && strcmp(argv[1], test->name))
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", mount, test->name);
		start = t_now_ms();
		memset(told, 0, sizeof(*told));
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
