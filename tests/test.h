/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small harness: each TEST runs in a process and an empty group of its own,
 * with a time limit (TEST_SECONDS, of a quiet machine), and prints one line of
 * TAP.
 */
#ifndef _TEST_H
#define _TEST_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/mboxfs.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

extern struct test *test_list;
void test_failed(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* A test, named after the behaviour it shows. */
#define TEST(id)							\
	static void test_##id(void);					\
	static struct test test_##id##_entry = { #id, test_##id, NULL };	\
	__attribute__((constructor)) static void test_##id##_add(void)	\
	{								\
		struct test **end = &test_list;				\
									\
		while (*end)						\
			end = &(*end)->next;				\
		*end = &test_##id##_entry;				\
	}								\
	static void test_##id(void)

/* The test fails and ends, in whatever process of it this is. */
#define CHECK(condition)						\
	do {								\
		if (!(condition))					\
			test_failed(__FILE__, __LINE__, "%s (errno %s)",	\
				    #condition, strerrorname_np(errno));	\
	} while (0)

#define CHECK_EQ(got, wanted)						\
	do {								\
		long long got_ = (got), wanted_ = (wanted);		\
									\
		if (got_ != wanted_)					\
			test_failed(__FILE__, __LINE__,			\
				    "%s is %lld, not %lld (errno %s)",	\
				    #got, got_, wanted_,		\
				    strerrorname_np(errno));		\
	} while (0)

/* A call that is to fail with an error. */
#define CHECK_ERR(call, error)						\
	do {								\
		long long ret_;						\
									\
		errno = 0;						\
		ret_ = (call);						\
		if (ret_ != -1 || errno != (error))			\
			test_failed(__FILE__, __LINE__,			\
				    "%s is %lld, %s, not -1, %s", #call,	\
				    ret_, strerrorname_np(errno), #error);	\
	} while (0)

/* Mailboxes: made if they are not there; failures end the test. */
int t_open(const char *name, int flags);
int t_open_group(const char *name);
int t_name_it(int fd, const char *name);
void t_send(int fd, const char *text);
void t_expect(int fd, const char *text);
void t_expect_empty(int fd);

/* Attributes, without their prefix. */
int t_try_set(const char *name, const char *attribute, const char *value);
void t_set(const char *name, const char *attribute, const char *value);
long long t_get(const char *name, const char *attribute);
void t_await(const char *name, const char *attribute, long long value);

/* A message of @len bytes, or room for them, to wait for ever with. */
static inline struct mboxfs_msg t_msg(const void *data, size_t len,
				      unsigned int flags)
{
	struct mboxfs_msg m = {
		.data = (uintptr_t)data,
		.len = len,
		.flags = flags,
		.timeout_ns = -1,
	};

	return m;
}

int t_send_as(int fd, const char *text, unsigned int priority, uint64_t tag);
void t_take(int fd, unsigned int flags, const char *text);

/* Leases. */
struct mboxfs_msg t_lease_next(int fd, unsigned int flags);
uint64_t t_lease(int fd, const char *text);
int t_settle(int fd, uint64_t seq, int how);
void t_bury(int fd, const char *text);
struct mboxfs_stat t_stat(int fd);
void t_sums_add_up(int fd);

/* Processes: a child's failed CHECK fails the test when it is waited for. */
pid_t t_fork(void);
void t_wait(pid_t pid);
void t_wait_all(void);
void t_user(uid_t uid);
int t_names(const char *path);
int t_scaled(int n);
int t_crowd(int n);
long long t_now_ms(void);
long long t_patience_ms(long long ms);
bool t_overdue(long long start, long long ms);
void t_takes(int seconds);
void t_await_state(pid_t pid, char state);
void t_tick(void);
void t_sleep_ms(int ms);

#endif /* _TEST_H */
