#include "cases.h"

#include <string.h>

#include <algorithm>
#include <limits>

namespace lanewise {
namespace {

// Around the edges of registers, of tiles and of blocks.
const int64_t kSmall[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
                          23, 24, 25, 31, 32, 33, 34, 47, 48, 49, 50, 63, 64, 65, 66};
const int64_t kMiddle[] = {96, 97, 100, 127, 128, 129, 130, 191, 193, 255, 256, 257, 300, 383, 385, 511, 512, 513, 784, 1000, 1025};
const int64_t kLarge[] = {2047, 2049, 4095, 4096, 4097, 4099, 8191, 8193, 12289, 16385, 40003};

// Most elements of an operand: enough for batches in legs, and for several blocks of a reduction. And most time that a command takes, by the
// scalar kernel's plan.
const int64_t kMost = 300000, kMostFar = 13000000;
const double kMostNanoseconds = 3e6, kMostNanosecondsFar = 1e8;
// kFar of native/kernels/elements.h, in elements of float32.
const int64_t kFarElements = 1 << 23;
// So many elements of an operand are drawn, and then repeated: no kernel has a period of this.
const int64_t kDrawn = 4099;

const int kThreads[] = {2, 2, 3, 5};
const double kDoubles[] = {1, 1, 0.1, 0.5, 0.9, 0.999, 2, 255, 0};

enum class Length { any, small, large };

int64_t drawSize(Length length, Random& random) {
  if (random.oneIn(50)) return 0;
  const int64_t kind = length == Length::small ? 0 : length == Length::large ? 6 + random.below(4) : random.below(10);
  const int64_t size = kind < 4 ? random.pick(kSmall) : kind < 8 ? random.pick(kMiddle) : random.pick(kLarge);
  return size + (random.oneIn(3) ? random.below(4) : 0);
}

// Mostly one size at most is large and the others are small, which is what kernels divide in their own ways.
void drawSizes(Case& c, bool far, Random& random) {
  const OpInfo& op = c.info();
  const bool any = random.oneIn(3);
  const int64_t large = random.below(op.intCount + 1);
  for (int i = 0; i < op.intCount; i++) {
    const bool choice = op.below[i] <= 64;  // a mask, a flag, a number of panels
    c.ints[i] = choice ? random.below(op.below[i]) : drawSize(any ? Length::any : i == large ? Length::large : Length::small, random);
    if (!choice && op.operands[0].broadcast && random.oneIn(2)) c.ints[i] = 1;  // of six dimensions few can be more
  }
  if (!far) return;
  // One size becomes what makes an operand far, just or not quite.
  const int grown = (int)random.below(op.intCount), operand = (int)random.below(op.operandCount);
  if (op.below[grown] <= kMostFar) return;
  c.ints[grown] = 1;
  const int64_t rest = extentOf(op.operands[operand], c.ints);
  if (rest > 0) c.ints[grown] = (kFarElements >> (c.dtype == DType::f64 ? 1 : 0)) / rest + random.below(40);
}

void drawTypes(Case& c, Random& random) {
  const DType labels[] = {DType::i32, DType::u8}, any[] = {DType::f32, DType::f64, DType::i32, DType::u8};
  const OpInfo& op = c.info();
  for (int i = 0; i < op.operandCount; i++) {
    switch (op.operands[i].type) {
      case 'T': c.types[i] = c.dtype; break;
      case 'd': c.types[i] = DType::f64; break;
      case 'i': c.types[i] = DType::i32; break;
      case 'L': c.types[i] = random.pick(labels); break;
      default: c.types[i] = random.pick(any);
    }
  }
}

void drawPlaces(Case& c, Random& random) {
  const OpInfo& op = c.info();
  for (int i = 0; i < op.operandCount; i++) {
    c.onto[i] = -1;
    for (int w = 0; w < i && c.onto[i] < 0; w++) {
      const bool fits = writes(op.operands[w]) && op.operands[i].role == 'i' && c.types[w] == c.types[i] && c.lengths[w] == c.lengths[i];
      if (fits && random.oneIn(3)) c.onto[i] = w;
    }
  }
}

// Indices, labels, cursors and floats that hold such: below one of the command's parameters, which is the right one often enough. Any
// other is to be found by the kernel, which must touch nothing outside for it.
double drawWhole(int64_t bound, Random& random) {
  const double bad[] = {-1, (double)bound, 2147483647, -2147483648.0};
  return random.oneIn(2000) ? random.pick(bad) : (double)random.below(bound);
}

double drawFloat(bool special, Random& random) {
  typedef std::numeric_limits<double> Limits;
  const double specials[] = {0.0, -0.0, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), 1e-40, 1e30};
  if (special && random.oneIn(50)) return random.pick(specials);
  return (double)(random.below(2001) - 1000) / 257;
}

void drawContents(Case& c, int operand, Random& random) {
  const OpInfo& op = c.info();
  const DType type = c.types[operand];
  const int64_t n = c.lengths[operand], size = bytesOf(type), drawn = std::min(n, kDrawn);
  const bool floats = type == DType::f32 || type == DType::f64, whole = !floats || random.oneIn(3), special = random.oneIn(5);
  // A single one is often 0: a cursor is at the start.
  int64_t bound = c.ints[random.below(op.intCount)];
  if (n == 1 && random.oneIn(2)) bound = 1;
  std::vector<char>& to = c.contents[operand];
  to.resize((size_t)(n * size));
  for (int64_t i = 0; i < drawn; i++) {
    const double value = whole ? drawWhole(bound, random) : drawFloat(special, random);
    const float f32 = (float)value;
    const int32_t i32 = whole ? (int32_t)value : 0;
    const uint8_t u8 = (uint8_t)i32;
    const void* const values[] = {&f32, &value, &i32, &u8};  // in the order of DType
    memcpy(&to[(size_t)(i * size)], values[(int)type], (size_t)size);
  }
  for (int64_t i = drawn; i < n; i += drawn) memcpy(&to[(size_t)(i * size)], to.data(), (size_t)(std::min(drawn, n - i) * size));
}

// Sizes, types and places; false if such a command is refused, too large or too slow.
bool drawShape(Case& c, Kind kind, const Isa* isas, int count, Random& random) {
  const bool far = kind == Kind::far;
  const OpInfo& op = c.info();
  c.dtype = (DType)random.below(2);
  c.threads = random.pick(kThreads);
  drawSizes(c, far, random);
  drawTypes(c, random);
  for (int i = 0; i < op.doubleCount; i++) c.doubles[i] = random.pick(kDoubles);
  int64_t largest = 0;
  for (int i = 0; i < op.operandCount; i++) {
    c.lengths[i] = extentOf(op.operands[i], c.ints);
    if (c.lengths[i] < 0 || c.lengths[i] > (far ? kMostFar : kMost)) return false;
    largest = std::max(largest, c.lengths[i]);
  }
  if (far && largest < kFarElements / 2) return false;
  drawPlaces(c, random);
  // Nothing is read yet: any addresses that are apart.
  char* addresses[kMaxOperands];
  for (int i = 0; i < op.operandCount; i++) addresses[i] = c.onto[i] < 0 ? (char*)((intptr_t)(i + 1) << 32) : addresses[c.onto[i]];
  Command command;
  if (!c.decodeAt(addresses, command)) return false;
  const auto planFor = [&](const Isa& isa, int threads) {
    Plan plan = {};
    plan.threads = threads;
    plan.turns = 1;
    plan.legs = true;
    isa.kernels[2 * c.op + (int)c.dtype].plan(command, plan);
    return plan;
  };
  if (kind == Kind::legs && planFor(isas[count - 1], c.threads).leg == 0) return false;
  return planFor(isas[0], 1).nanoseconds <= (far ? kMostNanosecondsFar : kMostNanoseconds);
}

}  // namespace

bool Case::decodeAt(char* const* addresses, Command& out) const {
  std::vector<int32_t> words = {op, (int32_t)dtype};
  BufferView views[kMaxOperands];
  for (int i = 0; i < info().operandCount; i++) {
    views[i] = {addresses[i], types[i], lengths[i]};
    words.insert(words.end(), {i, 0});
  }
  for (int i = 0; i < info().intCount; i++) words.push_back((int32_t)ints[i]);
  for (int i = 0; i < info().doubleCount; i++) {
    int32_t halves[2];
    memcpy(halves, &doubles[i], sizeof halves);
    words.insert(words.end(), halves, halves + 2);
  }
  const LookupFn lookup = [](void* context, int32_t number, BufferView& view) {
    view = ((const BufferView*)context)[number];
    return true;
  };
  ErrorText error;
  return decode(words.data(), (int64_t)words.size(), lookup, views, out, error) != 0;
}

std::string Case::text() const {
  const char* parameters = strchr(info().signature, '|');
  std::string s = std::string(info().name) + (dtype == DType::f64 ? " float64," : " float32,") + (parameters ? parameters + 1 : "") + " =";
  for (int i = 0; i < info().intCount; i++) s += " " + std::to_string(ints[i]);
  for (int i = 0; i < info().doubleCount; i++) s += " " + std::to_string(doubles[i]);
  return s + ", case " + std::to_string(number) + " of seed " + std::to_string(seed);
}

std::string Case::operandName(int operand) const {
  const char* s = info().signature;
  for (; operand > 0; operand--) s = strchr(s, ' ') + 1;
  return std::string(s, strcspn(s, ":"));
}

bool drawCase(Kind kind, const Isa* isas, int count, Random& random, Case& c) {
  for (int tries = 0; tries < (kind == Kind::usual ? 100000 : 300); tries++) {
    if (!drawShape(c, kind, isas, count, random)) continue;
    for (int i = 0; i < c.info().operandCount; i++) drawContents(c, i, random);
    return true;
  }
  return kind != Kind::usual && drawCase(Kind::usual, isas, count, random, c);
}

}  // namespace lanewise
