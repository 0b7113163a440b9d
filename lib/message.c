// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sending and receiving.
 *
 * All goes through the ioctls, not through read and write: they fail on what
 * is no mailbox, and know empty messages.
 */
#include <string.h>

#include "internal.h"

void mbox_msg_init(struct mboxfs_msg *m)
{
	memset(m, 0, sizeof(*m));
	m->timeout_ns = MBOX_FOREVER;
}

/* What is too long for @len is too long for any mailbox, and room enough. */
void mbox_msg_data(struct mboxfs_msg *m, const void *data, size_t len)
{
	m->data = (uintptr_t)data;
	m->len = len > UINT32_MAX ? UINT32_MAX : len;
}

/* Send a copy of @m, which stays as it is. */
static int mbox_do_send(int fd, unsigned long cmd, const void *data, size_t len,
			const struct mboxfs_msg *m)
{
	struct mboxfs_msg copy;

	if (m)
		copy = *m;
	else
		mbox_msg_init(&copy);
	mbox_msg_data(&copy, data, len);
	return mbox_ioctl(fd, cmd, &copy);
}

int mbox_send_msg(int fd, const void *data, size_t len,
		  const struct mboxfs_msg *m)
{
	return mbox_do_send(fd, MBOXFS_IOC_SEND, data, len, m);
}

int mbox_send(int fd, const void *data, size_t len)
{
	return mbox_send_msg(fd, data, len, NULL);
}

int mbox_broadcast(int group, const void *data, size_t len,
		   const struct mboxfs_msg *m)
{
	return mbox_do_send(group, MBOXFS_IOC_BROADCAST, data, len, m);
}

ssize_t mbox_recv_msg(int fd, void *buf, size_t size, struct mboxfs_msg *m)
{
	struct mboxfs_msg own;
	int ret;

	if (!m) {
		m = &own;
		mbox_msg_init(m);
	}
	mbox_msg_data(m, buf, size);
	ret = mbox_ioctl(fd, MBOXFS_IOC_RECV, m);
	if (ret < 0)
		return ret;
	return m->len < size ? m->len : size;
}

ssize_t mbox_recv(int fd, void *buf, size_t size)
{
	return mbox_recv_msg(fd, buf, size, NULL);
}

ssize_t mbox_peek(int fd, void *buf, size_t size)
{
	struct mboxfs_msg m = { .flags = MBOXFS_PEEK };

	return mbox_recv_msg(fd, buf, size, &m);
}

static int mbox_batch(int fd, unsigned long cmd, const struct mboxfs_msg *msgs,
		      unsigned int count, int64_t timeout_ns)
{
	struct mboxfs_batch batch = {
		.msgs = (uintptr_t)msgs,
		.count = count,
		.timeout_ns = timeout_ns,
		.size = sizeof(*msgs),
	};

	return mbox_ioctl(fd, cmd, &batch);
}

int mbox_send_packed(int fd, const void *buf, size_t len, unsigned int count,
		     int64_t timeout_ns)
{
	struct mboxfs_packed packed = {
		.buf = (uintptr_t)buf,
		.len = len,
		.count = count,
		.timeout_ns = timeout_ns,
	};

	if (len > UINT32_MAX)
		return -EINVAL;
	return mbox_ioctl(fd, MBOXFS_IOC_SEND_PACKED, &packed);
}

int mbox_recv_packed(int fd, void *buf, size_t *len, unsigned int count,
		     int64_t timeout_ns)
{
	struct mboxfs_packed packed = {
		.buf = (uintptr_t)buf,
		.len = *len < UINT32_MAX ? *len : UINT32_MAX,
		.count = count,
		.timeout_ns = timeout_ns,
	};
	int ret = mbox_ioctl(fd, MBOXFS_IOC_RECV_PACKED, &packed);

	if (ret > 0 || ret == -EMSGSIZE)
		*len = packed.len;
	return ret;
}

int mbox_send_batch(int fd, const struct mboxfs_msg *msgs, unsigned int count,
		    int64_t timeout_ns)
{
	return mbox_batch(fd, MBOXFS_IOC_SEND_BATCH, msgs, count, timeout_ns);
}

int mbox_recv_batch(int fd, struct mboxfs_msg *msgs, unsigned int count,
		    int64_t timeout_ns)
{
	return mbox_batch(fd, MBOXFS_IOC_RECV_BATCH, msgs, count, timeout_ns);
}

ssize_t mbox_lease(int fd, void *buf, size_t size, struct mboxfs_msg *m)
{
	if (!m)
		return -EFAULT;
	m->flags |= MBOXFS_LEASE;
	return mbox_recv_msg(fd, buf, size, m);
}

static int mbox_numbers(int fd, unsigned long cmd, const __u64 *numbers,
			unsigned int count, int how, int64_t delay_ns)
{
	struct mboxfs_settle settle = {
		.seqs = (uintptr_t)numbers,
		.count = count,
		.how = how,
		.delay_ns = delay_ns > 0 ? delay_ns : 0,
	};

	return mbox_ioctl(fd, cmd, &settle);
}

int mbox_settle(int fd, const __u64 *seqs, unsigned int count, int how,
		int64_t delay_ns)
{
	return mbox_numbers(fd, MBOXFS_IOC_SETTLE, seqs, count, how, delay_ns);
}

int mbox_cancel(int fd, const __u64 *numbers, unsigned int count, int how)
{
	return mbox_numbers(fd, MBOXFS_IOC_CANCEL, numbers, count, how, 0);
}

void mbox_look_init(struct mbox_look *look, uint32_t what)
{
	memset(look, 0, sizeof(*look));
	look->what = what;
}

int mbox_look(int fd, struct mbox_look *look, struct mboxfs_msg *msgs,
	      unsigned int count)
{
	struct mboxfs_look arg = {
		.msgs = (uintptr_t)msgs,
		.count = count,
		.what = look->what,
		.cursor = { look->cursor[0], look->cursor[1] },
	};
	int ret = mbox_ioctl(fd, MBOXFS_IOC_LOOK, &arg);

	if (ret >= 0)
		memcpy(look->cursor, arg.cursor, sizeof(look->cursor));
	return ret;
}
