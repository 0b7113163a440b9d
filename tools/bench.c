// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench: how fast is it here?
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mboxctl.h"

#define DEFAULT_COUNT	200000
#define DEFAULT_SIZE	64

/* A mailbox without a name: nothing stays, whatever ends us. */
static int open_nameless(const char *group)
{
	int fd = open(group, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600), ret;

	if (fd < 0)
		return -errno;
	ret = mbox_check(fd);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

static int prepare(int fd, size_t size)
{
	int ret = mbox_attr_set(fd, MBOX_MAX_MESSAGE_SIZE, size ?: 1);

	/* Room for some, so that two processes need not take turns. */
	if (ret == 0)
		ret = mbox_attr_set(fd, MBOX_MAX_MESSAGES, 1024);
	if (ret == 0)
		ret = mbox_attr_set(fd, MBOX_MAX_BYTES, 1024 * (size ?: 1));
	if (ret == 0)
		ret = mbox_attr_set(fd, MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_BLOCK);
	if (ret == 0)
		ret = mbox_attr_set(fd, MBOX_SEND_DELAY_MS, 0);
	if (ret == 0)
		ret = mbox_attr_set(fd, MBOX_TTL_MS, 0);
	return ret;
}

static int send_many(int fd, char *data, size_t size, uint64_t count)
{
	int ret = 0;

	while (count-- && ret == 0)
		ret = mbox_send(fd, data, size);
	return ret;
}

static int receive_many(int fd, char *data, size_t size, uint64_t count)
{
	ssize_t ret = 0;

	while (count-- && ret >= 0)
		ret = mbox_recv(fd, data, size);
	return ret < 0 ? ret : 0;
}

static int take_turns(int fd, char *data, size_t size, uint64_t count)
{
	int ret = 0;

	while (count-- && ret == 0) {
		ret = send_many(fd, data, size, 1);
		if (ret == 0)
			ret = receive_many(fd, data, size, 1);
	}
	return ret;
}

static int two_processes(int fd, char *data, size_t size, uint64_t count)
{
	pid_t child = fork();
	int ret, status;

	if (child < 0)
		return -errno;
	if (!child) {
		ret = send_many(fd, data, size, count);
		if (ret < 0)
			mbox_stop(fd);
		_exit(ret < 0);
	}
	ret = receive_many(fd, data, size, count);
	if (ret < 0)
		mbox_stop(fd);
	waitpid(child, &status, 0);
	return ret;
}

/* Time for each message, in ns, or a negative error number. */
static int64_t measure(int (*run)(int, char *, size_t, uint64_t), int fd,
		       char *data, size_t size, uint64_t count)
{
	int64_t start = now_ns(), took;
	int ret = run(fd, data, size, count);

	took = now_ns() - start;
	return ret < 0 ? ret : took > (int64_t)count ? took / count : 1;
}

static void show(const struct options *o, size_t size, uint64_t one,
		 uint64_t two)
{
	unsigned long long one_rate = NSEC_PER_SEC / one;
	unsigned long long two_rate = NSEC_PER_SEC / two;

	if (!o->json) {
		printf("%zu bytes: one process %llu/s, %llu ns each; ", size,
		       one_rate, (unsigned long long)one);
		printf("two processes %llu/s, %llu ns each\n", two_rate,
		       (unsigned long long)two);
		return;
	}
	json_begin();
	json_number("size", size);
	json_number("one_process_per_second", one_rate);
	json_number("one_process_ns", one);
	json_number("two_processes_per_second", two_rate);
	json_number("two_processes_ns", two);
	json_end();
}

int do_bench(const struct options *o, int argc, char **argv)
{
	const char *group = argc ? argv[0] : ".";
	size_t size = o->size == UINT64_MAX ? DEFAULT_SIZE : o->size;
	uint64_t count = o->count ?: DEFAULT_COUNT;
	int64_t one, two = 0;
	char *data;
	int fd;

	fd = open_nameless(group);
	if (fd < 0)
		return report(group, -1, fd, 0);
	data = need_memory(calloc(1, size ?: 1));
	one = prepare(fd, size);
	if (one >= 0)
		one = measure(take_turns, fd, data, size, count);
	if (one >= 0)
		two = measure(two_processes, fd, data, size, count);
	free(data);
	if (one >= 0 && two >= 0)
		show(o, size, one, two);
	else
		report(group, fd, one < 0 ? one : two, size);
	close(fd);
	return one < 0 || two < 0 ? STATUS_ERROR : STATUS_OK;
}
