// What the addon's files share. The TypeScript face, with the meaning of each function, is native/addon.ts.
// Results go back as a non-negative number or as -errno; nothing here throws for what the kernel says.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>

#include <napi.h>

/** The bytes of a Uint8Array, valid until control returns to JavaScript. Anything else counts as empty. */
struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;

  explicit Bytes(const Napi::Value& value) {
    if (!value.IsTypedArray()) return;
    auto array = value.As<Napi::Uint8Array>();
    data = array.Data();
    size = array.ByteLength();
  }
};

/** An integer argument; -1 (so EBADF, for an fd) when it is none. */
inline int Int(const Napi::Value& value) {
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : -1;
}

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

// socket.cc
int OpenNetlink(int protocol, const int* groups, size_t count);
int Send(int fd, const uint8_t* data, size_t size);
int Receive(int fd, uint8_t* data, size_t size, int timeoutMs);

// threads.cc
/** Starts a detached thread with a small stack and all signals blocked; 0 or -errno. */
int StartThread(std::function<void()> work);
/** Runs `work` on a thread of its own and waits for it; its result, or -errno if there is no thread. */
int OnThread(const std::function<int()>& work);

void InitDetached(Napi::Env env, Napi::Object exports);
void InitNetns(Napi::Env env, Napi::Object exports);
void InitPoll(Napi::Env env, Napi::Object exports);
void InitSocket(Napi::Env env, Napi::Object exports);
void InitThreads(Napi::Env env, Napi::Object exports);
void InitUnix(Napi::Env env, Napi::Object exports);
