// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers and readers that are kernel threads. Under User Mode Linux the code of
 * the kernel runs on this machine's processors, with their locks and caches, but
 * a system call costs a process 25 us. So threads call what is behind the system
 * calls of all that is compared, each in the same way: with a buffer that stands
 * for user space, which the kernel of mkscripts/native-kernel lets them have.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/msg.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>

#include "mboxbench.h"

/* What the patches of that kernel add. */
int mq_file_send(struct file *file, const char __user *data, size_t len,
		 unsigned int priority, struct timespec64 *until);
int mq_file_receive(struct file *file, char __user *data, size_t len,
		    unsigned int __user *priority, struct timespec64 *until);
int os_prefer_cpu(int on);

struct bench;

/* @done is read by who measures, so it has a line of its own. */
struct bench_thread {
	u64			done;
	struct bench		*bench ____cacheline_aligned;
	struct task_struct	*task;
	bool			reads;
	long			err;
	u64			before;		/* @done when it began to count */
	u64			slept;		/* the same of its switches */
	struct msgbuf		*buffer;	/* SysV's type, and the bytes */
};

struct bench {
	struct bench_run	*run;
	struct file		*out, *in;
	bool			stop;
	unsigned int		threads;
	struct bench_thread	*thread[BENCH_THREADS];
	u64			window[BENCH_WINDOWS];
};

/* Return: how many bytes, or an error. */
static long bench_send(const struct bench *bench, struct msgbuf *buffer)
{
	const struct bench_run *run = bench->run;
	struct msgbuf __user *message = (struct msgbuf __force __user *)buffer;
	char __user *data = (char __force __user *)buffer->mtext;
	loff_t pos = 0;

	switch (run->kind) {
	case BENCH_MQ:
		return mq_file_send(bench->out, data, run->size, 0, NULL) ?:
		       run->size;
	case BENCH_SYSV:
		buffer->mtype = 1;
		return ksys_msgsnd(run->out, message, run->size, 0) ?:
		       run->size;
	default:
		return vfs_write(bench->out, data, run->size, &pos);
	}
}

static long bench_receive(const struct bench *bench, struct msgbuf *buffer)
{
	const struct bench_run *run = bench->run;
	struct msgbuf __user *message = (struct msgbuf __force __user *)buffer;
	char __user *data = (char __force __user *)buffer->mtext;
	loff_t pos = 0;

	switch (run->kind) {
	case BENCH_MQ:
		return mq_file_receive(bench->in, data, run->size, NULL, NULL);
	case BENCH_SYSV:
		return ksys_msgrcv(run->in, message, run->size, 0, 0);
	default:
		return vfs_read(bench->in, data, run->size, &pos);
	}
}

static u64 bench_ticks(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high));
	return (u64)high << 32 | low;
}

/* What a program does between two calls, and the way into the kernel. */
static void bench_gap(u32 ticks)
{
	u64 begin = bench_ticks();

	while (bench_ticks() - begin < ticks)
		;
}

static int bench_work(void *arg)
{
	struct bench_thread *thread = arg;
	const struct bench *bench = thread->bench;
	const struct bench_run *run = bench->run;
	long ret;

	/* What ends its waits; see bench_end(). */
	allow_signal(SIGKILL);
	while (!READ_ONCE(bench->stop)) {
		ret = thread->reads ? bench_receive(bench, thread->buffer) :
				      bench_send(bench, thread->buffer);
		if (!run->readers && ret == run->size)
			ret = bench_receive(bench, thread->buffer);
		if (ret != run->size) {
			thread->err = ret < 0 ? ret : -EIO;
			break;
		}
		WRITE_ONCE(thread->done, thread->done + 1);
		if (run->gap)
			bench_gap(run->gap);
		cond_resched();
	}
	/* One that ends because it has been interrupted has not failed. */
	if (READ_ONCE(bench->stop))
		thread->err = 0;
	return 0;
}

static struct bench_thread *bench_thread_new(struct bench *bench, bool reads)
{
	struct bench_thread *thread;
	struct task_struct *task;

	thread = kzalloc(sizeof(*thread), GFP_KERNEL);
	if (!thread)
		return ERR_PTR(-ENOMEM);
	thread->bench = bench;
	thread->reads = reads;
	thread->buffer = kzalloc(sizeof(*thread->buffer) + bench->run->size,
				 GFP_KERNEL);
	if (!thread->buffer) {
		kfree(thread);
		return ERR_PTR(-ENOMEM);
	}
	task = kthread_create(bench_work, thread, "bench_%s",
			      reads ? "reader" : "writer");
	if (IS_ERR(task)) {
		kfree(thread->buffer);
		kfree(thread);
		return ERR_CAST(task);
	}
	/* It may end before it is told to. */
	thread->task = get_task_struct(task);
	return thread;
}

static int bench_create(struct bench *bench)
{
	const struct bench_run *run = bench->run;
	struct bench_thread *thread;
	unsigned int i;
	bool reads;

	for (i = 0; i < run->writers + run->readers; i++) {
		reads = i >= run->writers;
		thread = bench_thread_new(bench, reads);
		if (IS_ERR(thread))
			return PTR_ERR(thread);
		bench->thread[bench->threads++] = thread;
		if (run->place == BENCH_SIDES)
			kthread_bind(thread->task, reads % num_online_cpus());
		else if (run->place == BENCH_SPREAD)
			kthread_bind(thread->task, (reads ? i - run->writers : i) %
				     num_online_cpus());
	}
	return 0;
}

/* Return: 0, or the error of one that has failed. */
static int bench_end(struct bench *bench)
{
	struct bench_thread *thread;
	unsigned int i;
	int err = 0;

	WRITE_ONCE(bench->stop, true);
	for (i = 0; i < bench->threads; i++)
		send_sig(SIGKILL, bench->thread[i]->task, 1);
	for (i = 0; i < bench->threads; i++) {
		thread = bench->thread[i];
		kthread_stop(thread->task);
		put_task_struct(thread->task);
		if (thread->err)
			err = thread->err;
		kfree(thread->buffer);
		kfree(thread);
	}
	return err;
}

/* Each message once: by its reader, if there are any. */
static bool bench_counts(const struct bench_thread *thread)
{
	return thread->reads || !thread->bench->run->readers;
}

static u64 bench_done(const struct bench *bench)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < bench->threads; i++)
		if (bench_counts(bench->thread[i]))
			sum += READ_ONCE(bench->thread[i]->done);
	return sum;
}

static u64 bench_switches(const struct bench *bench)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < bench->threads; i++)
		if (bench_counts(bench->thread[i]))
			sum += READ_ONCE(bench->thread[i]->task->nvcsw);
	return sum;
}

static int bench_compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

/* Look each millisecond: in some of them the host has done something else. */
static void bench_watch(struct bench *bench)
{
	struct bench_run *run = bench->run;
	u64 begin, last, now, before, done, switches;
	unsigned int n = 0;

	switches = bench_switches(bench);
	before = bench_done(bench);
	run->received = before;
	begin = ktime_get_ns();
	last = begin;
	do {
		usleep_range(1000, 1010);
		now = ktime_get_ns();
		done = bench_done(bench);
		bench->window[n++] = (done - before) * NSEC_PER_SEC /
				     (now - last);
		before = done;
		last = now;
	} while (n < BENCH_WINDOWS && now - begin < run->us * 1000ULL);
	run->received = done - run->received;
	run->ns = now - begin;
	run->switches = bench_switches(bench) - switches;
	sort(bench->window, n, sizeof(u64), bench_compare, NULL);
	run->median = bench->window[n / 2];
	run->best = bench->window[n * 9 / 10];
}

/* The host may refuse. */
static void bench_prefer(void *prefer)
{
	if (os_prefer_cpu(1))
		WRITE_ONCE(*(u32 *)prefer, 0);
}

static void bench_prefer_not(void *unused)
{
	os_prefer_cpu(0);
}

static int bench_measure(struct bench *bench)
{
	struct bench_run *run = bench->run;
	bool prefer = run->prefer;
	unsigned int i;
	int err, ret;

	err = bench_create(bench);
	if (!err) {
		if (prefer)
			on_each_cpu(bench_prefer, &run->prefer, 1);
		for (i = 0; i < bench->threads; i++)
			wake_up_process(bench->thread[i]->task);
		usleep_range(run->warm_us, run->warm_us + 100);
		bench_watch(bench);
		if (prefer)
			on_each_cpu(bench_prefer_not, NULL, 1);
	}
	ret = bench_end(bench);
	return err ?: ret;
}

static int bench_check(const struct bench_run *run)
{
	if (run->kind > BENCH_SYSV || run->place > BENCH_SPREAD ||
	    run->reserved)
		return -EINVAL;
	if (!run->writers || run->writers > BENCH_THREADS ||
	    run->readers > BENCH_THREADS - run->writers)
		return -EINVAL;
	if (!run->size || run->size > BENCH_SIZE || run->us > 4000000 ||
	    run->warm_us > 4000000)
		return -EINVAL;
	return 0;
}

static int bench_run(struct bench_run *run)
{
	struct bench *bench;
	int err;

	err = bench_check(run);
	if (err)
		return err;
	bench = kvzalloc(sizeof(*bench), GFP_KERNEL);
	if (!bench)
		return -ENOMEM;
	bench->run = run;
	if (run->kind != BENCH_SYSV) {
		bench->out = fget(run->out);
		bench->in = fget(run->in);
		err = bench->out && bench->in ? 0 : -EBADF;
	}
	if (!err)
		err = bench_measure(bench);
	if (bench->out)
		fput(bench->out);
	if (bench->in)
		fput(bench->in);
	kvfree(bench);
	return err;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct bench_run __user *user = (struct bench_run __user *)arg;
	struct bench_run run;
	int err;

	if (cmd != BENCH_RUN)
		return -ENOTTY;
	if (copy_from_user(&run, user, sizeof(run)))
		return -EFAULT;
	err = bench_run(&run);
	if (err)
		return err;
	return copy_to_user(user, &run, sizeof(run)) ? -EFAULT : 0;
}

static const struct file_operations bench_file_operations = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= bench_ioctl,
};

static struct miscdevice bench_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "mboxbench",
	.mode	= 0600,
	.fops	= &bench_file_operations,
};

module_misc_device(bench_device);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("the mboxfs authors");
MODULE_DESCRIPTION("Writers and readers of a queue as kernel threads");
