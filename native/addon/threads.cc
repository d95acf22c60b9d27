// Threads of our own, beside libuv's pool: for namespaces (which poison a thread) and for calls that block long.
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "addon.h"

static constexpr size_t kStackSize = 256 << 10;
static constexpr size_t kMaxRequests = 64;

static void* RunWork(void* argument) {
  std::unique_ptr<std::function<void()>> work(static_cast<std::function<void()>*>(argument));
  (*work)();
  return nullptr;
}

// pthreads, because std::thread aborts the process when there is no thread to be had.
static int Start(pthread_t* thread, int detachState, std::function<void()> work) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_attr_setdetachstate(&attributes, detachState);
  int error = pthread_create(thread, &attributes, RunWork, owned.get());
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

namespace {

class Pool;

/** One call. It never touches JavaScript's memory off JavaScript's thread, so it may outlive the environment. */
struct Job {
  std::shared_ptr<Pool> pool;
  std::function<int(Job&)> work;
  int result = 0;
  std::vector<uint8_t> reply;
  Napi::Promise::Deferred promise;
  Napi::Reference<Napi::Value> into;
};

void Settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job);

/** Runs jobs in the order they came, on at most `limit` threads, which end when nothing is left to do. */
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  static std::shared_ptr<Pool> New(Napi::Env env, const char* name, size_t limit) {
    auto pool = std::make_shared<Pool>();
    pool->limit_ = limit;
    pool->finished_ = Finished::New(env, name, 0, 1);
    pool->finished_.Unref(env);
    // Runs before `finished_` is torn down, since it was added after it.
    env.AddCleanupHook([pool] { pool->Close(); });
    return pool;
  }

  Napi::Value Run(Napi::Env env, Napi::Value into, size_t replySize, std::function<int(Job&)> work) {
    auto job = new Job{shared_from_this(), std::move(work), 0, std::vector<uint8_t>(replySize),
                       Napi::Promise::Deferred::New(env), {}};
    if (replySize > 0) job->into = Napi::Reference<Napi::Value>::New(into, 1);
    job->into.SuppressDestruct();
    auto promise = job->promise.Promise();
    if (pending_++ == 0) finished_.Ref(env);
    std::unique_lock<std::mutex> lock(mutex_);
    queue_.push_back(job);
    if (running_ == limit_) return promise;
    int error = StartThread([self = shared_from_this()] { self->Work(); });
    if (error == 0) {
      running_++;
    } else if (running_ == 0) {
      queue_.pop_back();
      lock.unlock();
      job->result = error;
      Settle(env, {}, nullptr, job);
    }
    return promise;
  }

  void Settled(Napi::Env env) {
    if (--pending_ == 0) finished_.Unref(env);
  }

 private:
  using Finished = Napi::TypedThreadSafeFunction<std::nullptr_t, Job, Settle>;

  void Work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!queue_.empty()) {
      Job* job = queue_.front();
      queue_.pop_front();
      lock.unlock();
      job->result = job->work(*job);
      lock.lock();
      if (closed_ || finished_.NonBlockingCall(job) != napi_ok) delete job;
    }
    running_--;
  }

  void Close() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    for (Job* job : queue_) delete job;
    queue_.clear();
  }

  size_t limit_ = 0;
  size_t pending_ = 0;  // on JavaScript's thread only
  std::mutex mutex_;    // for what follows
  std::deque<Job*> queue_;
  size_t running_ = 0;
  bool closed_ = false;
  Finished finished_;
};

// On JavaScript's thread; without an environment when it is being torn down.
void Settle(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job) {
  std::unique_ptr<Job> owned(job);
  if (env == nullptr) return;
  Napi::HandleScope scope(env);
  if (!job->into.IsEmpty()) {
    Bytes into(job->into.Value());
    size_t length = std::min({into.size, job->reply.size(), static_cast<size_t>(std::max(job->result, 0))});
    std::copy_n(job->reply.begin(), length, into.data);
    job->into.Reset();
  }
  job->promise.Resolve(Napi::Number::New(env, job->result));
  job->pool->Settled(env);
}

}  // namespace

int StartThread(std::function<void()> work) {
  pthread_t thread;
  return Start(&thread, PTHREAD_CREATE_DETACHED, std::move(work));
}

void InitThreads(Napi::Env env, Napi::Object exports) {
  auto requests = Pool::New(env, "plumbline requests", kMaxRequests);
  exports["requestOnThread"] = Napi::Function::New(env, [requests](const Napi::CallbackInfo& info) {
    Bytes message(info[1]), into(info[2]);
    int fd = Int(info[0]);
    std::vector<uint8_t> copy(message.data, message.data + message.size);
    return requests->Run(info.Env(), info[2], into.size, [fd, copy = std::move(copy)](Job& job) {
      int sent = Send(fd, copy.data(), copy.size());
      return sent < 0 ? sent : Receive(fd, job.reply.data(), job.reply.size(), -1);
    });
  }, "requestOnThread");

  // Not in that pool and not limited: whoever holds a lock may need a thread before it lets go.
  auto locks = Pool::New(env, "plumbline locks", SIZE_MAX);
  exports["flockOnThread"] = Napi::Function::New(env, [locks](const Napi::CallbackInfo& info) {
    int fd = Int(info[0]), operation = Int(info[1]);
    return locks->Run(info.Env(), info.Env().Undefined(), 0, [fd, operation](Job&) {
      return Retry([=] { return flock(fd, operation); });
    });
  }, "flockOnThread");
  exports["flock"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    int fd = Int(info[0]), operation = Int(info[1]);
    return Napi::Number::New(info.Env(), Retry([=] { return flock(fd, operation); }));
  }, "flock");
}
