/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Barriers: tasks that wait for each other. Knows no mailbox, no group and no
 * file.
 */
#ifndef _MBOXFS_BARRIER_H
#define _MBOXFS_BARRIER_H

#include <linux/types.h>

struct mbox_barrier;

struct mbox_barrier *mbox_barrier_get(struct mbox_barrier **where);
void mbox_barrier_free(struct mbox_barrier *barrier);
int mbox_barrier_sleep(struct mbox_barrier *barrier, s64 *timeout);
u32 mbox_barrier_awake(struct mbox_barrier *barrier);
int mbox_barrier_wait(struct mbox_barrier *barrier, u32 parties, s64 *timeout);
void mbox_barrier_close(struct mbox_barrier *barrier);
bool mbox_barrier_close_idle(struct mbox_barrier *barrier);
void mbox_barrier_reopen(struct mbox_barrier *barrier);
u32 mbox_barrier_sleepers(struct mbox_barrier *barrier);

#endif /* _MBOXFS_BARRIER_H */
