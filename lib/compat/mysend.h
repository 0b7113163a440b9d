/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mysend and myreceive: messages from process to process.
 *
 * Each process has a mailbox, made by the first who sends to it, or receives.
 * It ends with its process; what a process has sent can be received after it
 * has ended.
 *
 * The mailboxes are in the group "mysend" of the mboxfs at $MBOXFS, or else at
 * /mnt/mbox. Whoever comes first makes the group and owns it; where users do
 * not trust each other, let that be root. Link with -lmboxfs-compat -lmboxfs,
 * and without what has defined these calls until now.
 *
 * What is queued ends at 4096 messages, or 1 MiB, that have not been received,
 * and a message at 64 KiB. The group's owner chooses other bounds, or none, for
 * mailboxes that are made afterwards:
 *
 *	mboxctl set /mnt/mbox/mysend max_messages=0 max_bytes=0
 *
 * All calls return -1 with errno if they fail: EFAULT (a bad pointer; nothing is
 * sent or received), EINVAL (@n is below 0), EMSGSIZE (more than 64 KiB), ESRCH
 * (no such process, or it has ended while the call waited), EINTR.
 *
 * What differs: process ids are those of the pid namespace that mboxfs was
 * mounted from. A process that gives up the user that it had when its mailbox
 * was made cannot open it any more: EACCES.
 */
#ifndef _MBOXFS_MYSEND_H
#define _MBOXFS_MYSEND_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Send @n bytes, and wait until they have been received. Returns @n. */
int mysend(pid_t pid, int n, char *buf);

/* Send @n bytes, and do not wait. Returns @n. EAGAIN: the mailbox is full. */
int mysend_queued(pid_t pid, int n, char *buf);

/*
 * Receive a message of process @pid, or of any (below 0): wait for one. Returns
 * how many bytes of it are in @buf: @n at most, the rest is gone. 0 stands for
 * senders who have no number in this pid namespace.
 */
int myreceive(pid_t pid, int n, char *buf);

/* The same, but 0 if there is none. */
int myreceive_queued(pid_t pid, int n, char *buf);

/*
 * As mysend() was at first: a message that nobody is waiting for is missed
 * (EAGAIN). Compile with -DMYSEND_BASE to have it as mysend().
 */
int mysend_base(pid_t pid, int n, char *buf);

#ifdef MYSEND_BASE
#define mysend mysend_base
#endif

#ifdef __cplusplus
}
#endif

#endif /* _MBOXFS_MYSEND_H */
