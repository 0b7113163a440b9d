// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the adapters for older systems share.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

/**
 * compat_folder - where the mailboxes are
 * @usual:	if the environment does not say it
 *
 * Who runs a program that has more rights than he does not choose its folder.
 */
const char *compat_folder(const char *usual)
{
	const char *named = secure_getenv("MBOXFS");

	return named && *named ? named : usual;
}

/**
 * compat_path - where something is
 * @path:	gets its path
 * @name:	its name below the folder
 *
 * Return: 0, or -ENAMETOOLONG.
 */
int compat_path(char path[PATH_MAX], const char *name)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", compat_folder("/mnt/mbox"),
			   name);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/**
 * compat_open_group - open a system's group, or make it
 * @group:	the group
 *
 * Return: a descriptor, or a negative error number.
 */
int compat_open_group(const struct compat_group *group)
{
	char path[PATH_MAX];
	int ret = compat_path(path, group->name);

	if (ret < 0)
		return ret;
	return mbox_create_group(AT_FDCWD, path, 0, group->mode,
				 group->settings, group->count, NULL);
}

/**
 * compat_open_process - open the mailbox of a process, or make it
 * @group:	a group with MBOX_NAMING_PID
 * @pid:	the process
 * @flags:	of open(2)
 *
 * Return: a descriptor, or a negative error number.
 */
int compat_open_process(const struct compat_group *group, pid_t pid, int flags)
{
	char name[64], path[PATH_MAX];
	int ret, fd;

	snprintf(name, sizeof(name), "%s/%d", group->name, pid);
	ret = compat_path(path, name);
	if (ret < 0)
		return ret;
	fd = mbox_open(AT_FDCWD, path, flags);
	if (fd != -ENOENT)
		return fd;
	ret = compat_open_group(group);
	if (ret < 0)
		return ret;
	fd = mbox_open_process(ret, pid, flags);
	mbox_close(ret);
	return fd;
}
