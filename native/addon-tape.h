// BoundTape: a tape as JavaScript holds it, replayed at once or in slices beside the event loop. Part of addon.cpp.
#pragma once
#include <memory>
#include <new>
#include <string>

#include "addon-instance.h"
#include "pool.h"

namespace lanewise {

// One asynchronous slice of replay.
struct Slice {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref keep;               // the bound tape, which holds the memory
  std::shared_ptr<Tape> tape;  // Bun finalizes the bound tape of a worker that ends while this runs
  int64_t steps;
  double milliseconds;
  RunResult result;
  std::shared_ptr<Slices> slices;
};

inline void executeSlice(napi_env, void* data) {
  if (!libuvRuns) libuvRuns = true;
  Slice& s = *(Slice*)data;
  if (!s.slices->begin()) return;
  s.result = s.tape->run(s.steps, s.milliseconds, &s.slices->stopped);
  s.slices->end();
}

// While a worker is being ended none of these calls may succeed: their results are not needed then.
inline void completeSlice(napi_env env, napi_status, void* data) {
  std::unique_ptr<Slice> s((Slice*)data);
  s->tape->busy.store(false);
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env, &scope);
  napi_value value = nullptr;
  if (s->result.command >= 0) value = failureOf(Napi::Env(env), s->result);
  else napi_create_double(env, (double)s->result.steps, &value);
  // Node ends an environment's slices one after another before any hook is called; the first to find out tells the others.
  if (!value || napi_resolve_deferred(env, s->deferred, value) != napi_ok) s->slices->stopped.store(true);
  napi_delete_reference(env, s->keep);
  napi_delete_async_work(env, s->work);
  if (scope) napi_close_handle_scope(env, scope);
}

class BoundTape : public Napi::ObjectWrap<BoundTape> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "BoundTape",
                       {InstanceMethod<&BoundTape::replay>("replay"), InstanceMethod<&BoundTape::replaySlice>("replaySlice")});
  }

  // new BoundTape(words, arrays): buffer numbers in words count in arrays, which the object keeps alive.
  explicit BoundTape(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BoundTape>(info) {
    try {
      bind(info);
    } catch (const std::bad_alloc&) {
      refuseForMemory(info.Env());
    }
  }

  ~BoundTape() { release(); }

  // (steps, milliseconds): up to so many steps, for about as long; 0, or none, for all of them. Tells how many ran.
  Napi::Value replay(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    const double milliseconds = info.Length() > 1 && info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : 0;
    int64_t steps;
    if (!begin(info, steps)) return env.Undefined();
    const RunResult result = tape_->run(steps, milliseconds > 0 ? milliseconds : 0);
    tape_->busy.store(false);
    if (result.command >= 0) return failureOf(env, result);
    return Napi::Number::New(env, (double)result.steps);
  }

  Napi::Value replaySlice(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[1].IsNumber()) return refuse(env, "replaySlice: expected (steps, milliseconds)");
    const double milliseconds = info[1].As<Napi::Number>().DoubleValue();
    if (!(milliseconds > 0)) return refuse(env, "replaySlice: expected milliseconds above 0");
    int64_t steps;
    if (!begin(info, steps)) return env.Undefined();
    Slice* s = new (std::nothrow) Slice{nullptr, nullptr, nullptr, tape_, steps, milliseconds, {0, -1, 0, 0}, instanceOf(info).slices};
    if (!s) {
      tape_->busy.store(false);
      return refuseForMemory(env);
    }
    napi_value promise, name;
    napi_create_string_utf8(env, "lanewise.replay", NAPI_AUTO_LENGTH, &name);
    if (napi_create_promise(env, &s->deferred, &promise) != napi_ok ||
        napi_create_reference(env, info.This(), 1, &s->keep) != napi_ok ||
        napi_create_async_work(env, nullptr, name, executeSlice, completeSlice, s, &s->work) != napi_ok ||
        napi_queue_async_work(env, s->work) != napi_ok) {
      tape_->busy.store(false);
      if (s->work) napi_delete_async_work(env, s->work);
      if (s->keep) napi_delete_reference(env, s->keep);
      delete s;
      return refuse(env, "replaySlice: expected to start asynchronous work");
    }
    return Napi::Value(env, promise);
  }

 private:
  void bind(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Instance& self = instanceOf(info);
    napi_typedarray_type type = napi_int8_array;  // as in viewOf
    size_t count = 0;
    void* words = nullptr;
    if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsArray() || !self.kernels ||
        napi_get_typedarray_info(env, info[0], &type, &count, &words, nullptr, nullptr) != napi_ok || type != napi_int32_array) {
      refuse(env, "bind: expected (Int32Array, array of typed arrays), after setup");
      return;
    }
    // Copied before anything of the caller's can run (a getter in his array): he may take the memory away or change it.
    const std::vector<int32_t> copy((int32_t*)words, (int32_t*)words + count);
    Napi::Array arrays = info[1].As<Napi::Array>();
    if (arrays.Length() > count) {  // an array says any length; the words cannot name more
      refuse(env, "bind: expected fewer arrays than words");
      return;
    }
    std::vector<BufferView> views(arrays.Length());
    Napi::Array held = Napi::Array::New(env, views.size());  // ours: the caller may change his
    for (uint32_t i = 0; i < views.size(); i++) {
      Napi::Value array = arrays.Get(i);
      if (env.IsExceptionPending()) return;
      if (!viewOf(env, array, views[i])) {
        refuse(env, "bind: expected typed arrays over shared memory");
        return;
      }
      // Nobody can take it out again; and to set it might call a setter of Array.prototype's instead.
      held.DefineProperty(Napi::PropertyDescriptor::Value(Napi::String::New(env, std::to_string(i)), array, napi_default));
    }
    ErrorText error;
    tape_.reset(Tape::bind(
        copy.data(), (int64_t)count,
        [](void* context, int32_t number, BufferView& out) {
          const auto& list = *(const std::vector<BufferView>*)context;
          if (number < 0 || (size_t)number >= list.size()) return false;
          out = list[number];
          return true;
        },
        &views, self.kernels, self.threads, error));
    if (!tape_) {
      refuse(env, error.text);
      return;
    }
    sweep(env, *self.tapes);
    self.tapes->all.push_back(this);
    tapes_ = self.tapes;
    place_ = self.tapes->all.size() - 1;
    // A property, not a strong reference: so tape and memory are collected together, without waiting for a finalizer.
    info.This().As<Napi::Object>().DefineProperty(Napi::PropertyDescriptor::Value("memory", held, napi_default));
  }

  // A finalizer waits until the event loop turns, which a loop that records in each round does not let it: so each new tape frees others that
  // were collected.
  static void sweep(Napi::Env env, BoundTapes& tapes) {
    const Napi::HandleScope scope(env);
    for (int turns = 0; turns < 4 && !tapes.all.empty(); turns++) {
      tapes.at = (tapes.at + 1) % tapes.all.size();
      BoundTape* tape = tapes.all[tapes.at];
      if (tape->Value().IsEmpty()) tape->release();
    }
  }

  // Frees the tape, once.
  void release() {
    tape_.reset();
    if (!tapes_) return;
    std::vector<BoundTape*>& all = tapes_->all;
    all[place_] = all.back();
    all[place_]->place_ = place_;
    all.pop_back();
    tapes_.reset();
  }

  bool begin(const Napi::CallbackInfo& info, int64_t& steps) {
    Napi::Env env = info.Env();
    if (!tape_ || info.Length() < 1 || !info[0].IsNumber()) return refuse(env, "replay: expected a number of steps"), false;
    const double wanted = info[0].As<Napi::Number>().DoubleValue();
    if (!(wanted >= 1 && wanted <= 2147483647)) return refuse(env, "replay: expected 1 to 2147483647 steps"), false;
    steps = (int64_t)wanted;
    if (tape_->busy.exchange(true)) return refuse(env, "replay: expected an idle tape, received one that is busy"), false;
    return true;
  }

  std::shared_ptr<Tape> tape_;
  std::shared_ptr<BoundTapes> tapes_;
  size_t place_ = 0;  // among them
};

}  // namespace lanewise
