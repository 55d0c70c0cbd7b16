// What a tape's commands read and write of each other's memory, where threads share them.
#pragma once
#include <stddef.h>

#include <vector>

#include "command.h"

namespace lanewise {

// What threads write ends in several caches: a command that runs on one thread has to fetch their parts of it, and they what
// it writes. In a small step that costs more than the sharing gains: then all of it stays on one thread.
bool sharingPays(const std::vector<Command>& commands);

// Hands commands to the threads that are not worth it alone, where one thread would have to fetch what the others made.
void shareMore(std::vector<Command>& commands);

// Joins an optimizer to the product before it, if that makes nearly all of the gradient: one job (pool.h, parallelForBoth). What lies between
// them, and has nothing to do with the product, goes before it.
void joinJobs(std::vector<Command>& commands);

// Whether another of the commands writes to one of these operands (bits) of command i.
bool writtenByOthers(const std::vector<Command>& commands, size_t i, int operands);

}  // namespace lanewise
