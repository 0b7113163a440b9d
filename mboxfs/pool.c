// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounds on something that many share.
 *
 * A pool that is charged for each message would be one cache line that all
 * CPUs write all the time. So a CPU takes more than it needs, as long as much
 * is left, and what it gives back stays with it: its stock. What is in stock
 * counts as used; so the bound is never exceeded. And whoever finds that
 * nothing is left collects all stocks before he believes it; so nothing that
 * fits is refused. Close to the bound there are no stocks. The same holds for
 * what others keep charged for later use: they are the pool's keepers.
 */
#include "pool.h"

#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>

#define MBOX_STOCK		(64 << 10)	/* taken in advance at most */
#define MBOX_STOCK_MIN		(4 << 10)	/* less is not worth it */

/**
 * mbox_pool_init - set up a bound
 * @pool:	the pool
 * @max:	the bound, U64_MAX for none
 * @parent:	charged along with @pool, or NULL; outlives it
 */
void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent)
{
	atomic64_set(&pool->used, 0);
	pool->max = max;
	pool->parent = parent;
	pool->stock = NULL;
	pool->release = NULL;
	INIT_LIST_HEAD(&pool->children);
	INIT_LIST_HEAD(&pool->keepers);
	spin_lock_init(&pool->lock);
	if (!parent)
		return;
	spin_lock(&parent->lock);
	list_add_tail_rcu(&pool->node, &parent->children);
	spin_unlock(&parent->lock);
}

/**
 * mbox_pool_init_stock - let CPUs take from a pool in advance
 * @pool:	the pool, not charged yet
 *
 * Return: 0 or -ENOMEM.
 */
int mbox_pool_init_stock(struct mbox_pool *pool)
{
	atomic64_t __percpu *stock;

	stock = alloc_percpu_gfp(atomic64_t, GFP_KERNEL_ACCOUNT);
	if (!stock)
		return -ENOMEM;
	/* Pairs with the dependency of those who collect stocks meanwhile. */
	smp_store_release(&pool->stock, stock);
	return 0;
}

/* Give back to a pool and those above it. */
static void mbox_pool_give_back(struct mbox_pool *pool, u64 amount)
{
	for (; pool; pool = pool->parent)
		atomic64_sub(amount, &pool->used);
}

static u64 mbox_pool_collect_own(struct mbox_pool *pool)
{
	atomic64_t __percpu *stock = READ_ONCE(pool->stock);
	u64 amount = 0, stocked = 0;
	int cpu;

	if (!list_empty_careful(&pool->keepers))
		amount = pool->release(pool);
	if (!stock)
		return amount;
	for_each_possible_cpu(cpu)
		if (atomic64_read(per_cpu_ptr(stock, cpu)))
			stocked += atomic64_xchg(per_cpu_ptr(stock, cpu), 0);
	if (stocked)
		mbox_pool_give_back(pool, stocked);
	return amount + stocked;
}

/* Collect all that is in stock of a pool, or kept; 0 if there is no more. */
static u64 mbox_pool_collect(struct mbox_pool *pool)
{
	u64 amount = mbox_pool_collect_own(pool);
	struct mbox_pool *child;

	rcu_read_lock();
	list_for_each_entry_rcu(child, &pool->children, node)
		amount += mbox_pool_collect_own(child);
	rcu_read_unlock();
	return amount;
}

/**
 * mbox_pool_exit - the end of a pool
 * @pool:	the pool, of which nothing is in use any more
 *
 * Context: sleeps.
 */
void mbox_pool_exit(struct mbox_pool *pool)
{
	if (pool->parent) {
		spin_lock(&pool->parent->lock);
		list_del_rcu(&pool->node);
		spin_unlock(&pool->parent->lock);
		synchronize_rcu(); /* see mbox_pool_collect() */
	}
	mbox_pool_collect_own(pool);
	free_percpu(pool->stock);
}

static u64 mbox_pool_left(const struct mbox_pool *pool)
{
	u64 max = READ_ONCE(pool->max), used = atomic64_read(&pool->used);

	return max > used ? max - used : 0;
}

/* How much to take in advance: only a small part of what is left. */
static u64 mbox_pool_advance(const struct mbox_pool *pool)
{
	u64 left = U64_MAX;

	if (!pool->stock)
		return 0;
	for (; pool; pool = pool->parent)
		left = min(left, mbox_pool_left(pool));
	left = min_t(u64, left / 64, MBOX_STOCK);
	return left < MBOX_STOCK_MIN ? 0 : left;
}

static bool mbox_pool_take_one(struct mbox_pool *pool, u64 amount)
{
	u64 max = READ_ONCE(pool->max);
	s64 used = atomic64_read(&pool->used);

	do {
		if (amount > max || (u64)used > max - amount)
			return false;
	} while (!atomic64_try_cmpxchg(&pool->used, &used, used + amount));

	/* Lowered meanwhile? Either we see that, or mbox_pool_resize() us. */
	if (likely((u64)used + amount <= READ_ONCE(pool->max)))
		return true;
	atomic64_sub(amount, &pool->used);
	return false;
}

/* Take from a pool and those above it; the one that is exhausted, or NULL. */
static struct mbox_pool *mbox_pool_take(struct mbox_pool *pool, u64 amount)
{
	struct mbox_pool *p, *full;

	for (full = pool; full; full = full->parent)
		if (!mbox_pool_take_one(full, amount))
			break;
	if (likely(!full))
		return NULL;
	for (p = pool; p != full; p = p->parent)
		atomic64_sub(amount, &p->used);
	return full;
}

/**
 * mbox_pool_charge - take from a pool, and from those above it
 * @pool:	the pool
 * @amount:	how much
 *
 * Context: any but interrupts.
 * Return: whether there was enough; if not, nothing is taken.
 */
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount)
{
	atomic64_t *stock = NULL;
	struct mbox_pool *full;
	u64 advance;
	s64 old;

	/* Another CPU's would do as well, so moving to one does not matter. */
	if (pool->stock) {
		stock = raw_cpu_ptr(pool->stock);
		old = atomic64_read(stock);
		while (old >= (s64)amount)
			if (atomic64_try_cmpxchg(stock, &old, old - amount))
				return true;
	}
	advance = mbox_pool_advance(pool);
	if (advance && !mbox_pool_take(pool, amount + advance)) {
		atomic64_add(advance, stock);
		return true;
	}
	do {
		full = mbox_pool_take(pool, amount);
		if (!full)
			return true;
	} while (mbox_pool_collect(full));
	return false;
}

/**
 * mbox_pool_uncharge - give back what mbox_pool_charge() took
 * @pool:	the pool
 * @amount:	how much
 *
 * Context: any but interrupts.
 */
void mbox_pool_uncharge(struct mbox_pool *pool, u64 amount)
{
	atomic64_t *stock;

	if (amount < MBOX_STOCK && mbox_pool_advance(pool)) {
		stock = raw_cpu_ptr(pool->stock);
		if (atomic64_read(stock) < MBOX_STOCK) {
			atomic64_add(amount, stock);
			return;
		}
	}
	mbox_pool_give_back(pool, amount);
}

/**
 * mbox_pool_used - how much of a pool is in use
 * @pool:	the pool
 */
u64 mbox_pool_used(struct mbox_pool *pool)
{
	mbox_pool_collect(pool);
	return atomic64_read(&pool->used);
}

/**
 * mbox_pool_resize - change the bound
 * @pool:	the pool
 * @max:	the new bound, U64_MAX for none
 *
 * Context: serialized by the caller.
 * Return: 0, or -EINVAL if more than @max is in use.
 */
int mbox_pool_resize(struct mbox_pool *pool, u64 max)
{
	u64 old = pool->max;

	/* Set first, so that what is charged meanwhile keeps to it. */
	WRITE_ONCE(pool->max, max);
	smp_mb(); /* pairs with the exchange in mbox_pool_take_one() */
	if (mbox_pool_used(pool) <= max)
		return 0;
	WRITE_ONCE(pool->max, old);
	return -EINVAL;
}

/**
 * mbox_pool_add_keeper - who keeps something charged can be asked to release it
 * @pool:	the pool
 * @node:	the keeper's; guarded by a lock of its own as well, which is held
 *
 * Close to the bound nothing is to be kept.
 *
 * Return: whether it may keep something.
 */
bool mbox_pool_add_keeper(struct mbox_pool *pool, struct list_head *node)
{
	if (!pool->release || !mbox_pool_advance(pool))
		return false;
	spin_lock(&pool->lock);
	list_add_tail(node, &pool->keepers);
	spin_unlock(&pool->lock);
	return true;
}

/**
 * mbox_pool_del_keeper - undo mbox_pool_add_keeper()
 * @pool:	the pool
 * @node:	the keeper's, with its lock held
 */
void mbox_pool_del_keeper(struct mbox_pool *pool, struct list_head *node)
{
	spin_lock(&pool->lock);
	list_del_init(node);
	spin_unlock(&pool->lock);
}

/**
 * mbox_pool_first_keeper - one who keeps something
 * @pool:	the pool
 *
 * Return: a keeper's node, or NULL; it may cease to be one at any time.
 */
struct list_head *mbox_pool_first_keeper(struct mbox_pool *pool)
{
	struct list_head *node = NULL;

	spin_lock(&pool->lock);
	if (!list_empty(&pool->keepers))
		node = pool->keepers.next;
	spin_unlock(&pool->lock);
	return node;
}
