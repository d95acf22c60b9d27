/* Arguments, and what both modes begin with. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static _Noreturn void usage(const char *problem, const char *argument) {
  dprintf(2, "plumbline-init: %s %s\n", problem, argument);
  _exit(STATUS_SETUP);
}

static void append(struct list *list, const char *item) {
  if (list->count == MAX_LIST) usage("too many of", item);
  list->items[list->count++] = item;
}

static int number(const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || end == text || *end || value < 0 || value > 0x7fffffff) usage("not a number:", text);
  return (int)value;
}

/* The value after an option. */
static char *value(char **argv, int *i) {
  if (!argv[*i + 1]) usage("no value for", argv[*i]);
  return argv[++*i];
}

static void parse(char **argv, struct options *options) {
  const char *mode = argv[1] ? argv[1] : "";
  options->enter = strcmp(mode, "enter") == 0;
  if (!options->enter && strcmp(mode, "run") != 0) usage("neither run nor enter:", mode);
  int i = 2;
  for (; argv[i] && strcmp(argv[i], "--") != 0; i++) {
    const char *name = argv[i];
    if (strcmp(name, "--detach") == 0) options->detach = true;
    else if (strcmp(name, "--pid") == 0) options->pid = number(value(argv, &i));
    else if (strcmp(name, "--control") == 0) report_to(number(value(argv, &i)));
    else if (strcmp(name, "--netns") == 0) options->netns = value(argv, &i);
    else if (strcmp(name, "--hostname") == 0) options->hostname = value(argv, &i);
    else if (strcmp(name, "--rootfs") == 0) options->rootfs = value(argv, &i);
    else if (strcmp(name, "--exit-file") == 0) options->exit_file = value(argv, &i);
    else if (strcmp(name, "--cgroup") == 0) append(&options->cgroups, value(argv, &i));
    else if (strcmp(name, "--hide") == 0) append(&options->hidden, value(argv, &i));
    else if (strcmp(name, "--bind") == 0) {
      if (options->bind_count == MAX_LIST) usage("too many of", name);
      struct bind *bind = &options->binds[options->bind_count++];
      bind->source = value(argv, &i);
      bind->target = value(argv, &i);
    } else
      usage("unknown option", name);
  }
  if (!argv[i] || !argv[i + 1]) usage("no command after", "--");
  options->command = argv + i + 1;
  if (options->enter ? options->pid == 0 : !options->netns) usage("missing", options->enter ? "--pid" : "--netns");
}

int main(int argc, char **argv) {
  (void)argc;
  struct options options = {0};
  parse(argv, &options);
  seal_executable(argv);
  prctl(PR_SET_NAME, "plumbline-init", 0, 0, 0);
  /* Processes of the container may be root too: our memory, descriptors and executable are none of their business. */
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  if (options.detach)
    setsid();
  else {
    die_with_parent();
    if (isatty(0) && tcgetpgrp(0) == getpgrp()) options.terminal_group = getpgrp();
    setpgid(0, 0);
  }
  options.cwd = getcwd(NULL, 0);
  if (options.enter) enter_container(&options);
  run_container(&options);
}
