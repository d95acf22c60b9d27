// Descriptors and paths.
#include <fcntl.h>
#include <poll.h>

#include "launcher.h"

long above_stdio(long fd)
{
  if (fd < 0 || fd > 2)
    return fd;
  long higher = SYS_3(fcntl, fd, F_DUPFD_CLOEXEC, 3);
  SYS_1(close, fd);
  return higher;
}

long write_all(int fd, const char *data, size_t size)
{
  while (size > 0) {
    long written = RETRY(SYS_3(write, fd, data, size));
    if (written == -EAGAIN) {
      struct pollfd writable = { .fd = fd, .events = POLLOUT };
      SYS_5(ppoll, &writable, 1, NULL, NULL, 0);
    } else if (written < 0) {
      return written;
    } else {
      data += written;
      size -= (size_t)written;
    }
  }
  return 0;
}

static long put_link(struct text *text, const char *path)
{
  char target[PATH_SIZE];
  long length = SYS_4(readlinkat, AT_FDCWD, path, target, sizeof target);
  if (length >= (long)sizeof target)
    return -ENAMETOOLONG;
  if (length > 0)
    put_bytes(text, target, (size_t)length);
  return length < 0 ? length : 0;
}

// dist/bin/plumbline-launcher; links to it are resolved already.
long put_dist(struct text *path, const char *name)
{
  long result = put_link(path, "/proc/self/exe");
  cut_base_name(path);
  cut_base_name(path);
  put(path, "/");
  put(path, name);
  return result < 0 ? result : path->full ? -ENAMETOOLONG : 0;
}

// The link reads "net:[4026531840]", with the inode between the brackets.
long put_resident_path(struct text *path, const char *suffix)
{
  TEXT(link, 64);
  long result = put_link(&link, "/proc/self/ns/net");
  const char *inode = after(string_of(&link), "net:[");
  if (result < 0 || !inode)
    return result < 0 ? result : -EIO;
  put(path, call.run_dir);
  put(path, "/resident-");
  put_bytes(path, inode, length_of(inode) - 1);
  put(path, suffix);
  string_of(path);
  return path->full ? -ENAMETOOLONG : 0;
}
