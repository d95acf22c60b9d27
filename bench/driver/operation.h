// One execution of a CNI plugin, as libcni does it: environment, configuration on stdin, answer from stdout.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct operation {
  const char *path;        // the executable
  char *const *environment;
  const char *input;       // stdin
  size_t inputLength;
};

struct outcome {
  int exitCode;            // 128 + n when signal n ended it, -1 when it could not be started
  uint64_t latencyNs;      // from before the spawn until stdout and stderr are at their end and the process is reaped
  uint64_t userUs, systemUs; // of the process and of all it waited for
  char *output;            // stdout, NUL-terminated, to be freed by the caller
  size_t outputLength;
};

void operate(const struct operation *operation, struct outcome *outcome);
uint64_t nowNs(void);
