/*
 * Host files to be mounted inside: taken as detached mounts (open_tree(2), Linux 5.2) before the root changes, put in place after it,
 * when every path and every symlink is resolved inside the container.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/mount.h; that header and <sys/mount.h> exclude each other in some C libraries. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x04
#endif
#ifndef MOVE_MOUNT_T_SYMLINKS
#define MOVE_MOUNT_T_SYMLINKS 0x10
#endif

int hold_file(const char *path) {
  int held = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | O_CLOEXEC);
  if (held < 0) fail("take %s into the container", path);
  return held;
}

/* Mounts a held file on `target`, which must exist. False when it does not. */
bool place_file(int held, const char *target) {
  long moved = syscall(SYS_move_mount, held, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
  int error = errno;
  close(held);
  errno = error;
  if (moved < 0 && errno != ENOENT) fail("mount %s", target);
  return moved == 0;
}
