// Threads of our own, beside libuv's pool: for namespaces (which poison a thread) and for calls that block
// long.
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "addon.h"

static constexpr size_t kStackSize = 256 << 10;

using Work = std::function<void()>;

// pthreads, because std::thread aborts the process when there is no thread to be had. Signals are not for them.
static int Start(pthread_t* thread, int detachState, Work work) {
  auto owned = std::make_unique<Work>(std::move(work));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_attr_setdetachstate(&attributes, detachState);
  int error = pthread_create(thread, &attributes, [](void* argument) -> void* {
    (*std::unique_ptr<Work>(static_cast<Work*>(argument)))();
    return nullptr;
  }, owned.get());
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) owned.release();
  return -error;
}

int OnThread(const std::function<int()>& work) {
  int result = 0;
  pthread_t thread;
  int error = Start(&thread, PTHREAD_CREATE_JOINABLE, [&] { result = work(); });
  if (error < 0) return error;
  pthread_join(thread, nullptr);
  return result;
}

struct Job;
static void Settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job);

/** What threads need of the JavaScript environment that started them, and may outlive. */
struct Environment {
  Napi::TypedThreadSafeFunction<std::nullptr_t, Job, Settle> finished;
  size_t pending = 0;  // on JavaScript's thread only
  std::mutex mutex;
  bool ended = false;
};

/** One call. Off JavaScript's thread it touches nothing of JavaScript's. */
struct Job {
  std::shared_ptr<Environment> environment;
  std::function<int(Job&)> work;
  Napi::Promise::Deferred promise;
  Napi::Reference<Napi::Value> into;
  std::vector<uint8_t> reply;
  int result;
};

// On JavaScript's thread; without an environment when it is being torn down.
static void Settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job) {
  std::unique_ptr<Job> owned(job);
  if (env == nullptr) return;
  Napi::HandleScope scope(env);
  Bytes into(job->into.Value());
  auto received = static_cast<size_t>(std::max(job->result, 0));
  std::copy_n(job->reply.begin(), std::min({into.size, job->reply.size(), received}), into.data);
  job->into.Reset();
  job->promise.Resolve(Napi::Number::New(env, job->result));
  if (--job->environment->pending == 0) job->environment->finished.Unref(env);
}

/** A promise of the result of `work`, which runs on a thread of its own and whose reply goes to `into`. */
static Napi::Value Run(std::shared_ptr<Environment> environment, Napi::Value into, std::function<int(Job&)> work) {
  Napi::Env env = into.Env();
  // An empty reference for what is no array. `SuppressDestruct`, since the job may end on its thread.
  auto job = new Job{environment, std::move(work), Napi::Promise::Deferred::New(env),
                     Napi::Reference<Napi::Value>::New(into.IsTypedArray() ? into : Napi::Value(), 1),
                     std::vector<uint8_t>(Bytes(into).size), 0};
  job->into.SuppressDestruct();
  Napi::Value promise = job->promise.Promise();
  if (environment->pending++ == 0) environment->finished.Ref(env);
  pthread_t thread;
  int error = Start(&thread, PTHREAD_CREATE_DETACHED, [job, environment] {
    job->result = job->work(*job);
    std::lock_guard<std::mutex> lock(environment->mutex);
    if (environment->ended || environment->finished.NonBlockingCall(job) != napi_ok) delete job;
  });
  if (error < 0) {
    job->result = error;
    Settle(env, {}, nullptr, job);
  }
  return promise;
}

void InitThreads(Napi::Object exports) {
  auto environment = std::make_shared<Environment>();
  environment->finished = decltype(environment->finished)::New(exports.Env(), "plumbline", 0, 1);
  environment->finished.Unref(exports.Env());
  // Added after `finished`, so it runs before that is torn down.
  exports.Env().AddCleanupHook([environment] {
    std::lock_guard<std::mutex> lock(environment->mutex);
    environment->ended = true;
  });
  Export(exports, "requestOnThread", [environment](Info info) {
    Bytes message(info[1]);
    std::vector<uint8_t> copy(message.data, message.data + message.size);
    return Run(environment, info[2], [fd = Int(info[0]), copy = std::move(copy)](Job& job) {
      int sent = Send(fd, copy.data(), copy.size());
      return sent < 0 ? sent : Receive(fd, job.reply.data(), job.reply.size(), -1);
    });
  });
  Export(exports, "flockOnThread", [environment](Info info) {
    return Run(environment, info.Env().Undefined(), [fd = Int(info[0]), operation = Int(info[1])](Job&) {
      return Retry([=] { return flock(fd, operation); });
    });
  });
  Export(exports, "flock", [](Info info) { return Result(flock(Int(info[0]), Int(info[1]))); });
}
