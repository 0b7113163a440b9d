/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmboxfs: the system calls of mboxfs, with names and types.
 *
 * Mailboxes and groups are file descriptors, from this library or from open(2).
 * Every call is thread-safe, keeps no state, allocates no memory and leaves
 * errno as it was. It returns 0 or more, or a negative error number:
 *
 *	-EBADF	the descriptor is closed, or not open for what is to be done
 *	-ENOTTY	it is no mailbox or group of mboxfs, or not of the right kind
 *	-EFAULT	a pointer is NULL or bad
 *	-EINTR	interrupted by a signal; nothing has been done
 *
 * and the errors of ioctl_mboxfs(2). Times are in nanoseconds: below 0 is for
 * ever, 0 is not at all (-EAGAIN), a time that has passed is -ETIMEDOUT.
 * O_NONBLOCK wins over them.
 */
#ifndef _LIBMBOXFS_H
#define _LIBMBOXFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/mboxfs.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Times in nanoseconds. */
#define MBOX_FOREVER	((int64_t)-1)
#define MBOX_MS(ms)	((int64_t)(ms) * 1000000)

/* Room for the text of any attribute's value, with its terminating zero. */
#define MBOX_TEXT_SIZE	24

/**
 * enum mbox_attr - what can be set and read of a mailbox or a group
 *
 * Bounds are numbers, 0 for none. Policies are numbers too: the constants
 * MBOXFS_DELAY_CHANGE_*, MBOXFS_SHORT_READ_*, MBOXFS_WHEN_FULL_*,
 * MBOXFS_WHEN_EMPTY_*, MBOXFS_TYPE_*, MBOXFS_WHEN_DEAD_*, MBOXFS_WHEN_READ_*,
 * MBOXFS_WHEN_UNLINKED_* of <linux/mboxfs.h> and MBOX_NAMING_*
 * below. New ones will come at the end.
 */
enum mbox_attr {
	/* limits and policies of mailboxes and groups */
	MBOX_MAX_MESSAGE_SIZE,
	MBOX_MAX_MESSAGES,
	MBOX_MAX_BYTES,
	MBOX_SEND_DELAY_MS,
	MBOX_DELAY_CHANGE,
	MBOX_TTL_MS,
	MBOX_SHORT_READ,
	MBOX_WHEN_FULL,
	MBOX_WHEN_EMPTY,
	MBOX_FLUSH_ON_CLOSE,
	MBOX_TYPE,
	MBOX_LEASE_MS,
	MBOX_MAX_ATTEMPTS,
	MBOX_WHEN_DEAD,
	MBOX_WHEN_READ,
	MBOX_WHEN_UNLINKED,
	/* of mailboxes */
	MBOX_STOPPED,
	/* of groups */
	MBOX_GROUP_MAX_BYTES,
	MBOX_GROUP_MAX_MAILBOXES,
	MBOX_NAMING,
	/* counters of mailboxes */
	MBOX_MESSAGES,
	MBOX_BYTES,
	MBOX_DELAYED_MESSAGES,
	MBOX_DELAYED_BYTES,
	MBOX_NEXT_SIZE,
	MBOX_READERS_WAITING,
	MBOX_WRITERS_WAITING,
	MBOX_SENT_TOTAL,
	MBOX_RECEIVED_TOTAL,
	MBOX_DROPPED_TOTAL,
	MBOX_EXPIRED_TOTAL,
	MBOX_REVOKED_TOTAL,
	MBOX_PURGED_TOTAL,
	MBOX_TRUNCATED_TOTAL,
	MBOX_LEASED_MESSAGES,
	MBOX_LEASED_BYTES,
	MBOX_DEAD_MESSAGES,
	MBOX_DEAD_BYTES,
	MBOX_RETURNED_TOTAL,
	MBOX_ONCE_TAG,
	/* counters of groups */
	MBOX_GROUP_BYTES,
	MBOX_GROUP_MAILBOXES,
	/* counter of both */
	MBOX_BARRIER_SLEEPERS,
};

/* Values of MBOX_NAMING: what the names in a group are. */
enum mbox_naming {
	MBOX_NAMING_ANY,	/* any text */
	MBOX_NAMING_ID,		/* numbers */
	MBOX_NAMING_PID,	/* numbers of processes */
};

/* What mbox_attr_flags() tells. */
#define MBOX_ATTR_OF_MAILBOX	1
#define MBOX_ATTR_OF_GROUP	2
#define MBOX_ATTR_COUNTER	4	/* cannot be set */
#define MBOX_ATTR_POLICY	8	/* its text is a word */

/**
 * struct mbox_setting - a value for a new mailbox or group
 * @attr:	of what
 * @value:	the value
 */
struct mbox_setting {
	enum mbox_attr	attr;
	uint64_t	value;
};

/*
 * Opening and creating; see mbox_open(3). @flags are those of open(2), O_CLOEXEC
 * is always added, O_CREAT, O_TRUNC are ignored; paths are relative to @dirfd
 * (or AT_FDCWD). Return a descriptor.
 *
 * mbox_create: with no name until it is complete, and with exactly @mode. What
 * is there already is opened, as it is; O_EXCL: -EEXIST. *@created, unless
 * NULL, says which it was.
 * mbox_open_process: of process @pid, or the caller (0), in a naming=pid group;
 * made if it is not there.
 * mbox_check: 0 if @fd is on mboxfs, else -ENOTTY.
 */
int mbox_open(int dirfd, const char *path, int flags);
int mbox_create(int dirfd, const char *path, int flags, mode_t mode,
		const struct mbox_setting *settings, unsigned int count,
		int *created);
int mbox_open_group(int dirfd, const char *path);
int mbox_create_group(int dirfd, const char *path, int flags, mode_t mode,
		      const struct mbox_setting *settings, unsigned int count,
		      int *created);
int mbox_open_process(int group, pid_t pid, int flags);
int mbox_check(int fd);

/*
 * Messages; see mbox_send(3). With a NULL @m the call waits for ever.
 *
 * Sending returns 0, receiving the number of bytes put into @buf. The full
 * length of what was received is @m->len, and MBOXFS_TRUNC in @m->flags says
 * that there was more. mbox_peek() does not wait. Batches return how many
 * messages were done; in each, set data and len with mbox_msg_data(), before
 * every receive: len becomes the length of the message. Packed ones are many in
 * one buffer, see struct mboxfs_packed; *@len is its room, then the bytes that are
 * used. Broadcast returns how many mailboxes of the group have taken the message.
 */
void mbox_msg_init(struct mboxfs_msg *m);
void mbox_msg_data(struct mboxfs_msg *m, const void *data, size_t len);
int mbox_send(int fd, const void *data, size_t len);
int mbox_send_msg(int fd, const void *data, size_t len,
		  const struct mboxfs_msg *m);
ssize_t mbox_recv(int fd, void *buf, size_t size);
ssize_t mbox_recv_msg(int fd, void *buf, size_t size, struct mboxfs_msg *m);
ssize_t mbox_peek(int fd, void *buf, size_t size);
int mbox_send_batch(int fd, const struct mboxfs_msg *msgs, unsigned int count,
		    int64_t timeout_ns);
int mbox_recv_batch(int fd, struct mboxfs_msg *msgs, unsigned int count,
		    int64_t timeout_ns);
int mbox_send_packed(int fd, const void *buf, size_t len, unsigned int count,
		     int64_t timeout_ns);
int mbox_recv_packed(int fd, void *buf, size_t *len, unsigned int count,
		     int64_t timeout_ns);
int mbox_broadcast(int group, const void *data, size_t len,
		   const struct mboxfs_msg *m);

/*
 * Leases; see mbox_lease(3). mbox_lease() is mbox_recv_msg() on lease: @m->seq names
 * the message, which has to be settled: MBOXFS_ACK, _RETURN (after @delay_ns), _BURY or
 * _TOUCH. Returns how many of @seqs were, -ENOENT: none. mbox_cancel() takes back what
 * has been sent, by seq or by tag (@how: MBOXFS_BY_SEQ, _BY_TAG). mbox_kick() makes the
 * dead ones readable.
 */
ssize_t mbox_lease(int fd, void *buf, size_t size, struct mboxfs_msg *m);
int mbox_settle(int fd, const __u64 *seqs, unsigned int count, int how,
		int64_t delay_ns);
int mbox_cancel(int fd, const __u64 *numbers, unsigned int count, int how);
int mbox_kick(int fd);

/**
 * struct mbox_look - a walk over messages that takes none
 * @cursor:	where it is
 * @what:	MBOXFS_LOOK_READABLE and so on
 * @reserved:	0
 */
struct mbox_look {
	uint64_t	cursor[2];
	uint32_t	what;
	uint32_t	reserved;
};

/*
 * Looking; see mbox_look(3). Fills @count of @msgs, whose data and len were set with
 * mbox_msg_data(), and goes on where it was. Returns how many; 0 at the end.
 */
void mbox_look_init(struct mbox_look *look, uint32_t what);
int mbox_look(int fd, struct mbox_look *look, struct mboxfs_msg *msgs,
	      unsigned int count);

/*
 * Limits, policies and counters; see mbox_attr(3). -EOPNOTSUPP: no such
 * attribute, or not of this kind of file; -ENODATA: MBOX_NEXT_SIZE of an empty
 * mailbox; -EPERM: not the owner, or a counter; -ERANGE: out of range. Reset
 * puts the default back.
 */
int mbox_attr_get(int fd, enum mbox_attr attr, uint64_t *value);
int mbox_attr_set(int fd, enum mbox_attr attr, uint64_t value);
int mbox_attr_reset(int fd, enum mbox_attr attr);
int mbox_attr_get_path(const char *path, enum mbox_attr attr, uint64_t *value);
int mbox_attr_set_path(const char *path, enum mbox_attr attr, uint64_t value);
int mbox_attr_reset_path(const char *path, enum mbox_attr attr);

/*
 * What attributes are called. A name is NULL after the last attribute; a word
 * is NULL after a policy's last one, and for all others. Text has the form
 * that setfattr(1) takes: decimal, with k, m or g behind it, or a word.
 */
const char *mbox_attr_name(enum mbox_attr attr);
int mbox_attr_by_name(const char *name);
int mbox_attr_flags(enum mbox_attr attr);
const char *mbox_attr_word(enum mbox_attr attr, uint64_t value);
int mbox_attr_parse(enum mbox_attr attr, const char *text, uint64_t *value);
int mbox_attr_format(enum mbox_attr attr, uint64_t value, char *text,
		     size_t size);

/*
 * The same by name and as text, also for attributes that this library does not
 * know. mbox_get() returns the length of the text, which is terminated;
 * mbox_set() with a NULL @text resets.
 */
int mbox_get(int fd, const char *name, char *text, size_t size);
int mbox_set(int fd, const char *name, const char *text);
int mbox_get_path(const char *path, const char *name, char *text, size_t size);
int mbox_set_path(const char *path, const char *name, const char *text);

/*
 * Control; see mbox_control(3). On a group, flush, revoke, stop and start are
 * for all mailboxes in it and below. Revoke and purge return how many messages.
 */
int mbox_stat(int fd, struct mboxfs_stat *stat);
int mbox_set_delay(int fd, uint32_t ms);
int mbox_flush(int fd);
int mbox_revoke(int fd);
int mbox_stop(int fd);
int mbox_start(int fd);
int mbox_purge(int fd);
int mbox_bind(int fd);

/*
 * Barriers of mailboxes and groups; see mbox_barrier(3). Awake returns how many
 * slept; wait returns 1 to the last of @parties and 0 to the others.
 */
int mbox_barrier_sleep(int fd, int64_t timeout_ns);
int mbox_barrier_awake(int fd);
int mbox_barrier_wait(int fd, uint32_t parties, int64_t timeout_ns);

/*
 * Poll; see mbox_poll(3). 1: receiving (sending a message of the largest size)
 * would not have to wait; 0: the time has passed.
 */
int mbox_wait_readable(int fd, int64_t timeout_ns);
int mbox_wait_writable(int fd, int64_t timeout_ns);

/*
 * Which limit was it? See mbox_explain(3). Writes one line about the negative
 * @error that a call with @fd (and @len bytes to send, or room) has returned.
 * Returns the length it has, as snprintf(3); what has no room is left out.
 */
int mbox_explain(int fd, int error, size_t len, char *text, size_t size);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _LIBMBOXFS_H */
