/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mailboxes by id, as the system calls slmbx_* had them.
 *
 * An id is a number of 32 bits other than 0 and 2^32 - 1. There are as many
 * mailboxes, and messages in each, as memory allows. A mailbox is for all, or
 * protected: then only processes of its creator's user, and root, may use it.
 * Ids are found in O(log n); readdir(3) lists them in order.
 *
 * The mailboxes are in the group "slmbx" of the mboxfs at $MBOXFS, or else at
 * /mnt/mbox, which slmbx_init() makes. One that is not root's does not count.
 * Link with -lmboxfs-compat -lmboxfs, and without what has defined these calls
 * until now. Programs that call syscall(2) with their numbers call these.
 *
 * All calls return -1 with errno if they fail:
 *
 *	ENODEV	slmbx_init() has not been called
 *	EINVAL	an id, or an argument of slmbx_init(), that cannot be
 *	ENOENT	there is no such mailbox
 *	EPERM	it is protected; or root is needed
 *	EFAULT	a bad pointer; nothing is sent or received
 *	ENOMEM	no memory; also a message of more than 64 MiB
 *
 * What differs: root may use protected mailboxes.
 */
#ifndef _MBOXFS_SLMBX_H
#define _MBOXFS_SLMBX_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Begin, and end with all mailboxes and messages; for root. @ptrs is not 0,
 * @prob is 2, 4, 8 or 16; nothing else depends on them. EALREADY: it has begun;
 * EEXIST: something else has the group's name.
 */
long slmbx_init(unsigned int ptrs, unsigned int prob);
long slmbx_shutdown(void);

/* EEXIST: there is one with this id. */
long slmbx_create(unsigned int id, int is_protected);

/* With all that is in it; for all who may use it. */
long slmbx_destroy(unsigned int id);

/* How many messages there are. */
long slmbx_count(unsigned int id);

/* The length of the first one, which stays. ESRCH: there is none. */
long slmbx_length(unsigned int id);

/* Any bytes, also none. Returns 0. */
long slmbx_send(unsigned int id, const unsigned char *msg, unsigned int len);

/*
 * Takes the first message, and returns how many bytes of it are in @msg: @len at
 * most, the rest is gone. Does not wait: ESRCH if there is none.
 */
long slmbx_recv(unsigned int id, unsigned char *msg, unsigned int len);

#ifdef __cplusplus
}
#endif

#endif /* _MBOXFS_SLMBX_H */
