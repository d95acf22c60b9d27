#define _GNU_SOURCE
#include "template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *fillIn(const char *text, long attachment) {
  char *filled;
  size_t length;
  FILE *out = open_memstream(&filled, &length);
  if (!out) exit(2);
  while (*text) {
    const char *found = strstr(text, "\"{i*");
    long factor, base;
    int end = 0;
    if (!found) {
      fputs(text, out);
      break;
    }
    fwrite(text, 1, (size_t)(found - text), out);
    if (sscanf(found, "\"{i*%ld+%ld}\"%n", &factor, &base, &end) == 2 && end > 0) {
      fprintf(out, "%ld", attachment * factor + base);
      text = found + end;
    } else {
      fputc(*found, out);
      text = found + 1;
    }
  }
  if (fclose(out)) exit(2);
  return filled;
}
