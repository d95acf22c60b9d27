/* The conversation with the runtime on the control socket, or with a person on standard error when there is none. */
#include "init.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int control = -1;

void report_to(int fd) { control = fd; }

static void put(const char *text, size_t length) {
  /* A runtime that is gone must not kill us by SIGPIPE before we have tidied up. */
  if (send(control, text, length, MSG_NOSIGNAL) < 0 && errno == ENOTSOCK && write(control, text, length) < 0) return;
}

void report(const char *format, ...) {
  if (control < 0) return;
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  put(line, length < (int)sizeof line ? (size_t)length : sizeof line - 1);
}

void report_done(void) {
  if (control >= 0) close(control);
  control = -1;
}

void report_await_start(void) {
  if (control < 0) return;
  char byte;
  ssize_t got;
  do got = read(control, &byte, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) _exit(STATUS_SETUP);
}

static _Noreturn void vfail(int status, const char *format, va_list arguments) {
  const char *why = strerror(errno);
  char what[384];
  vsnprintf(what, sizeof what, format, arguments);
  if (control >= 0)
    report("error %d %s: %s\n", status, what, why);
  else
    dprintf(2, "plumbline-init: %s: %s\n", what, why);
  _exit(status);
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfail(STATUS_SETUP, format, arguments);
}

void fail_with(int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfail(status, format, arguments);
}
