/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share.
 */
#ifndef _LIBMBOXFS_INTERNAL_H
#define _LIBMBOXFS_INTERNAL_H

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libmboxfs.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* A call of libc: its error becomes the result, and errno stays as it was. */
#define MBOX_CALL(call)							\
	({								\
		int saved_ = errno;					\
		long ret_ = (call);					\
									\
		if (ret_ < 0) {						\
			ret_ = -errno;					\
			errno = saved_;					\
		}							\
		ret_;							\
	})

static inline int mbox_ioctl(int fd, unsigned long cmd, const void *arg)
{
	return MBOX_CALL(ioctl(fd, cmd, arg));
}

static inline void mbox_close(int fd)
{
	if (fd >= 0)
		(void)MBOX_CALL(close(fd));
}

#endif /* _LIBMBOXFS_INTERNAL_H */
