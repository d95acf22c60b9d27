#include "text.h"

size_t length_of(const char *string)
{
  size_t length = 0;
  while (string[length] != '\0')
    length++;
  return length;
}

bool equal(const char *left, const char *right)
{
  const char *rest = after(left, right);
  return rest && *rest == '\0';
}

const char *after(const char *string, const char *prefix)
{
  while (*prefix != '\0')
    if (*string++ != *prefix++)
      return NULL;
  return string;
}

const char *base_name(const char *path)
{
  const char *base = path;
  for (; *path != '\0'; path++)
    if (*path == '/')
      base = path + 1;
  return base;
}

long parse_number(const char *string)
{
  long number = 0;
  size_t length = length_of(string);
  if (length == 0 || length > 9)
    return -1;
  for (; *string != '\0'; string++) {
    if (*string < '0' || *string > '9')
      return -1;
    number = number * 10 + (*string - '0');
  }
  return number;
}

// One byte always stays free, for string_of.
void put_bytes(struct text *text, const void *bytes, size_t size)
{
  size_t room = text->size - 1 - text->length;
  if (size > room) {
    size = room;
    text->full = true;
  }
  __builtin_memcpy(text->data + text->length, bytes, size);
  text->length += size;
}

void put(struct text *text, const char *string)
{
  put_bytes(text, string, length_of(string));
}

void put_number(struct text *text, unsigned long number)
{
  char digits[20];
  size_t at = sizeof digits;
  do
    digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  put_bytes(text, digits + at, sizeof digits - at);
}

char *string_of(struct text *text)
{
  text->data[text->length] = '\0';
  return text->data;
}

void cut_base_name(struct text *text)
{
  while (text->length > 0 && text->data[--text->length] != '/')
    ;
}
