// SPDX-License-Identifier: GPL-2.0-only
/* Ways to pass a message, each as a user would do it; see peers.h. */
#include <mqueue.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/mboxfs.h>

#include "bench.h"
#include "peers.h"

#define FLOOR_FILE	"/tmp/floor/copy"
#define SKB_OVERHEAD	768

static unsigned int opened;

static void close_channel(struct channel *channel)
{
	close(channel->out);
	if (channel->in != channel->out)
		close(channel->in);
}

static int send_write(struct channel *channel, struct packet *packet)
{
	return write(channel->out, packet->data, channel->size) ==
	       channel->size ? 0 : -1;
}

static int recv_read(struct channel *channel, struct packet *packet)
{
	return read(channel->in, packet->data, channel->size) ==
	       channel->size ? 0 : -1;
}

static void open_mailbox(struct channel *channel)
{
	char path[64], text[24];

	snprintf(path, sizeof(path), "%s/bench-%d-%u",
		 channel->mount ?: BENCH_MOUNT, getpid(), opened++);
	channel->out = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (channel->out < 0)
		err(1, "%s", path);
	snprintf(text, sizeof(text), "%ld", channel->depth);
	bench_limit(path, "max_messages", text);
	bench_limit(path, "max_bytes", "0");
	channel->in = channel->out;
}

static void close_mailbox(struct channel *channel)
{
	char link[32], path[64] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", channel->out);
	if (readlink(link, path, sizeof(path) - 1) < 0 || unlink(path))
		err(1, "cannot remove %s", path);
	close(channel->out);
}

/* The messages of a batch have their bodies one after the other. */
static int mailbox_batch(struct channel *channel, struct packet *packet,
			 unsigned long command)
{
	struct mboxfs_msg msgs[PEER_BATCH];
	struct mboxfs_batch batch = { .msgs = (uintptr_t)msgs,
				      .count = PEER_BATCH, .timeout_ns = -1 };
	int i;

	memset(msgs, 0, sizeof(msgs));
	for (i = 0; i < PEER_BATCH; i++) {
		msgs[i].data = (uintptr_t)packet->data + i * channel->size;
		msgs[i].len = channel->size;
	}
	return ioctl(channel->out, command, &batch) == PEER_BATCH ? 0 : -1;
}

static int send_mailbox_batch(struct channel *channel, struct packet *packet)
{
	return mailbox_batch(channel, packet, MBOXFS_IOC_SEND_BATCH);
}

static int recv_mailbox_batch(struct channel *channel, struct packet *packet)
{
	return mailbox_batch(channel, packet, MBOXFS_IOC_RECV_BATCH);
}

/* All of them in one buffer. */
static int mailbox_packed(struct channel *channel, void *buffer,
			  unsigned long command)
{
	size_t record = sizeof(struct mboxfs_record) + channel->size;
	struct mboxfs_packed packed = { .buf = (uintptr_t)buffer,
					.len = PEER_BATCH * record,
					.timeout_ns = -1 };

	return ioctl(channel->out, command, &packed) == PEER_BATCH ? 0 : -1;
}

static char packed_records[PEER_BATCH * (sizeof(struct mboxfs_record) + 8000)]
	__attribute__((aligned(8)));

static int send_mailbox_packed(struct channel *channel, struct packet *packet)
{
	size_t record = sizeof(struct mboxfs_record) + channel->size;
	struct mboxfs_record *r;
	int i;

	for (i = 0; i < PEER_BATCH; i++) {
		r = (struct mboxfs_record *)(packed_records + i * record);
		r->len = channel->size;
	}
	return mailbox_packed(channel, packed_records, MBOXFS_IOC_SEND_PACKED);
}

static int recv_mailbox_packed(struct channel *channel, struct packet *packet)
{
	return mailbox_packed(channel, packed_records, MBOXFS_IOC_RECV_PACKED);
}

static int send_ioctl(struct channel *channel, struct packet *packet)
{
	struct mboxfs_msg m = { .data = (uintptr_t)packet->data,
				.len = channel->size, .timeout_ns = -1 };

	return ioctl(channel->out, MBOXFS_IOC_SEND, &m);
}

static int recv_ioctl(struct channel *channel, struct packet *packet)
{
	struct mboxfs_msg m = { .data = (uintptr_t)packet->data,
				.len = channel->size, .timeout_ns = -1 };

	return ioctl(channel->in, MBOXFS_IOC_RECV, &m) ? -1 :
	       m.len == channel->size ? 0 : -1;
}

static int recv_lease(struct channel *channel, struct packet *packet)
{
	struct mboxfs_msg m = { .data = (uintptr_t)packet->data,
				.len = channel->size, .timeout_ns = -1,
				.flags = MBOXFS_LEASE };
	struct mboxfs_settle settle = { .seqs = (uintptr_t)&m.seq, .count = 1 };

	if (ioctl(channel->in, MBOXFS_IOC_RECV, &m) ||
	    m.len != channel->size)
		return -1;
	return ioctl(channel->in, MBOXFS_IOC_SETTLE, &settle) == 1 ? 0 : -1;
}

static void open_floor(struct channel *channel)
{
	channel->out = open(FLOOR_FILE, O_RDWR);
	if (channel->out < 0)
		err(1, FLOOR_FILE);
	channel->in = channel->out;
}

/* Each message has pages of its own, or shares them. */
static void open_any_pipe(struct channel *channel, int flags)
{
	long room = channel->depth * ((channel->size + 4095) & ~4095L);
	int fds[2];

	if (pipe2(fds, flags) || fcntl(fds[1], F_SETPIPE_SZ, room) < 0)
		err(1, "pipe");
	channel->in = fds[0];
	channel->out = fds[1];
}

static void open_pipe(struct channel *channel)
{
	open_any_pipe(channel, 0);
}

static void open_packet_pipe(struct channel *channel)
{
	open_any_pipe(channel, O_DIRECT);
}

static void open_mq(struct channel *channel)
{
	struct mq_attr attr = { .mq_maxmsg = channel->depth,
				.mq_msgsize = channel->size };
	char name[32];

	snprintf(name, sizeof(name), "/bench-%d-%u", getpid(), opened++);
	channel->out = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (channel->out < 0)
		err(1, "mq_open");
	mq_unlink(name);
	channel->in = channel->out;
}

static int send_mq(struct channel *channel, struct packet *packet)
{
	return mq_send(channel->out, packet->data, channel->size, 0);
}

static int recv_mq(struct channel *channel, struct packet *packet)
{
	return mq_receive(channel->in, packet->data, channel->size, NULL) ==
	       channel->size ? 0 : -1;
}

static void open_sysv(struct channel *channel)
{
	struct msqid_ds ds;

	channel->out = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	if (channel->out < 0 || msgctl(channel->out, IPC_STAT, &ds))
		err(1, "msgget");
	ds.msg_qbytes = channel->depth * channel->size;
	if (msgctl(channel->out, IPC_SET, &ds))
		err(1, "msgctl");
	channel->in = channel->out;
}

static void close_sysv(struct channel *channel)
{
	msgctl(channel->out, IPC_RMID, NULL);
}

static int send_sysv(struct channel *channel, struct packet *packet)
{
	packet->type = 1;
	return msgsnd(channel->out, packet, channel->size, 0);
}

static int recv_sysv(struct channel *channel, struct packet *packet)
{
	return msgrcv(channel->in, packet, channel->size, 0, 0) ==
	       channel->size ? 0 : -1;
}

static void open_socket(struct channel *channel, int type)
{
	int fds[2], room;

	/* The kernel doubles it, and counts what goes with a message. */
	room = channel->depth * (channel->size + SKB_OVERHEAD) / 2;
	if (socketpair(AF_UNIX, type, 0, fds) ||
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &room,
		       sizeof(room)))
		err(1, "socketpair");
	channel->out = fds[0];
	channel->in = fds[1];
}

static void open_seqpacket(struct channel *channel)
{
	open_socket(channel, SOCK_SEQPACKET);
}

static void open_datagram(struct channel *channel)
{
	open_socket(channel, SOCK_DGRAM);
}

static int send_socket(struct channel *channel, struct packet *packet)
{
	return send(channel->out, packet->data, channel->size, 0) ==
	       channel->size ? 0 : -1;
}

static int recv_socket(struct channel *channel, struct packet *packet)
{
	return recv(channel->in, packet->data, channel->size, 0) ==
	       channel->size ? 0 : -1;
}

static void fill_headers(struct channel *channel, struct packet *packet,
			 struct mmsghdr *headers, struct iovec *bodies)
{
	int i;

	memset(headers, 0, PEER_BATCH * sizeof(*headers));
	for (i = 0; i < PEER_BATCH; i++) {
		bodies[i].iov_base = packet->data + i * channel->size;
		bodies[i].iov_len = channel->size;
		headers[i].msg_hdr.msg_iov = &bodies[i];
		headers[i].msg_hdr.msg_iovlen = 1;
	}
}

static int send_socket_batch(struct channel *channel, struct packet *packet)
{
	struct mmsghdr headers[PEER_BATCH];
	struct iovec bodies[PEER_BATCH];

	fill_headers(channel, packet, headers, bodies);
	return sendmmsg(channel->out, headers, PEER_BATCH, 0) ==
	       PEER_BATCH ? 0 : -1;
}

static int recv_socket_batch(struct channel *channel, struct packet *packet)
{
	struct mmsghdr headers[PEER_BATCH];
	struct iovec bodies[PEER_BATCH];

	fill_headers(channel, packet, headers, bodies);
	return recvmmsg(channel->in, headers, PEER_BATCH, MSG_WAITFORONE,
			NULL) == PEER_BATCH ? 0 : -1;
}

const struct peer peers[] = {
	{ "mboxfs", PEER_SIZE, open_mailbox, close_mailbox, send_write,
	  recv_read, send_mailbox_batch, recv_mailbox_batch },
	{ "ioctl", PEER_SIZE, open_mailbox, close_mailbox, send_ioctl,
	  recv_ioctl },
	{ "lease", PEER_SIZE, open_mailbox, close_mailbox, send_ioctl,
	  recv_lease },
	{ "packed", 8000, open_mailbox, close_mailbox, NULL, NULL,
	  send_mailbox_packed, recv_mailbox_packed },
	{ "floor", PEER_SIZE, open_floor, close_channel, send_write,
	  recv_read },
	{ "pipe", PEER_SIZE, open_pipe, close_channel, send_write,
	  recv_read },
	{ "packet", 4096, open_packet_pipe, close_channel, send_write,
	  recv_read },
	{ "mq", PEER_SIZE, open_mq, close_channel, send_mq, recv_mq },
	{ "sysv", PEER_SIZE, open_sysv, close_sysv, send_sysv, recv_sysv },
	{ "seqpacket", PEER_SIZE, open_seqpacket, close_channel, send_socket,
	  recv_socket, send_socket_batch, recv_socket_batch },
	{ "datagram", PEER_SIZE, open_datagram, close_channel, send_socket,
	  recv_socket, send_socket_batch, recv_socket_batch },
};

const unsigned int peer_count = ARRAY_SIZE(peers);

const struct peer *peer_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < peer_count; i++)
		if (!strcmp(peers[i].name, name))
			return &peers[i];
	errx(2, "no peer is called %s", name);
}

/* Nobody is to be slow, or left out, for want of room. */
void peers_raise_limits(void)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	bench_tune("/proc/sys/fs/mqueue/msg_max", "65536");
	bench_tune("/proc/sys/fs/mqueue/msgsize_max", "65536");
	bench_tune("/proc/sys/kernel/msgmax", "65536");
	bench_tune("/proc/sys/net/unix/max_dgram_qlen", "65536");
	if (setrlimit(RLIMIT_MSGQUEUE, &none))
		err(1, "RLIMIT_MSGQUEUE");
}
