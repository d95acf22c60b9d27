#define _GNU_SOURCE
#include "operation.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { outputLimit = 64 * 1024 };

uint64_t nowNs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t microseconds(struct timeval t) { return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_usec; }

// Reads both pipes to their end: libcni answers only then, so a plugin whose helpers keep them open is slow.
static void drain(int out, int err, struct outcome *outcome) {
  char waste[4096];
  struct pollfd fds[2] = {{.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}};
  size_t length = 0;
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; i++) {
      if (fds[i].fd < 0 || !fds[i].revents) continue;
      int keep = i == 0 && length < outputLimit;
      ssize_t n = keep ? read(fds[i].fd, outcome->output + length, outputLimit - length)
                       : read(fds[i].fd, waste, sizeof waste);
      if (n > 0 && keep) length += (size_t)n;
      if (n == 0 || (n < 0 && errno != EINTR)) fds[i].fd = -1;
    }
  }
  outcome->output[length] = 0;
  outcome->outputLength = length;
}

static pid_t spawnWith(const struct operation *operation, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  char *const arguments[] = {(char *)operation->path, NULL};
  pid_t pid = -1;
  // glibc: clone(CLONE_VM | CLONE_VFORK), so the cost does not grow with our own memory.
  if (posix_spawn(&pid, operation->path, &actions, NULL, arguments, operation->environment) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

static void feed(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = write(fd, bytes, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; // EPIPE: it does not want the rest
    bytes += n;
    length -= (size_t)n;
  }
}

void operate(const struct operation *operation, struct outcome *outcome) {
  int in[2], out[2], err[2];
  memset(outcome, 0, sizeof *outcome);
  outcome->exitCode = -1;
  outcome->output = malloc(outputLimit + 1);
  outcome->output[0] = 0;

  uint64_t begin = nowNs();
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) return;
  pid_t pid = spawnWith(operation, in[0], out[1], err[1]);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  if (pid > 0) {
    feed(in[1], operation->input, operation->inputLength);
    close(in[1]);
    drain(out[0], err[0], outcome);
    int status;
    struct rusage usage;
    while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {}
    outcome->exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    outcome->userUs = microseconds(usage.ru_utime);
    outcome->systemUs = microseconds(usage.ru_stime);
  } else {
    close(in[1]);
  }
  outcome->latencyNs = nowNs() - begin;
  close(out[0]);
  close(err[0]);
}
