/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the adapters for older systems share.
 *
 * Each has one group, below the folder that the environment names, or in it.
 * Nothing is kept open between two calls: programs fork, and close what they do
 * not know.
 */
#ifndef _MBOXFS_COMPAT_INTERNAL_H
#define _MBOXFS_COMPAT_INTERNAL_H

#include <limits.h>

#include "../internal.h"

/**
 * struct compat_group - the group of an older system
 * @name:	below the folder
 * @mode:	its mode
 * @settings:	what its mailboxes begin with
 * @count:	how many settings
 */
struct compat_group {
	const char			*name;
	mode_t				mode;
	const struct mbox_setting	*settings;
	unsigned int			count;
};

/* A result as system calls return it. */
static inline long compat_result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

const char *compat_folder(const char *usual);
int compat_path(char path[PATH_MAX], const char *name);
int compat_open_group(const struct compat_group *group);
int compat_open_process(const struct compat_group *group, pid_t pid, int flags);

/* Ids of the groups of groups.h and lgroups.h: so many bytes of them count. */
#define COMPAT_ID_SIZE		32
#define COMPAT_ID_NAME_SIZE	(3 * COMPAT_ID_SIZE + 1)

void compat_id_name(char name[COMPAT_ID_NAME_SIZE], const char *id);
int compat_awake(int fd);
ssize_t compat_publish(int fd, const void *buf, size_t len);

#endif /* _MBOXFS_COMPAT_INTERNAL_H */
