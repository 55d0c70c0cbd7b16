#include "trials.h"

#include <stdio.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "shares.h"
#include "trial.h"

namespace lanewise {
namespace {

// Runs steps that take times[way] nanoseconds; returns which part of them went another way than the fastest.
double wasted(Trial& trial, const std::vector<double>& times, int steps) {
  const int best = (int)(std::min_element(times.begin(), times.end()) - times.begin());
  int others = 0;
  for (int i = 0; i < steps; i++) {
    const int way = (int)trial.way();
    others += way != best;
    trial.took(times[(size_t)way] * (1 + 0.01 * (i % 3)));
  }
  return (double)others / steps;
}

bool settles(const std::vector<double>& times, const std::vector<double>& later) {
  Trial trial;
  trial.choose((int)times.size());
  const double first = wasted(trial, times, 5000), second = wasted(trial, times, 20000);
  wasted(trial, later, 60000);  // what changed is noticed at the next trial
  const double third = wasted(trial, later, 20000);
  if (first < 0.15 && second < 0.02 && third < 0.02) return true;
  printf("Trial: ways of");
  for (const double t : times) printf(" %g", t);
  printf(" ns and then");
  for (const double t : later) printf(" %g", t);
  printf(": %g, %g and %g of the steps another way than the fastest\n", first, second, third);
  return false;
}

// Measured jobs on threads of these speeds, each of which takes up to a tenth longer now and then; in every `alone`th only the first has come.
// Returns how far the shares are from the speeds after it: the greatest difference, as a part of the whole.
double measured(Shares& shares, const std::vector<double>& speeds, int jobs, int alone = 1 << 30) {
  const int threads = (int)speeds.size();
  std::vector<Done> done(speeds.size());
  std::vector<double> ends(speeds.size());
  for (int job = 0; job < jobs; job++) {
    shares.cuts(threads, ends.data());
    for (int i = 0; i < threads; i++) {
      const double work = 20000 * (ends[(size_t)i] - (i > 0 ? ends[(size_t)i - 1] : 0));
      if (i == 0 || job % alone != alone - 1) done[(size_t)i] = {work, work / speeds[(size_t)i] * (1 + 0.05 * ((job + i) % 3))};
    }
    shares.learn(threads, [&](int i) -> Done& { return done[(size_t)i]; });
  }
  shares.cuts(threads, ends.data());
  double sum = 0, whole = 0, most = 0;
  for (const double speed : speeds) whole += speed;
  for (int i = 0; i < threads; i++) most = std::max(most, std::fabs(ends[(size_t)i] - (sum += speeds[(size_t)i]) / whole));
  return most;
}

// Clear differences after few jobs (a tape that goes on alone tries its threads for a dozen steps), slight ones after more.
bool follows(const std::vector<double>& speeds) {
  Shares shares;
  const std::vector<double> equal(speeds.size(), 1);
  const double few = measured(shares, speeds, 12, 2), many = measured(shares, speeds, 1000);
  const double back = measured(shares, equal, 16), slight = measured(shares, {1, 1.15}, 400);
  const double missing = measured(shares, {1, 1.15}, 1000, 1);
  if (few < 0.05 && many < 0.03 && back < 0.06 && slight < 0.03 && missing < 0.03) return true;
  printf("Shares: speeds of");
  for (const double speed : speeds) printf(" %g", speed);
  printf(": off by %g, %g, %g, %g and %g\n", few, many, back, slight, missing);
  return false;
}

}  // namespace

bool sharesFollow() { return follows({1, 1}) && follows({1, 0.43}) && follows({0.6, 1.5}) && follows({1, 1, 0.5, 0.5}); }

bool trialsSettle() {
  const double shared = 40000, slower = 60000, long_ = 4e6;
  return settles({shared, slower}, {slower, shared}) && settles({slower, shared}, {shared, slower}) &&
         settles({shared, slower, slower}, {slower, slower, shared}) && settles({slower, slower, shared}, {slower, shared, slower}) &&
         settles({slower, shared, slower}, {shared, slower, slower}) && settles({slower, 50000, shared}, {50000, slower, shared}) &&
         settles({9e4, 8e4, 5e4, shared, slower, 5e4, slower}, {8e4, 9e4, slower, slower, shared, slower, 5e4}) &&
         settles({long_, 2 * long_, long_ / 2}, {long_ / 2, 2 * long_, long_});
}

}  // namespace lanewise
