/*
 * plumbline-init: makes the namespaces of a container, waits until it may start, and is its PID 1.
 *
 *   plumbline-init run   --netns FILE [--hostname NAME] [--rootfs DIR] [--bind FILE TARGET]... [--hide DIR]...
 *                        [--cgroup FILE]... [--exit-file FILE] [--control FD] [--detach] -- COMMAND...
 *   plumbline-init enter --pid PID [--cgroup FILE]... [--control FD] -- COMMAND...
 *
 * `run` is three processes. The outer one stays in the host's namespaces, passes signals on and exits as the container does
 * (with --detach it leaves at once). PID 1 sets everything up, then reaps and passes signals on. The command is its child.
 *
 * On the control socket it writes lines: "pid N" (PID 1 as the host sees it), "ready", "error STATUS TEXT". It starts the command
 * when it has read one byte; the end of the stream means give up. When the command runs, the socket is closed.
 */
#ifndef PLUMBLINE_INIT_H
#define PLUMBLINE_INIT_H

#define _GNU_SOURCE

#include <stdbool.h>
#include <sys/types.h>

enum { MAX_LIST = 32 };

struct list {
  const char *items[MAX_LIST];
  int count;
};

struct bind {
  const char *source, *target;
};

struct options {
  bool enter, detach;
  pid_t pid;
  const char *netns, *hostname, *rootfs, *exit_file;
  struct bind binds[MAX_LIST];
  int bind_count;
  struct list hidden, cgroups;
  char **command;
  char *cwd;
  /* The process group to which standard input, a terminal, belonged; the command gets it meanwhile. 0 without a terminal. */
  pid_t terminal_group;
};

/* Exit statuses, as shells and other container tools have them. */
enum { STATUS_SETUP = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

/* report.c */
void report_to(int fd);
void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_done(void);
/* Waits for the byte that starts the command; exits when the runtime gave up. */
void report_await_start(void);
/* Says what failed and why (errno), then exits with STATUS_SETUP. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void fail_with(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* mounts.c: the file system of the container; the caller is alone in a new mount namespace. */
void set_up_mounts(const struct options *options);

/* sources.c: host files that will be mounted inside, held as detached mounts while the root changes. */
int hold_file(const char *path);
bool place_file(int held, const char *target);

/* privileges.c */
void drop_privileges(void);

/* cgroups.c */
void join_cgroups(const struct list *files);

/* processes.c */
void die_with_parent(void);
void seal_executable(char **argv);
_Noreturn void run_command(const struct options *options);
/* PID 1 of the container: starts the command, reaps, passes signals on, exits as the command did. */
_Noreturn void be_pid1(const struct options *options, int exit_fd);
/* The outer process: passes signals on, and returns the exit status of the child. */
int wait_outside(const struct options *options, pid_t child);

/* enter.c, run.c */
_Noreturn void enter_container(const struct options *options);
_Noreturn void run_container(const struct options *options);

#endif
