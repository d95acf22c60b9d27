#define _GNU_SOURCE
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <unistd.h>

static void *inNewNetns(void *path) {
  if (unshare(CLONE_NEWNET)) return (void *)(intptr_t)-errno;
  if (mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL)) return (void *)(intptr_t)-errno;
  return NULL;
}

// On a thread of its own, which ends with the namespace: the caller stays where it is.
int makeNetns(const char *path) {
  int fd = open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600);
  if (fd < 0) return -errno;
  close(fd);
  pthread_t thread;
  void *result;
  int error = pthread_create(&thread, NULL, inNewNetns, (void *)path);
  if (error) return -error;
  pthread_join(thread, &result);
  return (int)(intptr_t)result;
}

int removeNetns(const char *path) {
  if (umount2(path, MNT_DETACH) && errno != EINVAL && errno != ENOENT) return -errno;
  return unlink(path) && errno != ENOENT ? -errno : 0;
}
