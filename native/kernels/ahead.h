// A leg (gemm-legs.h) that would only wait gathers its columns of the batch to come, to the other place of its panel (panels.h), and finds
// them there in the next step: if that is the tape's next step, and the batch turns out to be made of these rows, cut in the same place.
#pragma once
#ifdef LANEWISE_KERNELS
#include "rows.h"

namespace lanewise {
namespace LANEWISE_ISA {

struct Ahead {
  // What a leg keeps from step to step, with the rows that it gathered; none if there are no columns.
  struct Note {
    int64_t column0, column1;
    int64_t place;  // of its panel in this step (panels.h)
    int32_t rows[1];
  };
  enum { kDistance = 8 };  // rows asked for ahead of the one that is gathered

  const Command& c;
  const Segment& own;
  Note* note;  // null where nothing is kept

  static size_t bytes(int64_t m) { return (sizeof(Note) + (size_t)m * sizeof(int32_t) + 127) / 128 * 128; }

  // For leg h, or none if h is negative; `part` is all rows of its columns.
  LW_MEMBER Ahead(const Command& command, int64_t h, const Segment& part)
      : c(command), own(part), note(command.kept && h >= 0 ? (Note*)(command.kept + (size_t)h * bytes(command.n[0])) : nullptr) {}

  LW_MEMBER int64_t place() const { return note ? note->place : 0; }

  // At the start of a step: whether its rows are there.
  bool find() const {
    if (!note) return false;
    if (!c.legs->follows) return note->place = 0, false;
    if (!same()) return false;
    note->place = 1 - note->place;
    return true;
  }

  bool same() const {
    if (own.column0 == own.column1 || note->column0 != own.column0 || note->column1 != own.column1) return false;
    const Source source(c, own);
    for (int64_t i = 0; source.idx && i < c.n[0]; i++)
      if (readOnce(source.idx + i) != note->rows[i]) return false;
    return source.idx != nullptr;
  }

  // The rows after this step's, to y on, if there are as many and none is bad.
  void gather(char* y) const {
    const Source source(c, own);
    const int64_t m = c.n[0], width = own.column1 - own.column0;
    note->column0 = note->column1 = 0;
    if (!source.idx || source.cursor + 2 * m > c.n[3]) return;
    const Taking taking(c);
    for (int64_t i = 0; i < m; i++, y += width * taking.sizeY) {
      source.ask(i, m + kDistance);
      const int64_t row = note->rows[i] = readOnce(source.idx + m + i);
      if (!source.has(row)) return;
      taking.take(y, source.at(row), width, c.d[0], false);
    }
    note->column0 = own.column0;
    note->column1 = own.column1;
  }
};

}  // namespace LANEWISE_ISA
}  // namespace lanewise
#endif
