#include "signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mutex>

#include "ops.inc"

namespace lanewise {
namespace {

const struct {
  const char *name, *signature;
} kSources[] = {
#define OP(name, signature) {#name, signature},
    LANEWISE_OPS(OP)
#undef OP
};
const int kOps = sizeof kSources / sizeof kSources[0];
OpInfo table[kOps];

// A signature in our own source is wrong.
[[noreturn]] void wrong(const OpInfo& op) {
  fprintf(stderr, "lanewise: the signature of %s has a name that is not known, or too many parts (docs/commands.md)\n", op.name);
  abort();
}

void atMost(const OpInfo& op, int count, int most) {
  if (count > most) wrong(op);
}

struct Names {
  char text[kMaxInts][16];
  int count = 0;
  int find(const OpInfo& op, const char* name, size_t length) const {
    for (int i = 0; i < count; i++)
      if (strlen(text[i]) == length && strncmp(text[i], name, length) == 0) return i;
    wrong(op);
  }
};

// Copies the next word of `s` (up to a space) to `word` and returns what follows; null at the end or at '|'.
const char* nextWord(const char* s, char* word, size_t size) {
  while (*s == ' ') s++;
  if (*s == 0 || *s == '|') return nullptr;
  size_t n = 0;
  while (*s && *s != ' ') {
    if (n + 1 < size) word[n++] = *s;
    s++;
  }
  word[n] = 0;
  return s;
}

void parseParameters(OpInfo& op, Names& names) {
  char word[64];
  const char* s = strchr(op.signature, '|');
  for (s = s ? s + 1 : nullptr; s && (s = nextWord(s, word, sizeof word));) {
    if (strstr(word, ":d")) {
      atMost(op, ++op.doubleCount, kMaxDoubles);
      continue;
    }
    char* limit = strchr(word, '<');
    atMost(op, op.intCount + 1, kMaxInts);
    op.below[op.intCount++] = limit ? atoll(limit + 1) : (int64_t)1 << 31;
    if (limit) *limit = 0;
    snprintf(names.text[names.count++], sizeof names.text[0], "%.15s", word);
  }
}

void parseExtent(const OpInfo& op, OperandSpec& spec, const char* text, const Names& names) {
  spec.constant = 1;
  spec.factorCount = 0;
  spec.mask = -1;
  spec.broadcast = *text == '@';
  if (spec.broadcast) {
    if (text[1]) spec.mask = names.find(op, text + 1, strlen(text + 1));
    return;
  }
  while (*text) {
    const char* end = strchr(text, '*');
    const size_t length = end ? (size_t)(end - text) : strlen(text);
    if (*text >= '0' && *text <= '9') spec.constant *= atoll(text);
    else {
      atMost(op, spec.factorCount + 1, kMaxFactors);
      spec.factors[spec.factorCount++] = names.find(op, text, length);
    }
    text += length + (end ? 1 : 0);
  }
}

const char* someElements(const Command& c) { return c.n[1] > 0 ? nullptr : "at least one element to choose from"; }

const char* gatherable(const Command& c) {
  const DType y = c.types[0], src = c.types[1];
  if (y == DType::f32 || y == DType::f64) return nullptr;
  if (y != src && !(y == DType::i32 && src == DType::u8)) return "y of the type of src, or wider";
  return c.d[0] == 1 ? nullptr : "divisor 1 for whole numbers";
}

const char* puttable(const Command& c) {
  return c.types[0] == c.types[1] || c.types[0] == DType::f64 ? nullptr : "dst of the type of src, or float64";
}

const char* withinRows(const Command& c) {
  if (c.types[0] != c.types[1]) return "y of the type of x";
  return c.n[1] + c.n[4] <= c.n[2] && c.n[1] + c.n[5] <= c.n[3] ? nullptr : "columns that both rows have";
}

const char* panels(int64_t count) { return count > 0 ? nullptr : "at least one panel"; }

// The same as RULES in src/backend/validate.ts.
const struct {
  const char* op;
  const char* (*rule)(const Command&);
} kRules[] = {{"max", someElements}, {"argmax", someElements}, {"gatherRows", gatherable}, {"put", puttable}, {"copyColumns", withinRows},
              {"gatherAffine", [](const Command& c) { return panels(c.n[5]); }},
              {"gatherAffineGrad", [](const Command& c) { return panels(c.n[3]); }}};

void parse(OpInfo& op) {
  for (const auto& entry : kRules)
    if (!strcmp(op.name, entry.op)) op.rule = entry.rule;
  Names names;
  parseParameters(op, names);
  char word[64];
  for (const char* s = op.signature; (s = nextWord(s, word, sizeof word));) {
    atMost(op, op.operandCount + 1, kMaxOperands);
    OperandSpec& spec = op.operands[op.operandCount++];
    const char* role = strchr(word, ':') + 1;
    spec.role = role[0];
    spec.type = role[2];
    parseExtent(op, spec, role + 4, names);
  }
  op.words = 2 + 2 * op.operandCount + op.intCount + 2 * op.doubleCount;
}

}  // namespace

const OpInfo* opTable() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (int i = 0; i < kOps; i++) {
      table[i].name = kSources[i].name;
      table[i].signature = kSources[i].signature;
      parse(table[i]);
    }
  });
  return table;
}

int opCount() { return kOps; }

int64_t extentOf(const OperandSpec& spec, const int64_t* ints) {
  const double limit = 9007199254740992.0;
  double size = (double)spec.constant;  // exact below 2^53; beyond it only the comparison matters
  double bound = size;                  // with zeros as ones: products of some of the sizes are within 2^53 too
  const auto times = [&](int64_t n) {
    size *= (double)n;
    bound *= n > 0 ? (double)n : 1;
  };
  if (spec.broadcast) {
    const int64_t mask = spec.mask < 0 ? 0 : ints[spec.mask];
    for (int d = 0; d < 6; d++)
      if (!((mask >> d) & 1)) times(ints[d]);
  } else {
    for (int f = 0; f < spec.factorCount; f++) times(ints[spec.factors[f]]);
  }
  return bound <= limit ? (int64_t)size : -1;
}

}  // namespace lanewise
