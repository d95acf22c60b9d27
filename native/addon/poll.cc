// Readiness of descriptors on the event loop of the calling thread. uv_poll_t
#include <uv.h>

#include <memory>
#include <string>

#include "addon.h"

class Poller;

/** What libuv holds on to; it outlives its owner until libuv has closed it. */
struct Handle {
  uv_poll_t poll;
  Poller* owner;  // null once it is closing
  napi_async_cleanup_hook_handle hook;
};

class Poller : public Napi::ObjectWrap<Poller> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Poller", {
      InstanceMethod<&Poller::Close>("close"),
      InstanceMethod<&Poller::RefLoop>("ref"),
      InstanceMethod<&Poller::UnrefLoop>("unref"),
    });
  }

  explicit Poller(Info info) : ObjectWrap(info) {
    Napi::Env env = info.Env();
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    auto handle = std::make_unique<Handle>();
    int error = info[2].IsFunction() ? uv_poll_init(loop, &handle->poll, Int(info[0])) : UV_EINVAL;
    if (error < 0) {
      Napi::Error::New(env, std::string("poll: ") + uv_err_name(error)).ThrowAsJavaScriptException();
      return;
    }
    handle_ = handle.release();
    handle_->owner = this;
    handle_->poll.data = handle_;
    napi_add_async_cleanup_hook(env, OnTeardown, handle_, &handle_->hook);
    callback_ = Napi::Persistent(info[2].As<Napi::Function>());
    Ref();
    uv_poll_start(&handle_->poll, Int(info[1]) & (UV_READABLE | UV_WRITABLE | UV_DISCONNECT), OnReady);
  }

 private:
  void Close(Info) {
    if (!handle_) return;
    CloseHandle(handle_);
    callback_.Reset();
    Unref();
  }

  void RefLoop(Info) {
    if (handle_) uv_ref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
  }

  void UnrefLoop(Info) {
    if (handle_) uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
  }

  static void CloseHandle(Handle* handle) {
    handle->owner->handle_ = nullptr;
    handle->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->poll), OnClosed);
  }

  // The hook stays until here: the environment must not go before libuv has let go of the handle.
  static void OnClosed(uv_handle_t* poll) {
    auto handle = static_cast<Handle*>(poll->data);
    napi_remove_async_cleanup_hook(handle->hook);
    delete handle;
  }

  static void OnTeardown(napi_async_cleanup_hook_handle, void* data) {
    auto handle = static_cast<Handle*>(data);
    if (handle->owner) CloseHandle(handle);
  }

  static void OnReady(uv_poll_t* poll, int status, int events) {
    Poller* poller = static_cast<Handle*>(poll->data)->owner;
    if (!poller) return;
    Napi::Env env = poller->Env();
    Napi::HandleScope scope(env);
    napi_value arguments[] = {Napi::Number::New(env, status), Napi::Number::New(env, events)};
    // The raw call, because node-addon-api would throw on, where nobody is to catch. `poller` may be gone
    // after it.
    if (napi_make_callback(env, nullptr, poller->Value(), poller->callback_.Value(), 2, arguments, nullptr) !=
        napi_pending_exception) return;
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }

  Handle* handle_ = nullptr;
  Napi::FunctionReference callback_;
};

void InitPoll(Napi::Object exports) {
  auto constructor = std::make_shared<Napi::FunctionReference>(Napi::Persistent(Poller::Define(exports.Env())));
  Export(exports, "poll", [constructor](Info info) -> Napi::Value {
    return constructor->New({info[0], info[1], info[2]});
  });
}
