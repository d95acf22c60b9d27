// Unix stream sockets: listening, accepting, the peer's credentials, descriptors that come along. unix(7)
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "addon.h"

static constexpr int kMaxFds = 253;  // SCM_MAX_FD of the kernel

static int ListenUnix(Info info) {
  std::string path = info[0].ToString();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path.c_str(), path.size());
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // Linux makes the file with the socket's own mode. (umask(2) would be the whole process's, for a moment.)
  if (fchmod(fd, 0600) == 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      listen(fd, Int(info[1])) == 0) return fd;
  int error = -errno;
  close(fd);
  return error;
}

static Napi::Value PeerCredentials(Info info) {
  ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(Int(info[0]), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
    return Napi::Number::New(info.Env(), -errno);
  auto object = Napi::Object::New(info.Env());
  object["pid"] = static_cast<double>(peer.pid);
  object["uid"] = static_cast<double>(peer.uid);
  object["gid"] = static_cast<double>(peer.gid);
  return object;
}

static Napi::Value ReceiveWithFds(Info info) {
  Bytes into(info[1]);
  int fd = Int(info[0]), maxFds = std::clamp(Int(info[2]), 0, kMaxFds);
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  iovec vector{into.data, into.size};
  // CMSG_LEN, not CMSG_SPACE: the padding has room for one descriptor more. Those in excess the kernel drops.
  msghdr message{nullptr, 0, &vector, 1, control, maxFds > 0 ? CMSG_LEN(maxFds * sizeof(int)) : 0, 0};
  int length = Retry([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
  auto fds = Napi::Array::New(info.Env());
  cmsghdr* header = length < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  for (; header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    auto received = reinterpret_cast<const int*>(CMSG_DATA(header));
    for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
      fds[fds.Length()] = static_cast<double>(received[i]);
  }
  auto result = Napi::Object::New(info.Env());
  result["length"] = static_cast<double>(length);
  result["fds"] = fds;
  return result;
}

void InitUnix(Napi::Object exports) {
  Export(exports, "listenUnix", ListenUnix);
  Export(exports, "accept", [](Info info) {
    int fd = Int(info[0]);
    return Retry([=] { return accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
  });
  Export(exports, "peerCredentials", PeerCredentials);
  Export(exports, "receiveWithFds", ReceiveWithFds);
}
