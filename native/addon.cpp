// The door to JavaScript. Everything it is handed is checked: a wrong call throws. Only this file, with the three
// headers addon-*.h, knows of napi.h.
#include <new>
#include <string>

#include "addon-instance.h"
#include "addon-tape.h"
#include "pool.h"
#include "rounding.h"

#define LANEWISE_STRING2(x) #x
#define LANEWISE_STRING(x) LANEWISE_STRING2(x)
#ifndef LANEWISE_VERSION
#error "binding.gyp and CMakeLists.txt give LANEWISE_VERSION from package.json"
#endif

namespace lanewise {
namespace {

// A door whose allocations may fail: an exception that left it would end the process.
template <Napi::Value (*door)(const Napi::CallbackInfo&)>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return door(info);
  } catch (const std::bad_alloc&) {
    return refuseForMemory(info.Env());
  }
}

// ops(): [[name, signature], …] in the order of the op numbers.
Napi::Value Ops(const Napi::CallbackInfo& info) {
  Napi::Array list = Napi::Array::New(info.Env(), opCount());
  for (int i = 0; i < opCount(); i++) {
    Napi::Array entry = Napi::Array::New(info.Env(), 2);
    entry.Set(0u, Napi::String::New(info.Env(), opTable()[i].name));
    entry.Set(1u, Napi::String::New(info.Env(), opTable()[i].signature));
    list.Set((uint32_t)i, entry);
  }
  return list;
}

// info(): { version, cpu, isas }
Napi::Value Info(const Napi::CallbackInfo& info) {
  Napi::Object o = Napi::Object::New(info.Env());
  o.Set("version", LANEWISE_STRING(LANEWISE_VERSION));
  char name[49];
  o.Set("cpu", cpuName(name));
  Isa isas[4];
  const int n = availableIsas(isas);
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
  if (!(threads >= 1 && threads <= kMaxThreads)) return refuse(env, "setup: expected 1 to 256 threads");
  BufferView words;
  if (!viewOf(env, info[2], words) || words.type != DType::i32) return refuse(env, "setup: expected an Int32Array over shared memory");
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  Isa isas[4];
  const int n = availableIsas(isas);
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
  return Napi::Number::New(env, measurePeak(self.multiplyAdds, dtype == 1 ? DType::f64 : DType::f32, self.threads));
}

// skip(array): bytes from where it begins to the next multiple of its size, which is a power of two.
Napi::Value Skip(const Napi::CallbackInfo& info) {
  BufferView view;
  if (info.Length() < 1 || !viewOf(info.Env(), info[0], view)) return refuse(info.Env(), "skip: expected a typed array over shared memory");
  return Napi::Number::New(info.Env(), (double)(-(uintptr_t)view.data & (uintptr_t)(bytesOf(view) - 1)));
}

// register(array): the number by which eager commands name it. Does not keep it alive.
Napi::Value Register(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Instance& self = instanceOf(info);
  Slot slot = {nullptr, {}};
  if (info.Length() < 1 || !viewOf(env, info[0], slot.view)) return refuse(env, "register: expected a typed array over shared memory");
  self.sweep(bytesOf(slot.view));
  // What may fail comes first. No more slots can become free than there are: sweep needs no memory.
  if (self.freeSlots.empty()) {
    self.slots.push_back({nullptr, {}});
    self.freeSlots.reserve(self.slots.capacity());
    self.freeSlots.push_back((int32_t)self.slots.size() - 1);
  }
  if (napi_create_reference(env, info[0], 0, &slot.ref) != napi_ok) return refuseForMemory(env);
  self.account(bytesOf(slot.view));
  preferLargePages(slot.view.data, (size_t)bytesOf(slot.view));
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
  if (decode(words, count, Instance::lookup, &self, c, error) == 0) return refuse(env, error.text);
  LegShares legs = {};
  if (!self.reserve(prepare(c, self.kernels, self.threads, &legs).scratch)) return refuseForMemory(env);
  Failure failure = {0, 0, 0, 0};
  c.scratch = self.scratch;
  c.failure = &failure;
  {
    const IeeeMode mode;
    execute(c, self.threads);
  }
  if (!failure.set) return nullptr;
  return failureOf(env, {0, 0, failure.position, failure.value});
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Instance* instance = nullptr;
  try {
    instance = new Instance(env);
  } catch (const std::bad_alloc&) {
    return refuseForMemory(env), exports;
  }
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
}  // namespace lanewise

using lanewise::Init;
NODE_API_MODULE(lanewise, Init)
