/* `plumbline-init enter`: one more command in a container that runs. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* In the order they are entered: the mount namespace last, because it changes what every path means. */
static const char *const kinds[] = {"net", "ipc", "uts", "pid", "mnt"};
enum { KINDS = sizeof kinds / sizeof *kinds };

void enter_container(const struct options *options) {
  int namespaces[KINDS];
  for (int i = 0; i < KINDS; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/%s", options->pid, kinds[i]);
    namespaces[i] = open(path, O_RDONLY | O_CLOEXEC);
    if (namespaces[i] < 0) fail("open %s", path);
  }
  join_cgroups(&options->cgroups);
  /* Until the command runs we are a process of the host inside the container: all that is ours is closed to it. */
  for (int i = 0; i < KINDS; i++)
    if (setns(namespaces[i], 0) < 0) fail("enter %s namespace", kinds[i]);
  if (chdir(options->cwd ? options->cwd : "/") < 0 && chdir("/") < 0) fail("enter /");
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    die_with_parent();
    drop_privileges();
    run_command(options);
  }
  report_done();
  _exit(wait_outside(options, child));
}
