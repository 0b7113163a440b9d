// SPDX-License-Identifier: GPL-2.0-only
/*
 * Barriers of groups and of mailboxes.
 */
#include "test.h"

static int barrier_sleep(int fd, long long timeout)
{
	struct mboxfs_barrier b = { .timeout_ns = timeout };

	return ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b);
}

static int barrier_wait(int fd, unsigned int parties, long long timeout)
{
	struct mboxfs_barrier b = { .parties = parties, .timeout_ns = timeout };

	return ioctl(fd, MBOXFS_IOC_BARRIER_WAIT, &b);
}

static int awake(int fd)
{
	return ioctl(fd, MBOXFS_IOC_BARRIER_AWAKE);
}

/* Works on groups and on mailboxes alike. */
static void wakes_exactly_those_asleep(int fd, const char *name)
{
	struct mboxfs_barrier b = { .timeout_ns = -1 };
	int i, round, n = t_crowd(100);
	pid_t late;

	CHECK_EQ(awake(fd), 0); /* is not remembered */
	CHECK_ERR(barrier_sleep(fd, 0), EAGAIN);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < n; i++) {
			if (t_fork())
				continue;
			CHECK_EQ(ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b), 0);
			_exit(0);
		}
		t_await(name, "barrier_sleepers", n);
		CHECK_EQ(awake(fd), n);
		CHECK_EQ(t_get(name, "barrier_sleepers"), 0);
		CHECK_EQ(awake(fd), 0);
		t_wait_all();
	}
	late = t_fork();
	if (!late)
		_exit(barrier_sleep(fd, -1));
	t_await(name, "barrier_sleepers", 1);
	t_sleep_ms(100);
	CHECK_EQ(waitpid(late, NULL, WNOHANG), 0);
	CHECK_EQ(awake(fd), 1);
	t_wait(late);
}

TEST(awake_wakes_those_asleep_at_a_group)
{
	wakes_exactly_those_asleep(t_open_group("g"), "g");
}

TEST(awake_wakes_those_asleep_at_a_mailbox)
{
	wakes_exactly_those_asleep(t_open("q", O_RDWR), "q");
}

/* Sleepers and awakers at random: what awake returns is who has returned. */
TEST(no_sleeper_is_counted_twice_or_forgotten)
{
	struct shared { volatile long slept, woken, timed_out;
			volatile bool stop; } *s;
	int fd = t_open_group("g"), i;
	long long start;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 8; i++) {
		if (t_fork())
			continue;
		srand(i);
		while (!s->stop) {
			if (i < 2) {
				int n = awake(fd);

				CHECK(n >= 0);
				__sync_fetch_and_add(&s->woken, n);
			} else if (!barrier_sleep(fd, rand() % 3000000)) {
				__sync_fetch_and_add(&s->slept, 1);
			} else {
				CHECK(errno == ETIMEDOUT || errno == EAGAIN);
				__sync_fetch_and_add(&s->timed_out, 1);
			}
		}
		_exit(0);
	}
	start = t_now_ms();
	do
		t_sleep_ms(500);
	while ((s->woken <= t_scaled(1000) || s->timed_out <= t_scaled(100)) &&
	       !t_overdue(start, 60000));
	s->stop = true;
	t_wait_all();
	printf("# %ld woken, %ld timed out\n", s->woken, s->timed_out);
	CHECK_EQ(s->slept, s->woken);
	CHECK(s->woken > t_scaled(1000));
	CHECK(s->timed_out > t_scaled(100));
}

/*
 * Whoever sleeps when AWAKE begins is woken by it. A process that is in its call
 * and not running has been queued: it is found out by looking, and from then on
 * no AWAKE may pass it by. To tell by which one it was let go, no other runs
 * until it has returned.
 */
#define SLEEPERS	8
#define AWAKERS		2

struct sleeper {
	volatile pid_t pid;
	volatile bool for_ever;
	volatile unsigned long begun, ended;
	long slept, left;
};

static struct bedroom {
	struct sleeper sleepers[SLEEPERS];
	pthread_rwlock_t lock;
	long woken, proven;
	volatile bool stop;
	volatile int awake;
} *room;

static void sleep_and_sleep(struct sleeper *me, int fd, unsigned int seed)
{
	long long timeout;

	while (!room->stop) {
		timeout = rand_r(&seed) % 4 ? -1 : rand_r(&seed) % 3000000;
		me->for_ever = timeout < 0;
		__atomic_store_n(&me->begun, me->begun + 1, __ATOMIC_SEQ_CST);
		if (!barrier_sleep(fd, timeout)) {
			me->slept++;
		} else {
			CHECK(timeout >= 0 && (errno == ETIMEDOUT ||
					       errno == EAGAIN));
			me->left++;
		}
		__atomic_store_n(&me->ended, me->begun, __ATOMIC_SEQ_CST);
	}
	__sync_fetch_and_sub(&room->awake, 1);
	_exit(0);
}

/* Which call of a sleeper has been queued for ever, or 0 if it is unknown. */
static unsigned long queued_call(const struct sleeper *s)
{
	unsigned long call = __atomic_load_n(&s->begun, __ATOMIC_SEQ_CST);
	char path[64], stat[256] = "", *state;
	int fd;

	if (!s->pid || !s->for_ever || s->ended == call)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", s->pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	(void)!read(fd, stat, sizeof(stat) - 1);
	close(fd);
	state = strrchr(stat, ')');
	if (!state || strncmp(state, ") S", 3))
		return 0;
	return s->begun == call && s->ended != call ? call : 0;
}

static void count_woken(int n)
{
	CHECK(n >= 0);
	__sync_fetch_and_add(&room->woken, n);
}

static void awake_and_check(int fd)
{
	unsigned long queued[SLEEPERS];
	long long end;
	int i;

	CHECK_EQ(pthread_rwlock_wrlock(&room->lock), 0);
	for (i = 0; i < SLEEPERS; i++)
		queued[i] = queued_call(&room->sleepers[i]);
	count_woken(awake(fd));
	end = t_now_ms() + 60000;
	for (i = 0; i < SLEEPERS; i++) {
		if (!queued[i])
			continue;
		while (room->sleepers[i].ended < queued[i]) {
			CHECK(t_now_ms() < end);
			sched_yield();
		}
		room->proven++;
	}
	pthread_rwlock_unlock(&room->lock);
}

static void awake_and_awake(int fd, unsigned int seed)
{
	while (__atomic_load_n(&room->awake, __ATOMIC_SEQ_CST)) {
		if (rand_r(&seed) % 4 == 0) {
			awake_and_check(fd);
			continue;
		}
		CHECK_EQ(pthread_rwlock_rdlock(&room->lock), 0);
		count_woken(awake(fd));
		pthread_rwlock_unlock(&room->lock);
		usleep(rand_r(&seed) % 2000);
	}
	_exit(0);
}

TEST(awake_passes_no_sleeper_by)
{
	pthread_rwlockattr_t shared;
	int fd = t_open_group("g"), i;
	long slept = 0, left = 0;

	room = mmap(NULL, sizeof(*room), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_rwlockattr_init(&shared);
	pthread_rwlockattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	CHECK_EQ(pthread_rwlock_init(&room->lock, &shared), 0);
	room->awake = SLEEPERS;
	for (i = 0; i < SLEEPERS; i++) {
		pid_t pid = t_fork();

		if (!pid)
			sleep_and_sleep(&room->sleepers[i], fd, i);
		room->sleepers[i].pid = pid;
	}
	for (i = 0; i < AWAKERS; i++)
		if (!t_fork())
			awake_and_awake(fd, i);
	t_sleep_ms(atoi(getenv("STRESS_SECONDS") ?: "3") * 1000);
	room->stop = true;
	t_wait_all();
	for (i = 0; i < SLEEPERS; i++) {
		slept += room->sleepers[i].slept;
		left += room->sleepers[i].left;
	}
	printf("# %ld woken, %ld proven to, %ld timed out\n", slept,
	       room->proven, left);
	CHECK_EQ(slept, room->woken);
	CHECK(room->proven > 0 && left > 0);
}

TEST(parties_of_a_round_meet)
{
	int fd = t_open_group("g"), i;
	pid_t pids[4];

	CHECK_EQ(barrier_wait(fd, 1, -1), 1);
	CHECK_ERR(barrier_wait(fd, 0, -1), EINVAL);
	CHECK_ERR(barrier_wait(fd, 2, 0), EAGAIN);
	for (i = 0; i < 4; i++) {
		pids[i] = t_fork();
		if (pids[i])
			continue;
		CHECK_EQ(barrier_wait(fd, 5, -1), 0);
		_exit(0);
	}
	/* Who waits for parties does not sleep. */
	for (i = 0; i < 4; i++)
		t_await_state(pids[i], 'S');
	CHECK_ERR(barrier_wait(fd, 6, 0), EINVAL);
	CHECK_ERR(barrier_wait(fd, 4, -1), EINVAL);
	CHECK_ERR(barrier_wait(fd, 1, -1), EINVAL);
	CHECK_EQ(t_get("g", "barrier_sleepers"), 0);
	CHECK_EQ(awake(fd), 0);
	CHECK_EQ(barrier_wait(fd, 5, -1), 1);
	t_wait_all();
	CHECK_EQ(barrier_wait(fd, 1, -1), 1);
}

#define PARTIES	8
#define ROUNDS	10000

/* Nobody is a round ahead of anybody, and each round has one last. */
TEST(eight_processes_keep_in_step)
{
	struct shared { long in, last; } *s;
	int fd = t_open_group("g"), i, round, rounds = t_scaled(ROUNDS);

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < PARTIES; i++) {
		if (t_fork())
			continue;
		for (round = 1; round <= rounds; round++) {
			int ret;

			__sync_fetch_and_add(&s->in, 1);
			ret = barrier_wait(fd, PARTIES, -1);
			CHECK(ret == 0 || ret == 1);
			__sync_fetch_and_add(&s->last, ret);
			CHECK(s->in >= (long)PARTIES * round);
			CHECK(s->in <= (long)PARTIES * (round + 1));
		}
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(s->in, (long)PARTIES * rounds);
	CHECK_EQ(s->last, rounds);
}

static void on_signal(int sig)
{
}

TEST(signals_and_timeouts_end_a_wait)
{
	struct sigaction act = { .sa_handler = on_signal };
	int fd = t_open_group("g");
	long long start = t_now_ms();
	pid_t pid;

	CHECK_ERR(barrier_sleep(fd, 50000000), ETIMEDOUT);
	CHECK_ERR(barrier_wait(fd, 2, 50000000), ETIMEDOUT);
	CHECK(t_now_ms() - start >= 100);
	sigaction(SIGUSR1, &act, NULL);
	pid = t_fork();
	if (!pid) {
		CHECK_ERR(barrier_sleep(fd, -1), EINTR);
		CHECK_ERR(barrier_wait(fd, 2, -1), EINTR);
		_exit(0);
	}
	t_await("g", "barrier_sleepers", 1);
	kill(pid, SIGUSR1);
	t_await("g", "barrier_sleepers", 0);
	t_await_state(pid, 'S');
	kill(pid, SIGUSR1);
	t_wait(pid);
	/* Who has left does not count any more. */
	CHECK_ERR(barrier_wait(fd, 2, 0), EAGAIN);
	CHECK_ERR(barrier_wait(fd, 3, 0), EAGAIN);
	/* One that is killed leaves, too. */
	pid = t_fork();
	if (!pid)
		_exit(barrier_sleep(fd, -1));
	t_await("g", "barrier_sleepers", 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(awake(fd), 0);
	/* A wait without a timeout is restarted, one with a timeout is not. */
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	pid = t_fork();
	if (!pid) {
		CHECK_EQ(barrier_sleep(fd, -1), 0);
		CHECK_ERR(barrier_sleep(fd, 60000000000), EINTR);
		_exit(0);
	}
	t_await("g", "barrier_sleepers", 1);
	kill(pid, SIGUSR1);
	t_await_state(pid, 'S');
	t_await("g", "barrier_sleepers", 1);
	CHECK_EQ(awake(fd), 1);
	t_await("g", "barrier_sleepers", 1);
	kill(pid, SIGUSR1);
	t_wait(pid);
}

TEST(who_has_been_woken_returns_0_in_spite_of_a_signal)
{
	struct sigaction act = { .sa_handler = on_signal };
	int fd = t_open_group("g"), i, n = 0, rounds = t_crowd(200);

	sigaction(SIGUSR1, &act, NULL);
	for (i = 0; i < rounds; i++) {
		int status, woken;
		pid_t pid = t_fork();

		if (!pid)
			_exit(barrier_sleep(fd, -1) ? 3 : 0);
		t_await("g", "barrier_sleepers", 1);
		/* Both at once: what awake says is what happens. */
		if (i % 2)
			kill(pid, SIGUSR1);
		woken = awake(fd);
		if (!(i % 2))
			kill(pid, SIGUSR1);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (woken && WIFSIGNALED(status))
			continue; /* after its return */
		CHECK_EQ(WEXITSTATUS(status), woken ? 0 : 3);
		n += woken;
	}
	CHECK(n >= rounds / 2);
}

TEST(a_group_with_sleepers_stays)
{
	int fd = t_open_group("g"), i;
	pid_t pids[2];

	CHECK_EQ(mkdir("other", 0777), 0);
	for (i = 0; i < 2; i++) {
		pids[i] = t_fork();
		if (pids[i])
			continue;
		CHECK_EQ(i ? barrier_wait(fd, 2, -1) : barrier_sleep(fd, -1), 0);
		_exit(0);
	}
	for (i = 0; i < 2; i++)
		t_await_state(pids[i], 'S');
	CHECK_ERR(rmdir("g"), EBUSY);
	CHECK_ERR(rename("other", "g"), EBUSY);
	CHECK_EQ(rename("g", "h"), 0); /* it is still there */
	CHECK_EQ(awake(fd), 1);
	CHECK_ERR(rmdir("h"), EBUSY);
	CHECK_EQ(barrier_wait(fd, 2, -1), 1);
	t_wait_all();
	CHECK_EQ(rename("other", "h"), 0);
	CHECK_ERR(barrier_sleep(fd, -1), ESHUTDOWN);
	CHECK_ERR(barrier_wait(fd, 2, -1), ESHUTDOWN);
	CHECK_EQ(awake(fd), 0);
	CHECK_EQ(rmdir("h"), 0);
}

TEST(unlinking_a_mailbox_ends_its_sleepers)
{
	int fd = t_open("q", O_RDWR), i;
	pid_t pids[4];

	for (i = 0; i < 4; i++) {
		pids[i] = t_fork();
		if (pids[i])
			continue;
		if (i % 2)
			CHECK_ERR(barrier_sleep(fd, -1), ESHUTDOWN);
		else
			CHECK_ERR(barrier_wait(fd, 3, -1), ESHUTDOWN);
		_exit(0);
	}
	for (i = 0; i < 4; i++)
		t_await_state(pids[i], 'S');
	CHECK_EQ(t_get("q", "barrier_sleepers"), 2);
	CHECK_EQ(unlink("q"), 0);
	t_wait_all();
	CHECK_ERR(barrier_sleep(fd, -1), ESHUTDOWN);
	/* One that has never been slept at. */
	fd = t_open("q", O_RDWR);
	CHECK_EQ(unlink("q"), 0);
	CHECK_ERR(barrier_sleep(fd, -1), ESHUTDOWN);
	CHECK_EQ(awake(fd), 0);
}

TEST(rights_of_a_barrier)
{
	int dir = t_open_group("g"), r, w, rw = t_open("q", O_RDWR);

	r = open("q", O_RDONLY);
	w = open("q", O_WRONLY);
	CHECK_ERR(barrier_sleep(w, 0), EBADF);
	CHECK_ERR(barrier_wait(w, 1, 0), EBADF);
	CHECK_ERR(awake(r), EBADF);
	CHECK_ERR(barrier_sleep(r, 0), EAGAIN);
	CHECK_EQ(barrier_wait(r, 1, 0), 1);
	CHECK_EQ(awake(w), 0);
	CHECK_EQ(awake(rw), 0);
	CHECK_EQ(chmod("g", 0755), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(awake(dir), EACCES);
		CHECK_ERR(barrier_sleep(dir, 0), EAGAIN);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(chmod("g", 0733), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_EQ(awake(dir), 0);
		CHECK_ERR(barrier_sleep(dir, 0), EACCES);
		CHECK_ERR(barrier_wait(dir, 1, 0), EACCES);
		_exit(0);
	}
	t_wait_all();
}

TEST(bad_arguments_of_a_barrier)
{
	struct mboxfs_barrier b = { .parties = 1, .timeout_ns = -1, .flags = 2 };
	int fd = t_open_group("g"), q;

	CHECK_ERR(ioctl(fd, MBOXFS_IOC_BARRIER_WAIT, &b), EINVAL);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b), EINVAL);
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, (void *)8), EFAULT);
	b.flags = MBOXFS_NONBLOCK;
	CHECK_ERR(ioctl(fd, MBOXFS_IOC_BARRIER_SLEEP, &b), EAGAIN);
	q = open("q", O_RDWR | O_CREAT | O_NONBLOCK, 0600);
	CHECK_ERR(barrier_sleep(q, -1), EAGAIN);
	CHECK_ERR(barrier_wait(q, 2, -1), EAGAIN);
}
