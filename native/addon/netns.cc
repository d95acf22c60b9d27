// Network namespaces: opening things inside one, making and unmounting one. setns(2), ioctl_ns(2)
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "addon.h"

struct OpenRequest {
  std::string path;  // empty: a netlink socket
  int flags, protocol;
  std::vector<int> groups;

  int Open() const {
    if (path.empty()) return OpenNetlink(protocol, groups.data(), groups.size());
    return Retry([this] { return open(path.c_str(), flags | O_CLOEXEC, 0600); });
  }
};

/** The elements of an array, by `map`. Anything else counts as empty. */
template <typename Element>
static std::vector<Element> Elements(const Napi::Value& value, Element (*map)(const Napi::Value&)) {
  std::vector<Element> elements;
  for (uint32_t i = 0; value.IsArray() && i < value.As<Napi::Array>().Length(); i++)
    elements.push_back(map(value.As<Napi::Array>().Get(i)));
  return elements;
}

static OpenRequest Parse(const Napi::Value& value) {
  if (!value.IsObject()) return {{}, -1, -1, {}};
  auto object = value.As<Napi::Object>();
  Napi::Value path = object.Get("path");
  return {path.IsString() ? path.As<Napi::String>().Utf8Value() : "", Int(object.Get("flags")),
          Int(object.Get("protocol")), Elements<int>(object.Get("groups"), Int)};
}

/**
 * Runs `work` with this thread in another network namespace. Other threads notice nothing. That costs a tenth of a thread made
 * for the purpose; in return, a thread that can't get back must not go on: it would do the host's work in a container.
 */
template <typename Work>
static int Inside(int netns, Work work) {
  int home = Retry([] { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); });
  if (home < 0) return home;
  int failed = Result(setns(netns, CLONE_NEWNET));
  if (failed == 0) {
    work();
    if (setns(home, CLONE_NEWNET) < 0) Napi::Error::Fatal("openIn", "can't return to the namespace of the process");
  }
  close(home);
  return failed;
}

static Napi::Value OpenIn(Info info) {
  int netns = Int(info[0]);
  auto requests = Elements<OpenRequest>(info[1], Parse);
  std::vector<int> results(requests.size());
  auto openAll = [&] {
    for (size_t i = 0; i < requests.size(); i++) results[i] = requests[i].Open();
    return 0;
  };
  int failed = netns < 0 ? openAll() : Inside(netns, openAll);
  auto array = Napi::Array::New(info.Env(), requests.size());
  for (uint32_t i = 0; i < requests.size(); i++)
    array[i] = Napi::Number::New(info.Env(), failed < 0 ? failed : results[i]);
  return array;
}

void InitNetns(Napi::Object exports) {
  Export(exports, "openIn", OpenIn);
  Export(exports, "newNetns", [](Info info) {
    std::string bindTo = info[0].ToString();
    return OnThread([&] {
      if (unshare(CLONE_NEWNET) < 0) return -errno;
      return Result(mount("/proc/thread-self/ns/net", bindTo.c_str(), nullptr, MS_BIND, nullptr));
    });
  });
  Export(exports, "unmount", [](Info info) {
    std::string path = info[0].ToString();
    return Result(umount2(path.c_str(), MNT_DETACH));
  });
  Export(exports, "namespaceType", [](Info info) { return Result(ioctl(Int(info[0]), NS_GET_NSTYPE)); });
}
