// What the addon's files share. The meaning of each function is in native/addon.ts, its TypeScript face.
// Results go back as a non-negative number or as -errno; nothing here throws for what the kernel says.
#pragma once

#include <cerrno>
#include <functional>

#include <napi.h>

using Info = const Napi::CallbackInfo&;

/** The bytes of a Uint8Array, valid until control returns to JavaScript. Anything else counts as empty. */
struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;

  explicit Bytes(const Napi::Value& value) {
    if (!value.IsTypedArray()) return;
    data = value.As<Napi::Uint8Array>().Data();
    size = value.As<Napi::Uint8Array>().ByteLength();
  }
};

/** An integer argument; -1 (so EBADF, for an fd) when it is none. */
inline int Int(const Napi::Value& value) { return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : -1; }

/** What a system call returned, as a result: its value or -errno. */
inline int Result(long returned) { return returned < 0 ? -errno : static_cast<int>(returned); }

/** Calls `call` again for as long as a signal interrupts it. */
template <typename Call>
int Retry(Call call) {
  long returned;
  do returned = call();
  while (returned < 0 && errno == EINTR);
  return Result(returned);
}

/** Adds a function to the addon. `call` returns a number or any JavaScript value. */
template <typename Call>
void Export(Napi::Object exports, const char* name, Call call) {
  auto function = [call](Info info) { return Napi::Value::From(info.Env(), call(info)); };
  exports[name] = Napi::Function::New(exports.Env(), function, name);
}

int OpenNetlink(int protocol, const int* groups, size_t count);
int Send(int fd, const uint8_t* data, size_t size);
int Receive(int fd, uint8_t* data, size_t size, int timeoutMs);

/** Runs `work` on a short-lived thread and waits for it; its result, or -errno if there is no thread. */
int OnThread(const std::function<int()>& work);

void InitDetached(Napi::Object exports);
void InitNetns(Napi::Object exports);
void InitPoll(Napi::Object exports);
void InitSocket(Napi::Object exports);
void InitThreads(Napi::Object exports);
void InitUnix(Napi::Object exports);
