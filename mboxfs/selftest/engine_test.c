// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the engine: what can be tried without a file. Part of the
 * module if it is built with MBOXFS_KUNIT=1 for a kernel with KUnit.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "../barrier.h"
#include "../clock.h"
#include "../control.h"
#include "../copy.h"
#include "../dead.h"
#include "../delay.h"
#include "../look.h"
#include "../receive.h"
#include "../send.h"
#include "../settle.h"
#include "../step.h"

/* A mailbox in a group of its own, with a pool. */
struct fixture {
	struct mbox_pool	pool;
	struct mbox_group	*root;
	struct mbox		*box;
};

static int engine_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	mbox_pool_init(&f->pool, 1 << 20, NULL);
	KUNIT_ASSERT_EQ(test, mbox_pool_init_stock(&f->pool), 0);
	f->root = mbox_group_alloc(NULL, &mbox_default_limits);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->root));
	f->box = kzalloc(sizeof(*f->box), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->box);
	KUNIT_ASSERT_EQ(test, mbox_init(f->box, &f->pool, f->root, 0, 1), 0);
	return 0;
}

static void engine_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	mbox_exit(f->box);
	KUNIT_EXPECT_EQ(test, mbox_pool_used(&f->pool), 0ULL);
	mbox_pool_exit(&f->pool);
	synchronize_rcu();
	kfree(f->box);
	KUNIT_EXPECT_EQ(test, refcount_read(&f->root->refs), 1U);
	mbox_group_put(f->root);
}

/* Send a message of so many bytes, all of one value. */
static int send(struct kunit *test, u8 value, size_t len, u16 priority,
		u64 delay_ns)
{
	s64 timeout = 0;
	struct fixture *f = test->priv;
	struct mbox_msg *msg;
	struct iov_iter from;
	struct kvec vec;
	u8 *data;
	int err;

	data = kunit_kzalloc(test, len + 1, GFP_KERNEL);
	memset(data, value, len);
	vec = (struct kvec){ data, len };
	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, len);
	err = mbox_check_send(f->box, len, MBOX_NONBLOCK);
	if (err)
		return err;
	msg = mbox_new_msg(f->box, len, priority, 0, current_cred(),
			   GFP_KERNEL);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	KUNIT_EXPECT_EQ(test, mbox_msg_copy_from(msg, &from), 0);
	if (delay_ns)
		KUNIT_ASSERT_EQ(test,
				mbox_set_delay(f->box, msg, delay_ns, GFP_KERNEL),
				0);
	return mbox_send(f->box, msg, MBOX_NONBLOCK, &timeout);
}

/* Receive the next message; its first byte, or an error. */
static int receive(struct kunit *test)
{
	struct mbox_want want = { .flags = MBOX_NONBLOCK, .room = SIZE_MAX };
	struct fixture *f = test->priv;
	struct mbox_msg *msg;
	struct iov_iter to;
	u8 value = 0;
	struct kvec vec = { &value, 1 };

	msg = mbox_receive(f->box, &want);
	if (IS_ERR(msg))
		return PTR_ERR(msg);
	iov_iter_kvec(&to, ITER_DEST, &vec, 1, 1);
	KUNIT_EXPECT_EQ(test, mbox_msg_copy_to(msg, 0, min_t(u32, msg->len, 1),
					       &to), 0);
	mbox_consume(f->box, &msg, 1);
	return value;
}

static void first_in_first_out(struct kunit *test)
{
	int i;

	KUNIT_EXPECT_EQ(test, receive(test), -EAGAIN);
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, send(test, i, i * 37, 0, 0), 0);
	for (i = 1; i <= 100; i++)
		KUNIT_EXPECT_EQ(test, receive(test), i);
	KUNIT_EXPECT_EQ(test, receive(test), -EAGAIN);
}

static void priorities(struct kunit *test)
{
	static const u8 order[] = { 3, 7, 2, 6, 1, 5, 4, 8 };
	int i;

	/* 1 2 3 and 5 6 7 of the priorities 1 2 3; 4 and 8 of none. */
	for (i = 1; i <= 8; i++)
		KUNIT_EXPECT_EQ(test, send(test, i, 10, i % 4, 0), 0);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, receive(test), order[i]);
}

static void a_returned_message_is_the_next_one(struct kunit *test)
{
	struct mbox_want want = { .flags = MBOX_NONBLOCK, .room = SIZE_MAX };
	struct fixture *f = test->priv;
	struct mbox_msg *msgs[2];
	int i;

	for (i = 1; i <= 3; i++)
		send(test, i, 10, 0, 0);
	msgs[0] = mbox_receive(f->box, &want);
	msgs[1] = mbox_receive(f->box, &want);
	KUNIT_EXPECT_EQ(test, f->box->copying.messages, 2ULL);
	mbox_return(f->box, msgs + 1, 1);
	mbox_return(f->box, msgs, 1);
	for (i = 1; i <= 3; i++)
		KUNIT_EXPECT_EQ(test, receive(test), i);
}

/* In whatever order they come back, and whoever took them from where. */
static void what_comes_back_has_its_place(struct kunit *test)
{
	static const u8 back[] = { 7, 0, 5, 9, 1, 8, 3, 2, 6, 4 };
	struct mbox_want want = { .flags = MBOX_NONBLOCK, .room = SIZE_MAX };
	struct fixture *f = test->priv;
	struct mbox_msg *msgs[10];
	int i, priority;

	for (priority = 0; priority < 2; priority++) {
		for (i = 0; i < 10; i++)
			send(test, i + 1, 10, priority, 0);
		KUNIT_ASSERT_EQ(test, mbox_receive_batch(f->box, &want, msgs,
							 10), 10);
		for (i = 10; i < 12; i++)
			send(test, i + 1, 10, priority, 0);
		for (i = 0; i < 10; i++)
			mbox_return(f->box, msgs + back[i], 1);
		KUNIT_EXPECT_EQ(test, f->box->held.messages, 12ULL);
		for (i = 0; i < 12; i++)
			KUNIT_EXPECT_EQ(test, receive(test), i + 1);
		KUNIT_EXPECT_EQ(test, f->box->held.memory, 0ULL);
	}
}

/* Receive on lease; its number. */
static u64 lease(struct kunit *test, struct mbox_holder *holder)
{
	struct mbox_want want = { .flags = MBOX_NONBLOCK, .room = SIZE_MAX };
	struct fixture *f = test->priv;
	struct mbox_msg *msg = mbox_receive(f->box, &want);

	KUNIT_ASSERT_FALSE(test, IS_ERR(msg));
	KUNIT_ASSERT_EQ(test, mbox_lease(f->box, &msg, 1, holder, false), 1);
	return msg->seq;
}

static void leases_end_in_every_way(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mbox_holder holder;
	struct mbox_stat stat;
	u64 seqs[4];
	int i;

	mbox_holder_init(&holder);
	for (i = 1; i <= 4; i++)
		send(test, i, 10, 0, 0);
	for (i = 0; i < 4; i++)
		seqs[i] = lease(test, &holder);
	mbox_get_stat(f->box, &stat);
	KUNIT_EXPECT_EQ(test, stat.messages, 0ULL);
	KUNIT_EXPECT_EQ(test, stat.leased_messages, 4ULL);
	KUNIT_EXPECT_EQ(test, stat.leased_bytes, 40ULL);
	KUNIT_EXPECT_EQ(test, mbox_settle(f->box, &holder, seqs, 1,
					  MBOX_SETTLE_ACK, 0), 1);
	KUNIT_EXPECT_EQ(test, mbox_settle(f->box, &holder, seqs, 2,
					  MBOX_SETTLE_BURY, 0), 1);
	KUNIT_EXPECT_EQ(test, mbox_settle(f->box, &holder, seqs + 3, 1,
					  MBOX_SETTLE_RETURN, 0), 1);
	KUNIT_EXPECT_EQ(test, holder.count, 1U);
	mbox_end_leases(f->box, &holder);
	mbox_holder_exit(&holder);
	mbox_get_stat(f->box, &stat);
	KUNIT_EXPECT_EQ(test, stat.leased_messages, 0ULL);
	KUNIT_EXPECT_EQ(test, stat.dead_messages, 1ULL);
	KUNIT_EXPECT_EQ(test, stat.returned_total, 2ULL);
	KUNIT_EXPECT_EQ(test, receive(test), 3);
	KUNIT_EXPECT_EQ(test, receive(test), 4);
	KUNIT_EXPECT_EQ(test, mbox_kick(f->box), 1ULL);
	KUNIT_EXPECT_EQ(test, receive(test), 2);
	KUNIT_EXPECT_EQ(test, f->box->held.memory, 0ULL);
}

/* The first bytes of what a walk sees, so many at a time. */
static int look(struct kunit *test, u32 what, int step, u8 *seen)
{
	struct mbox_sight sights[8];
	struct fixture *f = test->priv;
	struct mbox_mark mark = {};
	u64 cursor[2] = {};
	int n, i, total = 0;

	while ((n = mbox_look(f->box, &mark, what, cursor, sights, step)) > 0) {
		for (i = 0; i < n; i++) {
			seen[total++] = sights[i].msg->body[0];
			mbox_msg_put(f->box->pool, sights[i].msg);
		}
	}
	KUNIT_EXPECT_EQ(test, n, 0);
	mbox_mark_exit(f->box, &mark);
	return total;
}

static void a_walk_sees_all_once(struct kunit *test)
{
	static const u8 order[] = { 4, 8, 3, 7, 2, 6, 1, 5 };
	u8 seen[16];
	int i, step;

	for (i = 1; i <= 8; i++)
		send(test, i, 10, (i - 1) % 4, 0);
	for (step = 1; step <= 8; step++) {
		KUNIT_EXPECT_EQ(test, look(test, MBOXFS_LOOK_READABLE, step,
					   seen), 8);
		KUNIT_EXPECT_EQ(test, memcmp(seen, order, 8), 0);
	}
	KUNIT_EXPECT_EQ(test, look(test, MBOXFS_LOOK_DEAD, 1, seen), 0);
}

/* The message where the walk is may go meanwhile, or come back. */
static void a_walk_goes_on_without_its_mark(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mbox_sight sights[2];
	struct mbox_mark mark = {};
	u64 cursor[2] = {};
	int i;

	for (i = 1; i <= 5; i++)
		send(test, i, 10, 0, 0);
	for (i = 1; i <= 4; i += 2) {
		KUNIT_ASSERT_EQ(test, mbox_look(f->box, &mark,
						MBOXFS_LOOK_READABLE, cursor,
						sights, 2), 2);
		KUNIT_EXPECT_EQ(test, sights[0].msg->body[0], i);
		KUNIT_EXPECT_EQ(test, sights[1].msg->body[0], i + 1);
		mbox_msg_put(f->box->pool, sights[0].msg);
		mbox_msg_put(f->box->pool, sights[1].msg);
		KUNIT_EXPECT_EQ(test, receive(test), i);
		KUNIT_EXPECT_EQ(test, receive(test), i + 1);
	}
	mbox_mark_exit(f->box, &mark);
	KUNIT_EXPECT_EQ(test, mbox_cancel(f->box, (u64[]){ 5 }, 1, false,
					  INVALID_UID), 1LL);
	KUNIT_EXPECT_EQ(test, receive(test), -EAGAIN);
}

static void delayed_in_due_order(struct kunit *test)
{
	static const u64 hours[] = { 3, 1, 2, 1, 3 };
	static const u8 order[] = { 2, 4, 3, 1, 5 };
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, send(test, i + 1, 10, 0,
					   hours[i] * 3600 * NSEC_PER_SEC), 0);
	KUNIT_EXPECT_EQ(test, receive(test), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mbox_flush(f->box), 0);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, receive(test), order[i]);
	for (i = 0; i < 5; i++)
		send(test, i, 10, 0, hours[i] * 3600 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, mbox_revoke(f->box, INVALID_UID), 5ULL);
	KUNIT_EXPECT_EQ(test, f->box->delayed.bytes, 0ULL);
}

static void limits_hold(struct kunit *test)
{
	struct fixture *f = test->priv;

	mbox_set_limit(f->box, MBOX_MAX_MESSAGES, 2);
	KUNIT_EXPECT_EQ(test, send(test, 1, 10, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, send(test, 2, 10, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, send(test, 3, 10, 0, 0), -EAGAIN);
	mbox_set_limit(f->box, MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_FAIL);
	KUNIT_EXPECT_EQ(test, send(test, 3, 10, 0, 0), -ENOSPC);
	mbox_set_limit(f->box, MBOX_WHEN_FULL, MBOXFS_WHEN_FULL_DROP_OLDEST);
	KUNIT_EXPECT_EQ(test, send(test, 3, 10, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, receive(test), 2);
	KUNIT_EXPECT_EQ(test, receive(test), 3);
	mbox_set_limit(f->box, MBOX_MAX_BYTES, 5);
	KUNIT_EXPECT_EQ(test, send(test, 4, 6, 0, 0), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, send(test, 4, 5, 0, 0), 0);
	mbox_set_stopped(f->box, true);
	KUNIT_EXPECT_EQ(test, send(test, 5, 1, 0, 0), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, receive(test), 4);
	KUNIT_EXPECT_EQ(test, receive(test), -ESHUTDOWN);
}

static void pool_is_exact(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 i, n = 0;

	while (mbox_pool_charge(&f->pool, 100)) {
		KUNIT_ASSERT_LE(test, f->pool.used, f->pool.max);
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, f->pool.max / 100);
	KUNIT_EXPECT_EQ(test, mbox_pool_resize(&f->pool, n * 100), 0);
	KUNIT_EXPECT_EQ(test, mbox_pool_resize(&f->pool, n * 100 - 1), -EINVAL);
	for (i = 0; i < n; i++)
		mbox_pool_uncharge(&f->pool, 100);
	KUNIT_EXPECT_EQ(test, mbox_pool_used(&f->pool), 0ULL);
}

static void pool_with_a_parent(struct kunit *test)
{
	struct mbox_pool parent, a, b;

	mbox_pool_init(&parent, 1 << 20, NULL);
	mbox_pool_init(&a, 1 << 22, &parent);
	mbox_pool_init(&b, 1 << 22, &parent);
	KUNIT_ASSERT_EQ(test, mbox_pool_init_stock(&a), 0);
	KUNIT_ASSERT_EQ(test, mbox_pool_init_stock(&b), 0);
	/* What one has in stock is the other one's if need be. */
	KUNIT_EXPECT_TRUE(test, mbox_pool_charge(&a, 100));
	KUNIT_EXPECT_GT(test, parent.used, 100ULL);
	KUNIT_EXPECT_TRUE(test, mbox_pool_charge(&b, (1 << 20) - 100));
	KUNIT_EXPECT_FALSE(test, mbox_pool_charge(&a, 1));
	KUNIT_EXPECT_FALSE(test, mbox_pool_charge(&b, 1));
	mbox_pool_uncharge(&a, 100);
	KUNIT_EXPECT_TRUE(test, mbox_pool_charge(&b, 100));
	mbox_pool_uncharge(&b, 1 << 20);
	mbox_pool_exit(&a);
	mbox_pool_exit(&b);
	KUNIT_EXPECT_EQ(test, mbox_pool_used(&parent), 0ULL);
}

static void ceilings_are_exact(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mbox_group *full;
	struct mbox_account a, b;
	struct mbox_group *g = mbox_group_alloc(f->root, NULL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(g));
	mbox_group_set_limit(f->root, MBOX_GROUP_MAX_BYTES, 10 << 20);
	KUNIT_EXPECT_EQ(test, mbox_account_init(&a, g), 0);
	KUNIT_EXPECT_EQ(test, mbox_account_init(&b, f->root), 0);
	KUNIT_EXPECT_EQ(test, f->root->mailboxes, 3ULL);
	KUNIT_EXPECT_EQ(test, mbox_account_reserve(&a, 10, &full), 0);
	KUNIT_EXPECT_GT(test, a.reserved, 10ULL); /* far from the ceiling */
	KUNIT_EXPECT_EQ(test, f->root->bytes, a.reserved);
	KUNIT_EXPECT_EQ(test, f->root->nr_holders, 1ULL);
	/* What the holder does not need makes the difference. */
	KUNIT_EXPECT_EQ(test, mbox_account_reserve(&b, (10 << 20) - 10, &full),
			-EDQUOT);
	KUNIT_ASSERT_PTR_EQ(test, full, f->root);
	/* It is one until that is back. */
	KUNIT_EXPECT_PTR_EQ(test, mbox_group_next_holder(full), &a);
	KUNIT_EXPECT_PTR_EQ(test, mbox_group_next_holder(full), &a);
	mbox_account_release_all(&a, 10);
	KUNIT_EXPECT_NULL(test, mbox_group_next_holder(full));
	mbox_group_put(full);
	KUNIT_EXPECT_EQ(test, mbox_account_reserve(&b, (10 << 20) - 10, &full),
			0);
	KUNIT_EXPECT_EQ(test, mbox_account_reserve(&a, 11, &full), -EDQUOT);
	KUNIT_EXPECT_NULL(test, full);
	mbox_account_release(&b, 0);
	KUNIT_EXPECT_EQ(test, f->root->bytes, 10ULL);
	mbox_account_exit(&a);
	mbox_account_exit(&b);
	KUNIT_EXPECT_EQ(test, f->root->bytes, 0ULL);
	mbox_group_remove(g);
	mbox_group_put(g);
}

static void groups_move(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mbox_group *g[3], *full;
	struct mbox_entry nothing = {}, entry = {};
	struct mbox_account a;
	int i;

	for (i = 0; i < 3; i++) {
		g[i] = mbox_group_alloc(i == 2 ? g[0] : f->root, NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(g[i]));
	}
	KUNIT_EXPECT_EQ(test, f->root->below[1], 2U);
	KUNIT_EXPECT_EQ(test, f->root->below[2], 1U);
	mbox_group_set_limit(g[1], MBOX_GROUP_MAX_BYTES, 50);
	KUNIT_EXPECT_EQ(test, mbox_account_init(&a, g[2]), 0);
	mbox_account_reserve(&a, 51, &full);
	mbox_account_release_all(&a, 51);
	entry.group = g[2];
	KUNIT_EXPECT_EQ(test, mbox_group_move(g[0], &entry, g[1], &nothing,
					      NULL, &full), -EDQUOT);
	mbox_account_release(&a, 50);
	KUNIT_EXPECT_EQ(test, mbox_group_move(g[0], &entry, g[1], &nothing,
					      NULL, &full), 0);
	KUNIT_EXPECT_EQ(test, g[0]->bytes, 0ULL);
	KUNIT_EXPECT_EQ(test, g[0]->below[1], 0U);
	KUNIT_EXPECT_EQ(test, g[1]->bytes, 50ULL);
	KUNIT_EXPECT_EQ(test, g[1]->mailboxes, 1ULL);
	KUNIT_EXPECT_EQ(test, g[1]->below[1], 1U);
	KUNIT_EXPECT_EQ(test, f->root->bytes, 50ULL);
	mbox_account_exit(&a);
	for (i = 2; i >= 0; i--) {
		mbox_group_remove(g[i]);
		mbox_group_put(g[i]);
	}
	KUNIT_EXPECT_EQ(test, f->root->below[1] + f->root->below[2], 0U);
}

static void values_are_parsed(struct kunit *test)
{
	static const struct {
		enum mbox_limit limit;
		const char *text;
		int ret;
		u64 value;
	} table[] = {
		{ MBOX_MAX_MESSAGES, "10", 0, 10 },
		{ MBOX_MAX_MESSAGES, "2k", 0, 2048 },
		{ MBOX_MAX_MESSAGES, "0", 0, MBOX_NO_BOUND },
		{ MBOX_SEND_DELAY_MS, "0", 0, 0 },
		{ MBOX_SEND_DELAY_MS, "4294967296", -ERANGE },
		{ MBOX_MAX_BYTES, "-1", -EINVAL },
		{ MBOX_MAX_BYTES, "", -EINVAL },
		{ MBOX_MAX_BYTES, "99999999999999999999", -ERANGE },
		{ MBOX_SHORT_READ, "keep", 0, MBOXFS_SHORT_READ_KEEP },
		{ MBOX_SHORT_READ, "kee", -EINVAL },
		{ MBOX_NAMING, "pid", 0, MBOX_NAMING_PID },
	};
	u64 value;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		value = 0;
		KUNIT_EXPECT_EQ(test, mbox_limit_parse(table[i].limit,
						       table[i].text,
						       strlen(table[i].text),
						       &value), table[i].ret);
		KUNIT_EXPECT_EQ(test, value, table[i].value);
	}
	KUNIT_EXPECT_EQ(test, mbox_limit_find("stopped", true), -ENOENT);
	KUNIT_EXPECT_EQ(test, mbox_limit_find("naming", false), -ENOENT);
	KUNIT_EXPECT_EQ(test, mbox_limit_find("naming", true),
			(int)MBOX_NAMING);
}

static void barriers(struct kunit *test)
{
	struct mbox_barrier *barrier = NULL;

	KUNIT_ASSERT_NOT_NULL(test, mbox_barrier_get(&barrier));
	KUNIT_EXPECT_EQ(test, mbox_barrier_sleep(barrier, &(s64){ 0 }), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mbox_barrier_sleep(barrier, &(s64){ 1000 }), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, mbox_barrier_awake(barrier), 0U);
	KUNIT_EXPECT_EQ(test, mbox_barrier_wait(barrier, 0, &(s64){ -1 }), -EINVAL);
	KUNIT_EXPECT_EQ(test, mbox_barrier_wait(barrier, 1, &(s64){ -1 }), 1);
	KUNIT_EXPECT_EQ(test, mbox_barrier_wait(barrier, 2, &(s64){ 1000 }), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, mbox_barrier_wait(barrier, 1, &(s64){ 0 }), 1);
	KUNIT_EXPECT_TRUE(test, mbox_barrier_close_idle(barrier));
	KUNIT_EXPECT_EQ(test, mbox_barrier_sleep(barrier, &(s64){ 0 }), -ESHUTDOWN);
	mbox_barrier_reopen(barrier);
	KUNIT_EXPECT_EQ(test, mbox_barrier_sleep(barrier, &(s64){ 0 }), -EAGAIN);
	mbox_barrier_free(barrier);
}

/* KUnit calls this before the module's own init, and __init is there then. */
static int __ref engine_suite_init(struct kunit_suite *suite)
{
	int err = mbox_msg_init();

	return err ? err : mbox_clock_init(mbox_timer_work);
}

static void engine_suite_exit(struct kunit_suite *suite)
{
	mbox_clock_end();
	mbox_msg_exit();
}

static struct kunit_case engine_cases[] = {
	KUNIT_CASE(first_in_first_out),
	KUNIT_CASE(priorities),
	KUNIT_CASE(a_returned_message_is_the_next_one),
	KUNIT_CASE(what_comes_back_has_its_place),
	KUNIT_CASE(leases_end_in_every_way),
	KUNIT_CASE(a_walk_sees_all_once),
	KUNIT_CASE(a_walk_goes_on_without_its_mark),
	KUNIT_CASE(delayed_in_due_order),
	KUNIT_CASE(limits_hold),
	KUNIT_CASE(pool_is_exact),
	KUNIT_CASE(pool_with_a_parent),
	KUNIT_CASE(ceilings_are_exact),
	KUNIT_CASE(groups_move),
	KUNIT_CASE(values_are_parsed),
	KUNIT_CASE(barriers),
	{}
};

static struct kunit_suite engine_suite = {
	.name = "mboxfs",
	.suite_init = engine_suite_init,
	.suite_exit = engine_suite_exit,
	.init = engine_init,
	.exit = engine_exit,
	.test_cases = engine_cases,
};

kunit_test_suite(engine_suite);
