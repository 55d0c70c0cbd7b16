// The asynchronous slices of replay that an environment has running. Part of addon.cpp.
#pragma once
#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace lanewise {

// An environment that ends waits for its slices: Bun and Deno would free the memory that they still compute in.
class Slices {
 public:
  static std::shared_ptr<Slices> of(napi_env env) {
    auto slices = std::make_shared<Slices>();
    auto* held = new std::shared_ptr<Slices>(slices);
    if (napi_add_env_cleanup_hook(env, close, held) != napi_ok) delete held;
    return slices;
  }

  // By the thread that is to compute one; false where there is nothing to compute in any more.
  bool begin() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopped.load()) return false;
    running_++;
    return true;
  }

  void end() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (--running_ == 0) idle_.notify_all();
  }

  // Seen between two steps.
  std::atomic<bool> stopped{false};

 private:
  static void close(void* data) {
    std::unique_ptr<std::shared_ptr<Slices>> held((std::shared_ptr<Slices>*)data);
    Slices& self = **held;
    self.stopped.store(true);
    std::unique_lock<std::mutex> lock(self.mutex_);
    self.idle_.wait(lock, [&] { return self.running_ == 0; });
  }

  std::mutex mutex_;
  std::condition_variable idle_;
  int running_ = 0;
};

}  // namespace lanewise
