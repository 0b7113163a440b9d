// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile calls: FUZZ_CALLS (1 000 000) random ioctls with random structures,
 * pointers at the ends of pages, huge counts, and memory that goes away
 * meanwhile. Nothing may hang, complain in the kernel's log, or leak.
 */
#include "test.h"

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

static void random_msg(struct mboxfs_msg *m)
{
	*m = (struct mboxfs_msg){
		.data = random_pointer(),
		.len = random() % 4 ? random() % 5000 : random_number(),
		.flags = random() % 4 ? random() % 128 : random_number(),
		.priority = random() % 4 ? random() % 10 : random_number(),
		.pid = random() % 4 ? getpid() : (int)random_number(),
		.tag = random() % 4,
		.delay_ns = random() % 2 ? random() % 1000000 :
					   random_number(),
	};
	/* None waits for ever: most do not wait at all. */
	m->timeout_ns = random() % 20 ? 0 : random() % 1000000;
	if (random() % 16 == 0)
		m->reserved[random() % 2] = random_number();
}

static void one_call(int fd, int i)
{
	static const unsigned int commands[] = {
		MBOXFS_IOC_SEND, MBOXFS_IOC_RECV, MBOXFS_IOC_SEND_BATCH,
		MBOXFS_IOC_RECV_BATCH, MBOXFS_IOC_STAT, MBOXFS_IOC_REVOKE,
		MBOXFS_IOC_STOP, MBOXFS_IOC_START, MBOXFS_IOC_PURGE,
	};
	unsigned int cmd = commands[random() % 9];
	struct mboxfs_batch b;
	struct mboxfs_msg m;
	void *arg = &m;

	random_msg(&m);
	if (random() % 64 == 0)
		cmd = random_number();
	if (cmd == MBOXFS_IOC_STOP && random() % 8)
		cmd = MBOXFS_IOC_SEND;
	if (cmd == MBOXFS_IOC_SEND_BATCH || cmd == MBOXFS_IOC_RECV_BATCH) {
		b = (struct mboxfs_batch){
			.msgs = random_pointer(),
			.count = random() % 4 ? random() % 40 : random_number(),
			.flags = random() % 8 ? 0 : random_number(),
			.timeout_ns = 0,
		};
		arg = &b;
		/* Sometimes there are messages where it says. */
		if (random() % 2 && b.msgs >= (uintptr_t)area &&
		    b.msgs + 2 * sizeof(m) <= (uintptr_t)area + 4096) {
			m.reserved[0] = 0;
			m.reserved[1] = 0;
			m.flags &= MBOXFS_DELAY;
			memcpy((void *)b.msgs, &m, sizeof(m));
			memcpy((void *)b.msgs + sizeof(m), &m, sizeof(m));
		}
	}
	if (random() % 16 == 0)
		arg = (void *)random_pointer();
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

TEST(a_million_hostile_calls)
{
	int calls = atoi(getenv("FUZZ_CALLS") ?: "1000000") / PROCESSES;
	int *done, k, status, left = PROCESSES, hurt = 0;
	pid_t pids[PROCESSES], pid;

	alarm(600);
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
		CHECK_EQ(t_get(name, "messages"), 0);
		CHECK_EQ(t_get(name, "bytes"), 0);
		CHECK_EQ(t_get(name, "delayed_bytes"), 0);
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
