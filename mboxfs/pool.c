// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounds on something that many share.
 *
 * A pool that is charged for each message would be one cache line that all
 * CPUs write all the time. So a CPU takes more than it needs, as long as much
 * is left, and what it gives back stays with it: its stock. The same holds for
 * what others keep charged for later use: they are the pool's keepers. What is
 * in stock or kept counts as used; so the bound is never exceeded.
 *
 * All else goes by one lock for a pool and those below it, with which an amount
 * is taken from a pool and all above it at once, or not at all. Whoever finds
 * that one of them has too little left closes all stocks at and below it, and
 * has all keepers there give back; as long as he does, no stock is opened and
 * nobody becomes a keeper. A stock is closed, and a keeper no more, in the
 * moment in which its amount is back. So when there are none left, and it still
 * does not fit, it really does not, and nothing that fits is refused; nor does
 * anyone have to wait for another one.
 *
 * "__" means that the root's lock is held.
 *
 * What CPUs have in stock, what keepers of a pool keep, and what holders of a group
 * have reserved (group.c) is all taken in advance and given back on demand, and yet
 * is not one mechanism. A stock belongs to no mailbox and is used without a lock,
 * so it is taken away by an exchange; what a keeper keeps are objects, which only
 * its mailbox can free; and a holder's bytes count in all the groups above it, any
 * of which may be the one that is full, while groups move. What they have in common
 * is the rule: who finds something full says that he reclaims, which keeps all
 * from taking more in advance, and believes it only when he has asked all of them.
 */
#include "pool.h"

#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#define MBOX_STOCK		(64 << 10)	/* taken in advance at most */
#define MBOX_STOCK_MIN		(4 << 10)	/* less is not worth it */
#define MBOX_STOCK_CLOSED	S64_MIN		/* nothing can be put there */
#define MBOX_KEEPER_BATCH	100		/* looked at in one go */

static void mbox_pool_lock(struct mbox_pool *pool)
	__acquires(&pool->root->lock)
{
	spin_lock(&pool->root->lock);
}

static void mbox_pool_unlock(struct mbox_pool *pool)
	__releases(&pool->root->lock)
{
	spin_unlock(&pool->root->lock);
}

/**
 * mbox_pool_init - set up a bound
 * @pool:	the pool
 * @max:	the bound, U64_MAX for none
 * @parent:	charged along with @pool, or NULL; outlives it
 */
void mbox_pool_init(struct mbox_pool *pool, u64 max, struct mbox_pool *parent)
{
	*pool = (struct mbox_pool){
		.root = parent ? parent->root : pool,
		.parent = parent,
		.max = max,
	};
	spin_lock_init(&pool->lock);
	mutex_init(&pool->look);
	INIT_LIST_HEAD(&pool->keepers);
	INIT_LIST_HEAD(&pool->busy);
	INIT_LIST_HEAD(&pool->busy_node);
}

/**
 * mbox_pool_init_stock - let CPUs take from a pool in advance
 * @pool:	the pool, not charged yet
 *
 * Return: 0 or -ENOMEM.
 */
int mbox_pool_init_stock(struct mbox_pool *pool)
{
	int cpu;

	pool->stock = alloc_percpu_gfp(atomic64_t, GFP_KERNEL_ACCOUNT);
	if (!pool->stock)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		atomic64_set(per_cpu_ptr(pool->stock, cpu), MBOX_STOCK_CLOSED);
	return 0;
}

/* In use more or less, in a pool and those above it. */
static void __mbox_pool_add(struct mbox_pool *pool, s64 amount)
{
	for (; pool; pool = pool->parent)
		pool->used += amount;
}

static u64 __mbox_pool_left(const struct mbox_pool *pool)
{
	return pool->max > pool->used ? pool->max - pool->used : 0;
}

/* The first pool, from one on upwards, that has less left; or NULL. */
static struct mbox_pool *__mbox_pool_full(struct mbox_pool *pool, u64 amount)
{
	while (pool && __mbox_pool_left(pool) >= amount)
		pool = pool->parent;
	return pool;
}

/* How much can be taken in advance: only a small part of what is left. */
static u64 __mbox_pool_advance(const struct mbox_pool *pool)
{
	u64 left = U64_MAX;

	for (; pool; pool = pool->parent)
		left = pool->reclaims ? 0 : min(left, __mbox_pool_left(pool));
	left = min_t(u64, left / 64, MBOX_STOCK);
	return left < MBOX_STOCK_MIN ? 0 : left;
}

static bool __mbox_pool_busy(const struct mbox_pool *pool)
{
	return pool->stocked || !list_empty(&pool->keepers) ||
	       !list_empty(&pool->busy);
}

/* A pool has something in stock or kept, or has not any more. */
static void __mbox_pool_note(struct mbox_pool *pool)
{
	for (; pool->parent; pool = pool->parent) {
		if (__mbox_pool_busy(pool) == !list_empty(&pool->busy_node))
			return;
		if (list_empty(&pool->busy_node))
			list_add_tail(&pool->busy_node, &pool->parent->busy);
		else
			list_del_init(&pool->busy_node);
	}
}

/* Open this CPU's stock, or add to it; what is there counts as used already. */
static void __mbox_pool_put_stock(struct mbox_pool *pool, u64 amount)
{
	atomic64_t *stock = raw_cpu_ptr(pool->stock);

	/* As long as it is closed, it changes with the lock held alone. */
	if (atomic64_read(stock) == MBOX_STOCK_CLOSED)
		atomic64_set(stock, amount);
	else
		atomic64_add(amount, stock);
	pool->stocked = true;
	__mbox_pool_note(pool);
}

static void __mbox_pool_close_stocks(struct mbox_pool *pool)
{
	atomic64_t *stock;
	s64 amount = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		stock = per_cpu_ptr(pool->stock, cpu);
		if (atomic64_read(stock) != MBOX_STOCK_CLOSED)
			amount += atomic64_xchg(stock, MBOX_STOCK_CLOSED);
	}
	__mbox_pool_add(pool, -amount);
	pool->stocked = false;
	__mbox_pool_note(pool);
}

/* Have the first keeper of a pool give back; the lock is dropped for that. */
static void __mbox_pool_ask_keeper(struct mbox_pool *pool,
				   struct mbox_pool *root)
{
	/* Without the lock, @pool may go; but a keeper waits for RCU. */
	const struct mbox_pool_ops *ops = pool->ops;
	struct list_head *keeper = pool->keepers.next;

	rcu_read_lock();
	mbox_pool_unlock(root);
	ops->release(keeper);
	rcu_read_unlock();
	cond_resched();
	mbox_pool_lock(root);
}

/*
 * Get something back that is in stock, or kept, at or below a pool; whether
 * there was any. The lock is dropped for that.
 */
static bool __mbox_pool_reclaim(struct mbox_pool *full)
{
	struct mbox_pool *pool = full;

	while (!pool->stocked && list_empty(&pool->keepers)) {
		if (list_empty(&pool->busy))
			return false;
		pool = list_first_entry(&pool->busy, struct mbox_pool,
					busy_node);
	}
	if (pool->stocked) {
		__mbox_pool_close_stocks(pool);
		return true;
	}
	__mbox_pool_ask_keeper(pool, full->root);
	return !fatal_signal_pending(current);
}

/* mbox_pool_charge() where the stock is not enough. */
static bool mbox_pool_charge_slow(struct mbox_pool *pool, u64 amount)
{
	struct mbox_pool *full, *reclaimed = NULL;
	u64 advance;

	mbox_pool_lock(pool);
	for (;;) {
		full = __mbox_pool_full(pool, amount);
		if (unlikely(full != reclaimed)) {
			if (reclaimed)
				reclaimed->reclaims--;
			if (full)
				full->reclaims++;
			reclaimed = full;
		}
		if (likely(!full) || !__mbox_pool_reclaim(full))
			break;
	}
	if (unlikely(full)) {
		full->reclaims--;
	} else {
		__mbox_pool_add(pool, amount);
		advance = pool->stock ? __mbox_pool_advance(pool) : 0;
		if (advance) {
			__mbox_pool_add(pool, advance);
			__mbox_pool_put_stock(pool, advance);
		}
	}
	mbox_pool_unlock(pool);
	return !full;
}

/**
 * mbox_pool_charge - take from a pool, and from those above it
 * @pool:	the pool
 * @amount:	how much
 *
 * Context: no lock held; sleeps for nobody.
 * Return: whether there was enough; if not, nothing is taken.
 */
bool mbox_pool_charge(struct mbox_pool *pool, u64 amount)
{
	atomic64_t *stock;
	s64 old;

	/* Another CPU's would do as well, so moving to one does not matter. */
	if (pool->stock) {
		stock = raw_cpu_ptr(pool->stock);
		old = atomic64_read(stock);
		while (old >= (s64)amount)
			if (atomic64_try_cmpxchg(stock, &old, old - amount))
				return true;
	}
	return mbox_pool_charge_slow(pool, amount);
}

/* mbox_pool_uncharge() where the stock is closed or full, or there is none. */
static void mbox_pool_uncharge_slow(struct mbox_pool *pool, u64 amount)
{
	atomic64_t *stock;

	mbox_pool_lock(pool);
	if (pool->stock) {
		stock = raw_cpu_ptr(pool->stock);
		if (atomic64_read(stock) != MBOX_STOCK_CLOSED)
			amount += atomic64_xchg(stock, 0);
		else if (__mbox_pool_advance(pool))
			__mbox_pool_put_stock(pool, 0);
	}
	__mbox_pool_add(pool, -(s64)amount);
	mbox_pool_unlock(pool);
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
	s64 old;

	if (pool->stock && amount < MBOX_STOCK) {
		stock = raw_cpu_ptr(pool->stock);
		old = atomic64_read(stock);
		while (old >= 0 && old + amount <= MBOX_STOCK)
			if (atomic64_try_cmpxchg(stock, &old, old + amount))
				return;
	}
	mbox_pool_uncharge_slow(pool, amount);
}

/* What keepers keep, at each of them at another moment. */
static u64 __mbox_pool_kept(struct mbox_pool *pool)
{
	unsigned int batch = MBOX_KEEPER_BATCH;
	u64 kept = 0;

	pool->look_at = pool->keepers.next;
	while (pool->look_at != &pool->keepers) {
		kept += pool->ops->kept(pool->look_at);
		pool->look_at = pool->look_at->next;
		if (--batch)
			continue;
		mbox_pool_unlock(pool);
		cond_resched();
		mbox_pool_lock(pool);
		/* Nobody waits for the result any more. */
		if (fatal_signal_pending(current))
			break;
		batch = MBOX_KEEPER_BATCH;
	}
	pool->look_at = NULL;
	return kept;
}

static u64 __mbox_pool_stocked(struct mbox_pool *pool)
{
	u64 amount = 0;
	s64 stock;
	int cpu;

	if (!pool->stocked)
		return 0;
	for_each_possible_cpu(cpu) {
		stock = atomic64_read(per_cpu_ptr(pool->stock, cpu));
		if (stock != MBOX_STOCK_CLOSED)
			amount += stock;
	}
	return amount;
}

/**
 * mbox_pool_used - how much of a pool is in use, without what is kept
 * @pool:	the pool, with none below it
 *
 * Only looks: nobody has to give anything back. Exact as long as nothing is
 * charged or given back meanwhile.
 *
 * Context: sleeps.
 */
u64 mbox_pool_used(struct mbox_pool *pool)
{
	u64 used, kept;

	if (mutex_lock_killable(&pool->look))
		return 0; /* for nobody */
	mbox_pool_lock(pool);
	kept = __mbox_pool_kept(pool);
	kept += __mbox_pool_stocked(pool);
	used = pool->used;
	mbox_pool_unlock(pool);
	mutex_unlock(&pool->look);
	return used - min(used, kept);
}

/**
 * mbox_pool_resize - change the bound
 * @pool:	the pool
 * @max:	the new bound, U64_MAX for none
 *
 * Context: no lock held.
 * Return: 0, or -EINVAL if more than @max is in use.
 */
int mbox_pool_resize(struct mbox_pool *pool, u64 max)
{
	int ret = 0;

	mbox_pool_lock(pool);
	pool->reclaims++;
	while (pool->used > max && __mbox_pool_reclaim(pool))
		;
	pool->reclaims--;
	if (pool->used > max)
		ret = -EINVAL;
	else
		WRITE_ONCE(pool->max, max);
	mbox_pool_unlock(pool);
	return ret;
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
	bool may;

	if (!pool->ops)
		return false;
	mbox_pool_lock(pool);
	may = __mbox_pool_advance(pool);
	if (may) {
		list_add_tail(node, &pool->keepers);
		WRITE_ONCE(pool->nr_keepers, pool->nr_keepers + 1);
		__mbox_pool_note(pool);
	}
	mbox_pool_unlock(pool);
	return may;
}

/**
 * mbox_pool_del_keeper - a keeper keeps nothing any more
 * @pool:	the pool
 * @node:	the keeper's, with its lock held
 * @kept:	what it has kept, which is given back here
 */
void mbox_pool_del_keeper(struct mbox_pool *pool, struct list_head *node,
			  u64 kept)
{
	mbox_pool_lock(pool);
	if (pool->look_at == node)
		pool->look_at = node->next;
	list_del_init(node);
	WRITE_ONCE(pool->nr_keepers, pool->nr_keepers - 1);
	__mbox_pool_add(pool, -(s64)kept);
	__mbox_pool_note(pool);
	mbox_pool_unlock(pool);
}

/**
 * mbox_pool_keepers - how many keep something
 * @pool:	the pool
 *
 * Context: any.
 */
unsigned long mbox_pool_keepers(const struct mbox_pool *pool)
{
	return READ_ONCE(pool->nr_keepers);
}

/**
 * mbox_pool_shrink - have keepers give back what they keep
 * @pool:	the pool
 * @count:	how many of them, those who have kept something longest
 *
 * Context: may sleep; in the middle of an allocation, too.
 * Return: how many have.
 */
unsigned long mbox_pool_shrink(struct mbox_pool *pool, unsigned long count)
{
	unsigned long done = 0;

	mbox_pool_lock(pool);
	while (done < count && !list_empty(&pool->keepers)) {
		__mbox_pool_ask_keeper(pool, pool->root);
		done++;
	}
	mbox_pool_unlock(pool);
	return done;
}

/**
 * mbox_pool_exit - the end of a pool
 * @pool:	the pool, of which nothing is in use any more
 *
 * Context: sleeps.
 */
void mbox_pool_exit(struct mbox_pool *pool)
{
	mbox_pool_lock(pool);
	if (pool->stocked)
		__mbox_pool_close_stocks(pool);
	WARN_ON(__mbox_pool_busy(pool));
	mbox_pool_unlock(pool);
	free_percpu(pool->stock);
	mutex_destroy(&pool->look);
}
