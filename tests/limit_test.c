// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits, policies and counters, and the attributes that show and set them.
 */
#include "test.h"

TEST(defaults)
{
	char value[32] = "";

	t_open("q", O_RDWR);
	CHECK_EQ(t_get("q", "max_message_size"), 65536);
	CHECK_EQ(t_get("q", "max_messages"), 4096);
	CHECK_EQ(t_get("q", "max_bytes"), 1048576);
	CHECK_EQ(getxattr("q", "user.mboxfs.short_read", value, 32), 4);
	CHECK(!strcmp(value, "keep"));
	memset(value, 0, sizeof(value));
	CHECK_EQ(getxattr("q", "user.mboxfs.when_full", value, 32), 5);
	CHECK(!strcmp(value, "block"));
	memset(value, 0, sizeof(value));
	CHECK_EQ(getxattr("q", "user.mboxfs.type", value, 32), 4);
	CHECK(!strcmp(value, "file"));
	memset(value, 0, sizeof(value));
	CHECK_EQ(getxattr("q", "user.mboxfs.when_empty", value, 32), 5);
	CHECK(!strcmp(value, "block"));
}

TEST(values_are_checked)
{
	static const struct {
		const char *attribute, *value;
		int error;
		long long shown;
	} table[] = {
		{ "max_messages", "1", 0, 1 },
		{ "max_messages", "0", 0, 0 },
		{ "max_messages", "10k", 0, 10240 },
		{ "max_messages", "2M", 0, 2097152 },
		{ "max_messages", "3g", 0, 3221225472 },
		{ "max_messages", "9223372036854775807", 0, INT64_MAX },
		{ "max_messages", "9223372036854775808", ERANGE },
		{ "max_messages", "18446744073709551616", ERANGE },
		{ "max_messages", "99999999999999999999999999", ERANGE },
		{ "max_messages", "9999999999999999g", ERANGE },
		{ "max_messages", "", EINVAL },
		{ "max_messages", "k", EINVAL },
		{ "max_messages", "-1", EINVAL },
		{ "max_messages", "+1", EINVAL },
		{ "max_messages", " 1", EINVAL },
		{ "max_messages", "1 ", EINVAL },
		{ "max_messages", "1\n", EINVAL },
		{ "max_messages", "1kk", EINVAL },
		{ "max_messages", "0x10", EINVAL },
		{ "max_messages", "1.5", EINVAL },
		{ "max_messages", "many", EINVAL },
		{ "max_message_size", "64m", 0, 67108864 },
		{ "max_message_size", "67108865", ERANGE },
		{ "max_message_size", "0", 0, 0 },
		{ "max_bytes", "0", 0, 0 },
		{ "short_read", "keep", 0 },
		{ "short_read", "Keep", EINVAL },
		{ "short_read", "kee", EINVAL },
		{ "short_read", "keep ", EINVAL },
		{ "short_read", "1", EINVAL },
		{ "when_full", "drop_oldest", 0 },
		{ "when_full", "eof", EINVAL },
		{ "when_empty", "eof", 0 },
		{ "when_empty", "fail", EINVAL },
		{ "type", "fifo", 0 },
		{ "type", "file", 0 },
		{ "type", "pipe", EINVAL },
		{ "messages", "1", EPERM },
		{ "sent_total", "0", EPERM },
		{ "truncated_total", "0", EPERM },
		{ "next_size", "0", EPERM },
		{ "colour", "1", EOPNOTSUPP },
		{ "", "1", EINVAL },
	};
	unsigned int i;

	t_open("q", O_RDWR);
	for (i = 0; i < sizeof(table) / sizeof(*table); i++) {
		errno = 0;
		if (t_try_set("q", table[i].attribute, table[i].value))
			CHECK_EQ(errno, table[i].error ?: -1);
		else if (table[i].error)
			test_failed(__FILE__, __LINE__, "'%s' set to '%s'",
				    table[i].attribute, table[i].value);
		else if (table[i].shown || table[i].value[0] == '0')
			CHECK_EQ(t_get("q", table[i].attribute),
				 table[i].shown);
	}
	CHECK_ERR(setxattr("q", "user.other", "1", 1, 0), EOPNOTSUPP);
	CHECK_ERR(getxattr("q", "user.mboxfs.colour", NULL, 0), EOPNOTSUPP);
	CHECK_ERR(setxattr("q", "trusted.x", "1", 1, 0), EOPNOTSUPP);
	CHECK_ERR(setxattr("q", "user.mboxfs.max_bytes", "1", 1, XATTR_CREATE),
		  EEXIST);
	CHECK_EQ(setxattr("q", "user.mboxfs.max_bytes", "1", 1, XATTR_REPLACE),
		 0);
}

TEST(removing_an_attribute_restores_the_default)
{
	t_open("q", O_RDWR);
	t_set("q", "max_messages", "7");
	CHECK_EQ(removexattr("q", "user.mboxfs.max_messages"), 0);
	CHECK_EQ(t_get("q", "max_messages"), 4096);
	CHECK_ERR(removexattr("q", "user.mboxfs.messages"), EPERM);
	CHECK_ERR(removexattr("q", "user.mboxfs.colour"), EOPNOTSUPP);
}

static bool listed(const char *name, const char *attribute)
{
	char list[4096], *p, full[128];
	ssize_t n = listxattr(name, list, sizeof(list));

	CHECK(n > 0);
	CHECK_EQ(listxattr(name, NULL, 0), n);
	CHECK_ERR(listxattr(name, list, n - 1), ERANGE);
	CHECK_EQ(listxattr(name, list, n), n);
	snprintf(full, sizeof(full), "user.mboxfs.%s", attribute);
	for (p = list; p < list + n; p += strlen(p) + 1)
		if (!strcmp(p, full))
			return true;
	return false;
}

TEST(attributes_are_listed)
{
	int fd = t_open("q", O_RDWR);
	char small[2];

	CHECK(listed("q", "max_messages"));
	CHECK(listed("q", "when_empty"));
	CHECK(listed("q", "purged_total"));
	CHECK(!listed("q", "next_size"));
	CHECK_ERR(getxattr("q", "user.mboxfs.next_size", NULL, 0), ENODATA);
	t_send(fd, "12345");
	CHECK(listed("q", "next_size"));
	CHECK_EQ(t_get("q", "next_size"), 5);
	CHECK_EQ(mkdir("g", 0777), 0);
	CHECK(listed("g", "max_messages"));
	CHECK(!listed("g", "messages"));
	CHECK_ERR(getxattr("g", "user.mboxfs.messages", NULL, 0), EOPNOTSUPP);
	CHECK_EQ(getxattr("q", "user.mboxfs.max_messages", NULL, 0), 4);
	CHECK_ERR(getxattr("q", "user.mboxfs.max_messages", small, 2), ERANGE);
}

TEST(groups_hand_their_values_down)
{
	CHECK_EQ(mkdir("g", 0777), 0);
	t_set("g", "max_messages", "5");
	t_set("g", "when_full", "fail");
	t_open("g/q", O_RDWR);
	CHECK_EQ(mkdir("g/sub", 0777), 0);
	t_open("g/sub/q", O_RDWR);
	CHECK_EQ(t_get("g/q", "max_messages"), 5);
	CHECK_EQ(t_get("g/sub", "max_messages"), 5);
	CHECK_EQ(t_get("g/sub/q", "max_messages"), 5);
	/* Later changes reach only what comes later. */
	t_set("g", "max_messages", "6");
	CHECK_EQ(t_get("g/q", "max_messages"), 5);
	CHECK_EQ(t_get("g/sub", "max_messages"), 5);
	t_open("g/q2", O_RDWR);
	CHECK_EQ(t_get("g/q2", "max_messages"), 6);
	t_open("q", O_RDWR);
	CHECK_EQ(t_get("q", "max_messages"), 4096);
	CHECK_EQ(open("g", O_TMPFILE | O_RDWR, 0600) < 0, 0);
}

TEST(limits_hold_exactly)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK), i;
	static char data[1000];

	t_set("q", "max_messages", "3");
	for (i = 0; i < 3; i++)
		CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	CHECK_ERR(t_send_as(fd, "", 0, 0), EAGAIN);
	CHECK_EQ(ftruncate(fd, 0), 0);
	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, data, 999), 999);
	CHECK_ERR(write(fd, data, 2), EAGAIN);
	CHECK_EQ(write(fd, data, 1), 1);
	CHECK_ERR(write(fd, data, 1), EAGAIN);
	CHECK_EQ(t_send_as(fd, "", 0, 0), 0);
	CHECK_EQ(t_get("q", "bytes"), 1000);
}

TEST(a_lowered_limit_keeps_what_is_queued)
{
	int fd = t_open("q", O_RDWR | O_NONBLOCK), i;
	char text[2] = "0";

	for (i = 0; i < 5; i++)
		t_send(fd, "x");
	t_set("q", "max_messages", "2");
	CHECK_EQ(t_get("q", "messages"), 5);
	CHECK_ERR(write(fd, text, 1), EAGAIN);
	for (i = 0; i < 4; i++)
		t_expect(fd, "x");
	t_send(fd, "y");
	t_expect(fd, "x");
	t_expect(fd, "y");
}

TEST(when_full_fails)
{
	int fd = t_open("q", O_RDWR);

	t_set("q", "max_messages", "1");
	t_set("q", "when_full", "fail");
	t_send(fd, "x");
	CHECK_ERR(write(fd, "y", 1), ENOSPC);
	t_expect(fd, "x");
}

TEST(when_full_drops_the_oldest)
{
	int fd = t_open("q", O_RDWR);
	static char data[1000];

	t_set("q", "max_messages", "3");
	t_set("q", "when_full", "drop_oldest");
	t_send(fd, "1");
	t_send(fd, "2");
	t_send(fd, "3");
	t_send(fd, "4");
	t_expect(fd, "2");
	CHECK_EQ(t_get("q", "dropped_total"), 1);
	/* As many as are needed. */
	t_set("q", "max_bytes", "1000");
	CHECK_EQ(write(fd, data, 998), 998);
	CHECK_EQ(t_get("q", "messages"), 3);
	CHECK_EQ(write(fd, data, 1000), 1000);
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(t_get("q", "bytes"), 1000);
	CHECK_EQ(t_get("q", "dropped_total"), 4);
	CHECK_EQ(t_get("q", "sent_total"), 6);
}

TEST(many_small_ones_are_dropped_for_a_large_one)
{
	int fd = t_open("q", O_RDWR), i;
	static char data[50000];

	t_set("q", "max_messages", "0");
	t_set("q", "max_bytes", "50000");
	t_set("q", "when_full", "drop_oldest");
	for (i = 0; i < 50000; i++)
		CHECK_EQ(write(fd, data, 1), 1);
	CHECK_EQ(write(fd, data, 49999), 49999);
	CHECK_EQ(t_get("q", "dropped_total"), 49999);
	CHECK_EQ(t_get("q", "messages"), 2);
}

TEST(when_empty_is_the_end)
{
	int fd = t_open("q", O_RDWR);
	char c;

	t_set("q", "when_empty", "eof");
	CHECK_EQ(read(fd, &c, 1), 0);
	t_send(fd, "x");
	t_expect(fd, "x");
	CHECK_EQ(read(fd, &c, 1), 0);
	CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(read(fd, &c, 1), 0);
	t_expect_empty(fd);
}

TEST(counters_add_up)
{
	int fd = t_open("q", O_RDWR), i;

	t_set("q", "max_messages", "10");
	t_set("q", "when_full", "drop_oldest");
	for (i = 0; i < 15; i++)
		t_send(fd, "x");
	for (i = 0; i < 4; i++)
		t_expect(fd, "x");
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(t_get("q", "sent_total"), 15);
	CHECK_EQ(t_get("q", "received_total"), 4);
	CHECK_EQ(t_get("q", "dropped_total"), 5);
	CHECK_EQ(t_get("q", "purged_total"), 6);
	CHECK_EQ(t_get("q", "messages"), 0);
	CHECK_EQ(t_get("q", "bytes"), 0);
}

/* Opened for writing, for setting an attribute, for removing a name. */
TEST(rights)
{
	int fd = t_open("q", O_RDWR);

	CHECK_EQ(chmod("q", 0666), 0);
	t_send(fd, "x");
	if (!t_fork()) {
		t_user(1000);
		fd = open("q", O_RDWR);
		CHECK(fd >= 0);
		/* Who may send does not set limits, nor throw away. */
		CHECK_ERR(t_try_set("q", "max_messages", "1"), EPERM);
		CHECK_ERR(removexattr("q", "user.mboxfs.max_messages"), EPERM);
		CHECK_ERR(ftruncate(fd, 0), EPERM);
		CHECK_ERR(truncate("q", 0), EPERM);
		CHECK_EQ(t_get("q", "max_messages"), 4096);
		t_expect(fd, "x");
		t_send(fd, "y");
		/* Its own mailbox it does. */
		t_open("mine", O_RDWR);
		t_set("mine", "max_messages", "1");
		CHECK_EQ(truncate("mine", 0), 0);
		_exit(0);
	}
	t_wait_all();
	CHECK_EQ(t_get("q", "messages"), 1);
	CHECK_EQ(chmod("q", 0622), 0);
	if (!t_fork()) {
		t_user(1000);
		CHECK_ERR(open("q", O_RDONLY), EACCES);
		CHECK_ERR(open("q", O_RDWR), EACCES);
		fd = open("q", O_WRONLY);
		t_send(fd, "z");
		CHECK_ERR(getxattr("q", "user.mboxfs.messages", NULL, 0),
			  EACCES);
		_exit(0);
	}
	t_wait_all();
}
