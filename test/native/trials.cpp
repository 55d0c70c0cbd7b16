#include "trials.h"

#include <stdio.h>

#include <algorithm>
#include <vector>

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

}  // namespace

bool trialsSettle() {
  const double shared = 40000, slower = 60000, long_ = 4e6;
  return settles({shared, slower}, {slower, shared}) && settles({slower, shared}, {shared, slower}) &&
         settles({shared, slower, slower}, {slower, slower, shared}) && settles({slower, slower, shared}, {slower, shared, slower}) &&
         settles({slower, shared, slower}, {shared, slower, slower}) && settles({slower, 50000, shared}, {50000, slower, shared}) &&
         settles({long_, 2 * long_, long_ / 2}, {long_ / 2, 2 * long_, long_});
}

}  // namespace lanewise
