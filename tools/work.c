// SPDX-License-Identifier: GPL-2.0-only
/*
 * work: commands that each do a message, several at a time.
 *
 * All leases belong to the one open file of this process, so however it ends,
 * the kernel gives back what was not done. It waits at one place only: for
 * messages, for signals (the end of a command is one), and until a lease has to
 * be touched or a command has had its time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mboxctl.h"

/* As of Linux 6.3; libc may not know it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL	8U
#endif

#define NEVER		INT64_MAX

/* How long a command may take to end that was told to. */
#define GRACE_NS	(5 * NSEC_PER_SEC)

/* After what time a changed lease_ms is noticed. */
#define LOOK_NS		NSEC_PER_SEC

/* timeout(1) and others send each signal twice. */
#define TWICE_NS	(NSEC_PER_SEC / 5)

/* A message so long is not kept in memory longer than needed. */
#define LARGE		(1024 * 1024)

/* Why a command was told to end. */
enum killed { NOT_KILLED, RAN_TOO_LONG, INTERRUPTED };

/**
 * struct job - a message on lease, and the command that does it
 * @pid:	of the command and of its process group; 0: there is none
 * @m:		the message
 * @started:	when, by now_ns()
 * @touched:	when its lease began anew
 * @deadline:	when the command is told to end, and after that is killed
 * @killed:	it was told to end
 */
struct job {
	pid_t			pid;
	struct mboxfs_msg	m;
	int64_t			started;
	int64_t			touched;
	int64_t			deadline;
	enum killed		killed;
};

/**
 * struct pool - all of them
 * @o:		how it is wanted
 * @path:	of the mailbox
 * @fd:		it is open
 * @news:	epoll, of what happens there
 * @signals:	signalfd
 * @mask:	which signals were blocked before
 * @command:	with its arguments
 * @room:	for any message
 * @jobs:	room for as many as may run
 * @running:	how many run
 * @ending:	no more are begun
 * @asked:	how often a signal has asked for the end
 * @asked_at:	when it was the last time
 * @lease_ns:	of the mailbox; 0: leases do not end by themselves
 * @attempts:	after so many a message is dead; 0: no bound
 * @status:	what becomes the exit status
 */
struct pool {
	const struct options	*o;
	const char		*path;
	int			fd;
	int			news;
	int			signals;
	sigset_t		mask;
	char			**command;
	char			*room;
	struct job		*jobs;
	unsigned int		running;
	bool			ending;
	int			asked;
	int64_t			asked_at;
	int64_t			lease_ns;
	uint64_t		attempts;
	int			status;
};

/* Finish what runs, and begin no more. */
static void give_up(struct pool *p)
{
	p->status = STATUS_ERROR;
	p->ending = true;
}

/* When the lease of a job is to be touched. */
static int64_t touch_at(const struct pool *p, const struct job *job)
{
	int64_t after = p->lease_ns / 3;

	return p->lease_ns ? job->touched + (after ?: 1) : NEVER;
}

/*
 * Those whose time it is, or @all. One whose lease is lost nevertheless is told
 * of in the end.
 */
static void touch_leases(struct pool *p, bool all)
{
	__u64 seqs[MBOXFS_BATCH_MAX];
	int64_t now = now_ns();
	unsigned int i, n = 0;
	struct job *job;

	for (i = 0; i < p->o->jobs; i++) {
		job = &p->jobs[i];
		if (!job->pid || (!all && touch_at(p, job) > now))
			continue;
		job->touched = now;
		seqs[n++] = job->m.seq;
	}
	if (n)
		mbox_settle(p->fd, seqs, n, MBOXFS_TOUCH, 0);
}

/*
 * Limits may change at any time; what cannot be read stays as it was. A lease
 * has the time that was set when it was touched, so that is done anew.
 */
static void look_at_limits(struct pool *p)
{
	struct mboxfs_stat stat;
	int64_t lease_ns;

	if (mbox_stat(p->fd, &stat) < 0)
		return;
	if (__builtin_mul_overflow(stat.lease_ms, 1000000, &lease_ns))
		lease_ns = NEVER;
	if (lease_ns != p->lease_ns) {
		p->lease_ns = lease_ns;
		touch_leases(p, true);
	}
	p->attempts = stat.max_attempts;
	if (p->o->attempts && (!p->attempts || p->o->attempts < p->attempts))
		p->attempts = p->o->attempts;
}

/* A file in memory: the command may read it as it likes, or not at all. */
static int body_file(const char *data, size_t len)
{
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	size_t done = 0;
	ssize_t n;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("message", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (done < len) {
		n = pwrite(fd, data + done, len - done, done);
		if (n <= 0) {
			n = n ? -errno : -ENOSPC;
			close(fd);
			return n;
		}
		done += n;
	}
	return fd;
}

static void export_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	setenv(name, text, 1);
}

static void export_message(const struct mboxfs_msg *m)
{
	export_number("MBOX_SEQ", m->seq);
	export_number("MBOX_ATTEMPTS", m->attempts);
	export_number("MBOX_PRIORITY", m->priority);
	export_number("MBOX_TAG", m->tag);
	export_number("MBOX_PID", m->pid);
	export_number("MBOX_UID", m->uid);
}

/*
 * In the new process. It leads a group of its own: Ctrl-C is for the pool
 * alone, and a signal from the pool reaches all that the command has begun. If
 * the pool is killed, the command is told to end; @parent may be gone already.
 */
static void __attribute__((noreturn))
become_command(const struct pool *p, const struct mboxfs_msg *m, int input,
	       int problem, pid_t parent)
{
	int error;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(STATUS_ERROR);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	export_message(m);
	if (dup2(input, STDIN_FILENO) >= 0 &&
	    (!p->o->json || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)) {
		sigprocmask(SIG_SETMASK, &p->mask, NULL);
		execvp(p->command[0], p->command);
	}
	error = errno;
	if (write(problem, &error, sizeof(error)) < 0)
		_exit(STATUS_ERROR);
	_exit(STATUS_ERROR);
}

/*
 * Returns when the command runs, its process number, or why it does not. Nobody
 * writes to the pipe of one that does: it is closed then.
 */
static int start_command(const struct pool *p, const struct mboxfs_msg *m,
			 int input)
{
	pid_t parent = getpid(), pid;
	int problem[2], error = 0;

	if (pipe2(problem, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid)
		become_command(p, m, input, problem[1], parent);
	if (pid < 0)
		error = errno;
	close(problem[1]);
	if (pid > 0 &&
	    read(problem[0], &error, sizeof(error)) != sizeof(error))
		error = 0;
	close(problem[0]);
	if (error && pid > 0)
		waitpid(pid, NULL, 0);
	return error ? -error : pid;
}

/* What cannot be run now cannot be run for the next message either. */
static void cannot_start(struct pool *p, const struct job *job, int error)
{
	__u64 seq = job->m.seq;

	complain(p->command[0], "cannot be run: %s", strerror(-error));
	mbox_settle(p->fd, &seq, 1, MBOXFS_RETURN, 0);
	give_up(p);
}

static void start_job(struct pool *p, struct job *job, size_t len)
{
	int input = body_file(p->room, len), pid = input;

	if (len >= LARGE)
		madvise(p->room, len, MADV_DONTNEED);
	if (input >= 0) {
		pid = start_command(p, &job->m, input);
		close(input);
	}
	if (pid < 0) {
		cannot_start(p, job, pid);
		return;
	}
	job->pid = pid;
	job->started = now_ns();
	job->touched = job->started;
	job->killed = NOT_KILLED;
	if (p->o->kill_ns < 0 ||
	    __builtin_add_overflow(job->started, p->o->kill_ns,
				   &job->deadline))
		job->deadline = NEVER;
	p->running++;
}

static struct job *find_job(const struct pool *p, pid_t pid)
{
	unsigned int i;

	for (i = 0; i < p->o->jobs; i++)
		if (p->jobs[i].pid == pid)
			return &p->jobs[i];
	return NULL;
}

/* Begin one, if there is a message. Returns whether there may be another. */
static bool begin_one(struct pool *p)
{
	struct job *job = find_job(p, 0);
	ssize_t len;

	mbox_msg_init(&job->m);
	job->m.flags = MBOXFS_NONBLOCK;
	len = mbox_lease(p->fd, p->room, MBOXFS_MESSAGE_MAX, &job->m);
	if (len == -EAGAIN)
		return false;
	if (len == -ESHUTDOWN) {
		p->ending = true;
		return false;
	}
	if (len < 0) {
		report(p->path, p->fd, len, MBOXFS_MESSAGE_MAX);
		give_up(p);
		return false;
	}
	start_job(p, job, len);
	return true;
}

/* Tell a command, and all that it has begun, to end. */
static void end_job(struct job *job, enum killed why)
{
	if (!job->killed)
		job->killed = why;
	kill(-job->pid, SIGTERM);
	kill(-job->pid, SIGCONT);
	job->deadline = now_ns() + GRACE_NS;
}

static void kill_job(struct job *job)
{
	kill(-job->pid, SIGKILL);
	job->deadline = NEVER;
}

/**
 * struct outcome - how a command has ended, and what becomes of its message
 * @signal:	that has killed it, or 0
 * @status:	else its status
 * @how:	as for mbox_settle()
 * @delay_ns:	until it is readable again
 * @lost:	its lease had ended before
 */
struct outcome {
	int	signal;
	int	status;
	int	how;
	int64_t	delay_ns;
	bool	lost;
};

/* One that was interrupted is there at once, for others. */
static void decide(const struct pool *p, const struct job *job,
		   struct outcome *out)
{
	if (!job->killed && !out->signal && !out->status) {
		out->how = MBOXFS_ACK;
		return;
	}
	out->how = MBOXFS_RETURN;
	if (job->killed == INTERRUPTED)
		return;
	if (p->o->attempts && job->m.attempts >= p->o->attempts)
		out->how = MBOXFS_BURY;
	else if (__builtin_mul_overflow(p->o->retry_ns, job->m.attempts,
					&out->delay_ns))
		out->delay_ns = NEVER;
}

/* A mailbox has its own bound for what is returned. */
static bool becomes_dead(const struct pool *p, const struct job *job,
			 const struct outcome *out)
{
	return out->how == MBOXFS_BURY ||
	       (out->how == MBOXFS_RETURN && p->attempts &&
		job->m.attempts >= p->attempts);
}

static void show_job(const struct pool *p, const struct job *job,
		     const struct outcome *out)
{
	static const char *const killed[] = { NULL, "time", "interrupted" };

	json_begin();
	json_string("path", p->path);
	json_number("seq", job->m.seq);
	json_number("attempts", job->m.attempts);
	json_number("priority", job->m.priority);
	json_number("tag", job->m.tag);
	/* As a shell has it. */
	json_number("status", out->signal ? 128 + out->signal : out->status);
	json_seconds("seconds", now_ns() - job->started);
	if (job->killed)
		json_string("killed", killed[job->killed]);
	json_string("result", out->lost ? "lost" :
		    out->how == MBOXFS_ACK ? "received" :
		    becomes_dead(p, job, out) ? "dead" : "returned");
	json_end();
	fflush(stdout);
}

/* One line about what has gone wrong. */
static void tell(const struct pool *p, const struct job *job,
		 const struct outcome *out)
{
	char what[80], then[80] = "returned";

	if (job->killed == RAN_TOO_LONG)
		snprintf(what, sizeof(what), "longer than %g s",
			 p->o->kill_ns / 1e9);
	else if (job->killed == INTERRUPTED)
		snprintf(what, sizeof(what), "interrupted");
	else if (out->signal)
		snprintf(what, sizeof(what), "signal %d (%s)", out->signal,
			 strsignal(out->signal));
	else
		snprintf(what, sizeof(what), "status %d", out->status);
	if (out->lost)
		snprintf(then, sizeof(then), "its lease had ended");
	else if (becomes_dead(p, job, out))
		snprintf(then, sizeof(then), "dead");
	else if (out->delay_ns)
		snprintf(then, sizeof(then), "again in %g s",
			 out->delay_ns / 1e9);
	complain(p->path, "message %llu, attempt %u: %s; %s",
		 (unsigned long long)job->m.seq, job->m.attempts, what, then);
}

/* A command has ended. */
static void finish_job(struct pool *p, struct job *job, struct outcome *out)
{
	__u64 seq = job->m.seq;
	int ret;

	decide(p, job, out);
	ret = mbox_settle(p->fd, &seq, 1, out->how, out->delay_ns);
	out->lost = ret == -ENOENT;
	if (ret < 0 && !out->lost) {
		report(p->path, p->fd, ret, 0);
		give_up(p);
	}
	if (p->o->json)
		show_job(p, job, out);
	else if (out->lost || out->how != MBOXFS_ACK)
		tell(p, job, out);
	job->pid = 0;
	p->running--;
}

/*
 * All commands that have ended. Until one is reaped its number is its own: what
 * it has left behind, having been told to end, can be killed.
 */
static void reap(struct pool *p)
{
	struct job *job;
	siginfo_t info;

	for (;;) {
		struct outcome out = { 0 };

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    !info.si_pid)
			return;
		job = find_job(p, info.si_pid);
		if (job && job->killed)
			kill_job(job);
		waitpid(info.si_pid, NULL, 0);
		if (info.si_code == CLD_EXITED)
			out.status = info.si_status;
		else
			out.signal = info.si_status;
		if (job)
			finish_job(p, job, &out);
	}
}

/* The first one ends the taking, the second one the commands. */
static void asked_to_end(struct pool *p)
{
	int64_t now = now_ns();
	unsigned int i;

	if (p->asked && now - p->asked_at < TWICE_NS)
		return;
	p->asked_at = now;
	p->asked++;
	p->ending = true;
	for (i = 0; i < p->o->jobs && p->asked > 1; i++) {
		if (!p->jobs[i].pid)
			continue;
		if (p->asked == 2)
			end_job(&p->jobs[i], INTERRUPTED);
		else
			kill_job(&p->jobs[i]);
	}
}

static void take_signals(struct pool *p)
{
	struct signalfd_siginfo info;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(p);
		else
			asked_to_end(p);
	}
}

/* Commands that have had their time. */
static void end_late_ones(struct pool *p)
{
	int64_t now = now_ns();
	struct job *job;
	unsigned int i;

	for (i = 0; i < p->o->jobs; i++) {
		job = &p->jobs[i];
		if (!job->pid || job->deadline > now)
			continue;
		if (job->killed)
			kill_job(job);
		else
			end_job(job, RAN_TOO_LONG);
	}
}

/* When there is something to be done, if nothing happens. */
static int64_t next_time(const struct pool *p)
{
	int64_t next = p->running ? now_ns() + LOOK_NS : NEVER, touch;
	const struct job *job;
	unsigned int i;

	for (i = 0; i < p->o->jobs; i++) {
		job = &p->jobs[i];
		if (!job->pid)
			continue;
		touch = touch_at(p, job);
		if (touch < next)
			next = touch;
		if (job->deadline < next)
			next = job->deadline;
	}
	return next;
}

static void wait_for_anything(struct pool *p)
{
	bool more = !p->ending && p->running < p->o->jobs;
	struct pollfd files[] = {
		{ .fd = p->signals, .events = POLLIN },
		{ .fd = more ? p->news : -1, .events = POLLIN },
	};
	struct epoll_event event;
	struct timespec time;
	int64_t next, left;

	if (p->running)
		look_at_limits(p);
	next = next_time(p);
	left = next - now_ns();
	if (left < 0)
		left = 0;
	time.tv_sec = left / NSEC_PER_SEC;
	time.tv_nsec = left % NSEC_PER_SEC;
	ppoll(files, ARRAY_SIZE(files), next == NEVER ? NULL : &time, NULL);
	if (more)
		epoll_wait(p->news, &event, 1, 0);
	take_signals(p);
	touch_leases(p, false);
	end_late_ones(p);
}

static void run_pool(struct pool *p)
{
	for (;;) {
		while (!p->ending && p->running < p->o->jobs && begin_one(p))
			;
		if (p->ending && !p->running)
			return;
		wait_for_anything(p);
	}
}

/* What can never be run is told before a message is taken. */
static int find_command(const char *name)
{
	const char *path = getenv("PATH") ?: "/bin:/usr/bin", *end;
	int error = ENOENT;
	char *file;

	if (strchr(name, '/'))
		return access(name, X_OK) < 0 ? errno : 0;
	for (;; path = end + 1) {
		end = strchrnul(path, ':');
		if (asprintf(&file, "%.*s/%s", (int)(end - path),
			     end > path ? path : ".", name) < 0)
			need_memory(NULL);
		if (!access(file, X_OK))
			error = 0;
		else if (errno == EACCES)
			error = EACCES;
		free(file);
		if (!error || !*end)
			return error;
	}
}

/* A file that is opened must not become the input or output of a command. */
static void open_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Only what has changed since it was tried is news. To poll(2), a mailbox that
 * is stopped is always ready, also if what is left is on lease, or delayed.
 */
static int open_news(int mailbox)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, mailbox, &event) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_signals(sigset_t *mask)
{
	sigset_t all;

	/* Who ignores the end of his children is not told. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	sigaddset(&all, SIGINT);
	sigaddset(&all, SIGTERM);
	sigprocmask(SIG_BLOCK, &all, mask);
	return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

int do_work(const struct options *o, int argc, char **argv)
{
	struct pool p = { .o = o, .path = argv[0], .command = argv + 1 };
	int error = find_command(argv[1]);

	if (error) {
		complain(argv[1], "cannot be run: %s", strerror(error));
		return STATUS_ERROR;
	}
	open_standard_files();
	p.fd = mbox_open(AT_FDCWD, p.path, O_RDONLY);
	if (p.fd < 0)
		return report(p.path, -1, p.fd, 0);
	p.news = open_news(p.fd);
	p.signals = p.news < 0 ? -1 : open_signals(&p.mask);
	if (p.signals < 0) {
		complain(NULL, "cannot wait: %s", strerror(errno));
		return STATUS_ERROR;
	}
	p.room = message_room();
	p.jobs = need_memory(calloc(o->jobs, sizeof(*p.jobs)));
	run_pool(&p);
	free(p.jobs);
	free(p.room);
	close(p.signals);
	close(p.news);
	close(p.fd);
	return p.status;
}
