/* Processes: who waits for whom, who gets which signal, who owns the terminal. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

void die_with_parent(void) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("set the parent death signal");
}

/*
 * Runs us again from a sealed copy in memory. Inside the container /proc/PID/exe names the file we run from, and root there could
 * otherwise write to the host's executable (CVE-2019-5736).
 */
void seal_executable(char **argv) {
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (self < 0) fail("open /proc/self/exe");
  const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  if ((fcntl(self, F_GET_SEALS) & seals) == seals) {
    close(self);
    return;
  }
  int copy = memfd_create("plumbline-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (copy < 0 && errno == EINVAL) copy = memfd_create("plumbline-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  struct stat stat;
  if (copy < 0 || fstat(self, &stat) < 0) fail("copy the executable");
  for (off_t left = stat.st_size; left > 0;) {
    ssize_t sent = sendfile(copy, self, NULL, (size_t)left);
    if (sent <= 0) fail("copy the executable");
    left -= sent;
  }
  if (fcntl(copy, F_ADD_SEALS, seals) < 0) fail("seal the executable");
  extern char **environ;
  fexecve(copy, argv, environ);
  fail("run the sealed executable");
}

void run_command(const struct options *options) {
  /* A process group of its own, so that what the terminal sends to ours does not reach it twice: directly, and passed on. */
  setpgid(0, 0);
  if (options->terminal_group) tcsetpgrp(0, getpid());
  for (int number = 1; number < SIGRTMIN; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* Nothing of ours stays open; what is close-on-exec already stays so. CLOSE_RANGE_CLOEXEC is 4. */
  syscall(SYS_close_range, 3, ~0U, 4);
  execvp(options->command[0], options->command);
  fail_with(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE, "%s", options->command[0]);
}

static int status_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/* Passes every signal that comes on to `child` and reaps whoever ends, until it is `child`. Signals are blocked. */
static int pass_signals_until_exit(pid_t child, bool terminal) {
  sigset_t all;
  sigfillset(&all);
  for (;;) {
    int status, number = sigwaitinfo(&all, NULL);
    if (number < 0) continue;
    if (number != SIGCHLD) {
      kill(child, number);
      continue;
    }
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
      if (ended != child) continue;
      if (!WIFSTOPPED(status)) return status_of(status);
      /* Ctrl-Z: nobody outside could ever wake it up, so it does not stop. */
      if (terminal && WSTOPSIG(status) == SIGTSTP) kill(child, SIGCONT);
    }
  }
}

void be_pid1(const struct options *options, int exit_fd) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) run_command(options);
  report_done();
  int status = pass_signals_until_exit(child, options->terminal_group != 0);
  if (exit_fd >= 0) dprintf(exit_fd, "%d\n", status);
  _exit(status);
}

int wait_outside(const struct options *options, pid_t child) {
  int status = pass_signals_until_exit(child, false);
  if (options->terminal_group) tcsetpgrp(0, options->terminal_group);
  return status;
}
