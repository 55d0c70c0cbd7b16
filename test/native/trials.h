// Whether Trial (native/trial.h) finds the fastest way, by steps whose times are given, and Shares (native/shares.h) the threads' speeds.
#pragma once

namespace lanewise {

// False after a line that says what it did instead.
bool trialsSettle();
bool sharesFollow();

}  // namespace lanewise
