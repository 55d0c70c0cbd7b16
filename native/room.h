// Threads for libuv's pool, which starts its own when they are first needed and ends the process if the system refuses one: where the number
// of threads is limited (containers), helpers must not take the last ones.
#pragma once
#include <stdlib.h>

#include <mutex>
#include <thread>
#include <vector>

namespace lanewise {

class Room {
 public:
  Room() : held_(over_) {}
  ~Room() {
    held_.unlock();
    for (std::thread& t : threads_) t.join();
  }
  // Throws where there are not as many.
  void take() {
    const char* wish = getenv("UV_THREADPOOL_SIZE");
    const unsigned size = wish ? (unsigned)atoi(wish) : 4;  // as libuv reads it: of -1 its most
    for (unsigned i = 0; i < (size == 0 ? 1 : size > kMaxSize ? kMaxSize : size); i++)
      threads_.emplace_back([this] { std::lock_guard<std::mutex> wait(over_); });
  }

 private:
  static constexpr unsigned kMaxSize = 1024;  // libuv's own
  std::mutex over_;
  std::unique_lock<std::mutex> held_;
  std::vector<std::thread> threads_;
};

}  // namespace lanewise
