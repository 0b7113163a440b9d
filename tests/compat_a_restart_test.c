// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel message system as it was once: ManageMailbox() starts again.
 */
#include "test.h"

#define KMSG_RESTART
#include <kmsg.h>

TEST(without_stop_messages_are_accepted_again)
{
	pid_t me = getpid(), sender;
	char msg[MAX_MSG_SIZE];
	int n = -1, len;

	CHECK_EQ(setenv("MBOXFS", ".", 1), 0);
	CHECK_EQ(SendMsg(me, "one", 3, BLOCK), 0);
	CHECK_EQ(ManageMailbox(true, &n), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(SendMsg(me, "x", 1, BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(ManageMailbox(false, NULL), MSG_ARG_ERROR);
	CHECK_EQ(SendMsg(me, "x", 1, BLOCK), MAILBOX_STOPPED);
	CHECK_EQ(ManageMailbox(false, &n), 0);
	CHECK_EQ(SendMsg(me, "two", 3, BLOCK), 0);
	CHECK_EQ(ManageMailbox(false, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), 0);
	CHECK(len == 3 && !memcmp(msg, "one", 3));
	CHECK_EQ(ManageMailbox(true, &n), 0);
	CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), 0);
	CHECK(len == 3 && !memcmp(msg, "two", 3));
	CHECK_EQ(RcvMsg(&sender, msg, &len, BLOCK), MAILBOX_STOPPED);
}
