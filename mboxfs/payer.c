// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who pays for mounts in user namespaces.
 *
 * All of them together are bounded by userns_size=, and those of one user by
 * half of that, so that he does not use up what is there for all. A mount is
 * counted for the user who has made the outermost of the namespaces that it is
 * in: he may make as many more in that one as he likes, with users of its own.
 */
#include "compat.h"
#include "mboxfs.h"

#include <linux/slab.h>
#include <linux/user_namespace.h>

/**
 * struct mboxfs_payer - a user with mounts in user namespaces
 * @pool:	what they use together
 * @uid:	the user
 * @mounts:	how many there are
 * @node:	in mboxfs_payers
 */
struct mboxfs_payer {
	struct mbox_pool	pool;
	kuid_t			uid;
	unsigned long		mounts;
	struct list_head	node;
};

static struct mbox_pool mboxfs_userns_pool;
static LIST_HEAD(mboxfs_payers);
static DEFINE_MUTEX(mboxfs_payers_lock);	/* both; outside of all others */

/**
 * mboxfs_init_payers - set the bound of all together
 * @size:	bytes
 */
void __init mboxfs_init_payers(u64 size)
{
	mbox_pool_init(&mboxfs_userns_pool, size, NULL);
}

static kuid_t mboxfs_payer_of(const struct user_namespace *ns)
{
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return ns->owner;
}

static struct mboxfs_payer *mboxfs_find_payer(kuid_t uid)
{
	struct mboxfs_payer *payer;

	list_for_each_entry(payer, &mboxfs_payers, node)
		if (uid_eq(payer->uid, uid))
			return payer;
	payer = kzalloc(sizeof(*payer), GFP_KERNEL_ACCOUNT);
	if (!payer)
		return NULL;
	payer->uid = uid;
	mbox_pool_init(&payer->pool, mboxfs_userns_pool.max / 2,
		       &mboxfs_userns_pool);
	list_add(&payer->node, &mboxfs_payers);
	return payer;
}

/**
 * mboxfs_get_payer - what a mount in a user namespace is to be charged to
 * @ns:		the user namespace, not the initial one
 *
 * Context: sleeps.
 * Return: a pool, or NULL if there is no memory.
 */
struct mbox_pool *mboxfs_get_payer(const struct user_namespace *ns)
{
	struct mboxfs_payer *payer;

	mutex_lock(&mboxfs_payers_lock);
	payer = mboxfs_find_payer(mboxfs_payer_of(ns));
	if (payer)
		payer->mounts++;
	mutex_unlock(&mboxfs_payers_lock);
	return payer ? &payer->pool : NULL;
}

/**
 * mboxfs_put_payer - the mount has ended
 * @pool:	from mboxfs_get_payer(), or NULL; nothing is charged to it by the
 *		mount any more
 *
 * Context: sleeps.
 */
void mboxfs_put_payer(struct mbox_pool *pool)
{
	struct mboxfs_payer *payer;

	if (!pool)
		return;
	payer = container_of(pool, struct mboxfs_payer, pool);
	mutex_lock(&mboxfs_payers_lock);
	if (--payer->mounts) {
		payer = NULL;
	} else {
		list_del(&payer->node);
		mbox_pool_exit(&payer->pool);
	}
	mutex_unlock(&mboxfs_payers_lock);
	kfree(payer);
}
