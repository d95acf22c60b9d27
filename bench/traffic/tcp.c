#define _GNU_SOURCE
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "traffic.h"

// Nobody sleeps in accept(): to be woken up would take time from the one who is measured.
int listenTcp(int port) {
  const uint64_t interval = 5000000;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in any = ipv4("0.0.0.0", port);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 4096)) return failed("listen");
  puts("ready");
  fflush(stdout);
  for (;; sleepUntil(nowNs() + interval))
    for (int connection; (connection = accept(fd, NULL, NULL)) >= 0;) close(connection);
}

// The SYN asks the port maps, and the answer comes from the kernel: no process wakes up on the other side before it.
static int64_t connectOnce(const char *address, int port) {
  struct sockaddr_in to = ipv4(address, port);
  struct linger reset = {.l_onoff = 1}; // no TIME_WAIT
  struct timeval patience = {.tv_sec = 3};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  uint64_t begin = nowNs();
  int error = connect(fd, (struct sockaddr *)&to, sizeof to);
  int64_t took = error ? -1 : (int64_t)(nowNs() - begin);
  if (error) perror("connect");
  close(fd);
  return took;
}

int connectTcp(const char *address, int first, int ports, int start, int count) {
  enum { stride = 7919 }; // a prime: visits every port before it comes to one again
  for (int i = 0; i < count; i++) {
    int port = first + (int)((int64_t)(start + i) * stride % ports);
    int64_t ns = connectOnce(address, port);
    if (ns < 0) {
      fprintf(stderr, "no connection to port %d of %s\n", port, address);
      return 1;
    }
    printf("%s%lld", i ? "," : "[", (long long)ns);
  }
  puts("]");
  return 0;
}
