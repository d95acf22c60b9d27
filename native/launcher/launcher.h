// The CNI executable. It takes environment and stdin, opens the target network namespace, and hands all of it
// to the resident, a warm process with all plugins loaded; where there is none it becomes Node with the
// one-shot bundle. A call is handed on exactly once: the launcher falls back only as long as no resident has
// said that it accepts.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys.h"
#include "text.h"

/** Codes of CNI SPEC 1.1.0, section 5, and of libcni. */
enum cni_code {
  CNI_INVALID_ENVIRONMENT = 4,
  CNI_IO = 5,
  CNI_TRY_AGAIN = 11,
  CNI_NOT_AVAILABLE = 50,
  CNI_INTERNAL = 999,
};

/** PLUMBLINE_RESIDENT: use one or start one for next time; never use one; use one or fail. */
enum mode { RESIDENT_AUTO, RESIDENT_OFF, RESIDENT_REQUIRE };

/** What this process was asked, from its arguments, environment and stdin. */
struct call {
  /** The plugin type: the name we were started by. */
  const char *type;
  /** The environment as plugins shall see it, NULL-terminated. */
  char **environment;
  /** CNI_COMMAND, CNI_NETNS, PATH, PLUMBLINE_NODE: NULL if not set or empty. */
  const char *command;
  const char *netns;
  const char *path;
  const char *node;
  const char *run_dir;
  enum mode mode;
  long accept_timeout_ms;
  /** stdin, unless `has_input` is false: then it was left alone. */
  const char *input;
  size_t input_size;
  bool has_input;
};
extern struct call call;

enum { INPUT_LIMIT = 4 << 20, PATH_SIZE = 4096 };

// main.c
_Noreturn void launch(char **arguments, char **environment);

// environment.c
/** Fills `call` from the environment, dropping from it what only this executable or Node itself would read. */
void read_environment(char **environment);

// input.c
/** Reads stdin to its end, for those commands that have one. */
void read_input(void);

// request.c
enum refusal { NOT_ACCEPTED, NOT_OURS };
/** Hands the call to the resident, prints the answer and exits. Returns, with the reason, only if none accepted. */
enum refusal ask_resident(void);

// stderr.c
/** A pipe for the resident's stderr: its writing end, or -errno. The same at every call. */
long open_stderr(void);
/** The reading end, for poll(2). */
int stderr_source(void);
/** Writes to our stderr what has come. */
void pass_stderr(void);

// resident.c
/** Starts a resident unless somebody holds the lock. Its pid, 0 if one is being started or lives, or -errno. */
long start_resident(void);
/** Asks again and again for up to ten seconds, starting a resident where there is none. */
_Noreturn void require_resident(void);

// one-shot.c
/** Becomes Node with the one-shot bundle. */
_Noreturn void run_one_shot(void);

// node.c
/** Becomes Node, wherever one is found. Returns -errno, -ENOENT if there is none. */
long exec_node(char *const arguments[], char *const environment[]);

// files.c
/** `fd` or one in its place that is above stdio, of which the caller may have closed some. Passes -errno on. */
long above_stdio(long fd);
/** Writes all, waiting where `fd` is non-blocking. 0 or -errno. */
long write_all(int fd, const char *data, size_t size);
/** Puts the path of `name` within dist/, the directory tree that this executable is in. 0 or -errno. */
long put_dist(struct text *path, const char *name);
/** Puts `<run dir>/resident-<network namespace><suffix>`. 0 or -errno. */
long put_resident_path(struct text *path, const char *suffix);

// error.c
/** Prints a CNI error object and exits with 1. `message` and `details` (may be NULL) come from JOIN. */
_Noreturn void fail(enum cni_code code, const char *const message[], const char *const details[]);
#define JOIN(...) ((const char *const[]){ __VA_ARGS__, NULL })
/** The name of -errno, as ENOENT. */
const char *errno_name(long result);
_Noreturn void leave(int code);
/** Writes to stdout, then exits with `code`; with 1 if stdout does not take it. */
_Noreturn void answer(const char *data, size_t size, int code);
