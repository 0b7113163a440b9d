/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel message system: one mailbox for each process.
 *
 * All threads of a process share its mailbox, which holds 32 messages of up to
 * 128 bytes. Anyone sends to it, only the process receives from it. It is made
 * by the first who sends, or by its process, and ends with that process's last
 * thread.
 *
 * The mailboxes are in the group "kmsg" of the mboxfs at $MBOXFS, or else at
 * /mnt/mbox. Whoever comes first makes the group and owns it; where users do
 * not trust each other, let that be root. Link with -lmboxfs-compat -lmboxfs,
 * and without what has defined these calls until now.
 *
 * A program that sends itself, or lets others send it, more than 32 messages
 * before it receives any waits for ever. Its mailbox holds more if the group
 * says so before the mailbox is made, by the group's owner:
 *
 *	mboxctl set /mnt/mbox/kmsg max_messages=64
 *
 * or, where nobody has made the group yet:
 *
 *	mkdir -m 1777 /mnt/mbox/kmsg
 *	mboxctl set /mnt/mbox/kmsg naming=pid max_messages=64 \
 *		max_message_size=128 short_read=truncate
 *
 * What differs: process ids are those of the pid namespace that mboxfs was
 * mounted from. A process that gives up the user that it had when its mailbox
 * was made cannot open it any more: MAILBOX_ERROR. *sender and *len are 0 after
 * some failed calls. The ids of other users' threads need a /proc that shows
 * them (hidepid=0).
 */
#ifndef _MBOXFS_KMSG_H
#define _MBOXFS_KMSG_H

#include <stdbool.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NO_BLOCK	0
#define BLOCK		1

#define MAX_MSG_SIZE	128

/* What the calls return; 0 is success. */
#define MAILBOX_FULL		1001
#define MAILBOX_EMPTY		1002
#define MAILBOX_STOPPED		1003
#define MAILBOX_INVALID		1004	/* not a live process of user space */
#define MSG_LENGTH_ERROR	1005	/* below 0, or above MAX_MSG_SIZE */
#define MSG_TOO_LONG		MSG_LENGTH_ERROR
#define MSG_ARG_ERROR		1006	/* a bad pointer; nothing is done */
#define MAILBOX_ERROR		1007	/* interrupted, and all others */

/* @dest may also be the id of any thread of a process. */
long SendMsg(pid_t dest, void *msg, int len, bool block);

/*
 * @msg has room for the message: MAX_MSG_SIZE bytes, if it may be any. It may be
 * NULL for a message of no bytes that is there.
 */
long RcvMsg(pid_t *sender, void *msg, int *len, bool block);

/*
 * Tells how many messages there are. @stop: no more are accepted, and all who
 * wait return MAILBOX_STOPPED; those that are there can be received.
 */
long ManageMailbox(bool stop, int *count);

/*
 * An older variant: without @stop, messages are accepted again. Compile with
 * -DKMSG_RESTART to have it as ManageMailbox().
 */
long ManageMailboxRestart(bool stop, int *count);

#ifdef KMSG_RESTART
#define ManageMailbox ManageMailboxRestart
#endif

#ifdef __cplusplus
}
#endif

#endif /* _MBOXFS_KMSG_H */
