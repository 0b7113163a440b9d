/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * mboxfs: mailboxes as files.
 *
 * A regular file of an mboxfs mount is a mailbox: one write(2) sends one
 * message, one read(2) receives one. Limits, policies and counters are
 * extended attributes with the prefix below. What read and write cannot say is
 * said by the ioctl(2)s of this file. All structures have the same layout for
 * 32 and 64 bit callers. Fields that are reserved, and flags that are not
 * listed for a call, have to be 0 (EINVAL).
 *
 * Structures may grow at their end. A command is known by its type and number
 * alone; the size in it says how long the caller's structure is. What is missing
 * of a shorter one is 0, and is not written back. What is more than the kernel
 * knows has to be 0, else E2BIG; of struct mboxfs_stat, which is only written,
 * it is set to 0. What has grown since: nothing yet (1.0).
 *
 * MBOXFS_IOC_SEND, struct mboxfs_msg; descriptor open for writing, else EBADF
 *	Sends a message of @len bytes at @data, with a @priority (0 ... 32767,
 *	EINVAL above) and a @tag. One of no bytes is for RECV: write(2) sends
 *	none, and read(2) passes over it. Flags: NONBLOCK, SYNC (return when it
 *	has been received), DELAY (readable after @delay_ns, instead of
 *	send_delay_ms; not together with SYNC), SEQ (write @seq back), ONCE
 *	(EEXIST, and nothing is sent, unless @tag is higher than all that have
 *	been sent so to this mailbox), RESTORE (below). Waits for room, and with
 *	SYNC for a reader, for @timeout_ns at most. Other fields are ignored.
 *	EMSGSIZE, ENOSPC, EDQUOT, EAGAIN, ESHUTDOWN, ESRCH, EFAULT, ENOMEM as
 *	for write(2); ETIMEDOUT; EINTR; with SYNC: ECANCELED if it was purged, revoked,
 *	dropped or has expired. Whoever gets an error has sent nothing; but at
 *	ETIMEDOUT (NONBLOCK: EAGAIN, after a second) of SYNC a reader may be
 *	copying the message, or have it on lease, and may receive it then.
 *	RESTORE puts back what LOOK has shown; the owner or CAP_FOWNER, else
 *	EPERM; never waits, not together with SYNC: the message has had @attempts, is dead
 *	with IS_DEAD, and has @timeout_ns to live (0: as new; below 0: no bound).
 *	RESTORE with ONCE sends nothing: once_tag becomes @tag.
 *
 * MBOXFS_IOC_RECV, struct mboxfs_msg; descriptor open for reading, else EBADF
 *	Takes the next message: its first @len bytes go to @data. Flags:
 *	NONBLOCK, PEEK (it stays), FROM (only a message of the process @pid),
 *	TAGGED (only one with this @tag), LEASE (on lease, see SETTLE; not together
 *	with PEEK), DEAD (the oldest of the dead ones, else EAGAIN: never waits).
 *	Sets @len to the message's full
 *	length, @priority, @pid, @uid, @gid (the sender, as the caller's
 *	namespaces know it; pid 0 if they do not), @tag, @sent_ns, @seq,
 *	@attempts (how often it has been on lease, this time included; 0 without
 *	LEASE); and
 *	TRUNC in @flags if the message was longer than the room, which is
 *	ignored when it comes in again. The sender's process is the one that has
 *	made the call; its user and group are the effective ones of that process
 *	for SEND and BROADCAST, and of who has opened the file for write(2).
 *	Too little room is EMSGSIZE, with @len set and the message still there,
 *	if short_read is "keep" or "refuse". EAGAIN, EMSGSIZE, EFAULT; ESHUTDOWN
 *	if stopped and drained; EPERM if the mailbox belongs to another process,
 *	or to this one under other effective ids; ETIMEDOUT; EINTR. when_empty
 *	is not obeyed. Whoever gets an error has received nothing.
 *
 * MBOXFS_IOC_SEND_BATCH, MBOXFS_IOC_RECV_BATCH, struct mboxfs_batch
 *	The same for @count messages in the array @msgs. Return how many were
 *	done, or the error of the first one. They wait for the first one only;
 *	NONBLOCK and the timeout are those of the batch. In the messages, SYNC,
 *	PEEK and NONBLOCK are EINVAL; the messages of one RECV_BATCH have the
 *	first one's FROM, TAGGED, LEASE and DEAD; the last two may be flags of the
 *	batch as well. One that has too little room, if short_read
 *	is "keep" or "refuse", ends the batch. At most 1024 are done in one call.
 *	The messages are @size bytes apart, and grow as all structures do.
 *
 * MBOXFS_IOC_SEND_PACKED, MBOXFS_IOC_RECV_PACKED, struct mboxfs_packed
 *	The same for many small messages in one buffer. Sends its records in
 *	order; receives as many whole messages as fit: none is truncated,
 *	whatever short_read says, EMSGSIZE if the first one has no room. EINVAL
 *	if the first record is not within the buffer. RECV_PACKED with LEASE takes
 *	them on lease; each record then begins with a __u64, its seq.
 *
 * MBOXFS_IOC_SETTLE, struct mboxfs_settle; descriptor open for reading, else EBADF
 *	What has been received with LEASE, or by read(2) where when_read is
 *	"lease", belongs to the open file, until it is settled. For each of @count
 *	numbers (seq) at @seqs that this open file has on lease, @how is ACK: it
 *	is received; RETURN: it is the next one of its priority again, or with
 *	@delay_ns is delayed first; BURY: it is dead; TOUCH: lease_ms begins anew.
 *	Returns how many were settled, in order; others are passed over; ENOENT
 *	if there was none. At most 1024 in one call. A lease ends by itself with the last
 *	close of the open file, and after lease_ms: the message is returned. One
 *	that is returned after max_attempts is dead: it stays and counts for the
 *	limits, or is dropped (when_dead).
 *
 * MBOXFS_IOC_KICK; the owner or CAP_FOWNER, else EPERM
 *	Makes all dead messages readable again, with attempts 0, as new. Returns
 *	how many.
 *
 * MBOXFS_IOC_LOOK, struct mboxfs_look; descriptor open for reading, else EBADF
 *	Copies messages and takes none: those that @what says, READABLE, DELAYED,
 *	LEASED and DEAD, in that order, each in their own order. Fills the @count
 *	messages at @msgs as RECV does, whose flags say TRUNC and what it is
 *	(IS_DELAYED and so on; bits that come in again are ignored); delay_ns is
 *	what is left of the delay, timeout_ns what is left to live (-1: no bound).
 *	@cursor is {0, 0} to begin with, and is written back to go on. Returns
 *	how many, 0 at the end. What keeps its state during the whole walk is
 *	shown exactly once. EPERM for the mailbox of another process.
 *
 * MBOXFS_IOC_CANCEL, struct mboxfs_settle; descriptor open for writing, else EBADF
 *	Takes back messages that are readable or delayed, by their numbers, or
 *	if @how is BY_TAG all that have one of the tags: those that the caller's
 *	effective user has sent, all for the owner or CAP_FOWNER. They count in
 *	revoked_total. Returns how many, ENOENT if there was none.
 *
 * MBOXFS_IOC_STAT, struct mboxfs_stat; any descriptor of a mailbox
 *	All limits, policies (as numbers) and counters at one moment.
 *
 * MBOXFS_IOC_REVOKE; descriptor open for writing, else EBADF
 *	Takes back what is delayed and not due yet: all for the owner or
 *	CAP_FOWNER, for others what their effective user has sent; but in the
 *	mailbox of a process it is the owner's alone, else EPERM. Returns how
 *	many. On a group: of all mailboxes in it and below that the caller may
 *	write; those where he has no right are passed over.
 *
 * MBOXFS_IOC_STOP, _START, _PURGE; the owner or CAP_FOWNER, else EPERM
 *	Stop: no more messages are taken (ESHUTDOWN), also from those who wait;
 *	those that are there can be received, then read(2) returns 0. Start
 *	undoes that, but not for a mailbox that has lost its name (ESHUTDOWN).
 *	Stop and start on a group: all mailboxes in it and below that the caller
 *	owns.
 *	Purge throws all messages away and returns how many; what is on lease is
 *	received if it is acknowledged, and else goes when its lease ends.
 *
 * MBOXFS_IOC_BIND; as for stop, and the right to unlink
 *	The mailbox lives as long as this open file: with its last close it is
 *	stopped for good and its name removed, or it never gets one: linkat(2)
 *	of what was made with O_TMPFILE is ENOENT then. EBUSY if one is bound
 *	already.
 *
 * MBOXFS_IOC_BARRIER_SLEEP, MBOXFS_IOC_BARRIER_WAIT, struct mboxfs_barrier; a
 *	mailbox open for reading, else EBADF, or a group with read permission,
 *	else EACCES
 *	Sleep: until the next AWAKE. Wait: until @parties have come, the caller
 *	included; returns 1 to the last of them and 0 to the others. EINVAL for
 *	0 parties, or not as many as those have who wait already. Flags:
 *	NONBLOCK. EAGAIN, ETIMEDOUT, EINTR; ESHUTDOWN if the name has gone.
 *
 * MBOXFS_IOC_BARRIER_AWAKE; a mailbox open for writing, else EBADF, or a group
 * with write permission, else EACCES
 *	Wakes exactly those who sleep now, and returns how many.
 *
 * MBOXFS_IOC_BROADCAST, struct mboxfs_msg; a group with write permission, else
 * EACCES
 *	Sends a message to every mailbox directly in the group that the caller
 *	may write, and returns how many have taken it; never waits. Flags:
 *	NONBLOCK, DELAY. EMSGSIZE, ENOSPC, EFAULT, ENOMEM; EINTR if killed.
 *
 * Times: @timeout_ns is relative; below 0 is for ever, 0 is not at all (EAGAIN).
 * O_NONBLOCK and NONBLOCK win over it. A wait with a timeout is not restarted
 * after a signal's handler. One that was interrupted without one (by a stop, a
 * debugger, the freezer) goes on, with what is left in @timeout_ns. All but
 * receiving, sleeping and waiting is EROFS on a
 * read-only mount. An unknown command, or one for another kind of file, is
 * ENOTTY. Security modules and fanotify(7) are asked as for write(2) and read(2)
 * before anything is sent or received; what they refuse is EACCES or EPERM.
 */
#ifndef _UAPI_LINUX_MBOXFS_H
#define _UAPI_LINUX_MBOXFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* statfs(2): f_type of every mboxfs mount ("MBOX"). */
#define MBOXFS_MAGIC		0x4d424f58

/* Limits, policies and counters: "user.mboxfs.max_messages" and so on. */
#define MBOXFS_XATTR_PREFIX	"user.mboxfs."

/* No message is ever longer than this, whatever max_message_size says. */
#define MBOXFS_MESSAGE_MAX	(64 << 20)

/* No priority is higher. */
#define MBOXFS_PRIORITY_MAX	32767

/* No batch does more in one call. */
#define MBOXFS_BATCH_MAX	1024

/* delay_change: whether send_delay_ms may be set while messages are delayed. */
#define MBOXFS_DELAY_CHANGE_ANY		0	/* yes */
#define MBOXFS_DELAY_CHANGE_IDLE	1	/* EBUSY */

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
#define MBOXFS_WHEN_EMPTY_HANGUP	2	/* returns 0 if all writers have gone */

/* when_dead: what becomes of a message that has been tried too often. */
#define MBOXFS_WHEN_DEAD_KEEP		0	/* it stays, but is not readable */
#define MBOXFS_WHEN_DEAD_DROP		1	/* it goes */

/* when_read: when a message is received that read(2) has copied. */
#define MBOXFS_WHEN_READ_RECEIVE	0	/* at once */
#define MBOXFS_WHEN_READ_LEASE		1	/* with the next read(2) or fsync(2) */

/* when_unlinked: what becomes of a mailbox that has lost its name. */
#define MBOXFS_WHEN_UNLINKED_STOP	0	/* it is stopped for good */
#define MBOXFS_WHEN_UNLINKED_KEEP	1	/* nothing, as long as it is open */

/* type: what stat(2) and readdir(3) say that a mailbox is. */
#define MBOXFS_TYPE_FILE		0	/* a regular file */
#define MBOXFS_TYPE_FIFO		1	/* a FIFO */

/* Flags of messages and batches. */
#define MBOXFS_NONBLOCK		1	/* in: do not wait */
#define MBOXFS_PEEK		2	/* in: the message stays */
#define MBOXFS_SYNC		4	/* in: return when it is received */
#define MBOXFS_FROM		8	/* in: only from @pid */
#define MBOXFS_TAGGED		16	/* in: only with @tag */
#define MBOXFS_DELAY		32	/* in: @delay_ns holds */
#define MBOXFS_TRUNC		64	/* out: not all bytes had room */
#define MBOXFS_LEASE		128	/* in: take it on lease */
#define MBOXFS_DEAD		256	/* in: one of the dead ones */
#define MBOXFS_SEQ		512	/* in: write @seq back */
#define MBOXFS_ONCE		4096	/* in: only if @tag is the highest so far */
#define MBOXFS_RESTORE		8192	/* in: as it was */
#define MBOXFS_IS_DELAYED	0x10000	/* out: not readable yet */
#define MBOXFS_IS_LEASED	0x20000	/* out: on lease */
#define MBOXFS_IS_DEAD		0x40000	/* out: tried too often, or buried */

/* What becomes of messages that are on lease. */
#define MBOXFS_ACK		0	/* done: received */
#define MBOXFS_RETURN		1	/* readable again */
#define MBOXFS_BURY		2	/* dead */
#define MBOXFS_TOUCH		3	/* their time begins anew */

/* CANCEL: what the numbers are. */
#define MBOXFS_BY_SEQ		0
#define MBOXFS_BY_TAG		1

/* LOOK: at which messages. */
#define MBOXFS_LOOK_READABLE	1
#define MBOXFS_LOOK_DELAYED	2
#define MBOXFS_LOOK_LEASED	4
#define MBOXFS_LOOK_DEAD	8

/**
 * struct mboxfs_msg - a message, to send or to receive
 * @data:	user pointer; may be NULL if no byte is copied
 * @len:	bytes to send; room to receive, then the message's full length
 * @flags:	MBOXFS_NONBLOCK and so on
 * @priority:	0 is the lowest and the default; higher is received first
 * @pid:	FROM: only from this process; out: the sender
 * @uid:	out: the sender's user
 * @gid:	out: the sender's group
 * @tag:	any number the sender likes; TAGGED: only this one
 * @timeout_ns:	how long to wait at most
 * @delay_ns:	DELAY: instead of send_delay_ms
 * @sent_ns:	out: when it was sent, CLOCK_REALTIME
 * @seq:	out: the mailbox's running number, from 1
 * @attempts:	out: how often it has been on lease
 * @reserved:	0
 */
struct mboxfs_msg {
	__aligned_u64	data;
	__u32		len;
	__u32		flags;
	__u32		priority;
	__s32		pid;
	__u32		uid;
	__u32		gid;
	__aligned_u64	tag;
	__aligned_s64	timeout_ns;
	__aligned_u64	delay_ns;
	__aligned_u64	sent_ns;
	__aligned_u64	seq;
	__u32		attempts;
	__u32		reserved[3];
};

/**
 * struct mboxfs_batch - several messages
 * @msgs:	user pointer to an array of struct mboxfs_msg
 * @count:	how many
 * @flags:	MBOXFS_NONBLOCK; RECV_BATCH: _LEASE, _DEAD
 * @timeout_ns:	how long to wait at most for the first one
 * @size:	sizeof(struct mboxfs_msg), as the caller knows it; 0 stands for
 *		that of 1.0 (MBOXFS_MSG_SIZE_1)
 * @reserved32:	0
 */
struct mboxfs_batch {
	__aligned_u64	msgs;
	__u32		count;
	__u32		flags;
	__aligned_s64	timeout_ns;
	__u32		size;
	__u32		reserved32;
};

/**
 * struct mboxfs_packed - several messages in one buffer
 * @buf:	user pointer to records, each a struct mboxfs_record and the
 *		message's bytes; the next one begins at a multiple of 8
 * @len:	bytes of them; room to receive, then what is used, or with EMSGSIZE
 *		what the first message needs
 * @count:	how many at most; 0: as many as fit
 * @flags:	MBOXFS_NONBLOCK; RECV_PACKED: _LEASE
 * @reserved32:	0
 * @timeout_ns:	how long to wait at most for the first one
 * @reserved:	0
 */
struct mboxfs_packed {
	__aligned_u64	buf;
	__u32		len;
	__u32		count;
	__u32		flags;
	__u32		reserved32;
	__aligned_s64	timeout_ns;
	__aligned_u64	reserved[2];
};

/**
 * struct mboxfs_record - what is in front of a packed message
 * @len:	its bytes
 * @priority:	its priority
 * @tag:	its tag
 */
struct mboxfs_record {
	__u32		len;
	__u32		priority;
	__aligned_u64	tag;
};

/**
 * struct mboxfs_settle - what becomes of messages
 * @seqs:	user pointer to an array of __u64: seq, or CANCEL's tags
 * @count:	how many
 * @how:	MBOXFS_ACK and so on; CANCEL: MBOXFS_BY_SEQ, MBOXFS_BY_TAG
 * @delay_ns:	RETURN: readable after this time
 * @reserved:	0
 */
struct mboxfs_settle {
	__aligned_u64	seqs;
	__u32		count;
	__u32		how;
	__aligned_u64	delay_ns;
	__aligned_u64	reserved[2];
};

/**
 * struct mboxfs_look - a walk over the messages of a mailbox
 * @msgs:	user pointer to an array of struct mboxfs_msg
 * @count:	how many
 * @what:	MBOXFS_LOOK_READABLE and so on
 * @cursor:	where the walk is
 * @reserved:	0
 */
struct mboxfs_look {
	__aligned_u64	msgs;
	__u32		count;
	__u32		what;
	__aligned_u64	cursor[2];
	__aligned_u64	reserved[2];
};

/* The size that struct mboxfs_msg has in 1.0. */
#define MBOXFS_MSG_SIZE_1	88

/**
 * struct mboxfs_barrier - how to wait at a barrier
 * @parties:	BARRIER_WAIT: how many
 * @flags:	MBOXFS_NONBLOCK
 * @timeout_ns:	how long to wait at most
 */
struct mboxfs_barrier {
	__u32		parties;
	__u32		flags;
	__aligned_s64	timeout_ns;
};

/*
 * Limits (0: no bound), policies and counters of a mailbox, named as its
 * attributes. next_size is 0 while nothing is there.
 */
struct mboxfs_stat {
	__aligned_u64	max_message_size;
	__aligned_u64	max_messages;
	__aligned_u64	max_bytes;
	__aligned_u64	send_delay_ms;
	__aligned_u64	delay_change;
	__aligned_u64	ttl_ms;
	__aligned_u64	short_read;
	__aligned_u64	when_full;
	__aligned_u64	when_empty;
	__aligned_u64	flush_on_close;
	__aligned_u64	stopped;
	__aligned_u64	messages;
	__aligned_u64	bytes;
	__aligned_u64	delayed_messages;
	__aligned_u64	delayed_bytes;
	__aligned_u64	next_size;
	__aligned_u64	readers_waiting;
	__aligned_u64	writers_waiting;
	__aligned_u64	sent_total;
	__aligned_u64	received_total;
	__aligned_u64	dropped_total;
	__aligned_u64	expired_total;
	__aligned_u64	revoked_total;
	__aligned_u64	purged_total;
	__aligned_u64	barrier_sleepers;
	__aligned_u64	truncated_total;
	__aligned_u64	type;
	__aligned_u64	leased_messages;
	__aligned_u64	leased_bytes;
	__aligned_u64	dead_messages;
	__aligned_u64	dead_bytes;
	__aligned_u64	returned_total;
	__aligned_u64	once_tag;
	__aligned_u64	lease_ms;
	__aligned_u64	max_attempts;
	__aligned_u64	when_dead;
	__aligned_u64	when_read;
	__aligned_u64	when_unlinked;
	__aligned_u64	reserved[8];
};

#define MBOXFS_IOC_MAGIC		0xBD
#define MBOXFS_IOC_SEND			_IOW(MBOXFS_IOC_MAGIC, 1, struct mboxfs_msg)
#define MBOXFS_IOC_RECV			_IOWR(MBOXFS_IOC_MAGIC, 2, struct mboxfs_msg)
#define MBOXFS_IOC_SEND_BATCH		_IOW(MBOXFS_IOC_MAGIC, 3, struct mboxfs_batch)
#define MBOXFS_IOC_RECV_BATCH		_IOW(MBOXFS_IOC_MAGIC, 4, struct mboxfs_batch)
#define MBOXFS_IOC_STAT			_IOR(MBOXFS_IOC_MAGIC, 5, struct mboxfs_stat)
#define MBOXFS_IOC_REVOKE		_IO(MBOXFS_IOC_MAGIC, 6)
#define MBOXFS_IOC_STOP			_IO(MBOXFS_IOC_MAGIC, 7)
#define MBOXFS_IOC_START		_IO(MBOXFS_IOC_MAGIC, 8)
#define MBOXFS_IOC_PURGE		_IO(MBOXFS_IOC_MAGIC, 9)
#define MBOXFS_IOC_BIND			_IO(MBOXFS_IOC_MAGIC, 10)
#define MBOXFS_IOC_BARRIER_SLEEP	_IOW(MBOXFS_IOC_MAGIC, 11, struct mboxfs_barrier)
#define MBOXFS_IOC_BARRIER_AWAKE	_IO(MBOXFS_IOC_MAGIC, 12)
#define MBOXFS_IOC_BARRIER_WAIT		_IOW(MBOXFS_IOC_MAGIC, 13, struct mboxfs_barrier)
#define MBOXFS_IOC_BROADCAST		_IOW(MBOXFS_IOC_MAGIC, 14, struct mboxfs_msg)
#define MBOXFS_IOC_SETTLE		_IOW(MBOXFS_IOC_MAGIC, 15, struct mboxfs_settle)
#define MBOXFS_IOC_KICK			_IO(MBOXFS_IOC_MAGIC, 16)
#define MBOXFS_IOC_LOOK			_IOWR(MBOXFS_IOC_MAGIC, 17, struct mboxfs_look)
#define MBOXFS_IOC_CANCEL		_IOW(MBOXFS_IOC_MAGIC, 18, struct mboxfs_settle)
#define MBOXFS_IOC_RECV_PACKED		_IOWR(MBOXFS_IOC_MAGIC, 19, struct mboxfs_packed)
#define MBOXFS_IOC_SEND_PACKED		_IOW(MBOXFS_IOC_MAGIC, 20, struct mboxfs_packed)

#endif /* _UAPI_LINUX_MBOXFS_H */
