/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delayed messages: published at once, taken back, published by the timer.
 */
#ifndef _MBOXFS_DELAY_H
#define _MBOXFS_DELAY_H

#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "mbox.h"

int mbox_flush(struct mbox *box);
u64 mbox_take_back(struct mbox *box, kuid_t uid, u64 *total);
u64 mbox_revoke(struct mbox *box, kuid_t uid);

void mbox_timer_work(struct work_struct *work);

#endif /* _MBOXFS_DELAY_H */
