/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SynchMess: groups that are written, read, told to delay, flushed and slept at.
 *
 * A group is a mailbox. Its ioctls become calls of libmboxfs: include this
 * header after all others in each source that calls ioctl(), and link with
 * -lmboxfs-compat -lmboxfs. All other ioctls go where they went. To set it up:
 *
 *	mkdir -p /dev/synch
 *	mount -t mboxfs -o max_message_size=1024,max_bytes=1m,max_messages=0 \
 *		-o when_full=fail,when_empty=eof,short_read=truncate \
 *		-o delay_change=idle none /dev/synch
 *	mkdir /dev/synch/synchmess
 *
 * $MBOXFS names another folder. Open "synchmess" in it, the master, which can
 * only be opened for reading, and yet not be read, for
 *
 *	IOCTL_INSTALL_GROUP, struct group_t *
 *		Makes the group with this descriptor, if it is not there, and
 *		says in device_path what to open. Returns 0 for both. EBADF: the
 *		descriptor is not within 1 ... 64.
 *
 * and what that has said for read(2), write(2), fsync(2), which publishes what
 * is delayed, and
 *
 *	IOCTL_SLEEP
 *		Waits until somebody awakes the group. Open for reading.
 *	IOCTL_AWAKE
 *		Returns how many slept. Open for writing.
 *	IOCTL_SET_SEND_DELAY, unsigned int *
 *		What is written from now on can be read after so many ms. EPERM:
 *		messages are delayed now.
 *	IOCTL_REVOKE_DELAYED_MESSAGES
 *		Takes back what is delayed. Open for writing.
 *
 * They return -1 with errno if they fail; EPERM: all but the first, of the
 * master.
 *
 * What differs: a message that is too long is EMSGSIZE and a full group ENOSPC,
 * and to open the master for writing or to read it is EISDIR, instead of EPERM.
 * read(2) returns how many bytes it has put into the buffer, not how long the
 * message was that had no room there. A sleep that a signal interrupts is EINTR,
 * or begun again if the handler has SA_RESTART, and not 0. A write of no bytes
 * sends nothing. Only the owner of a group's file, who installed it, and root set
 * its delay; others take back only what they have written. A bad pointer that is
 * not NULL ends the program. close(2) does not publish here either.
 */
#ifndef _MBOXFS_SYNCHMESS_H
#define _MBOXFS_SYNCHMESS_H

#include <sys/ioctl.h>

#include <linux/mboxfs.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAX_NUM_GROUPS		64
#define SYNCHMESS_GROUPS	MAX_NUM_GROUPS

struct group_t {
	unsigned int	descriptor;
	char		device_path[256];
};

/* Numbers that mboxfs will not use itself. */
#define IOCTL_INSTALL_GROUP		_IOWR(MBOXFS_IOC_MAGIC, 0xf0, struct group_t)
#define IOCTL_SLEEP			_IO(MBOXFS_IOC_MAGIC, 0xf1)
#define IOCTL_AWAKE			_IO(MBOXFS_IOC_MAGIC, 0xf2)
#define IOCTL_SET_SEND_DELAY		_IOW(MBOXFS_IOC_MAGIC, 0xf3, unsigned int)
#define IOCTL_REVOKE_DELAYED_MESSAGES	_IO(MBOXFS_IOC_MAGIC, 0xf4)

int synchmess_ioctl(int fd, unsigned long request, ...);

#ifdef __cplusplus
}
#endif

#define ioctl synchmess_ioctl

#endif /* _MBOXFS_SYNCHMESS_H */
