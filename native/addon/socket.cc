// Netlink sockets, and sending and receiving on any socket. netlink(7), linux/netlink.h
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "addon.h"

static constexpr int kReceiveBuffer = 1 << 20;

static int SetOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

int OpenNetlink(int protocol, const int* groups, size_t count) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -errno;
  // What an older kernel lacks here only makes its answers longer or its errors shorter.
  SetOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
  SetOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
  if (protocol == NETLINK_ROUTE) SetOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
  if (SetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, kReceiveBuffer) < 0)
    SetOption(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBuffer);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  int result = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  for (size_t i = 0; result == 0 && i < count; i++)
    result = SetOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, groups[i]);
  if (result == 0) return fd;
  result = -errno;
  close(fd);
  return result;
}

int Send(int fd, const uint8_t* data, size_t size) {
  return Retry([=] { return send(fd, data, size, MSG_NOSIGNAL); });
}

// The kernel doubles what it is given.
static int GrowSendBuffer(int fd, int size) {
  if (SetOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, size) == 0) return 0;
  return Result(SetOption(fd, SOL_SOCKET, SO_SNDBUF, size));
}

/** As a double: port IDs that the kernel makes up use all of 32 bits. */
static double NetlinkPort(int fd) {
  sockaddr_nl address{};
  socklen_t size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return -errno;
  return address.nl_family == AF_NETLINK ? address.nl_pid : -EAFNOSUPPORT;
}

static int64_t NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

// MSG_DONTWAIT first: the kernel answers most requests within send(), and uv_poll makes sockets non-blocking.
int Receive(int fd, uint8_t* data, size_t size, int timeoutMs) {
  int64_t deadline = timeoutMs > 0 ? NowMs() + timeoutMs : 0;
  for (;;) {
    int length = Retry([=] { return recv(fd, data, size, MSG_TRUNC | MSG_DONTWAIT); });
    if (length != -EAGAIN || timeoutMs == 0) return length;
    int64_t left = timeoutMs < 0 ? -1 : deadline - NowMs();
    if (timeoutMs > 0 && left <= 0) return -EAGAIN;
    pollfd wanted{fd, POLLIN, 0};
    if (poll(&wanted, 1, static_cast<int>(left)) < 0 && errno != EINTR) return -errno;
  }
}

void InitSocket(Napi::Object exports) {
  Export(exports, "send", [](Info info) {
    Bytes message(info[1]);
    return Send(Int(info[0]), message.data, message.size);
  });
  Export(exports, "sendBuffer", [](Info info) { return GrowSendBuffer(Int(info[0]), Int(info[1])); });
  Export(exports, "netlinkPort", [](Info info) { return NetlinkPort(Int(info[0])); });
  Export(exports, "recv", [](Info info) {
    Bytes into(info[1]);
    return Receive(Int(info[0]), into.data, into.size, Int(info[2]));
  });
}
