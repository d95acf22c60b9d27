// Network namespaces: opening things inside one, making and unmounting one. setns(2), ioctl_ns(2)
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <string>
#include <vector>

#include "addon.h"

namespace {

struct OpenRequest {
  std::string path;  // empty: a netlink socket
  int flags = 0;
  int protocol = -1;
  std::vector<int> groups;

  int Open() const {
    if (path.empty()) return OpenNetlink(protocol, groups.data(), groups.size());
    return Retry([this] { return open(path.c_str(), flags | O_CLOEXEC, 0600); });
  }
};

OpenRequest Parse(const Napi::Value& value) {
  OpenRequest request;
  if (!value.IsObject()) return request;
  auto object = value.As<Napi::Object>();
  Napi::Value path = object.Get("path"), groups = object.Get("groups");
  if (path.IsString()) {
    request.path = path.As<Napi::String>().Utf8Value();
    request.flags = Int(object.Get("flags"));
  }
  request.protocol = Int(object.Get("protocol"));
  for (uint32_t i = 0; groups.IsArray() && i < groups.As<Napi::Array>().Length(); i++)
    request.groups.push_back(Int(groups.As<Napi::Array>().Get(i)));
  return request;
}

Napi::Value OpenIn(const Napi::CallbackInfo& info) {
  int netns = Int(info[0]);
  std::vector<OpenRequest> requests;
  for (uint32_t i = 0; info[1].IsArray() && i < info[1].As<Napi::Array>().Length(); i++)
    requests.push_back(Parse(info[1].As<Napi::Array>().Get(i)));
  std::vector<int> results(requests.size());
  auto openAll = [&] {
    for (size_t i = 0; i < requests.size(); i++) results[i] = requests[i].Open();
    return 0;
  };
  // The thread never comes back from the namespace, so nothing has to be restored.
  int failed = netns < 0 ? openAll() : OnThread([&] {
    return setns(netns, CLONE_NEWNET) < 0 ? -errno : openAll();
  });
  auto array = Napi::Array::New(info.Env(), requests.size());
  for (uint32_t i = 0; i < requests.size(); i++)
    array[i] = Napi::Number::New(info.Env(), failed < 0 ? failed : results[i]);
  return array;
}

Napi::Value NewNetns(const Napi::CallbackInfo& info) {
  std::string bindTo = info[0].ToString();
  int result = OnThread([&] {
    if (unshare(CLONE_NEWNET) < 0) return -errno;
    return Result(mount("/proc/thread-self/ns/net", bindTo.c_str(), nullptr, MS_BIND, nullptr));
  });
  return Napi::Number::New(info.Env(), result);
}

Napi::Value Unmount(const Napi::CallbackInfo& info) {
  std::string path = info[0].ToString();
  return Napi::Number::New(info.Env(), Result(umount2(path.c_str(), MNT_DETACH)));
}

Napi::Value NamespaceType(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Result(ioctl(Int(info[0]), NS_GET_NSTYPE)));
}

}  // namespace

void InitNetns(Napi::Env env, Napi::Object exports) {
  exports["openIn"] = Napi::Function::New<OpenIn>(env, "openIn");
  exports["newNetns"] = Napi::Function::New<NewNetns>(env, "newNetns");
  exports["unmount"] = Napi::Function::New<Unmount>(env, "unmount");
  exports["namespaceType"] = Napi::Function::New<NamespaceType>(env, "namespaceType");
}
