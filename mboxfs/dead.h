/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that are dead: received, revived, purged.
 */
#ifndef _MBOXFS_DEAD_H
#define _MBOXFS_DEAD_H

#include "mbox.h"

int mbox_receive_dead(struct mbox *box, struct mbox_want *want,
		      struct mbox_msg **msgs, int count);
u64 mbox_kick(struct mbox *box);
u64 mbox_purge_dead(struct mbox *box);

#endif /* _MBOXFS_DEAD_H */
