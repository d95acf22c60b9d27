/* `plumbline-init run`: a new container. */
#include "init.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void inside(const struct options *options, int netns, int exit_fd) {
  if (!options->detach) die_with_parent();
  if (setns(netns, CLONE_NEWNET) < 0) fail("enter network namespace %s", options->netns);
  join_cgroups(&options->cgroups);
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0) fail("make namespaces");
  if (options->hostname && sethostname(options->hostname, strlen(options->hostname)) < 0) fail("set the host name");
  set_up_mounts(options);
  drop_privileges();
  report("ready\n");
  report_await_start();
  be_pid1(options, exit_fd);
}

void run_container(const struct options *options) {
  int netns = open(options->netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (netns < 0) fail("open network namespace %s", options->netns);
  int exit_fd = -1;
  if (options->exit_file) {
    exit_fd = open(options->exit_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (exit_fd < 0) fail("open %s", options->exit_file);
  }
  /* Takes effect for children: the next one is PID 1. */
  if (unshare(CLONE_NEWPID) < 0) fail("make a PID namespace");
  pid_t pid1 = fork();
  if (pid1 < 0) fail("fork");
  if (pid1 == 0) inside(options, netns, exit_fd);
  report("pid %d\n", pid1);
  report_done();
  _exit(options->detach ? 0 : wait_outside(options, pid1));
}
