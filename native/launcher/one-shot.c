// Without a resident: this process becomes Node with all plugins in one file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "launcher.h"

// What we have read from stdin Node shall read again.
static void give_back_input(void)
{
  long fd = SYS_2(memfd_create, "stdin", MFD_CLOEXEC);
  long result = fd < 0 ? fd : write_all((int)fd, call.input, call.input_size);
  if (result == 0)
    result = SYS_3(lseek, fd, 0, SEEK_SET);
  // memfd 0 if stdin was closed, which reading has noticed before.
  if (result == 0)
    result = SYS_3(dup3, fd, STDIN_FILENO, 0);
  if (result < 0)
    fail(CNI_IO, JOIN("cannot pass stdin on: ", errno_name(result)), NULL);
}

_Noreturn void run_one_shot(void)
{
  TEXT(bundle, PATH_SIZE);
  TEXT(plugin, PATH_SIZE);
  long result = put_dist(&bundle, "bundle/cni.cjs");
  if (result == 0)
    result = SYS_3(faccessat, AT_FDCWD, string_of(&bundle), R_OK);
  if (result < 0)
    fail(CNI_NOT_AVAILABLE, JOIN("cannot read ", string_of(&bundle), ": ", errno_name(result)),
         JOIN("install the directory dist as a whole, and link its plugins instead of copying them"));
  if (call.has_input)
    give_back_input();
  put(&plugin, "PLUMBLINE_PLUGIN=");
  put(&plugin, call.type);
  // One entry more in front: there is the NULL that ended our arguments, which nobody needs any more.
  char **environment = call.environment - 1;
  *environment = string_of(&plugin);
  result = exec_node((char *[]){ "node", string_of(&bundle), NULL }, environment);
  if (result == -ENOENT)
    fail(CNI_NOT_AVAILABLE, JOIN("node was not found"),
         JOIN("set PLUMBLINE_NODE to the absolute path of Node 20 or newer"));
  fail(CNI_IO, JOIN("cannot execute node: ", errno_name(result)), NULL);
}
