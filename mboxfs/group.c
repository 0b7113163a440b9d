// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups: what they hand down, their ceilings, and how they nest.
 *
 * See MBOX_CEILING in group.h. "__" means that the root's lock is held.
 */
#include "group.h"

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "barrier.h"

#define MBOX_ADVANCE		(64 << 10)	/* reserved in advance at most */
#define MBOX_ADVANCE_MIN	1024		/* less is not worth it */
#define MBOX_LOOK_BATCH		100		/* holders at a stretch */

static void mbox_group_lock(struct mbox_group *group)
	__acquires(&group->root->lock)
{
	spin_lock(&group->root->lock);
}

static void mbox_group_unlock(struct mbox_group *group)
	__releases(&group->root->lock)
{
	spin_unlock(&group->root->lock);
}

/* The number of groups above one. */
static unsigned int __mbox_group_depth(const struct mbox_group *group)
{
	unsigned int depth = 0;

	while ((group = group->parent))
		depth++;
	return depth;
}

/* How many levels of groups are below one. */
static unsigned int __mbox_group_height(const struct mbox_group *group)
{
	unsigned int height = MBOX_GROUP_DEPTH;

	while (height && !group->below[height])
		height--;
	return height;
}

/* Whether a group, with what is below it, may be in another one. */
static bool __mbox_group_may_nest(const struct mbox_group *group,
				  const struct mbox_group *parent)
{
	return __mbox_group_depth(parent) + 1 + __mbox_group_height(group) <=
	       MBOX_GROUP_DEPTH;
}

/* Count a group, and all below it, in those above it; or no more. */
static void __mbox_group_count_levels(const struct mbox_group *group, bool more)
{
	unsigned int distance = 1, level;
	struct mbox_group *p;

	for (p = group->parent; p; p = p->parent, distance++)
		for (level = 0; level + distance <= MBOX_GROUP_DEPTH; level++)
			p->below[level + distance] +=
				more ? group->below[level] :
				       -group->below[level];
}

/* Add to what counts in a group and in those above it. */
static void __mbox_group_add(struct mbox_group *group, s64 bytes,
			     s64 mailboxes)
{
	for (; group; group = group->parent) {
		group->bytes += bytes;
		group->mailboxes += mailboxes;
	}
}

/* There are more holders in a group, or less. */
static void __mbox_group_add_holders(struct mbox_group *group, s64 more)
{
	u64 before;

	for (; group; group = group->parent) {
		before = group->nr_holders;
		group->nr_holders += more;
		if (!group->parent)
			break;
		if (!before)
			list_add_tail(&group->busy_node, &group->parent->busy);
		else if (!group->nr_holders)
			list_del(&group->busy_node);
	}
}

/* As much as is reserved in advance may be left over once more. */
static void __mbox_account_set_low(struct mbox_account *account)
{
	account->low = account->reserved -
		       min(account->reserved, 2 * account->spare);
}

static void __mbox_account_hold(struct mbox_account *account, u64 spare)
{
	bool held = account->spare;

	account->spare = spare;
	__mbox_account_set_low(account);
	if (!held && spare) {
		list_add_tail(&account->node, &account->group->holders);
		__mbox_group_add_holders(account->group, 1);
	} else if (held && !spare) {
		list_del(&account->node);
		__mbox_group_add_holders(account->group, -1);
	}
}

/**
 * mbox_group_alloc - make a group
 * @parent:	the group it is in, or NULL for the root
 * @limits:	of the root; NULL for others, who get their parent's
 *
 * Context: sleeps.
 * Return: the group; -ELOOP if groups would nest too deep, -ENOMEM.
 */
struct mbox_group *mbox_group_alloc(struct mbox_group *parent,
				    const struct mbox_group_limits *limits)
{
	struct mbox_group *group;

	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);
	refcount_set(&group->refs, 1);
	spin_lock_init(&group->lock);
	mutex_init(&group->look);
	INIT_LIST_HEAD(&group->holders);
	INIT_LIST_HEAD(&group->busy);
	group->limits = limits ? *limits : mbox_default_limits;
	group->below[0] = 1;
	group->root = group;
	if (!parent)
		return group;

	group->root = parent->root;
	mbox_group_lock(parent);
	if (!__mbox_group_may_nest(group, parent)) {
		mbox_group_unlock(parent);
		kfree(group);
		return ERR_PTR(-ELOOP);
	}
	group->parent = mbox_group_get(parent);
	memcpy(&group->limits, &parent->limits,
	       MBOX_NR_INHERITED * sizeof(u64));
	__mbox_group_count_levels(group, true);
	mbox_group_unlock(parent);
	return group;
}

/**
 * mbox_group_remove - a group has lost its name, or never got one
 * @group:	the group, with no group in it
 *
 * What charges it goes on doing so.
 *
 * Context: takes the root's lock.
 */
void mbox_group_remove(struct mbox_group *group)
{
	mbox_group_lock(group);
	__mbox_group_count_levels(group, false);
	group->below[0] = 0;
	mbox_group_unlock(group);
}

/**
 * mbox_group_put - give back a reference to a group
 * @group:	the group; freed if that was the last one
 *
 * Context: takes no lock.
 */
void mbox_group_put(struct mbox_group *group)
{
	struct mbox_group *parent;

	while (group && refcount_dec_and_test(&group->refs)) {
		WARN_ON(group->bytes || group->mailboxes || group->nr_holders);
		parent = group->parent;
		mbox_barrier_free(group->barrier);
		kfree(group);
		group = parent;
	}
}

/**
 * mbox_group_get_limits - what a new mailbox in a group begins with
 * @group:	the group
 * @limits:	where to put it
 *
 * Context: takes the root's lock.
 */
void mbox_group_get_limits(struct mbox_group *group, struct mbox_limits *limits)
{
	mbox_group_lock(group);
	memcpy(limits, &group->limits, sizeof(*limits));
	mbox_group_unlock(group);
	limits->value[MBOX_STOPPED] = 0;
}

/**
 * mbox_group_limit - a value of a group
 * @group:	the group
 * @limit:	which
 *
 * Context: any.
 */
u64 mbox_group_limit(struct mbox_group *group, enum mbox_limit limit)
{
	return READ_ONCE(group->limits.value[limit]);
}

/**
 * mbox_group_set_limit - change a value of a group
 * @group:	the group
 * @limit:	which
 * @value:	from mbox_limit_parse()
 *
 * What it hands down changes for what is created from now on; a ceiling that
 * is lowered leaves what is there, but holders have to give back afterwards.
 *
 * Context: takes the root's lock.
 */
void mbox_group_set_limit(struct mbox_group *group, enum mbox_limit limit,
			  u64 value)
{
	mbox_group_lock(group);
	WRITE_ONCE(group->limits.value[limit], value);
	mbox_group_unlock(group);
}

/* Where to look at holders next: the first place not yet done by @who. */
static struct mbox_account *__mbox_group_look(struct mbox_group *group, u64 who)
{
	struct mbox_group *p = group, *below;
	struct mbox_account *account;

	for (;;) {
		account = list_first_entry_or_null(&p->holders,
						   struct mbox_account, node);
		if (account && account->looked != who) {
			account->looked = who;
			list_move_tail(&account->node, &p->holders);
			return account;
		}
		below = list_first_entry_or_null(&p->busy, struct mbox_group,
						 busy_node);
		if (below && below->looked != who) {
			p = below;
			continue;
		}
		/* What has been done is at the end of its list. */
		if (p == group)
			return NULL;
		p->looked = who;
		list_move_tail(&p->busy_node, &p->parent->busy);
		p = group;
	}
}

/* What holders have reserved and do not need; one batch of them. */
static bool __mbox_group_sum(struct mbox_group *group, u64 who,
			     u64 (*too_much)(const struct mbox_account *account),
			     u64 *sum)
{
	unsigned int batch = MBOX_LOOK_BATCH;
	struct mbox_account *account;

	while (batch--) {
		account = __mbox_group_look(group, who);
		if (!account)
			return false;
		*sum += too_much(account);
	}
	return true;
}

/**
 * mbox_group_get_stat - what counts in a group now
 * @group:	the group
 * @too_much:	tells what the mailbox of an account has reserved and does not
 *		need, for which the mailbox is not locked
 * @stat:	where to put it
 *
 * Exact as long as nothing happens in the group.
 *
 * Context: sleeps; takes the root's lock.
 * Return: 0, or -EINTR if killed.
 */
int mbox_group_get_stat(struct mbox_group *group,
			u64 (*too_much)(const struct mbox_account *account),
			struct mbox_group_stat *stat)
{
	struct mbox_group *root = group->root;
	u64 sum = 0, who;
	bool more;

	if (mutex_lock_killable(&root->look))
		return -EINTR;
	mbox_group_lock(group);
	who = ++root->looks;
	while ((more = __mbox_group_sum(group, who, too_much, &sum))) {
		mbox_group_unlock(group);
		cond_resched();
		mbox_group_lock(group);
		if (fatal_signal_pending(current))
			break;
	}
	stat->group_bytes = group->bytes - min(sum, group->bytes);
	stat->group_mailboxes = group->mailboxes;
	mbox_group_unlock(group);
	mutex_unlock(&root->look);
	stat->barrier_sleepers =
		mbox_barrier_sleepers(READ_ONCE(group->barrier));
	return more ? -EINTR : 0;
}

/* Refuse because of @group, unless those who hold more than they need can help. */
static int __mbox_group_refuse(struct mbox_group *group,
			       struct mbox_group **full)
{
	*full = group->nr_holders ? mbox_group_get(group) : NULL;
	return -EDQUOT;
}

static u64 __mbox_group_left(const struct mbox_group *group)
{
	u64 max = group->limits.value[MBOX_GROUP_MAX_BYTES];

	/* More may be there, from before the ceiling was lowered. */
	return max > group->bytes ? max - group->bytes : 0;
}

/**
 * mbox_account_init - a mailbox begins to count in a group
 * @account:	the mailbox's
 * @group:	the group
 *
 * Context: takes the root's lock.
 * Return: 0, or -EDQUOT if there are too many.
 */
int mbox_account_init(struct mbox_account *account, struct mbox_group *group)
{
	struct mbox_group *p;

	account->reserved = 0;
	account->spare = 0;
	account->low = 0;
	account->looked = 0;
	mbox_group_lock(group);
	for (p = group; p; p = p->parent) {
		if (p->mailboxes >= p->limits.value[MBOX_GROUP_MAX_MAILBOXES]) {
			mbox_group_unlock(group);
			return -EDQUOT;
		}
	}
	__mbox_group_add(group, 0, 1);
	mbox_group_unlock(group);
	account->group = mbox_group_get(group);
	account->root = mbox_group_get(group->root);
	return 0;
}

/* It counts nowhere any more; return the group to put. */
static struct mbox_group *__mbox_account_leave(struct mbox_account *account)
{
	struct mbox_group *group = account->group;

	if (!group)
		return NULL;
	__mbox_account_hold(account, 0);
	__mbox_group_add(group, -(s64)account->reserved, -1);
	account->group = NULL;
	return group;
}

/**
 * mbox_account_leave - a mailbox counts nowhere any more
 * @account:	of a mailbox that nobody can use any more
 *
 * Context: takes the root's lock.
 */
void mbox_account_leave(struct mbox_account *account)
{
	struct mbox_group *group;

	spin_lock(&account->root->lock);
	group = __mbox_account_leave(account);
	spin_unlock(&account->root->lock);
	mbox_group_put(group);
}

/**
 * mbox_account_exit - the end of an account
 * @account:	of a mailbox that nobody uses any more
 *
 * Who looks for holders may look at it until a grace period has passed.
 *
 * Context: takes the root's lock.
 */
void mbox_account_exit(struct mbox_account *account)
{
	if (!account->root)
		return; /* it never began */
	mbox_account_leave(account);
	mbox_group_put(account->root);
}

/*
 * Whether so many bytes more can be reserved; how many are left then in the
 * group where it is closest, and may be reserved in advance.
 */
static int __mbox_account_check(const struct mbox_account *account, u64 more,
				u64 *left, struct mbox_group **full)
{
	struct mbox_group *p;

	*full = NULL;
	*left = S64_MAX;
	for (p = account->group; p; p = p->parent) {
		u64 here = __mbox_group_left(p);

		if (here < more)
			return __mbox_group_refuse(p, full);
		*left = p->reclaims ? 0 : min(*left, here - more);
	}
	return 0;
}

/**
 * mbox_account_reserve - make sure that enough is reserved
 * @account:	of a mailbox
 * @need:	bytes, all in all, and more than are reserved now
 * @full:	set with an error: the group, with a reference, whose holders
 *		might give back enough; or NULL
 *
 * Context: the mailbox's lock held; takes the root's lock.
 * Return: 0, or -EDQUOT.
 */
int mbox_account_reserve(struct mbox_account *account, u64 need,
			 struct mbox_group **full)
{
	u64 more = need - account->reserved, left, advance;
	int ret;

	spin_lock(&account->root->lock);
	ret = __mbox_account_check(account, more, &left, full);
	if (!ret && account->group) {
		advance = min_t(u64, left / 64, MBOX_ADVANCE);
		if (advance < MBOX_ADVANCE_MIN)
			advance = 0;
		account->reserved += more + advance;
		__mbox_group_add(account->group, more + advance, 0);
		__mbox_account_hold(account, advance);
	}
	spin_unlock(&account->root->lock);
	return ret;
}

/**
 * mbox_account_check - whether enough could be reserved
 * @account:	of a mailbox
 * @need:	bytes, all in all
 * @full:	as with mbox_account_reserve()
 *
 * Context: the mailbox's lock held; takes the root's lock.
 * Return: 0, or -EDQUOT.
 */
int mbox_account_check(struct mbox_account *account, u64 need,
		       struct mbox_group **full)
{
	u64 left;
	int ret;

	*full = NULL;
	if (need <= account->reserved)
		return 0;
	spin_lock(&account->root->lock);
	ret = __mbox_account_check(account, need - account->reserved, &left,
				   full);
	spin_unlock(&account->root->lock);
	return ret;
}

static void __mbox_account_release(struct mbox_account *account, u64 keep)
{
	if (account->reserved <= keep)
		return;
	__mbox_group_add(account->group, -(s64)(account->reserved - keep), 0);
	account->reserved = keep;
	__mbox_account_set_low(account);
}

/**
 * mbox_account_release - give back what is too much
 * @account:	of a mailbox
 * @used:	bytes that are in use there
 *
 * Context: the mailbox's lock held; takes the root's lock.
 */
void mbox_account_release(struct mbox_account *account, u64 used)
{
	spin_lock(&account->root->lock);
	if (account->group)
		__mbox_account_release(account, used + account->spare);
	spin_unlock(&account->root->lock);
}

/**
 * mbox_account_release_all - give back all that is not used
 * @account:	of a mailbox, which ceases to be a holder
 * @used:	bytes that are in use there
 *
 * Context: the mailbox's lock held; takes the root's lock.
 */
void mbox_account_release_all(struct mbox_account *account, u64 used)
{
	spin_lock(&account->root->lock);
	if (account->group) {
		__mbox_account_hold(account, 0);
		__mbox_account_release(account, used);
	}
	spin_unlock(&account->root->lock);
}

/**
 * mbox_group_begin_reclaim - holders are going to be made to give back
 * @group:	those here and below, to whom none are added meanwhile
 *
 * Context: takes the root's lock.
 */
void mbox_group_begin_reclaim(struct mbox_group *group)
{
	mbox_group_lock(group);
	group->reclaims++;
	mbox_group_unlock(group);
}

/**
 * mbox_group_end_reclaim - undo mbox_group_begin_reclaim()
 * @group:	the group
 *
 * Context: takes the root's lock.
 */
void mbox_group_end_reclaim(struct mbox_group *group)
{
	mbox_group_lock(group);
	group->reclaims--;
	mbox_group_unlock(group);
}

/**
 * mbox_group_next_holder - find one who holds more than it needs
 * @group:	here or below
 *
 * See to it that it gives all of that back, else it will be found again.
 *
 * Context: under RCU, which keeps the account; takes the root's lock.
 * Return: the account, or NULL if there is none.
 */
struct mbox_account *mbox_group_next_holder(struct mbox_group *group)
{
	struct mbox_account *account = NULL;
	struct mbox_group *p = group;

	mbox_group_lock(group);
	if (p->nr_holders) {
		while (list_empty(&p->holders))
			p = list_first_entry(&p->busy, struct mbox_group,
					     busy_node);
		account = list_first_entry(&p->holders, struct mbox_account,
					   node);
	}
	mbox_group_unlock(group);
	return account;
}

/* What moves with an entry. */
struct mbox_load {
	s64	bytes;
	s64	mailboxes;
};

static void __mbox_entry_load(const struct mbox_entry *entry,
			      struct mbox_load *load)
{
	*load = (struct mbox_load){};
	if (entry->account && entry->account->group)
		*load = (struct mbox_load){ entry->account->reserved, 1 };
	else if (entry->group)
		*load = (struct mbox_load){ entry->group->bytes,
					    entry->group->mailboxes };
}

static bool __mbox_entry_holds(const struct mbox_entry *entry)
{
	return (entry->account && entry->account->spare) ||
	       (entry->group && entry->group->nr_holders);
}

/* The first group above both. */
static struct mbox_group *__mbox_group_common(struct mbox_group *a,
					      struct mbox_group *b)
{
	unsigned int depth_a = __mbox_group_depth(a);
	unsigned int depth_b = __mbox_group_depth(b);

	for (; depth_a > depth_b; depth_a--)
		a = a->parent;
	for (; depth_b > depth_a; depth_b--)
		b = b->parent;
	for (; a != b; a = a->parent)
		b = b->parent;
	return a;
}

/* Whether a load fits from @group up to, but without, @end. */
static int __mbox_group_fits(struct mbox_group *group,
			     const struct mbox_group *end,
			     s64 bytes, s64 mailboxes,
			     struct mbox_group **full)
{
	for (; group != end; group = group->parent) {
		u64 max = group->limits.value[MBOX_GROUP_MAX_MAILBOXES];

		if (bytes > 0 && (u64)bytes > __mbox_group_left(group))
			return __mbox_group_refuse(group, full);
		if (mailboxes > 0 && group->mailboxes + mailboxes > max)
			return -EDQUOT;
	}
	return 0;
}

/* Leave one group for another one; all that counts in them comes along. */
static struct mbox_group *__mbox_entry_move(const struct mbox_entry *entry,
					    struct mbox_group *from,
					    struct mbox_group *to)
{
	struct mbox_load load;
	u64 holders, spare;

	__mbox_entry_load(entry, &load);
	if (entry->account && !entry->account->group)
		return NULL; /* it has ended meanwhile */
	if (entry->account) {
		spare = entry->account->spare;
		__mbox_account_hold(entry->account, 0);
		__mbox_group_add(from, -load.bytes, -load.mailboxes);
		entry->account->group = mbox_group_get(to);
		__mbox_group_add(to, load.bytes, load.mailboxes);
		__mbox_account_hold(entry->account, spare);
		return from;
	}
	if (!entry->group)
		return NULL;

	holders = entry->group->nr_holders;
	if (holders)
		__mbox_group_add_holders(entry->group, -(s64)holders);
	__mbox_group_count_levels(entry->group, false);
	__mbox_group_add(from, -load.bytes, -load.mailboxes);
	entry->group->parent = mbox_group_get(to);
	__mbox_group_add(to, load.bytes, load.mailboxes);
	__mbox_group_count_levels(entry->group, true);
	if (holders)
		__mbox_group_add_holders(entry->group, holders);
	return from;
}

static int __mbox_group_may_move(struct mbox_group *from,
				 const struct mbox_entry *there,
				 struct mbox_group *to,
				 const struct mbox_entry *back,
				 const struct mbox_account *gone,
				 struct mbox_group **full)
{
	struct mbox_group *common = __mbox_group_common(from, to);
	struct mbox_load out, in;
	int ret;

	if ((there->group && !__mbox_group_may_nest(there->group, to)) ||
	    (back->group && !__mbox_group_may_nest(back->group, from)))
		return -ELOOP;
	__mbox_entry_load(there, &out);
	__mbox_entry_load(back, &in);
	ret = __mbox_group_fits(from, common, in.bytes - out.bytes,
				in.mailboxes - out.mailboxes, full);
	if (gone && gone->group) {
		out.bytes -= gone->reserved;
		out.mailboxes--;
	}
	if (!ret)
		ret = __mbox_group_fits(to, common, out.bytes - in.bytes,
					out.mailboxes - in.mailboxes, full);
	/* What moves may count for more than it needs. */
	if (ret == -EDQUOT && !*full &&
	    (__mbox_entry_holds(there) || __mbox_entry_holds(back)))
		*full = mbox_group_get(common);
	return ret;
}

/**
 * mbox_group_move - move what is in a group to another one
 * @from:	the group
 * @there:	what moves from @from to @to
 * @to:		the other group, may be the same
 * @back:	what moves from @to to @from
 * @gone:	a mailbox in @to that counts nowhere any more if this works, or
 *		NULL
 * @full:	set with -EDQUOT: as with mbox_account_reserve()
 *
 * All or nothing, and in one step for whoever looks at a ceiling.
 *
 * Context: takes the root's lock.
 * Return: 0; -EDQUOT if a ceiling does not allow the result; -ELOOP.
 */
int mbox_group_move(struct mbox_group *from, const struct mbox_entry *there,
		    struct mbox_group *to, const struct mbox_entry *back,
		    struct mbox_account *gone, struct mbox_group **full)
{
	struct mbox_group *put[3] = {};
	int ret = 0, i;

	*full = NULL;
	mbox_group_lock(from);
	if (from != to)
		ret = __mbox_group_may_move(from, there, to, back, gone, full);
	if (!ret && from != to) {
		put[0] = __mbox_entry_move(there, from, to);
		put[1] = __mbox_entry_move(back, to, from);
	}
	if (!ret && gone)
		put[2] = __mbox_account_leave(gone);
	mbox_group_unlock(from);
	for (i = 0; i < ARRAY_SIZE(put); i++)
		mbox_group_put(put[i]);
	return ret;
}
