// Unix stream sockets: listening, accepting, the peer's credentials, descriptors that come along. unix(7)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "addon.h"

namespace {

constexpr int kMaxFds = 253;  // SCM_MAX_FD of the kernel

int BindPath(int fd, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path.c_str(), path.size());
  return Result(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
}

// A path too long for sockaddr_un is reached through a descriptor of its directory.
int BindLongPath(int fd, const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return -ENAMETOOLONG;
  int directory = open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -errno;
  int result = BindPath(fd, "/proc/self/fd/" + std::to_string(directory) + path.substr(slash));
  close(directory);
  return result;
}

Napi::Value ListenUnix(const Napi::CallbackInfo& info) {
  std::string path = info[0].ToString();
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Napi::Number::New(info.Env(), -errno);
  // Linux makes the file with the socket's own mode: umask(2) would be the whole process's, for a moment.
  int result = Result(fchmod(fd, 0600));
  if (result == 0) result = path.size() < sizeof sockaddr_un::sun_path ? BindPath(fd, path) : BindLongPath(fd, path);
  if (result == 0) result = Result(listen(fd, Int(info[1])));
  if (result < 0) close(fd);
  return Napi::Number::New(info.Env(), result < 0 ? result : fd);
}

Napi::Value Accept(const Napi::CallbackInfo& info) {
  int fd = Int(info[0]);
  int result = Retry([=] { return accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); });
  return Napi::Number::New(info.Env(), result);
}

Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
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

Napi::Value ReceiveWithFds(const Napi::CallbackInfo& info) {
  Bytes into(info[1]);
  int fd = Int(info[0]), maxFds = std::clamp(Int(info[2]), 0, kMaxFds);
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  iovec vector{into.data, into.size};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  // CMSG_LEN, not CMSG_SPACE: the padding has room for one descriptor more. Those in excess the kernel drops.
  message.msg_controllen = maxFds > 0 ? CMSG_LEN(maxFds * sizeof(int)) : 0;
  int length = Retry([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
  auto fds = Napi::Array::New(info.Env());
  for (cmsghdr* header = length < 0 ? nullptr : CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const int* received = reinterpret_cast<const int*>(CMSG_DATA(header));
    for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
      fds[fds.Length()] = static_cast<double>(received[i]);
  }
  auto result = Napi::Object::New(info.Env());
  result["length"] = static_cast<double>(length);
  result["fds"] = fds;
  return result;
}

}  // namespace

void InitUnix(Napi::Env env, Napi::Object exports) {
  exports["listenUnix"] = Napi::Function::New<ListenUnix>(env, "listenUnix");
  exports["accept"] = Napi::Function::New<Accept>(env, "accept");
  exports["peerCredentials"] = Napi::Function::New<PeerCredentials>(env, "peerCredentials");
  exports["receiveWithFds"] = Napi::Function::New<ReceiveWithFds>(env, "receiveWithFds");
}
