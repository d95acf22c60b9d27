#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "traffic.h"

enum { binMs = 100, binLimit = 1000, batchLength = 64, socketBuffer = 64 << 20 };

struct arrival {
  uint64_t atNs; // the kernel's time of arrival
  size_t segmentBytes;
  uint32_t lost; // so far
};

static struct arrival describe(struct msghdr *message) {
  struct arrival arrival = {0};
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec t;
      memcpy(&t, CMSG_DATA(c), sizeof t);
      arrival.atNs = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      memcpy(&arrival.lost, CMSG_DATA(c), sizeof arrival.lost);
    } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int size;
      memcpy(&size, CMSG_DATA(c), sizeof size);
      arrival.segmentBytes = (size_t)size;
    }
  }
  return arrival;
}

static int sinkSocket(int port) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1, buffer = socketBuffer;
  struct timeval silence = {.tv_sec = 3};
  struct sockaddr_in any = ipv4("0.0.0.0", port);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) ||
      setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) ||
      setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one) ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) ||
      setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) || bind(fd, (struct sockaddr *)&any, sizeof any))
    return -1;
  return fd;
}

int sinkUdp(int port, int ms) {
  static uint64_t bins[binLimit];
  static char control[batchLength][256];
  struct mmsghdr batch[batchLength];
  int fd = sinkSocket(port), over = 0, count = ms / binMs;
  if (fd < 0) return failed("sink");
  if (count > binLimit) return 2;
  uint64_t begin = 0;
  uint32_t lost = 0;
  puts("ready");
  fflush(stdout);
  while (!over) {
    for (int i = 0; i < batchLength; i++)
      batch[i] = (struct mmsghdr){.msg_hdr = {.msg_control = control[i], .msg_controllen = sizeof control[i]}};
    // MSG_TRUNC: the lengths without the bytes.
    int got = recvmmsg(fd, batch, batchLength, MSG_TRUNC | MSG_WAITFORONE, NULL);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break; // nothing for a while: the sender has ended
    for (int i = 0; i < got; i++) {
      struct arrival arrival = describe(&batch[i].msg_hdr);
      if (begin == 0) begin = arrival.atNs;
      uint64_t bin = (arrival.atNs - begin) / (binMs * 1000000u);
      lost = arrival.lost > lost ? arrival.lost : lost;
      if (bin >= (uint64_t)count) {
        over = 1;
        break;
      }
      size_t bytes = batch[i].msg_len;
      size_t segments = arrival.segmentBytes ? (bytes + arrival.segmentBytes - 1) / arrival.segmentBytes : 1;
      bins[bin] += bytes + segments * headerBytes;
    }
  }
  if (begin == 0) {
    fprintf(stderr, "nothing arrived at port %d\n", port);
    return 1;
  }
  printf("{\"bins\":[");
  for (int i = 0; i < count; i++) printf("%s%llu", i ? "," : "", (unsigned long long)bins[i]);
  printf("],\"lost\":%u}\n", lost);
  return 0;
}

int floodUdp(const char *address, int port, double bits, int ms, int segments) {
  static char payload[64 * payloadBytes];
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), buffer = socketBuffer, size = payloadBytes;
  struct sockaddr_in to = ipv4(address, port);
  if (segments < 1 || segments > 44) return 2; // 64 KiB in one call
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer) ||
      (segments > 1 && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof size)))
    return failed("flood");
  const double bytesPerNs = bits / 8 / 1e9;
  const uint64_t tick = 500000, begin = nowNs(), end = begin + (uint64_t)ms * 1000000u;
  double sent = 0;
  for (uint64_t now; (now = nowNs()) < end;) {
    double due = bytesPerNs * (double)(now - begin);
    if (sent < due - bytesPerNs * 20e6) sent = due - bytesPerNs * 20e6; // what was missed long ago is not made up for
    for (; sent < due; sent += (double)segments * frameBytes)
      if (sendto(fd, payload, (size_t)(segments * payloadBytes), 0, (struct sockaddr *)&to, sizeof to) < 0 &&
          errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED)
        return failed("send");
    sleepUntil(now + tick);
  }
  return 0;
}
