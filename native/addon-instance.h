// What every call from JavaScript needs: its instance of the addon, the memory it names, and how it is refused.
// Part of addon.cpp, like the other addon-*.h: nothing else knows of napi.h.
#pragma once
#include <napi.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "addon-slices.h"
#include "cpu.h"
#include "scratch.h"
#include "signature.h"
#include "tape.h"

namespace lanewise {

// Reads a typed array over shared memory, whose address never changes. Others are refused: they could be detached.
inline bool viewOf(napi_env env, napi_value value, BufferView& out) {
  bool typed = false, detachable = true;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  napi_typedarray_type type = napi_int8_array;  // no type of ours: a type that Node-API does not know (Float16Array in Node 24) is not written
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

inline int64_t bytesOf(const BufferView& v) {
  return v.length * bytesOf(v.type);
}

// A buffer known by number to eager commands. The reference is weak: memory belongs to JavaScript's garbage collector.
struct Slot {
  napi_ref ref;
  BufferView view;
};

class BoundTape;

// The tapes that were bound and are not freed, and where the last sweep ended. Each tape shares it: one may outlive its environment's instance.
struct BoundTapes {
  std::vector<BoundTape*> all;
  size_t at = 0;
};

struct Instance {
  napi_env env;
  const Kernel* kernels = nullptr;
  MultiplyAddsFn multiplyAdds = nullptr;
  int threads = 1;
  std::vector<Slot> slots;
  std::vector<int32_t> freeSlots;
  size_t sweepAt = 0;
  int32_t* words = nullptr;
  int64_t wordCount = 0;
  Napi::Reference<Napi::TypedArray> wordsReference;
  char* scratch = nullptr;
  size_t scratchSize = 0;
  std::shared_ptr<Slices> slices;
  std::shared_ptr<BoundTapes> tapes = std::make_shared<BoundTapes>();

  explicit Instance(napi_env e) : env(e), slices(Slices::of(e)) {}
  ~Instance() {
    for (const Slot& slot : slots)
      if (slot.ref) napi_delete_reference(env, slot.ref);
    freeScratch(scratch);
    freeWorkspace();
  }

  bool alive(const Slot& slot) const {
    napi_value value = nullptr;
    return slot.ref && napi_get_reference_value(env, slot.ref, &value) == napi_ok && value;
  }

  void account(int64_t bytes) {
    int64_t total;  // V8 does not count shared memory by itself; uncounted garbage would never be collected
    napi_adjust_external_memory(env, bytes, &total);
  }

  // Frees the numbers of buffers that were collected. V8 is told late of what it has collected: so all slots have their turn
  // while 4 KB a slot are registered, less than most slots hold, or what is counted strays from what there is.
  void sweep(int64_t bytes) {
    const int64_t turns = std::min((int64_t)slots.size(), 4 + bytes / 4096);
    // What it looks at would else be held until the call ends, also by the collection that account() may set off.
    napi_handle_scope scope = nullptr;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    for (int64_t i = 0; i < turns; i++) {
      sweepAt = (sweepAt + 1) % slots.size();
      Slot& slot = slots[sweepAt];
      if (!slot.ref || alive(slot)) continue;
      napi_delete_reference(env, slot.ref);
      slot.ref = nullptr;
      account(-bytesOf(slot.view));
      freeSlots.push_back((int32_t)sweepAt);
    }
    napi_close_handle_scope(env, scope);
  }

  static bool lookup(void* context, int32_t number, BufferView& out) {
    Instance& self = *(Instance*)context;
    if (number < 0 || (size_t)number >= self.slots.size() || !self.alive(self.slots[number])) return false;
    out = self.slots[number].view;
    return true;
  }

  bool reserve(size_t bytes) {
    if (bytes <= scratchSize) return true;
    freeScratch(scratch);
    scratch = allocateScratch(bytes);
    scratchSize = scratch ? bytes : 0;
    return scratch != nullptr;
  }
};

inline Instance& instanceOf(const Napi::CallbackInfo& info) { return *info.Env().GetInstanceData<Instance>(); }

inline Napi::Value refuse(Napi::Env env, const char* message) {
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

// JavaScript makes a MemoryError of this one.
inline Napi::Value refuseForMemory(Napi::Env env) {
  napi_throw_error(env, "LANEWISE_MEMORY", "the addon's allocation failed");
  return env.Undefined();
}

// [command, position, value] of a checked command that found a bad index.
inline Napi::Value failureOf(Napi::Env env, const RunResult& r) {
  Napi::Array array = Napi::Array::New(env, 3);
  const double numbers[] = {(double)r.command, (double)r.position, (double)r.value};
  for (uint32_t i = 0; i < 3; i++) array.Set(i, Napi::Number::New(env, numbers[i]));
  return array;
}

}  // namespace lanewise
