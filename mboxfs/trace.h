/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints. All begin with the device and inode number that stat(1) shows,
 * and end with the number of published messages.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mboxfs

#if !defined(_MBOXFS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MBOXFS_TRACE_H

#include <linux/kdev_t.h>
#include <linux/tracepoint.h>

#include "mbox.h"

DECLARE_EVENT_CLASS(mboxfs_message,
	TP_PROTO(const struct mbox *box, const struct mbox_msg *msg),
	TP_ARGS(box, msg),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, seq)
		__field(u32, len)
		__field(u32, priority)
		__field(u64, messages)
	),
	TP_fast_assign(
		__entry->dev = box->dev;
		__entry->ino = box->ino;
		__entry->seq = msg->seq;
		__entry->len = msg->len;
		__entry->priority = msg->priority;
		__entry->messages = box->held.messages;
	),
	TP_printk("dev=(%d,%d), ino=%llu, seq=%llu, len=%u, priority=%u, messages=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->seq, __entry->len, __entry->priority,
		  __entry->messages)
);

#define MBOXFS_MESSAGE_EVENT(name)					\
DEFINE_EVENT(mboxfs_message, name,					\
	TP_PROTO(const struct mbox *box, const struct mbox_msg *msg),	\
	TP_ARGS(box, msg))

MBOXFS_MESSAGE_EVENT(mboxfs_send);	/* taken from its sender */
MBOXFS_MESSAGE_EVENT(mboxfs_publish);	/* delayed, readable now */
MBOXFS_MESSAGE_EVENT(mboxfs_recv);	/* received */
MBOXFS_MESSAGE_EVENT(mboxfs_truncate);	/* its reader has lost bytes */
MBOXFS_MESSAGE_EVENT(mboxfs_drop);	/* gone for a newer one */
MBOXFS_MESSAGE_EVENT(mboxfs_expire);	/* gone unread */
MBOXFS_MESSAGE_EVENT(mboxfs_lease);	/* on lease */
MBOXFS_MESSAGE_EVENT(mboxfs_return);	/* back from a lease */
MBOXFS_MESSAGE_EVENT(mboxfs_bury);	/* dead */

/* Delayed messages have been taken back, or one by its own sender. */
TRACE_EVENT(mboxfs_revoke,
	TP_PROTO(const struct mbox *box, u64 count),
	TP_ARGS(box, count),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, count)
		__field(u64, messages)
	),
	TP_fast_assign(
		__entry->dev = box->dev;
		__entry->ino = box->ino;
		__entry->count = count;
		__entry->messages = box->held.messages;
	),
	TP_printk("dev=(%d,%d), ino=%llu, count=%llu, messages=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->count, __entry->messages)
);

/* A task begins to wait: for room or a reader (send), or for a message. */
TRACE_EVENT(mboxfs_block,
	TP_PROTO(const struct mbox *box, bool send, u64 len),
	TP_ARGS(box, send, len),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(bool, send)
		__field(u64, len)
		__field(u64, messages)
	),
	TP_fast_assign(
		__entry->dev = box->dev;
		__entry->ino = box->ino;
		__entry->send = send;
		__entry->len = len;
		__entry->messages = box->held.messages;
	),
	TP_printk("dev=(%d,%d), ino=%llu, %s, len=%llu, messages=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->send ? "send" : "recv", __entry->len,
		  __entry->messages)
);

/* A message was not taken at once: which error it would be, or is. */
TRACE_EVENT(mboxfs_limit,
	TP_PROTO(const struct mbox *box, u64 len, u32 priority, int error),
	TP_ARGS(box, len, priority, error),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(u64, ino)
		__field(u64, len)
		__field(u32, priority)
		__field(int, error)
		__field(u64, messages)
	),
	TP_fast_assign(
		__entry->dev = box->dev;
		__entry->ino = box->ino;
		__entry->len = len;
		__entry->priority = priority;
		__entry->error = error;
		__entry->messages = box->held.messages;
	),
	TP_printk("dev=(%d,%d), ino=%llu, len=%llu, priority=%u, error=%d, messages=%llu",
		  MAJOR(__entry->dev), MINOR(__entry->dev), __entry->ino,
		  __entry->len, __entry->priority, __entry->error,
		  __entry->messages)
);

#endif /* _MBOXFS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

/* This part has to be outside of the guard. */
#include <trace/define_trace.h>
