/*
 * The container's view of files. With a root directory: that directory as root, its own /proc, /sys and /dev, the old root gone.
 * Without: the host's root in a private mount namespace, with the system's directories read-only and its own /proc, /sys and /dev.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* linux/mount.h */
struct attributes {
  unsigned long long set, clear, propagation, userns_fd;
};
enum { ATTR_RDONLY = 1, ATTR_NOSUID = 2, ATTR_NODEV = 4 };

static void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
  if (mount(source, target, type, flags, data) < 0) fail("mount %s", target);
}

/* Adds restrictions to a mount and to all mounts below it; before Linux 5.12, to that one only. */
static void restrict_mount(const char *path, unsigned long long restrictions) {
  struct attributes attributes = {.set = restrictions};
  if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0) return;
  struct statvfs now;
  if (errno != ENOSYS || statvfs(path, &now) < 0) fail("restrict %s", path);
  unsigned long flags = now.f_flag & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME);
  mount_or_fail(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags | restrictions, NULL);
}

/* False when there is no such path. Follows no symlink: /bin is often one into /usr. */
static bool make_read_only(const char *path) {
  struct stat stat;
  if (lstat(path, &stat) < 0 || S_ISLNK(stat.st_mode)) return false;
  mount_or_fail(path, path, NULL, MS_BIND | MS_REC, NULL);
  restrict_mount(path, ATTR_RDONLY);
  return true;
}

static void cover(const char *path) {
  struct stat stat;
  if (lstat(path, &stat) < 0) return;
  if (S_ISDIR(stat.st_mode))
    mount_or_fail("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=755");
  else
    mount_or_fail("/dev/null", path, NULL, MS_BIND, NULL);
}

/* Decodes \ooo in place. */
static void unescape(char *text) {
  char *out = text;
  for (; *text; text++)
    if (text[0] == '\\' && text[1] && text[2] && text[3]) {
      *out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text += 3;
    } else
      *out++ = *text;
  *out = 0;
}

/* One pass over mountinfo; the number of mounts that went. The list shifts while it is read, so some may be missed. */
static int detach_namespaces_once(void) {
  FILE *list = fopen("/proc/self/mountinfo", "re");
  if (!list) fail("read /proc/self/mountinfo");
  int detached = 0;
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, list) > 0) {
    if (!strstr(line, " - nsfs ")) continue;
    char *path = line;
    for (int field = 0; field < 4 && path; field++) path = strchr(path, ' ') ? strchr(path, ' ') + 1 : NULL;
    char *end = path ? strchr(path, ' ') : NULL;
    if (!end) continue;
    *end = 0;
    unescape(path);
    if (umount2(path, MNT_DETACH) == 0) detached++;
  }
  free(line);
  fclose(list);
  return detached;
}

/*
 * Our copy of the mount table also holds the network namespaces of other containers. They would live on as long as we do,
 * after their owners removed them.
 */
static void detach_namespaces(void) {
  while (detach_namespaces_once() > 0) continue;
}

static void set_up_proc(void) {
  static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  static const char *const covered[] = {
      "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
  };
  mkdir("/proc", 0755);
  mount_or_fail("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  for (int i = 0; i < COUNT(read_only); i++) make_read_only(read_only[i]);
  for (int i = 0; i < COUNT(covered); i++) cover(covered[i]);
}

static void set_up_sys(void) {
  mkdir("/sys", 0755);
  /* A new one: it shows the network devices of our own namespace. */
  mount_or_fail("sysfs", "/sys", "sysfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  cover("/sys/firmware");
}

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

/* The directory is nodev; only the devices that are mounted into it work. Nothing that CAP_MKNOD makes does. */
static void set_up_dev(const int *held) {
  static const char *const links[][2] = {
      {"/proc/self/fd", "/dev/fd"},     {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
  };
  mkdir("/dev", 0755);
  mount_or_fail("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=755,size=64k");
  for (int i = 0; i < COUNT(devices); i++) {
    int fd = open(devices[i], O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) fail("make %s", devices[i]);
    close(fd);
    place_file(held[i], devices[i]);
  }
  for (int i = 0; i < COUNT(links); i++)
    if (symlink(links[i][0], links[i][1]) < 0) fail("make %s", links[i][1]);
  if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0) fail("make /dev/pts");
  mount_or_fail("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_or_fail("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m");
}

static void change_root(const char *rootfs) {
  mount_or_fail(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL);
  restrict_mount(rootfs, ATTR_NODEV | ATTR_NOSUID);
  /* The old root comes to lie over the new one, and is taken off: no directory for it is needed inside. */
  if (chdir(rootfs) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) fail("make %s the root", rootfs);
  if (umount2(".", MNT_DETACH) < 0) fail("detach the old root");
  if (chdir("/") < 0) fail("enter the new root");
}

static void protect_host_root(const struct list *hidden) {
  static const char *const system[] = {"/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr"};
  detach_namespaces();
  for (int i = 0; i < COUNT(system); i++) make_read_only(system[i]);
  for (int i = 0; i < hidden->count; i++) cover(hidden->items[i]);
}

/* In a root directory the mount point is made; where that is impossible (read-only), the file is left out. */
static void place_bind(int held, const char *target, bool make_target) {
  if (make_target) {
    char *parent = strdup(target);
    char *slash = parent ? strrchr(parent, '/') : NULL;
    if (slash && slash != parent) {
      *slash = 0;
      mkdir(parent, 0755);
    }
    free(parent);
    int fd = open(target, O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (fd >= 0) close(fd);
  }
  place_file(held, target);
}

void set_up_mounts(const struct options *options) {
  mount_or_fail(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  int held_devices[COUNT(devices)], held_binds[MAX_LIST];
  for (int i = 0; i < COUNT(devices); i++) held_devices[i] = hold_file(devices[i]);
  for (int i = 0; i < options->bind_count; i++) held_binds[i] = hold_file(options->binds[i].source);

  if (options->rootfs)
    change_root(options->rootfs);
  else
    protect_host_root(&options->hidden);
  set_up_dev(held_devices);
  set_up_proc();
  set_up_sys();
  for (int i = 0; i < options->bind_count; i++) place_bind(held_binds[i], options->binds[i].target, options->rootfs != NULL);
  /* By path, not by the old place: the directory may lie under a mount that was just made. */
  if (chdir(options->rootfs || !options->cwd ? "/" : options->cwd) < 0 && chdir("/") < 0) fail("enter /");
}
