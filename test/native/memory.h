// Memory that ends or begins right at unmapped pages: an access beyond it is a fault, also where it comes from hand-written vector code,
// which sanitizers see little of.
#pragma once
#include <stddef.h>

namespace lanewise {

// Which end of the memory lies at the unmapped pages. (The other one does so only if the size happens to be a multiple of a page.)
enum class Side { end, start };

class Guarded {
 public:
  // `align` of 64 is for scratch, which is always so; operands are aligned to their elements, as typed arrays are.
  Guarded(size_t bytes, Side side, size_t align = 1);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  void readOnly(bool on);
  // Whether the rest of its pages is as it was: no write went there.
  bool intact() const;
  // Whether an address is in it or in the unmapped pages around it.
  bool near(const void* address) const;

  char* data;
  const size_t bytes;

 private:
  char* pages() const;
  const size_t usable_;  // bytes of the pages that are not unmapped
  char* const map_;
};

// The side on which native/scratch.h's workspace, which is this harness's own here, is guarded from now on; the one there is is given back.
void guardWorkspace(Side side);
// What kernels were last given of it; null if nothing since guardWorkspace.
const Guarded* lastWorkspace();

}  // namespace lanewise
