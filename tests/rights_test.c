// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names and rights: each operation, by several users, in directories of all
 * kinds, has the result that it has on tmpfs, but for what is listed here and
 * in the manual.
 */
#include "test.h"

#include <ftw.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	1
#define RENAME_EXCHANGE		2
#endif

enum op {
	OPEN_READ, OPEN_WRITE, OPEN_BOTH, OPEN_CREATE, OPEN_TRUNCATE, CREATE_NEW,
	CREATE_EXCLUSIVE, CREATE_TMP, UNLINK, RENAME, RENAME_OVER, RENAME_AWAY,
	RENAME_DIR, RENAME_DIR_OVER, NO_REPLACE, EXCHANGE, MAKE_DIR, REMOVE_DIR,
	REMOVE_FULL, UNLINK_DIR, SYMLINK, LINK, MAKE_FIFO, FIFO_OVER, MAKE_SOCKET,
	SOCKET_OVER, MAKE_FILE, FILE_OVER, CHMOD, CHMOD_SETGID, CHOWN, CHGRP,
	TOUCH, SET_TIMES, TRUNCATE, STAT, LIST, ENTER,
	READ_LINK, LONG_NAME, THROUGH_FILE, ACCESS_EXEC, NR_OPS,
};

/* What the operation leaves under the name it is about. */
struct outcome {
	int error, is_there;
	unsigned int mode, uid, gid, links;
};

static int tmp_file(void)
{
	return open("d", O_TMPFILE | O_RDWR, 0666);
}

static int do_op(enum op op, uid_t actor)
{
	struct timespec times[2] = { { 1, 0 }, { 2, 0 } };
	char name[300];

	switch (op) {
	case OPEN_READ:
		return open("d/f", O_RDONLY | O_NONBLOCK);
	case OPEN_WRITE:
		return open("d/f", O_WRONLY);
	case OPEN_BOTH:
		return open("d/f", O_RDWR);
	case OPEN_CREATE:
		return open("d/f", O_WRONLY | O_CREAT, 0666);
	case OPEN_TRUNCATE:
		return open("d/f", O_WRONLY | O_TRUNC);
	case CREATE_NEW:
		return open("d/new", O_WRONLY | O_CREAT, 02777);
	case CREATE_EXCLUSIVE:
		return open("d/f", O_WRONLY | O_CREAT | O_EXCL, 0666);
	case CREATE_TMP:
		return tmp_file();
	case UNLINK:
		return unlink("d/f");
	case RENAME:
		return rename("d/f", "d/new");
	case RENAME_OVER:
		return rename("d/f", "d/other");
	case RENAME_AWAY:
		return rename("d/f", "open/new");
	case RENAME_DIR:
		return rename("d/empty", "open/new");
	case RENAME_DIR_OVER:
		return rename("d/empty", "d/full");
	case NO_REPLACE:
		return renameat2(AT_FDCWD, "d/f", AT_FDCWD, "d/other",
				 RENAME_NOREPLACE);
	case EXCHANGE:
		return renameat2(AT_FDCWD, "d/f", AT_FDCWD, "d/other",
				 RENAME_EXCHANGE);
	case MAKE_DIR:
		return mkdir("d/new", 0777);
	case REMOVE_DIR:
		return rmdir("d/empty");
	case REMOVE_FULL:
		return rmdir("d/full");
	case UNLINK_DIR:
		return unlink("d/empty");
	case SYMLINK:
		return symlink("somewhere", "d/new");
	case LINK:
		return link("d/f", "d/new");
	case MAKE_FIFO:
		return mkfifo("d/new", 02767);
	case FIFO_OVER:
		return mkfifo("d/f", 0666);
	case MAKE_SOCKET:
		return mknod("d/new", S_IFSOCK | 0666, 0);
	case SOCKET_OVER:
		return mknod("d/f", S_IFSOCK | 0666, 0);
	case MAKE_FILE:
		return mknod("d/new", S_IFREG | 0666, 0);
	case FILE_OVER:
		return mknod("d/f", S_IFREG | 0666, 0);
	case CHMOD:
		return chmod("d/f", 0640);
	case CHMOD_SETGID:
		return chmod("d/f", 06777);
	case CHOWN:
		return chown("d/f", 1001, -1);
	case CHGRP:
		return chown("d/f", -1, actor);
	case TOUCH:
		return utimensat(AT_FDCWD, "d/f", NULL, 0);
	case SET_TIMES:
		return utimensat(AT_FDCWD, "d/f", times, 0);
	case TRUNCATE:
		return truncate("d/f", 0);
	case STAT:
		return access("d/f", F_OK);
	case LIST:
		return open("d", O_RDONLY | O_DIRECTORY);
	case ENTER:
		return chdir("d/empty");
	case READ_LINK:
		return readlink("d/f", name, sizeof(name));
	case LONG_NAME:
		memset(name, 'x', 258);
		memcpy(name, "d/", 2);
		name[258] = 0;
		return open(name, O_WRONLY | O_CREAT, 0600);
	case THROUGH_FILE:
		return open("d/f/x", O_WRONLY | O_CREAT, 0600);
	case ACCESS_EXEC:
		return access("d/f", X_OK);
	default:
		return 0;
	}
}

static const char *name_of(enum op op)
{
	switch (op) {
	case CREATE_NEW: case RENAME: case MAKE_DIR: case SYMLINK: case LINK:
	case MAKE_FIFO: case MAKE_SOCKET: case MAKE_FILE: case NO_REPLACE:
		return "d/new";
	case RENAME_OVER: case EXCHANGE:
		return "d/other";
	case RENAME_AWAY: case RENAME_DIR:
		return "open/new";
	case REMOVE_DIR: case UNLINK_DIR:
		return "d/empty";
	default:
		return "d/f";
	}
}

struct setting {
	unsigned int dir_mode, file_mode;
	uid_t dir_owner, file_owner, actor;
};

static void make_file(const char *name, const struct setting *s)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(fchown(fd, s->file_owner, s->file_owner), 0);
	CHECK_EQ(fchmod(fd, s->file_mode), 0);
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(const char *name)
{
	CHECK_EQ(nftw(name, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void outcome_of(const char *root, enum op op, const struct setting *s,
		       struct outcome *shared)
{
	struct stat st;
	pid_t pid;

	CHECK_EQ(chdir(root), 0);
	CHECK_EQ(mkdir("d", 0777) || mkdir("open", 0777) ||
		 mkdir("d/empty", 0777) || mkdir("d/full", 0777), 0);
	make_file("d/full/f", s);
	make_file("d/f", s);
	make_file("d/other", s);
	CHECK_EQ(chown("d/empty", s->file_owner, s->file_owner), 0);
	CHECK_EQ(chown("d", s->dir_owner, 1002), 0);
	CHECK_EQ(chmod("d", s->dir_mode), 0);
	memset(shared, 0, sizeof(*shared));
	pid = t_fork();
	if (!pid) {
		umask(022);
		if (s->actor)
			t_user(s->actor);
		errno = 0;
		shared->error = do_op(op, s->actor) < 0 ? errno : 0;
		_exit(0);
	}
	t_wait(pid);
	if (!lstat(name_of(op), &st)) {
		shared->is_there = 1;
		shared->mode = st.st_mode;
		shared->uid = st.st_uid;
		shared->gid = st.st_gid;
		shared->links = S_ISDIR(st.st_mode) ? st.st_nlink : 1;
	}
	remove_all("d");
	remove_all("open");
}

/* Where mboxfs is meant to differ: what it says instead. */
static void change_as_meant(enum op op, const struct setting *s,
			    struct outcome *tmpfs)
{
	bool owner = !s->actor || s->actor == s->file_owner;

	if (tmpfs->is_there && !S_ISDIR(tmpfs->mode))
		tmpfs->mode &= ~(S_ISUID | S_ISGID);
	switch (op) {
	case LINK:
	case MAKE_SOCKET:
		if (tmpfs->error)
			break;
		tmpfs->error = EPERM;
		tmpfs->is_there = 0;
		tmpfs->mode = 0;
		tmpfs->uid = 0;
		tmpfs->gid = 0;
		tmpfs->links = 0;
		break;
	case TRUNCATE: /* throws messages away */
		if (!tmpfs->error && !owner)
			tmpfs->error = EPERM;
		break;
	default:
		break;
	}
}

/* The n-th of all combinations; false if there are no more. */
static bool nth_setting(int n, struct setting *s)
{
	static const unsigned int dir_modes[] = { 0755, 0777, 01777, 02775,
						  0711, 0744 };
	static const unsigned int file_modes[] = { 0600, 0646 };
	static const uid_t owners[] = { 0, 1000, 1001 };

	s->actor = n % 5 ? 1000 : 0;
	s->dir_mode = dir_modes[n % 6];
	n /= 6;
	s->file_mode = file_modes[n % 2];
	n /= 2;
	s->dir_owner = owners[n % 2];
	n /= 2;
	s->file_owner = owners[n % 3];
	return n < 3;
}

static void say(const char *what, const struct outcome *o)
{
	printf("#   %s: %s, %o %u:%u\n", what, strerrorname_np(o->error) ?: "0",
	       o->mode, o->uid, o->gid);
}

TEST(results_are_those_of_tmpfs)
{
	char here[PATH_MAX], there[] = "/dev/shm/rights";
	int n, op, cases = 0, failed = 0, allowed = 0;
	struct outcome *ours, *tmpfs;
	int share = t_scaled(50);
	int step = share == 50 ? 1 : share > 1 ? 7 : 23; /* all, or some */
	struct setting s;

	t_takes(780);
	CHECK(getcwd(here, sizeof(here)));
	CHECK_EQ(mkdir(there, 0777), 0);
	ours = mmap(NULL, 2 * sizeof(*ours), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tmpfs = ours + 1;
	for (n = 0; nth_setting(n / NR_OPS, &s); n += step) {
		op = n % NR_OPS;
		outcome_of(there, op, &s, tmpfs);
		outcome_of(here, op, &s, ours);
		change_as_meant(op, &s, tmpfs);
		cases++;
		allowed += !ours->error;
		if (!memcmp(ours, tmpfs, sizeof(*ours)))
			continue;
		failed++;
		printf("# operation %d by %d, directory %o of %d, file %o of %d:\n",
		       op, s.actor, s.dir_mode, s.dir_owner, s.file_mode,
		       s.file_owner);
		say("mboxfs", ours);
		say("tmpfs", tmpfs);
	}
	rmdir(there);
	printf("# %d cases, %d of them allowed\n", cases, allowed);
	CHECK_EQ(failed, 0);
	CHECK(allowed > cases / 5);
}
