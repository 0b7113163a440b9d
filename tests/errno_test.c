// SPDX-License-Identifier: GPL-2.0-only
/*
 * The errors of the manual, one line each: as root and as somebody else, and
 * (built with -m32 as errno32_test) by 32-bit callers.
 */
#include "test.h"

#include <sys/uio.h>

enum call {
	SEND, RECV, SEND_BATCH, RECV_BATCH, STAT, REVOKE, STOP, START, PURGE,
	BIND, SLEEP, AWAKE, MEET, BROADCAST, SEND_PACKED, RECV_PACKED,
	SETTLE, KICK, LOOK, CANCEL,
	WRITE, READ, TRUNCATE, FSYNC, UNKNOWN,
};

static const unsigned int commands[] = {
	[SEND] = MBOXFS_IOC_SEND, [RECV] = MBOXFS_IOC_RECV,
	[SEND_BATCH] = MBOXFS_IOC_SEND_BATCH,
	[RECV_BATCH] = MBOXFS_IOC_RECV_BATCH, [STAT] = MBOXFS_IOC_STAT,
	[REVOKE] = MBOXFS_IOC_REVOKE, [STOP] = MBOXFS_IOC_STOP,
	[START] = MBOXFS_IOC_START, [PURGE] = MBOXFS_IOC_PURGE,
	[BIND] = MBOXFS_IOC_BIND, [SLEEP] = MBOXFS_IOC_BARRIER_SLEEP,
	[AWAKE] = MBOXFS_IOC_BARRIER_AWAKE, [MEET] = MBOXFS_IOC_BARRIER_WAIT,
	[SEND_PACKED] = MBOXFS_IOC_SEND_PACKED,
	[RECV_PACKED] = MBOXFS_IOC_RECV_PACKED,
	[SETTLE] = MBOXFS_IOC_SETTLE, [KICK] = MBOXFS_IOC_KICK,
	[LOOK] = MBOXFS_IOC_LOOK, [CANCEL] = MBOXFS_IOC_CANCEL,
	[BROADCAST] = MBOXFS_IOC_BROADCAST, [UNKNOWN] = _IO(0xBD, 99),
};

/* What the mailbox is like before the call. */
#define STOPPED		0x01
#define FULL		0x02	/* one message, and no room for another one */
#define UNLINKED	0x04
#define READ_ONLY	0x08	/* opened so */
#define WRITE_ONLY	0x10
#define BLOCKING	0x20	/* not O_NONBLOCK, but with a timeout of 1 ms */
#define REFUSE		0x40	/* short_read=refuse */
#define BAD_STRUCT	0x80	/* a bad pointer to the structure */
#define BAD_DATA	0x100	/* a bad pointer to the bytes */
#define FAIL		0x200	/* when_full=fail */
#define BOUND		0x400	/* bound already */
#define ROOTS		0x800	/* owned by root, open to all */
#define GROUP		0x1000	/* a group, with one mailbox in it */
#define LOCKED		0x2000	/* for its owner alone since it was opened */
#define LONGER		0x4000	/* a longer structure, that says something more */
#define LONG_ZERO	0x8000	/* a longer structure, that says no more */
#define SHORTER		0x10000	/* without what is reserved */
#define LEASED		0x20000	/* the message is on lease */

static const struct {
	enum call call;
	unsigned int state, flags, len;
	unsigned int priority, reserved;
	int pid;
	int root, user; /* expected errors, 0 for none */
} table[] = {
	{ SEND, 0, 0, 5 },
	{ SEND, READ_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ SEND, BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ SEND, BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ SEND, BAD_DATA, 0, 0 },
	{ SEND, 0, 0, 65537, .root = EMSGSIZE, .user = EMSGSIZE },
	{ SEND, 0, 0, UINT32_MAX, .root = EMSGSIZE, .user = EMSGSIZE },
	{ SEND, 0, 128, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, 0x80000000, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, MBOXFS_PEEK, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, MBOXFS_FROM, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, MBOXFS_TAGGED, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, MBOXFS_TRUNC, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, MBOXFS_SYNC | MBOXFS_DELAY, 5, .root = EINVAL,
	  .user = EINVAL },
	{ SEND, 0, MBOXFS_DELAY, 5 },
	{ SEND, 0, MBOXFS_SEQ, 5 },
	{ SEND, 0, MBOXFS_ONCE, 5, .root = EEXIST, .user = EEXIST },
	{ SEND, 0, MBOXFS_RESTORE, 5 },
	{ SEND, ROOTS, MBOXFS_RESTORE, 5, .user = EPERM },
	{ SEND, 0, MBOXFS_RESTORE | MBOXFS_SYNC, 5, .root = EINVAL,
	  .user = EINVAL },
	{ SEND, 0, MBOXFS_RESTORE | MBOXFS_IS_DEAD, 5 },
	{ SEND, 0, MBOXFS_IS_DEAD, 5, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, 0, 5, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ SEND, 0, 0, 5, .priority = 32767 },
	{ SEND, 0, 0, 5, .priority = 32768, .root = EINVAL, .user = EINVAL },
	{ SEND, FULL, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ SEND, FULL | BLOCKING, 0, 5, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ SEND, FULL | BLOCKING, MBOXFS_NONBLOCK, 5, .root = EAGAIN,
	  .user = EAGAIN },
	{ SEND, FULL | FAIL, 0, 5, .root = ENOSPC, .user = ENOSPC },
	{ SEND, 0, MBOXFS_SYNC, 5, .root = EAGAIN, .user = EAGAIN },
	{ SEND, BLOCKING, MBOXFS_SYNC, 5, .root = ETIMEDOUT,
	  .user = ETIMEDOUT },
	{ SEND, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SEND, UNLINKED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SEND, LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ SEND, LONG_ZERO, 0, 5 },
	{ SEND, SHORTER, 0, 5 },
	{ SEND, SHORTER, 0, 5, .reserved = 1 },
	{ RECV, FULL, 0, 5 },
	{ RECV, FULL | LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ RECV, FULL | LONG_ZERO, 0, 5 },
	{ RECV, FULL | SHORTER, 0, 5 },
	{ RECV, FULL, MBOXFS_PEEK, 5 },
	{ RECV, FULL, MBOXFS_TRUNC, 5 },
	{ RECV, FULL | WRITE_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ RECV, FULL | WRITE_ONLY, MBOXFS_PEEK, 5, .root = EBADF,
	  .user = EBADF },
	{ RECV, FULL | BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ RECV, FULL | BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ RECV, FULL, 0, 4, .root = EMSGSIZE, .user = EMSGSIZE },
	{ RECV, FULL | BAD_DATA, 0, 0, .root = EMSGSIZE, .user = EMSGSIZE },
	{ RECV, FULL, MBOXFS_SYNC, 5, .root = EINVAL, .user = EINVAL },
	{ RECV, FULL, MBOXFS_DELAY, 5, .root = EINVAL, .user = EINVAL },
	{ RECV, FULL, 512, 5, .root = EINVAL, .user = EINVAL },
	{ RECV, FULL, MBOXFS_LEASE, 5 },
	{ RECV, FULL, MBOXFS_LEASE | MBOXFS_PEEK, 5, .root = EINVAL,
	  .user = EINVAL },
	{ RECV, FULL, MBOXFS_DEAD, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV, BLOCKING, MBOXFS_DEAD, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV, FULL, 0, 5, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ RECV, FULL, MBOXFS_FROM, 5, .pid = -1, .root = EINVAL,
	  .user = EINVAL },
	{ RECV, FULL, MBOXFS_FROM, 5, .pid = 1, .root = EAGAIN,
	  .user = EAGAIN },
	{ RECV, FULL, MBOXFS_TAGGED, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV, FULL | REFUSE, 0, 2, .root = EMSGSIZE, .user = EMSGSIZE },
	{ RECV, 0, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV, BLOCKING, 0, 5, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ RECV, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ RECV, STOPPED | FULL, 0, 5 },
	{ RECV, UNLINKED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SEND_BATCH, 0, 0, 5 },
	{ SEND_BATCH, READ_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ SEND_BATCH, BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ SEND_BATCH, 0, MBOXFS_SYNC, 5, .root = EINVAL, .user = EINVAL },
	{ SEND_BATCH, 0, MBOXFS_NONBLOCK, 5, .root = EINVAL, .user = EINVAL },
	{ SEND_BATCH, LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ SEND_BATCH, LONG_ZERO, 0, 5 },
	{ SEND_BATCH, SHORTER, 0, 5 },
	{ SEND_BATCH, 0, 0, 5, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ SEND_BATCH, FULL, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ SEND_BATCH, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ RECV_BATCH, FULL, 0, 5 },
	{ RECV_BATCH, WRITE_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ RECV_BATCH, BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ RECV_BATCH, FULL, MBOXFS_PEEK, 5, .root = EINVAL, .user = EINVAL },
	{ RECV_BATCH, FULL | LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ RECV_BATCH, FULL | SHORTER, 0, 5 },
	{ RECV_BATCH, FULL, 0, 5, .reserved = 1, .root = EINVAL,
	  .user = EINVAL },
	{ RECV_BATCH, 0, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV_BATCH, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SEND_PACKED, 0, 0, 5 },
	{ SEND_PACKED, READ_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ SEND_PACKED, BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ SEND_PACKED, BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ SEND_PACKED, 0, MBOXFS_SYNC, 5, .root = EINVAL, .user = EINVAL },
	{ SEND_PACKED, 0, 0, 5, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ SEND_PACKED, LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ SEND_PACKED, LONG_ZERO, 0, 5 },
	{ SEND_PACKED, FULL, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ SEND_PACKED, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ RECV_PACKED, FULL, 0, 5 },
	{ RECV_PACKED, WRITE_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ RECV_PACKED, BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ RECV_PACKED, FULL | BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ RECV_PACKED, FULL, MBOXFS_FROM, 5, .root = EINVAL, .user = EINVAL },
	{ RECV_PACKED, FULL, 0, 2, .root = EMSGSIZE, .user = EMSGSIZE },
	{ RECV_PACKED, 0, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ RECV_PACKED, BLOCKING, 0, 5, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ RECV_PACKED, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SETTLE, FULL | LEASED, MBOXFS_ACK, 1 },
	{ SETTLE, FULL | LEASED | READ_ONLY, MBOXFS_TOUCH, 1 },
	{ SETTLE, FULL | LEASED | STOPPED, MBOXFS_RETURN, 1 },
	{ SETTLE, FULL | LEASED | UNLINKED, MBOXFS_BURY, 1 },
	{ SETTLE, FULL, MBOXFS_ACK, 1, .root = ENOENT, .user = ENOENT },
	{ SETTLE, FULL | LEASED, 0, 0, .root = ENOENT, .user = ENOENT },
	{ SETTLE, FULL | WRITE_ONLY, 0, 1, .root = EBADF, .user = EBADF },
	{ SETTLE, FULL | LEASED, 4, 1, .root = EINVAL, .user = EINVAL },
	{ SETTLE, FULL | LEASED, 0, 1, .reserved = 1, .root = EINVAL,
	  .user = EINVAL },
	{ SETTLE, BAD_STRUCT, 0, 1, .root = EFAULT, .user = EFAULT },
	{ SETTLE, FULL | LEASED | BAD_DATA, 0, 1, .root = EFAULT,
	  .user = EFAULT },
	{ SETTLE, FULL | LEASED | LONGER, 0, 1, .root = E2BIG, .user = E2BIG },
	{ SETTLE, FULL | LEASED | LONG_ZERO, 0, 1 },
	{ SETTLE, FULL | LEASED | SHORTER, 0, 1 },
	{ SETTLE, GROUP, 0, 1, .root = ENOTTY, .user = ENOTTY },
	{ KICK },
	{ KICK, READ_ONLY },
	{ KICK, ROOTS, .user = EPERM },
	{ KICK, LONGER, .root = E2BIG, .user = E2BIG },
	{ KICK, GROUP, .root = ENOTTY, .user = ENOTTY },
	{ LOOK, FULL, MBOXFS_LOOK_READABLE, 1 },
	{ LOOK, FULL | LEASED | READ_ONLY, MBOXFS_LOOK_LEASED, 1 },
	{ LOOK, 0, 15, 1 },
	{ LOOK, STOPPED, 15, 1 },
	{ LOOK, FULL | WRITE_ONLY, 15, 1, .root = EBADF, .user = EBADF },
	{ LOOK, FULL, 31, 1, .root = EINVAL, .user = EINVAL },
	{ LOOK, FULL, 15, 1, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ LOOK, BAD_STRUCT, 15, 1, .root = EFAULT, .user = EFAULT },
	{ LOOK, FULL | BAD_DATA, 15, 1, .root = EFAULT, .user = EFAULT },
	{ LOOK, FULL | LONGER, 15, 1, .root = E2BIG, .user = E2BIG },
	{ LOOK, FULL | LONG_ZERO, 15, 1 },
	{ LOOK, FULL | SHORTER, 15, 1 },
	{ LOOK, GROUP, 15, 1, .root = ENOTTY, .user = ENOTTY },
	{ CANCEL, FULL, MBOXFS_BY_SEQ, 1 },
	{ CANCEL, FULL | WRITE_ONLY, MBOXFS_BY_SEQ, 1 },
	{ CANCEL, FULL, MBOXFS_BY_TAG, 1, .root = ENOENT, .user = ENOENT },
	{ CANCEL, FULL | LEASED, MBOXFS_BY_SEQ, 1, .root = ENOENT,
	  .user = ENOENT },
	{ CANCEL, ROOTS, MBOXFS_BY_SEQ, 1, .root = ENOENT, .user = ENOENT },
	{ CANCEL, FULL | READ_ONLY, 0, 1, .root = EBADF, .user = EBADF },
	{ CANCEL, FULL, 2, 1, .root = EINVAL, .user = EINVAL },
	{ CANCEL, FULL, 0, 1, .reserved = 1, .root = EINVAL, .user = EINVAL },
	{ CANCEL, BAD_STRUCT, 0, 1, .root = EFAULT, .user = EFAULT },
	{ CANCEL, FULL | BAD_DATA, 0, 1, .root = EFAULT, .user = EFAULT },
	{ CANCEL, FULL | LONGER, 0, 1, .root = E2BIG, .user = E2BIG },
	{ CANCEL, FULL | SHORTER, 0, 1 },
	{ CANCEL, GROUP, 0, 1, .root = ENOTTY, .user = ENOTTY },
	{ SEND, 0, MBOXFS_SEQ, 5 },
	{ SEND, 0, MBOXFS_ONCE, 5, .root = EEXIST, .user = EEXIST },
	{ SEND, 0, MBOXFS_RESTORE, 5 },
	{ SEND, ROOTS, MBOXFS_RESTORE, 5, .user = EPERM },
	{ SEND, 0, MBOXFS_RESTORE | MBOXFS_SYNC, 5, .root = EINVAL,
	  .user = EINVAL },
	{ SEND, FULL | BLOCKING, MBOXFS_RESTORE, 5, .root = EAGAIN,
	  .user = EAGAIN },
	{ STAT },
	{ STAT, READ_ONLY },
	{ STAT, WRITE_ONLY },
	{ STAT, ROOTS },
	{ STAT, BAD_STRUCT, .root = EFAULT, .user = EFAULT },
	{ STAT, LONGER },
	{ STAT, SHORTER },
	{ REVOKE },
	{ REVOKE, LONGER, .root = E2BIG, .user = E2BIG },
	{ REVOKE, LONG_ZERO },
	{ REVOKE, ROOTS },
	{ REVOKE, READ_ONLY, .root = EBADF, .user = EBADF },
	{ STOP },
	{ STOP, READ_ONLY },
	{ STOP, LONGER, .root = E2BIG, .user = E2BIG },
	{ STOP, ROOTS, .user = EPERM },
	{ STOP, STOPPED },
	{ STOP, UNLINKED, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ START },
	{ START, ROOTS, .user = EPERM },
	{ START, UNLINKED, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ PURGE },
	{ PURGE, ROOTS | FULL, .user = EPERM },
	{ BIND },
	{ BIND, ROOTS, .user = EPERM },
	{ BIND, BOUND, .root = EBUSY, .user = EBUSY },
	{ BIND, UNLINKED, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SLEEP, 0, .root = EAGAIN, .user = EAGAIN },
	{ SLEEP, BLOCKING, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ SLEEP, BLOCKING, MBOXFS_NONBLOCK, .root = EAGAIN, .user = EAGAIN },
	{ SLEEP, WRITE_ONLY, .root = EBADF, .user = EBADF },
	{ SLEEP, BAD_STRUCT, .root = EFAULT, .user = EFAULT },
	{ SLEEP, 0, MBOXFS_PEEK, .root = EINVAL, .user = EINVAL },
	{ SLEEP, LONGER, .root = E2BIG, .user = E2BIG },
	{ SLEEP, SHORTER, .root = EAGAIN, .user = EAGAIN },
	{ SLEEP, GROUP | LONGER, .root = E2BIG, .user = E2BIG },
	{ SLEEP, UNLINKED, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ SLEEP, GROUP, .root = EAGAIN, .user = EAGAIN },
	{ SLEEP, GROUP | BLOCKING, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ SLEEP, GROUP | LOCKED, .root = EAGAIN, .user = EACCES },
	{ SLEEP, GROUP | BAD_STRUCT, .root = EFAULT, .user = EFAULT },
	{ SLEEP, GROUP | UNLINKED, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ AWAKE },
	{ AWAKE, READ_ONLY, .root = EBADF, .user = EBADF },
	{ AWAKE, GROUP },
	{ AWAKE, GROUP | LOCKED, .user = EACCES },
	{ MEET, 0, 0, 1 },
	{ MEET, 0, 0, 0, .root = EINVAL, .user = EINVAL },
	{ MEET, 0, 0, 2, .root = EAGAIN, .user = EAGAIN },
	{ MEET, BLOCKING, 0, 2, .root = ETIMEDOUT, .user = ETIMEDOUT },
	{ MEET, 0, 2, 1, .root = EINVAL, .user = EINVAL },
	{ MEET, WRITE_ONLY, 0, 1, .root = EBADF, .user = EBADF },
	{ MEET, UNLINKED, 0, 1, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ MEET, GROUP, 0, 1 },
	{ MEET, GROUP | LOCKED, 0, 1, .user = EACCES },
	{ BROADCAST, 0, 0, 5, .root = ENOTTY, .user = ENOTTY },
	{ BROADCAST, GROUP, 0, 5 },
	{ BROADCAST, GROUP | LOCKED, 0, 5, .user = EACCES },
	{ BROADCAST, GROUP | BAD_STRUCT, 0, 5, .root = EFAULT, .user = EFAULT },
	{ BROADCAST, GROUP | BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ BROADCAST, GROUP | LONGER, 0, 5, .root = E2BIG, .user = E2BIG },
	{ BROADCAST, GROUP | SHORTER, 0, 5 },
	{ BROADCAST, GROUP, MBOXFS_SYNC, 5, .root = EINVAL, .user = EINVAL },
	{ BROADCAST, GROUP, 0, 5, .priority = 32768, .root = EINVAL,
	  .user = EINVAL },
	{ BROADCAST, GROUP, 0, (64 << 20) + 1, .root = EMSGSIZE,
	  .user = EMSGSIZE },
	{ SEND, GROUP, 0, 5, .root = ENOTTY, .user = ENOTTY },
	{ RECV, GROUP, 0, 5, .root = ENOTTY, .user = ENOTTY },
	{ STAT, GROUP, .root = ENOTTY, .user = ENOTTY },
	{ REVOKE, GROUP },
	{ REVOKE, GROUP | LONGER, .root = E2BIG, .user = E2BIG },
	{ AWAKE, GROUP | LONGER, .root = E2BIG, .user = E2BIG },
	{ STOP, GROUP },
	{ STOP, GROUP | LONGER, .root = E2BIG, .user = E2BIG },
	{ START, GROUP },
	{ STOP, GROUP | LOCKED },
	{ PURGE, GROUP, .root = ENOTTY, .user = ENOTTY },
	{ BIND, GROUP, .root = ENOTTY, .user = ENOTTY },
	{ READ, GROUP, 0, 5, .root = EISDIR, .user = EISDIR },
	{ TRUNCATE, GROUP, 0, 0, .root = EINVAL, .user = EINVAL },
	{ FSYNC, GROUP },
	{ UNKNOWN, GROUP, .root = ENOTTY, .user = ENOTTY },
	{ WRITE, 0, 0, 5 },
	{ WRITE, READ_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ WRITE, BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ WRITE, 0, 0, 65537, .root = EMSGSIZE, .user = EMSGSIZE },
	{ WRITE, FULL, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ WRITE, FULL | FAIL, 0, 5, .root = ENOSPC, .user = ENOSPC },
	{ WRITE, STOPPED, 0, 5, .root = ESHUTDOWN, .user = ESHUTDOWN },
	{ READ, FULL, 0, 5 },
	{ READ, WRITE_ONLY, 0, 5, .root = EBADF, .user = EBADF },
	{ READ, FULL | BAD_DATA, 0, 5, .root = EFAULT, .user = EFAULT },
	{ READ, FULL | REFUSE, 0, 2, .root = EMSGSIZE, .user = EMSGSIZE },
	{ READ, 0, 0, 5, .root = EAGAIN, .user = EAGAIN },
	{ READ, STOPPED, 0, 5 },
	{ TRUNCATE, 0, 0, 0 },
	{ TRUNCATE, 0, 0, 1, .root = EINVAL, .user = EINVAL },
	{ TRUNCATE, ROOTS, 0, 0, .user = EPERM },
	{ TRUNCATE, READ_ONLY, 0, 0, .root = EINVAL, .user = EINVAL },
	{ FSYNC },
	{ FSYNC, ROOTS | READ_ONLY },
	{ UNKNOWN, .root = ENOTTY, .user = ENOTTY },
};

static int prepare(unsigned int state)
{
	int flags = state & READ_ONLY ? O_RDONLY :
		    state & WRITE_ONLY ? O_WRONLY : O_RDWR;
	int fd = t_open("mine", O_RDWR), second;

	if (state & FULL) {
		t_set("mine", "max_messages", "1");
		t_send(fd, "12345");
	}
	if (state & REFUSE)
		t_set("mine", "short_read", "refuse");
	if (state & FAIL)
		t_set("mine", "when_full", "fail");
	if (state & STOPPED)
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_STOP), 0);
	if (state & BOUND) {
		CHECK_EQ(ioctl(fd, MBOXFS_IOC_BIND), 0);
		CHECK(dup(fd) >= 0);
	}
	second = open("mine", flags);
	CHECK(second >= 0);
	if (state & LEASED)
		t_lease(second, "12345");
	if (!(state & BLOCKING))
		CHECK_EQ(fcntl(second, F_SETFL, O_NONBLOCK), 0);
	if (state & UNLINKED)
		CHECK_EQ(unlink("mine"), 0);
	close(fd);
	return second;
}

static int lock[2], locked[2];

/* Root's: opens a group to all, or locks it, whenever it is told so. */
static void lock_and_unlock(void)
{
	char c;

	CHECK_EQ(mkdir("locked", 0777), 0);
	while (read(lock[0], &c, 1) == 1) {
		CHECK_EQ(chmod("locked", c == 'x' ? 0700 : 0777), 0);
		CHECK_EQ(write(locked[1], "x", 1), 1);
	}
	_exit(0);
}

/* The group is root's if it is to be locked. */
static int prepare_group(unsigned int state, uid_t uid)
{
	int fd;

	CHECK_EQ(mkdir("mine", 0777), 0);
	fd = open("mine", O_RDONLY | (state & BLOCKING ? 0 : O_NONBLOCK));
	CHECK(fd >= 0);
	if (state & UNLINKED)
		CHECK_EQ(rmdir("mine"), 0);
	else
		close(t_open("mine/q", O_RDWR));
	if (state & LOCKED && uid) {
		close(fd);
		fd = open("locked", O_RDONLY | O_NONBLOCK);
		CHECK(fd >= 0);
		CHECK_EQ(write(lock[1], "x", 1), 1);
		CHECK_EQ(read(locked[0], &(char){ 0 }, 1), 1);
	}
	return fd;
}

/* The command of a program whose structure is longer, or shorter. */
static unsigned int command_of(int i)
{
	unsigned int cmd = commands[table[i].call], size = _IOC_SIZE(cmd);

	if (table[i].state & (LONGER | LONG_ZERO))
		size += 16;
	else if (table[i].state & SHORTER)
		size -= size < 32 ? 8 : 16;
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

/* Its structure, with something behind it. */
static void *argument_of(int i, const void *arg)
{
	static char longer[512];
	unsigned int size = _IOC_SIZE(commands[table[i].call]);

	memset(longer, 0, sizeof(longer));
	memcpy(longer, arg, size);
	if (table[i].state & LONGER)
		longer[size + 15] = 1;
	return longer;
}

static long long call(int i, int fd)
{
	static char data[70000] __attribute__((aligned(8)));
	static struct mboxfs_stat stat;
	void *bytes = table[i].state & BAD_DATA ? (void *)8 : data;
	struct mboxfs_msg m = t_msg(bytes, table[i].len, table[i].flags);
	struct mboxfs_batch b = { .msgs = (uintptr_t)&m, .count = 1,
				  .timeout_ns = 1000000,
				  .reserved32 = table[i].reserved };
	struct mboxfs_packed packed = { .buf = (uintptr_t)bytes,
					.len = 16 + table[i].len,
					.flags = table[i].flags,
					.timeout_ns = 1000000,
					.reserved = { 0, table[i].reserved } };
	struct mboxfs_barrier barrier = { .parties = table[i].len,
					  .flags = table[i].flags,
					  .timeout_ns = 1000000 };
	static uint64_t seqs[1];
	struct mboxfs_settle settle = {
		.seqs = table[i].state & BAD_DATA ? 8 : (uintptr_t)seqs,
		.count = table[i].len,
		.how = table[i].flags,
		.reserved = { table[i].reserved },
	};
	struct mboxfs_msg seen = t_msg(data, sizeof(data), 0);
	struct mboxfs_look look = {
		.msgs = table[i].state & BAD_DATA ? 8 : (uintptr_t)&seen,
		.count = table[i].len,
		.what = table[i].flags,
		.reserved = { table[i].reserved },
	};
	void *arg = &m;

	seqs[0] = 1;
	m.priority = table[i].priority;
	m.reserved[1] = table[i].reserved;
	m.pid = table[i].pid;
	m.tag = table[i].flags & MBOXFS_TAGGED ? 5 : 0;
	m.timeout_ns = 1000000;
	switch (table[i].call) {
	case WRITE:
		return write(fd, bytes, table[i].len);
	case READ:
		return read(fd, bytes, table[i].len);
	case TRUNCATE:
		return ftruncate(fd, table[i].len);
	case FSYNC:
		return fsync(fd);
	case SEND_BATCH:
	case RECV_BATCH:
		m.reserved[1] = 0;
		arg = &b;
		break;
	case SEND_PACKED:
	case RECV_PACKED:
		*(struct mboxfs_record *)data =
			(struct mboxfs_record){ .len = table[i].len };
		arg = &packed;
		break;
	case SETTLE:
	case CANCEL:
		arg = &settle;
		break;
	case LOOK:
		arg = &look;
		break;
	case STAT:
		arg = &stat;
		break;
	case SLEEP:
	case MEET:
		arg = &barrier;
		break;
	default:
		break;
	}
	if (table[i].state & BAD_STRUCT)
		arg = (void *)8;
	else
		arg = argument_of(i, arg);
	return ioctl(fd, command_of(i), arg);
}

static void walk(uid_t uid)
{
	unsigned int i;
	long long ret;
	int fd, expected, failed = 0;

	t_open("roots", O_RDWR);
	CHECK_EQ(pipe(lock) || pipe(locked), 0);
	if (!t_fork())
		lock_and_unlock();
	CHECK_EQ(write(lock[1], "o", 1), 1);
	CHECK_EQ(read(locked[0], &(char){ 0 }, 1), 1);
	if (uid)
		t_user(uid);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		/* One that was bound is gone; root makes it anew. */
		if (table[i].state & ROOTS)
			fd = open("roots", (uid ? 0 : O_CREAT) |
				  (table[i].state & READ_ONLY ? O_RDONLY :
								O_RDWR), 0666);
		else if (table[i].state & GROUP)
			fd = prepare_group(table[i].state, uid);
		else
			fd = prepare(table[i].state);
		CHECK(fd >= 0);
		expected = uid ? table[i].user : table[i].root;
		errno = 0;
		ret = call(i, fd);
		if ((ret < 0 ? errno : 0) != expected) {
			printf("# line %u of the table: %lld %s, not %s\n", i,
			       ret, strerrorname_np(errno),
			       strerrorname_np(expected));
			failed++;
		}
		close(fd);
		if (uid && (table[i].state & LOCKED)) {
			CHECK_EQ(write(lock[1], "o", 1), 1);
			CHECK_EQ(read(locked[0], &(char){ 0 }, 1), 1);
		}
		unlink("mine");
		unlink("mine/q");
		rmdir("mine");
	}
	CHECK_EQ(failed, 0);
}

TEST(errors_for_root)
{
	walk(0);
}

TEST(errors_for_somebody_else)
{
	walk(1000);
}

/* The same layout for everyone. */
TEST(layout)
{
	CHECK_EQ(sizeof(struct mboxfs_msg), 88);
	CHECK_EQ(sizeof(struct mboxfs_batch), 32);
	CHECK_EQ(sizeof(struct mboxfs_msg), MBOXFS_MSG_SIZE_1);
	CHECK_EQ(offsetof(struct mboxfs_batch, size), 24);
	CHECK_EQ(sizeof(struct mboxfs_barrier), 16);
	CHECK_EQ(sizeof(struct mboxfs_stat), 46 * 8);
	CHECK_EQ(sizeof(struct mboxfs_settle), 40);
	CHECK_EQ(sizeof(struct mboxfs_look), 48);
	CHECK_EQ(offsetof(struct mboxfs_msg, tag), 32);
	CHECK_EQ(offsetof(struct mboxfs_msg, attempts), 72);
	CHECK_EQ(offsetof(struct mboxfs_msg, reserved), 76);
	printf("# %zu bit\n", 8 * sizeof(void *));
}
