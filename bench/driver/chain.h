// A list of plugins executed for one attachment, as libcni does it: ADD and CHECK in order, DEL in reverse.
#pragma once
#include "operation.h"

enum { chainLimit = 8 };

struct chain {
  int length;
  struct {
    const char *path;
    char *configuration; // JSON without its last brace; placeholders as in template.h
  } plugins[chainLimit];
  const char *netnsPrefix, *ifname;
};

struct attempt {
  struct outcome outcome;       // exit code and output of the plugin that was executed last; time and CPU are those of all
  int last;                     // which plugin that was
  uint64_t pluginNs[chainLimit]; // what each plugin took of the time, 0 when it was not executed
};

// Attachment number i is container `bench<i>` in the namespace NETNS-PREFIX<i>. ADD hands every plugin's result on to the next
// as prevResult; `previous`, ADD's final result or NULL, goes to all plugins of DEL and CHECK. The first failure ends it.
// The latency runs from before the first plugin is started until the last is reaped.
void runChain(const struct chain *chain, const char *verb, int attachment, const char *previous, struct attempt *attempt);
