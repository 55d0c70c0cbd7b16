// What a C++ runtime that is linked in says at std::terminate names the type of an exception in full only by a demangler, which would be a tenth of
// each release addon (docs/design.md). With this one it gives the type's mangled name.
#include <stddef.h>

extern "C" char* __cxa_demangle(const char*, char*, size_t*, int* status) {
  if (status) *status = -2;
  return nullptr;
}
