/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * groups: what the library lgroups calls, as programs without it use it. Groups
 * are files that are written, read, told to delay and slept at.
 *
 * A group is a mailbox. Its ioctls and its writes become calls of libmboxfs:
 * include this header after all others in each source that calls ioctl() or
 * write() for a group, and link with -lmboxfs-compat -lmboxfs. What is not for a
 * group goes where it went. To set it up:
 *
 *	mkdir -p /dev/synch
 *	mount -t mboxfs -o max_message_size=100,max_bytes=10000,max_messages=0 \
 *		-o when_full=fail,when_empty=eof,short_read=truncate \
 *		-o flush_on_close=1,group_max_mailboxes=2000 none /dev/synch
 *	: > /dev/synch/group0
 *	chmod 666 /dev/synch/group0
 *	ln -s synch/group0 /dev/group0
 *
 * $MBOXFS names another folder. Open "group0" for
 *
 *	INSTALL_GROUP, struct group_t *
 *		Makes the group with this id, if it is not there, and says in
 *		devname what it is called below /dev/synch: group1, group2, ...
 *		Returns 1 if it is new, else 0. Of the id, 32 bytes count;
 *		"groups" is group0. EDQUOT: there are 2000 already.
 *
 * and what that has said for read(2), which does not wait, write(2), close(2),
 * which publishes what is delayed, and
 *
 *	SLEEP_ON_BARRIER
 *		Waits until somebody awakes the group. Open for reading.
 *	AWAKE_BARRIER
 *		Awakes all who sleep. Returns 0, or 2 if nobody slept. Open for
 *		writing.
 *	SET_SEND_DELAY, unsigned int *
 *		What is written from now on can be read after so many ms.
 *	REVOKE_DELAYED_MESSAGES
 *		Takes back what is delayed. Open for writing.
 *
 * They return -1 with errno if they fail. A write of one byte or none is
 * EBADMSG, one that is too long EMSGSIZE, and into a full group ENOSPC. The
 * limits that were files below /sys/class/groups are two calls.
 *
 * What differs: a read of no bytes takes nothing. AWAKE_BARRIER is never 1: who
 * is woken is awake. Only the owner of a group's file, who installed it, and root
 * set its delay (EPERM); others take back only what they have written. Of two who
 * install the same last group that is possible, at the same time, one may get
 * EDQUOT, and numbers may be left out. A bad pointer that is not NULL ends the
 * program. The groups of <mboxfs/lgroups.h> are others.
 */
#ifndef _MBOXFS_GROUPS_H
#define _MBOXFS_GROUPS_H

#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#include <linux/mboxfs.h>

#ifdef __cplusplus
extern "C" {
#endif

struct group_t {
	char	id[32];
	char	devname[26];
};

/* Numbers that mboxfs will not use itself. */
#define SLEEP_ON_BARRIER	_IO(MBOXFS_IOC_MAGIC, 0xe1)
#define AWAKE_BARRIER		_IO(MBOXFS_IOC_MAGIC, 0xe2)
#define INSTALL_GROUP		_IOWR(MBOXFS_IOC_MAGIC, 0xe3, struct group_t)
#define SET_SEND_DELAY		_IOW(MBOXFS_IOC_MAGIC, 0xe4, unsigned int)
#define REVOKE_DELAYED_MESSAGES	_IO(MBOXFS_IOC_MAGIC, 0xe5)

int groups_ioctl(int fd, unsigned long request, ...);
ssize_t groups_write(int fd, const void *buf, size_t n);

/*
 * What /sys/class/groups/@devname/@name has held: "max_message_size" (100), bytes
 * of one message, or "max_storage_size" (10000), of all that are there or delayed.
 * Return 0, or -1 with errno. ENOENT: no such group or limit. Only root sets
 * them: EACCES; 0 is EINVAL.
 */
int groups_get_limit(const char *devname, const char *name,
		     unsigned long *value);
int groups_set_limit(const char *devname, const char *name,
		     unsigned long value);

#ifdef __cplusplus
}
#endif

#define ioctl groups_ioctl
#define write groups_write

#endif /* _MBOXFS_GROUPS_H */
