// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile calls: FUZZ_CALLS (1 000 000) random ioctls with random structures,
 * pointers at the ends of pages, huge counts, and memory that goes away
 * meanwhile. Nothing may hang, complain in the kernel's log, or leak.
 */
#include "test.h"

#include <dirent.h>
#include <sys/uio.h>

#define AREA	(16 * 4096)
#define PROCESSES 4

static char *area;

static uint64_t random_number(void)
{
	switch (random() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ULL << random() % 64;
	case 3:
		return (uint64_t)random() << 33 | random();
	case 4:
		return INT64_MAX;
	default:
		return random() % 100;
	}
}

/* Somewhere in the area, often so that it crosses into what is not there. */
static uint64_t random_pointer(void)
{
	switch (random() % 6) {
	case 0:
		return random_number();
	case 1:
		return (uintptr_t)area + (random() % 17) * 4096 -
		       random() % 100;
	default:
		return (uintptr_t)area + random() % (AREA - 4096);
	}
}

/* One half of what may be there for some call. */
static unsigned int random_flags(void)
{
	unsigned int all = 128 * 2 - 1;

	if (random() % 2)
		all |= MBOXFS_DEAD | MBOXFS_SEQ | MBOXFS_ONCE | MBOXFS_RESTORE |
		       MBOXFS_IS_DEAD;
	return random() & random() & all;
}

static void random_msg(struct mboxfs_msg *m)
{
	*m = (struct mboxfs_msg){
		.data = random_pointer(),
		.len = random() % 4 ? random() % 5000 : random_number(),
		.flags = random() % 4 ? random_flags() : random_number(),
		.priority = random() % 4 ? random() % 10 : random_number(),
		.pid = random() % 4 ? getpid() : (int)random_number(),
		.tag = random() % 4,
		.delay_ns = random() % 2 ? random() % 1000000 :
					   random_number(),
	};
	m->attempts = random_number();
	/* None waits for ever: most do not wait at all. */
	m->timeout_ns = random() % 20 ? 0 : random() % 1000000;
	if (random() % 16 == 0)
		m->reserved[random() % 2] = random_number();
}

/* Numbers of which some are on lease, or will be. */
static void random_settle(int fd, struct mboxfs_settle *s)
{
	static uint64_t seqs[40];
	struct mboxfs_stat st;
	int i;

	*s = (struct mboxfs_settle){
		.seqs = random() % 2 ? (uintptr_t)seqs : random_pointer(),
		.count = random() % 4 ? random() % 40 : random_number(),
		.how = random() % 8 ? random() % 4 : random_number(),
		.delay_ns = random() % 2 ? random() % 1000000 :
					   random_number(),
	};
	if (random() % 16 == 0)
		s->reserved[random() % 2] = random_number();
	if (random() % 8 || ioctl(fd, MBOXFS_IOC_STAT, &st))
		return;
	for (i = 0; i < 40; i++)
		seqs[i] = random() % 4 ? st.sent_total - random() % 60 :
					 random_number();
}

/* Also with a cursor that nobody has given out. */
static void random_look(struct mboxfs_look *l)
{
	static uint64_t cursor[2];

	*l = (struct mboxfs_look){
		.msgs = random_pointer(),
		.count = random() % 4 ? random() % 40 : random_number(),
		.what = random() % 8 ? random() % 16 : random_number(),
	};
	if (random() % 16 == 0)
		l->reserved[random() % 2] = random_number();
	if (random() % 2)
		cursor[random() % 2] = random_number() << random() % 64;
	memcpy(l->cursor, cursor, sizeof(cursor));
}

static void one_call(int fd, int i)
{
	static const unsigned int commands[] = {
		MBOXFS_IOC_SEND, MBOXFS_IOC_RECV, MBOXFS_IOC_SEND_BATCH,
		MBOXFS_IOC_RECV_BATCH, MBOXFS_IOC_STAT, MBOXFS_IOC_REVOKE,
		MBOXFS_IOC_STOP, MBOXFS_IOC_START, MBOXFS_IOC_PURGE,
		MBOXFS_IOC_BARRIER_SLEEP, MBOXFS_IOC_BARRIER_AWAKE,
		MBOXFS_IOC_BARRIER_WAIT, MBOXFS_IOC_BROADCAST,
		MBOXFS_IOC_SEND_PACKED, MBOXFS_IOC_RECV_PACKED,
		MBOXFS_IOC_SETTLE, MBOXFS_IOC_CANCEL, MBOXFS_IOC_LOOK,
		MBOXFS_IOC_KICK,
	};
	unsigned int cmd = commands[random() % 19];
	struct mboxfs_packed packed;
	struct mboxfs_settle settle;
	struct mboxfs_look look;
	struct mboxfs_batch b;
	struct mboxfs_msg m;
	void *arg = &m;

	random_msg(&m);
	if (random() % 64 == 0)
		cmd = random_number();
	if (cmd == MBOXFS_IOC_STOP && random() % 8)
		cmd = MBOXFS_IOC_SEND;
	if (cmd == MBOXFS_IOC_SEND_PACKED || cmd == MBOXFS_IOC_RECV_PACKED) {
		packed = (struct mboxfs_packed){
			.buf = random_pointer(),
			.len = random() % 4 ? random() % 4096 : random_number(),
			.count = random() % 2 ? 0 : random_number(),
			.flags = random() % 8 ? random() % 2 * MBOXFS_LEASE :
						random_number(),
		};
		arg = &packed;
	}
	if (cmd == MBOXFS_IOC_SETTLE || cmd == MBOXFS_IOC_CANCEL) {
		random_settle(fd, &settle);
		arg = &settle;
	}
	if (cmd == MBOXFS_IOC_LOOK) {
		random_look(&look);
		arg = &look;
	}
	if (cmd == MBOXFS_IOC_SEND_BATCH || cmd == MBOXFS_IOC_RECV_BATCH) {
		b = (struct mboxfs_batch){
			.msgs = random_pointer(),
			.count = random() % 4 ? random() % 40 : random_number(),
			.flags = random() % 8 ? random() % 2 * MBOXFS_LEASE :
						random_number(),
			.timeout_ns = 0,
			.size = random() % 2 ? 0 : random() % 2 ?
				random() % 200 : random_number(),
		};
		arg = &b;
		/* Sometimes there are messages where it says. */
		if (random() % 2 && b.msgs >= (uintptr_t)area &&
		    b.msgs + 2 * sizeof(m) <= (uintptr_t)area + 4096) {
			m.reserved[0] = 0;
			m.reserved[1] = 0;
			m.flags &= MBOXFS_DELAY;
			memcpy((void *)b.msgs, &m, sizeof(m));
			memcpy((char *)b.msgs + sizeof(m), &m, sizeof(m));
		}
	}
	if (random() % 16 == 0)
		arg = (void *)random_pointer();
	/* As of a program that knows less, or more. */
	if (random() % 16 == 0)
		cmd = _IOC(random() % 4, MBOXFS_IOC_MAGIC, _IOC_NR(cmd),
			   random() % 200);
	ioctl(fd, cmd, arg);
	if (i % 64 == 0) {
		read(fd, (void *)random_pointer(), random() % 100);
		write(fd, (void *)random_pointer(), random() % 100);
	}
}

/* The first page stays; the others come and go under the calls' feet. */
static void *unmap_and_map(void *arg)
{
	unsigned int seed = getpid();

	for (;;) {
		char *p = area + 4096 * (1 + rand_r(&seed) % 15);

		munmap(p, 4096);
		mmap(p, 4096, PROT_READ | PROT_WRITE,
		     MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	return NULL;
}

/* A process of calls. It may well hurt itself: then another one goes on. */
static void call_on(int k, int *done, int calls)
{
	pthread_t thread;
	int fd;

	fd = t_open(k % 2 ? "q" : "p", O_RDWR | O_NONBLOCK);
	srandom(*done + k);
	area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(area != MAP_FAILED);
	CHECK_EQ(munmap(area + AREA, 4096), 0);
	CHECK_EQ(pthread_create(&thread, NULL, unmap_and_map, NULL), 0);
	while (*done < calls)
		one_call(fd, (*done)++);
	_exit(0);
}

static void set_up(void)
{
	close(t_open("p", O_RDWR));
	close(t_open("q", O_RDWR));
	t_set("p", "lease_ms", "100");
	t_set("p", "max_attempts", "5");
	t_set("q", "max_attempts", "3");
	t_set("q", "when_read", "lease");
	t_set("q", "when_dead", "drop");
}

TEST(a_million_hostile_calls)
{
	int calls = atoi(getenv("FUZZ_CALLS") ?: "1000000") / PROCESSES;
	int *done, k, status, left = PROCESSES, hurt = 0;
	pid_t pids[PROCESSES], pid;

	t_takes(480);
	set_up();
	done = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (k = 0; k < PROCESSES; k++) {
		pids[k] = t_fork();
		if (!pids[k])
			call_on(k, &done[k], calls);
	}
	while (left) {
		pid = wait(&status);
		CHECK(pid > 0);
		for (k = 0; pids[k] != pid; k++)
			;
		if (!WIFSIGNALED(status)) {
			CHECK_EQ(status, 0);
			left--;
			continue;
		}
		CHECK(++hurt < calls / 10);
		pids[k] = t_fork();
		if (!pids[k])
			call_on(k, &done[k], calls);
	}
	for (k = 0; k < PROCESSES; k++)
		CHECK(done[k] >= calls);
	printf("# hurt itself %d times\n", hurt);
	/* Both work as on the first day. */
	for (k = 0; k < 2; k++) {
		const char *name = k ? "q" : "p";
		int fd = t_open(name, O_RDWR);

		CHECK_EQ(ioctl(fd, MBOXFS_IOC_START), 0);
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_REVOKE) >= 0, 1);
		CHECK_EQ(ftruncate(fd, 0), 0);
		t_await(name, "leased_messages", 0);
		CHECK_EQ(t_get(name, "dead_messages"), 0);
		CHECK_EQ(t_get(name, "messages"), 0);
		CHECK_EQ(t_get(name, "bytes"), 0);
		CHECK_EQ(t_get(name, "delayed_bytes"), 0);
		t_set(name, "when_read", "receive");
		t_send(fd, "works");
		t_expect(fd, "works");
		printf("# %lld sent, %lld received\n",
		       t_get(name, "sent_total"), t_get(name, "received_total"));
		CHECK_EQ(t_get(name, "sent_total"),
			 t_get(name, "received_total") +
			 t_get(name, "revoked_total") +
			 t_get(name, "purged_total") +
			 t_get(name, "dropped_total") +
			 t_get(name, "expired_total"));
	}
}

static const char *random_name(char *name)
{
	static const char *const dirs[] = { "a", "b", "a/d", "b/e", "ids",
					    "pids", "a/ids" };

	switch (random() % 3) {
	case 0:
		sprintf(name, "%s", dirs[random() % 7]);
		break;
	case 1:
		sprintf(name, "%s/%ld", dirs[random() % 7], random() % 20);
		break;
	default:
		sprintf(name, "%s/%d", dirs[random() % 7],
			getpid() + (int)(random() % 5) - 2);
	}
	return name;
}

/* Anything that can be done to names, in groups of all kinds. */
static void one_change(void)
{
	static const char *const names[] = { "any", "id", "pid" };
	struct mboxfs_msg m = t_msg("bytes", random() % 6, 0);
	char a[32], b[32], number[16];
	int fd, flags = O_NONBLOCK | O_CLOEXEC;

	random_name(a);
	random_name(b);
	sprintf(number, "%ld", random() % 100);
	switch (random() % 16) {
	case 0:
		mkdir(a, 0777);
		break;
	case 1:
		rmdir(a);
		break;
	case 2:
		unlink(a);
		break;
	case 3:
		symlink(b, a);
		break;
	case 4:
		renameat2(AT_FDCWD, a, AT_FDCWD, b, random() % 3);
		break;
	case 5:
		t_try_set(a, "naming", names[random() % 3]);
		break;
	case 6:
		t_try_set(a, "group_max_bytes", number);
		break;
	case 7:
		t_try_set(a, "group_max_mailboxes", number);
		break;
	case 8:
		t_try_set(a, "group_max_bytes", "0");
		t_try_set(a, "group_max_mailboxes", "0");
		break;
	case 9:
		fd = open(a, O_RDWR | O_TMPFILE | flags, 0666);
		sprintf(a, "/proc/self/fd/%d", fd);
		linkat(AT_FDCWD, a, AT_FDCWD, b, AT_SYMLINK_FOLLOW);
		close(fd);
		break;
	case 10: {
		DIR *dir = opendir(a);

		while (dir && readdir(dir))
			;
		if (dir)
			closedir(dir);
		break;
	}
	case 11:
	case 12:
		fd = open(a, O_RDONLY | O_DIRECTORY | flags);
		switch (random() % 7) {
		case 0:
			ioctl(fd, MBOXFS_IOC_STOP);
			break;
		case 1:
			ioctl(fd, MBOXFS_IOC_START);
			break;
		case 2:
			ioctl(fd, MBOXFS_IOC_REVOKE);
			break;
		case 3:
			fsync(fd);
			break;
		default:
			ioctl(fd, MBOXFS_IOC_BROADCAST, &m);
		}
		close(fd);
		break;
	default:
		fd = open(a, O_RDWR | O_CREAT | flags, 0666);
		if (fd < 0)
			break;
		write(fd, "some more bytes", random() % 16);
		if (random() % 2)
			read(fd, b, sizeof(b));
		close(fd);
	}
}

/* The sums of groups, of which none is above its ceiling for long. */
static void check_sums(void)
{
	CHECK_EQ(t_get(".", "group_bytes"), 0);
	CHECK_EQ(t_get(".", "group_mailboxes"), 0);
}

TEST(names_that_change_all_the_time)
{
	int changes = atoi(getenv("FUZZ_CALLS") ?: "1000000") / 10 / PROCESSES;
	int k, i;

	CHECK_EQ(mkdir("ids", 0777) || mkdir("pids", 0777), 0);
	t_set("ids", "naming", "id");
	t_set("pids", "naming", "pid");
	for (k = 0; k < PROCESSES; k++) {
		if (t_fork())
			continue;
		srandom(k);
		/* Several processes one after the other own mailboxes. */
		for (i = 0; i < changes; i++) {
			one_change();
			if (i % 1000 == 0 && !t_fork()) {
				for (i = 0; i < 100; i++)
					one_change();
				_exit(0);
			}
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		}
		while (wait(NULL) > 0)
			;
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(system("rm -rf a b ids pids"), 0);
	check_sums();
}
