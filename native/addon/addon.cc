// The addon's entry: collects the functions of the other files.
#include "addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  InitDetached(env, exports);
  InitNetns(env, exports);
  InitPoll(env, exports);
  InitSocket(env, exports);
  InitThreads(env, exports);
  InitUnix(env, exports);
  return exports;
}

NODE_API_MODULE(plumbline, Init)
