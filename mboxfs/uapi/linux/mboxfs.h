/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * mboxfs: mailboxes as files.
 *
 * A regular file of an mboxfs mount is a mailbox: one write(2) sends one
 * message, one read(2) receives one. A directory is a group, whose values are
 * handed to what is created in it. Limits, policies and counters are extended
 * attributes with the prefix below; docs/mboxfs.rst lists them.
 */
#ifndef _UAPI_LINUX_MBOXFS_H
#define _UAPI_LINUX_MBOXFS_H

#include <linux/types.h>

/* statfs(2): f_type of every mboxfs mount ("MBOX"). */
#define MBOXFS_MAGIC		0x4d424f58

/* Limits, policies and counters: "user.mboxfs.max_messages" and so on. */
#define MBOXFS_XATTR_PREFIX	"user.mboxfs."

/* No message is ever longer than this, whatever max_message_size says. */
#define MBOXFS_MESSAGE_MAX	(64 << 20)

/* short_read: what becomes of a message longer than the reader's buffer. */
#define MBOXFS_SHORT_READ_TRUNCATE	0	/* the rest is discarded */
#define MBOXFS_SHORT_READ_KEEP		1	/* the next read() continues */
#define MBOXFS_SHORT_READ_REFUSE	2	/* EMSGSIZE, the message stays */

/* when_full: what becomes of a message for which there is no room. */
#define MBOXFS_WHEN_FULL_BLOCK		0	/* wait, or EAGAIN */
#define MBOXFS_WHEN_FULL_FAIL		1	/* ENOSPC */
#define MBOXFS_WHEN_FULL_DROP_OLDEST	2	/* older messages make room */

/* when_empty: what a read() of an empty mailbox does. */
#define MBOXFS_WHEN_EMPTY_BLOCK		0	/* wait, or EAGAIN */
#define MBOXFS_WHEN_EMPTY_EOF		1	/* returns 0 */

#endif /* _UAPI_LINUX_MBOXFS_H */
