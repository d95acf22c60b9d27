// The ways to end: an answer, or a CNI error object on stdout. CNI SPEC 1.1.0, section 5
#include <signal.h>

#include "launcher.h"

const char *errno_name(long result)
{
  static const char *const names[] = {
    [EPERM] = "EPERM",	 [ENOENT] = "ENOENT",	  [EIO] = "EIO",	 [E2BIG] = "E2BIG",
    [ENOEXEC] = "ENOEXEC",	 [EBADF] = "EBADF",	  [ENOMEM] = "ENOMEM",	 [EACCES] = "EACCES",
    [ENOTDIR] = "ENOTDIR",	 [EISDIR] = "EISDIR",	  [EINVAL] = "EINVAL",	 [ENFILE] = "ENFILE",
    [EMFILE] = "EMFILE",	 [ENOSPC] = "ENOSPC",	  [EROFS] = "EROFS",	 [EPIPE] = "EPIPE",
    [ENAMETOOLONG] = "ENAMETOOLONG", [ENOSYS] = "ENOSYS", [ELOOP] = "ELOOP",
  };
  if (-result < (long)(sizeof names / sizeof *names) && names[-result])
    return names[-result];
  TEXT(name, 32);
  put(&name, "errno ");
  put_number(&name, (unsigned long)-result);
  return string_of(&name);
}

// Bytes beyond ASCII go as that code point: whatever the encoding was, the JSON is valid.
static void put_json(struct text *text, const char *const strings[])
{
  static const char hex[] = "0123456789abcdef";
  put(text, "\"");
  for (; *strings; strings++) {
    for (const unsigned char *at = (const unsigned char *)*strings; *at != '\0'; at++) {
      char escape[] = { '\\', 'u', '0', '0', hex[*at >> 4], hex[*at & 15] };
      if (*at < ' ' || *at > '~')
        put_bytes(text, escape, sizeof escape);
      else if (*at == '"' || *at == '\\')
        put_bytes(text, (char[]){ '\\', (char)*at }, 2);
      else
        put_bytes(text, at, 1);
    }
  }
  put(text, "\"");
}

_Noreturn void fail(enum cni_code code, const char *const message[], const char *const details[])
{
  // Room for an environment variable as long as the kernel allows one (MAX_ARG_STRLEN), all of it escaped.
  TEXT(json, 1 << 20);
  put(&json, "{\"code\":");
  put_number(&json, code);
  put(&json, ",\"msg\":");
  put_json(&json, message);
  if (details) {
    put(&json, ",\"details\":");
    put_json(&json, details);
  }
  put(&json, "}\n");
  answer(json.data, json.length, 1);
}

_Noreturn void leave(int code)
{
  for (;;)
    SYS_1(exit_group, code);
}

_Noreturn void answer(const char *data, size_t size, int code)
{
  // A caller that has gone shall be an error here and not a death by SIGPIPE. The kernel's own struct:
  // handler first.
  const unsigned long ignore[4] = { (unsigned long)SIG_IGN };
  SYS_4(rt_sigaction, SIGPIPE, ignore, NULL, sizeof(long));
  leave(write_all(1, data, size) < 0 ? 1 : code);
}
