// Starting a resident. Whoever holds the lock beside the socket is the resident, or is about to be; it is
// inherited by the process that becomes Node, and goes when that one ends, however it ends.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "launcher.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

enum { LOCK_FD = 3, MAX_SETTINGS = 256, REQUIRE_SECONDS = 10, RETRY_NS = 2000000 };

static char lock_path[PATH_SIZE];

// mkdir -p, the last one for us alone.
static void make_run_dir(void)
{
  TEXT(path, PATH_SIZE);
  for (const char *at = call.run_dir; *at != '\0';) {
    do
      put_bytes(&path, at++, 1);
    while (*at != '/' && *at != '\0');
    const char *rest = at;
    while (*rest == '/')
      rest++;
    SYS_3(mkdirat, AT_FDCWD, string_of(&path), *rest == '\0' ? 0700 : 0755);
  }
}

static long open_lock(const char *path)
{
  int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
  long fd = SYS_4(openat, AT_FDCWD, path, flags, 0600);
  if (fd == -ENOENT) {
    make_run_dir();
    fd = SYS_4(openat, AT_FDCWD, path, flags, 0600);
  }
  return above_stdio(fd);
}

// The resident must not hold what is the caller's: descriptors, session, directory, ignored or blocked signals.
static void leave_caller(long lock)
{
  SYS_0(setsid);
  SYS_1(umask, 022);
  SYS_1(chdir, "/");
  const unsigned long by_default[4] = { (unsigned long)SIG_DFL };
  for (int signal = 1; signal <= 64; signal++)
    SYS_4(rt_sigaction, signal, by_default, NULL, sizeof(long));
  const uint64_t none = 0;
  SYS_4(rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);

  for (int fd = 0; fd <= 2; fd++)
    SYS_1(close, fd);
  if (SYS_3(openat, AT_FDCWD, "/dev/null", O_RDWR) == 0) {
    SYS_1(dup, 0);
    SYS_1(dup, 0);
  }
  if (lock == LOCK_FD)
    SYS_3(fcntl, lock, F_SETFD, 0);
  else
    SYS_3(dup3, lock, LOCK_FD, 0);
  if (SYS_3(close_range, LOCK_FD + 1, ~0U, 0) < 0)
    for (int fd = LOCK_FD + 1; fd < 65536; fd++)
      SYS_1(close, fd);
}

static _Noreturn void become_resident(long lock)
{
  TEXT(bundle, PATH_SIZE);
  TEXT(socket, PATH_SIZE);
  TEXT(run_dir, PATH_SIZE);
  static char *environment[MAX_SETTINGS + 5];
  put(&socket, "PLUMBLINE_RESIDENT_SOCKET=");
  if (put_dist(&bundle, "bundle/resident.cjs") < 0 || put_resident_path(&socket, ".sock") < 0)
    leave(1);
  put(&run_dir, "PLUMBLINE_RUN_DIR=");
  put(&run_dir, call.run_dir);
  leave_caller(lock);

  size_t count = 0;
  environment[count++] = "PLUMBLINE_RESIDENT_LOCK_FD=3";
  environment[count++] = string_of(&socket);
  environment[count++] = string_of(&run_dir);
  if (!call.path)
    environment[count++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  // Of several entries for one key the first counts, so ours do.
  for (char **entry = call.environment; *entry && count < MAX_SETTINGS; entry++)
    if (after(*entry, "PLUMBLINE_") || after(*entry, "PATH="))
      environment[count++] = *entry;
  // A small young generation: the resident is small, and what a call allocates dies with it.
  exec_node((char *[]){ "node", "--max-semi-space-size=2", "--max-old-space-size=128", string_of(&bundle), NULL }, environment);
  leave(127);
}

long start_resident(void)
{
  struct text path = { lock_path, sizeof lock_path, 0, false };
  long result = put_resident_path(&path, ".lock");
  if (result < 0)
    return result;
  long lock = open_lock(lock_path);
  if (lock < 0)
    return lock;
  result = SYS_2(flock, lock, LOCK_EX | LOCK_NB);
  if (result == 0 && (result = SYS_5(clone, SIGCHLD, 0, 0, 0, 0)) == 0)
    become_resident(lock);
  SYS_1(close, lock);
  return result == -EWOULDBLOCK ? 0 : result;
}

static struct timespec now(void)
{
  struct timespec time;
  SYS_2(clock_gettime, CLOCK_MONOTONIC, &time);
  return time;
}

_Noreturn void require_resident(void)
{
  const struct timespec pause = { 0, RETRY_NS };
  const char *const *hint = JOIN("with PLUMBLINE_RESIDENT=auto instead of require this call would do without");
  long pid = 0;
  for (long end = now().tv_sec + REQUIRE_SECONDS; now().tv_sec < end; SYS_2(nanosleep, &pause, NULL)) {
    if (ask_resident() == NOT_OURS)
      fail(CNI_NOT_AVAILABLE,
           JOIN("the plumbline resident's socket in ", call.run_dir, " belongs to another user"), hint);
    if (pid > 0 && SYS_4(wait4, pid, NULL, WNOHANG, NULL) > 0)
      fail(CNI_NOT_AVAILABLE, JOIN("the plumbline resident ended before it took this call"), hint);
    if (pid == 0 && (pid = start_resident()) < 0)
      fail(CNI_NOT_AVAILABLE,
           JOIN("cannot start a plumbline resident: ", lock_path, ": ", errno_name(pid)), hint);
  }
  fail(CNI_NOT_AVAILABLE, JOIN("no plumbline resident took this call within 10 s"), hint);
}
