// A request whose answer a process of its own waits for, so that we and our caller need not.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addon.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static constexpr size_t kReplySize = 8192;

// Between fork and _exit only what is async-signal-safe: other threads may have held any lock.
static void CloseRange(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++) close(static_cast<int>(fd));
}

[[noreturn]] static void RequestAndExit(int fd, const uint8_t* message, size_t size) {
  uint8_t reply[kReplySize];
  CloseRange(0, fd - 1U);
  CloseRange(fd + 1U, ~0U);
  setsid();
  if (chdir("/") == 0 && Send(fd, message, size) >= 0) Receive(fd, reply, sizeof reply, -1);
  _exit(0);
}

static int RequestForked(Info info) {
  Bytes message(info[1]);
  int fd = Int(info[0]);
  if (fd < 0) return -EBADF;
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // The child in between shares our memory and hands the grandchild to init; we run again when it has exited.
  volatile int result = 0;
  pid_t between = vfork();
  if (between == 0) {
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) RequestAndExit(fd, message.data, message.size);
    result = Result(child);
    _exit(0);
  }
  if (between < 0) result = -errno;
  else Retry([=] { return waitpid(between, nullptr, 0); });
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return result;
}

void InitDetached(Napi::Object exports) { Export(exports, "requestForked", RequestForked); }
