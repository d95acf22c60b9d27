// The addon's entry: collects the functions of the other files.
#include "addon.h"

static Napi::Object Init(Napi::Env, Napi::Object exports) {
  for (auto init : {InitDetached, InitNetns, InitPoll, InitSocket, InitThreads, InitUnix}) init(exports);
  return exports;
}

NODE_API_MODULE(plumbline, Init)
