// The door to JavaScript, and the only file that knows of it. Everything it is handed is checked: a wrong call throws.
#include <napi.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <memory>
#include <new>
#include <vector>

#include "cpu.h"
#include "signature.h"
#include "tape.h"

#define LANEWISE_STRING2(x) #x
#define LANEWISE_STRING(x) LANEWISE_STRING2(x)
#ifndef LANEWISE_VERSION
#error "binding.gyp and CMakeLists.txt give LANEWISE_VERSION from package.json"
#endif

namespace {

using lanewise::BufferView;
using lanewise::Command;
using lanewise::DType;
using lanewise::ErrorText;
using lanewise::RunResult;

// Reads a typed array over shared memory, whose address never changes. Others are refused: they could be detached.
bool viewOf(napi_env env, napi_value value, BufferView& out) {
  bool typed = false, detachable = true;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  napi_typedarray_type type;
  size_t length;
  napi_value buffer;
  if (napi_get_typedarray_info(env, value, &type, &length, &out.data, &buffer, nullptr) != napi_ok) return false;
  if (napi_is_arraybuffer(env, buffer, &detachable) != napi_ok || detachable) return false;
  switch (type) {
    case napi_float32_array: out.type = DType::f32; break;
    case napi_float64_array: out.type = DType::f64; break;
    case napi_int32_array: out.type = DType::i32; break;
    case napi_uint8_array: out.type = DType::u8; break;
    default: return false;
  }
  out.length = (int64_t)length;
  return true;
}

// Large buffers on large pages, where the system has them: rows gathered at random from 47 MB miss the address cache otherwise.
// Asked before the memory is first written; a hint that may be refused.
void preferLargePages(const BufferView& v, int64_t bytes) {
#if defined(__linux__)
  const uintptr_t page = 2 << 20, begin = ((uintptr_t)v.data + page - 1) / page * page, end = (uintptr_t)v.data + (uintptr_t)bytes;
  if (end >= begin + page) madvise((void*)begin, (end - begin) / page * page, MADV_HUGEPAGE);
#else
  (void)v, (void)bytes;
#endif
}

int64_t bytesOf(const BufferView& v) {
  return v.length * (v.type == DType::f64 ? 8 : v.type == DType::u8 ? 1 : 4);
}

// A buffer known by number to eager commands. The reference is weak: memory belongs to JavaScript's garbage collector.
struct Slot {
  napi_ref ref;
  BufferView view;
};

struct Instance {
  napi_env env;
  const lanewise::Kernel* kernels = nullptr;
  lanewise::MultiplyAddsFn multiplyAdds = nullptr;
  int threads = 1;
  std::vector<Slot> slots;
  std::vector<int32_t> freeSlots;
  size_t sweepAt = 0;
  int32_t* words = nullptr;
  int64_t wordCount = 0;
  Napi::Reference<Napi::TypedArray> wordsReference;
  char* scratch = nullptr;
  size_t scratchSize = 0;

  explicit Instance(napi_env e) : env(e) {}
  ~Instance() {
    lanewise::freeScratch(scratch);
    lanewise::freeWorkspace();
  }

  bool alive(const Slot& slot) const {
    napi_value value = nullptr;
    return slot.ref && napi_get_reference_value(env, slot.ref, &value) == napi_ok && value;
  }

  void account(int64_t bytes) {
    int64_t total;  // V8 does not count shared memory by itself; uncounted garbage would never be collected
    napi_adjust_external_memory(env, bytes, &total);
  }

  // Frees the numbers of a few buffers that were collected.
  void sweep() {
    for (int i = 0; i < 4 && !slots.empty(); i++) {
      sweepAt = (sweepAt + 1) % slots.size();
      Slot& slot = slots[sweepAt];
      if (!slot.ref || alive(slot)) continue;
      napi_delete_reference(env, slot.ref);
      slot.ref = nullptr;
      account(-bytesOf(slot.view));
      freeSlots.push_back((int32_t)sweepAt);
    }
  }

  static bool lookup(void* context, int32_t number, BufferView& out) {
    Instance& self = *(Instance*)context;
    if (number < 0 || (size_t)number >= self.slots.size() || !self.alive(self.slots[number])) return false;
    out = self.slots[number].view;
    return true;
  }

  bool reserve(size_t bytes) {
    if (bytes <= scratchSize) return true;
    lanewise::freeScratch(scratch);
    scratch = lanewise::allocateScratch(bytes);
    scratchSize = scratch ? bytes : 0;
    return scratch != nullptr;
  }
};

Instance& instanceOf(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<Instance>(); }

Napi::Value refuse(Napi::Env env, const char* message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// JavaScript makes a MemoryError of this one.
Napi::Value refuseForMemory(Napi::Env env) {
  napi_throw_error(env, "LANEWISE_MEMORY", "the addon's allocation failed");
  return env.Undefined();
}

// A door whose allocations may fail: an exception that left it would end the process.
template <Napi::Value (*door)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return door(info);
  } catch (const std::bad_alloc&) {
    return refuseForMemory(info.Env());
  }
}

// [command, op, position, value] of a checked command that found a bad index.
Napi::Value failureOf(Napi::Env env, const RunResult& r) {
  Napi::Array array = Napi::Array::New(env, 4);
  const double numbers[] = {(double)r.command, (double)r.op, (double)r.position, (double)r.value};
  for (uint32_t i = 0; i < 4; i++) array.Set(i, Napi::Number::New(env, numbers[i]));
  return array;
}

// ops(): [[name, signature], …] in the order of the op numbers.
Napi::Value Ops(const Napi::CallbackInfo& info) {
  Napi::Array list = Napi::Array::New(info.Env(), lanewise::opCount());
  for (int i = 0; i < lanewise::opCount(); i++) {
    Napi::Array entry = Napi::Array::New(info.Env(), 2);
    entry.Set(0u, Napi::String::New(info.Env(), lanewise::opTable()[i].name));
    entry.Set(1u, Napi::String::New(info.Env(), lanewise::opTable()[i].signature));
    list.Set((uint32_t)i, entry);
  }
  return list;
}

// info(): { version, cpu, isas }
Napi::Value Info(const Napi::CallbackInfo& info) {
  Napi::Object o = Napi::Object::New(info.Env());
  o.Set("version", LANEWISE_STRING(LANEWISE_VERSION));
  char name[49];
  o.Set("cpu", lanewise::cpuName(name));
  lanewise::Isa isas[4];
  const int n = lanewise::availableIsas(isas);
  Napi::Array names = Napi::Array::New(info.Env(), n);
  for (int i = 0; i < n; i++) names.Set((uint32_t)i, Napi::String::New(info.Env(), isas[i].name));
  o.Set("isas", names);
  return o;
}

// setup(isa, threads, words): chooses the kernels and gives the Int32Array through which eager commands come.
Napi::Value Setup(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Instance& self = instanceOf(info);
  if (info.Length() < 3 || !info[0].IsString() || !info[1].IsNumber()) return refuse(env, "setup: expected (isa, threads, words)");
  const double threads = info[1].As<Napi::Number>().DoubleValue();
  if (!(threads >= 1 && threads <= 256)) return refuse(env, "setup: expected 1 to 256 threads");
  BufferView words;
  if (!viewOf(env, info[2], words) || words.type != DType::i32) return refuse(env, "setup: expected an Int32Array over shared memory");
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  lanewise::Isa isas[4];
  const int n = lanewise::availableIsas(isas);
  for (int i = 0; i < n; i++) {
    if (name != isas[i].name) continue;
    self.kernels = isas[i].kernels;
    self.multiplyAdds = isas[i].multiplyAdds;
    self.threads = (int)threads;
    self.words = (int32_t*)words.data;
    self.wordCount = words.length;
    self.wordsReference = Napi::Reference<Napi::TypedArray>::New(info[2].As<Napi::TypedArray>(), 1);
    return env.Undefined();
  }
  return refuse(env, "setup: this processor or build lacks the instruction set");
}

// peak(dtype): floating-point operations a second that the chosen instruction set and threads reach at most; for bench/.
Napi::Value Peak(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Instance& self = instanceOf(info);
  if (info.Length() < 1 || !info[0].IsNumber() || !self.multiplyAdds) return refuse(env, "peak: expected (dtype), after setup");
  const double dtype = info[0].As<Napi::Number>().DoubleValue();
  if (dtype != 0 && dtype != 1) return refuse(env, "peak: expected dtype 0 (float32) or 1 (float64)");
  return Napi::Number::New(env, lanewise::measurePeak(self.multiplyAdds, dtype == 1 ? DType::f64 : DType::f32, self.threads));
}

// skip(array): bytes from where it begins to the next cache line.
Napi::Value Skip(const Napi::CallbackInfo& info) {
  BufferView view;
  if (info.Length() < 1 || !viewOf(info.Env(), info[0], view)) return refuse(info.Env(), "skip: expected a typed array over shared memory");
  return Napi::Number::New(info.Env(), (double)(-(uintptr_t)view.data & 63));
}

// register(array): the number by which eager commands name it. Does not keep it alive.
Napi::Value Register(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Instance& self = instanceOf(info);
  Slot slot = {nullptr, {}};
  if (info.Length() < 1 || !viewOf(env, info[0], slot.view)) return refuse(env, "register: expected a typed array over shared memory");
  self.sweep();
  // What may fail comes first. No more slots can become free than there are: sweep needs no memory.
  if (self.freeSlots.empty()) {
    self.slots.push_back({nullptr, {}});
    self.freeSlots.reserve(self.slots.capacity());
    self.freeSlots.push_back((int32_t)self.slots.size() - 1);
  }
  if (napi_create_reference(env, info[0], 0, &slot.ref) != napi_ok) return refuseForMemory(env);
  self.account(bytesOf(slot.view));
  preferLargePages(slot.view, bytesOf(slot.view));
  const int32_t number = self.freeSlots.back();
  self.freeSlots.pop_back();
  self.slots[number] = slot;
  return Napi::Number::New(env, number);
}

// run(count): runs the one command in the first `count` words. The hot path of eager mode: plain Node-API.
napi_value Run(napi_env env, napi_callback_info callback) {
  size_t argc = 1;
  napi_value argument;
  void* data = nullptr;
  int32_t count = 0;
  napi_get_cb_info(env, callback, &argc, &argument, nullptr, &data);
  Instance& self = *(Instance*)data;
  if (argc < 1 || napi_get_value_int32(env, argument, &count) != napi_ok || count < 0 || count > self.wordCount || !self.kernels) {
    return refuse(env, "run: expected the number of words of a command, after setup");
  }
  // Copied first: another thread may write to shared memory between a check and its use.
  int32_t words[64];
  if (count > 64) return refuse(env, "run: expected at most 64 words");
  for (int i = 0; i < count; i++) words[i] = self.words[i];
  Command c;
  ErrorText error;
  if (lanewise::decode(words, count, Instance::lookup, &self, c, error) == 0) return refuse(env, error.text);
  const size_t scratch = lanewise::prepare(c, self.kernels, self.threads);
  if (!self.reserve(scratch)) return refuseForMemory(env);
  lanewise::Failure failure = {0, 0, 0, 0};
  c.scratch = self.scratch;
  c.failure = &failure;
  lanewise::execute(c, self.threads);
  if (!failure.set) return nullptr;
  return failureOf(env, {0, 0, c.op, failure.position, failure.value});
}

// One asynchronous slice of replay.
struct Slice {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref keep;  // the bound tape, which holds the memory
  lanewise::Tape* tape;
  int64_t steps;
  double milliseconds;
  RunResult result;
};

void executeSlice(napi_env, void* data) {
  Slice& s = *(Slice*)data;
  s.result = s.tape->run(s.steps, s.milliseconds);
}

// While a worker is being ended none of these calls may succeed: their results are not needed then.
void completeSlice(napi_env env, napi_status, void* data) {
  std::unique_ptr<Slice> s((Slice*)data);
  s->tape->busy.store(false);
  napi_handle_scope scope = nullptr;
  napi_open_handle_scope(env, &scope);
  napi_value value = nullptr;
  if (s->result.command >= 0) value = failureOf(Napi::Env(env), s->result);
  else napi_create_double(env, (double)s->result.steps, &value);
  if (value) napi_resolve_deferred(env, s->deferred, value);
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

  Napi::Value replay(const Napi::CallbackInfo& info) {
    int64_t steps;
    if (!begin(info, steps)) return info.Env().Undefined();
    const RunResult result = tape_->run(steps, 0);
    tape_->busy.store(false);
    return result.command >= 0 ? failureOf(info.Env(), result) : info.Env().Undefined();
  }

  Napi::Value replaySlice(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[1].IsNumber()) return refuse(env, "replaySlice: expected (steps, milliseconds)");
    const double milliseconds = info[1].As<Napi::Number>().DoubleValue();
    if (!(milliseconds > 0)) return refuse(env, "replaySlice: expected milliseconds above 0");
    int64_t steps;
    if (!begin(info, steps)) return env.Undefined();
    Slice* s = new (std::nothrow) Slice{nullptr, nullptr, nullptr, tape_.get(), steps, milliseconds, {}};
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
    napi_typedarray_type type;
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
      held.Set(i, array);
    }
    ErrorText error;
    tape_.reset(lanewise::Tape::bind(
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
    // A property, not a strong reference: so tape and memory are collected together, without waiting for a finalizer.
    info.This().As<Napi::Object>().DefineProperty(Napi::PropertyDescriptor::Value("memory", held, napi_default));
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

  std::unique_ptr<lanewise::Tape> tape_;
};

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Instance* instance = new (std::nothrow) Instance(env);
  if (!instance) return refuseForMemory(env), exports;
  env.SetInstanceData<Instance>(instance);
  exports.Set("ops", Napi::Function::New(env, Ops));
  exports.Set("info", Napi::Function::New(env, Info));
  exports.Set("setup", Napi::Function::New(env, guarded<Setup>));
  exports.Set("peak", Napi::Function::New(env, guarded<Peak>));
  exports.Set("skip", Napi::Function::New(env, Skip));
  exports.Set("register", Napi::Function::New(env, guarded<Register>));
  exports.Set("BoundTape", BoundTape::define(env));
  napi_value run;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, Run, instance, &run);
  exports.Set("run", Napi::Value(env, run));
  return exports;
}

}  // namespace

NODE_API_MODULE(lanewise, Init)
