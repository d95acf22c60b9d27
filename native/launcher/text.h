// Strings. A `struct text` is a buffer with a fill level; what does not fit is cut off, and `full` says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct text {
  char *data;
  size_t size;
  size_t length;
  bool full;
};

/** A text over a fresh static array, for use within one function. */
#define TEXT(name, bytes)                  \
  static char name##_data[bytes];    \
  struct text name = { name##_data, sizeof name##_data, 0, false }

size_t length_of(const char *string);
bool equal(const char *left, const char *right);
/** What follows `prefix` in `string`, or NULL. */
const char *after(const char *string, const char *prefix);
/** What follows the last '/' in `path`. */
const char *base_name(const char *path);
/** A decimal number of at most nine digits, or -1. */
long parse_number(const char *string);

void put_bytes(struct text *text, const void *bytes, size_t size);
void put(struct text *text, const char *string);
void put_number(struct text *text, unsigned long number);
/** Ends the text with a NUL that does not count; the text so far as a string. */
char *string_of(struct text *text);
/** Cuts the text, a path, before its last '/'. */
void cut_base_name(struct text *text);
