/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lgroups: groups that processes publish messages to, and deliver them from.
 *
 * A group is a mailbox, named by any string, of which 32 bytes count. There are
 * up to 2000, of which "groups" is one from the start. Each may hold back what
 * is published for some time, and has a barrier.
 *
 * They are in the mboxfs group "lgroups" at $MBOXFS, or else at /mnt/mbox. In
 * their files' names a '/', a '%' and a leading '.' are written as in URLs, and
 * an empty name is "%". Whoever comes first makes that group and owns it; where
 * users do not trust each other, let that be root. Link with -lmboxfs-compat
 * -lmboxfs, and without the library of before. What that has called itself, the
 * ioctls and files of groups, is in <mboxfs/groups.h>.
 *
 * Where nothing else is said, the calls return
 *
 *	0	done
 *	-1	no group is installed
 *	-2	an error: see errno
 *
 * What differs: 0 as a limit is EINVAL. Whoever installed a group first owns
 * its file, and may set its limits by other means than this library; only he
 * and root set its delay (EPERM), and others take back only what they have
 * published. A message is at most 64 MiB. Of two who install
 * the same last group that is possible, at the same time, one may get -2 instead
 * of 0. awake_barrier() is never 1: who is woken is awake. The groups of
 * <mboxfs/groups.h> are others.
 */
#ifndef _MBOXFS_LGROUPS_H
#define _MBOXFS_LGROUPS_H

#ifdef __cplusplus
extern "C" {
#endif

struct lgroup_t;

/* For one group at a time. NULL: no memory. */
struct lgroup_t *lgroup_init(void);

/*
 * Closes the group, which publishes what is held back. This and install_group()
 * want the struct for themselves; all other calls may be made by several threads
 * at once.
 */
void lgroup_destroy(struct lgroup_t *lg);

/*
 * Make the group @id if it is not there, and open it, in place of the one before,
 * which is closed first. Returns
 *
 *	1	it is new
 *	0	it was there
 *	-1	there is no mboxfs
 *	-2	EDQUOT: there are too many
 *	-3	another error: see errno
 *	-4	it was there, but cannot be opened: see errno
 *	-5	it is new, but cannot be opened (never here: it is opened first)
 */
int install_group(struct lgroup_t *lg, char *id);

/*
 * Publish a string. Returns how many bytes that were, with the terminating zero.
 * EMSGSIZE: too long; ENOSPC: the storage is full; EBADMSG: an empty string.
 */
int publish_message(struct lgroup_t *lg, char *msg);

/*
 * Deliver a message: up to @size bytes of it; the rest is gone. Does not wait.
 * Returns how many bytes; 0: there is none. Without a message @buf is the empty
 * string.
 */
int deliver_message(struct lgroup_t *lg, char *buf, unsigned long size);

/* What is published from now on can be delivered after so long. */
int set_send_delay(struct lgroup_t *lg, unsigned int ms);

/* Take back what cannot be delivered yet. */
int revoke_delayed_messages(struct lgroup_t *lg);

/* Wait until somebody awakes the barrier; EINTR: a signal. */
int sleep_on_barrier(struct lgroup_t *lg);

/* Awake all who sleep. Returns 0, or 2 if nobody slept. */
int awake_barrier(struct lgroup_t *lg);

/*
 * Bytes of one message (100), and of all that are there or held back (10000).
 * Only root sets them. Setting returns
 *
 *	0	done
 *	-1	the caller is not root
 *	-2	no group is installed
 *	-4	an error: see errno
 */
int get_max_message_size(struct lgroup_t *lg, unsigned long *size);
int set_max_message_size(struct lgroup_t *lg, unsigned long size);
int get_max_storage_size(struct lgroup_t *lg, unsigned long *size);
int set_max_storage_size(struct lgroup_t *lg, unsigned long size);

#ifdef __cplusplus
}
#endif

#endif /* _MBOXFS_LGROUPS_H */
