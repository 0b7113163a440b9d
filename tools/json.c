// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON on stdout: flat objects, one per line. Bytes that are no UTF-8 become
 * base64, and KEY_encoding says so.
 */
#include <stdio.h>
#include <string.h>

#include "mboxctl.h"

static bool comma;

/* How long the UTF-8 character at @p is, or 0 if that is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (*p < 0x80)
		return 1;
	len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
	if (*p < 0xc2 || *p > 0xf4 || left < len)
		return 0;
	c = *p & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

bool is_utf8(const void *data, size_t len)
{
	const unsigned char *p = data, *end = p + len;
	size_t n;

	for (; p < end; p += n) {
		n = utf8_length(p, end - p);
		if (!n)
			return false;
	}
	return true;
}

static void put_escaped(const unsigned char *p, size_t len)
{
	for (; len; p++, len--) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		if (*p < 0x20 || *p == 0x7f)
			printf("\\u%04x", *p);
		else
			putchar(*p);
	}
}

static void put_base64(const unsigned char *p, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t three;

	for (; len; p += 3, len -= len < 3 ? len : 3) {
		three = p[0] << 16 | (len > 1 ? p[1] : 0) << 8 |
			(len > 2 ? p[2] : 0);
		putchar(digits[three >> 18]);
		putchar(digits[three >> 12 & 63]);
		putchar(len > 1 ? digits[three >> 6 & 63] : '=');
		putchar(len > 2 ? digits[three & 63] : '=');
	}
}

void json_begin(void)
{
	putchar('{');
	comma = false;
}

void json_end(void)
{
	puts("}");
}

static void put_key(const char *key, const char *suffix)
{
	printf("%s\"%s%s\":", comma ? "," : "", key, suffix);
	comma = true;
}

void json_bytes(const char *key, const void *data, size_t len)
{
	bool text = is_utf8(data, len);

	put_key(key, "");
	putchar('"');
	if (text)
		put_escaped(data, len);
	else
		put_base64(data, len);
	putchar('"');
	if (!text) {
		put_key(key, "_encoding");
		fputs("\"base64\"", stdout);
	}
}

void json_string(const char *key, const char *text)
{
	json_bytes(key, text, strlen(text));
}

void json_number(const char *key, uint64_t value)
{
	put_key(key, "");
	printf("%llu", (unsigned long long)value);
}

/* In thousandths. */
void json_seconds(const char *key, int64_t ns)
{
	put_key(key, "");
	printf("%.3f", ns / 1e9);
}

void json_bool(const char *key, bool value)
{
	put_key(key, "");
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	put_key(key, "");
	fputs("null", stdout);
}

/* A policy is its word, all else a number. */
void json_attr(enum mbox_attr attr, uint64_t value)
{
	const char *word = mbox_attr_word(attr, value);

	if (word)
		json_string(mbox_attr_name(attr), word);
	else
		json_number(mbox_attr_name(attr), value);
}
