#define _GNU_SOURCE
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "template.h"

extern char **environ;

enum { ownVariables = 4 };

static char *withPrevious(const char *configuration, const char *previous) {
  char *input;
  int length = previous ? asprintf(&input, "%s,\"prevResult\":%s}", configuration, previous)
                        : asprintf(&input, "%s}", configuration);
  if (length < 0) exit(2);
  return input;
}

// Four variables of CNI's, then ours. `texts` holds what has to be freed.
static char **environmentFor(const struct chain *chain, const char *verb, int i, char *texts[ownVariables]) {
  size_t count = 0;
  while (environ[count]) count++;
  char **environment = malloc((count + ownVariables + 1) * sizeof *environment);
  if (!environment || asprintf(&texts[0], "CNI_COMMAND=%s", verb) < 0 ||
      asprintf(&texts[1], "CNI_CONTAINERID=bench%d", i) < 0 ||
      asprintf(&texts[2], "CNI_NETNS=%s%d", chain->netnsPrefix, i) < 0 ||
      asprintf(&texts[3], "CNI_IFNAME=%s", chain->ifname) < 0)
    exit(2);
  memcpy(environment, texts, ownVariables * sizeof *environment);
  memcpy(environment + ownVariables, environ, (count + 1) * sizeof *environment);
  return environment;
}

void runChain(const struct chain *chain, const char *verb, int i, const char *previous, struct attempt *attempt) {
  char *texts[ownVariables], *filled[chainLimit];
  char **environment = environmentFor(chain, verb, i, texts);
  int isAdd = strcmp(verb, "ADD") == 0, isDel = strcmp(verb, "DEL") == 0;
  struct outcome *all = &attempt->outcome;
  memset(attempt, 0, sizeof *attempt);
  for (int p = 0; p < chain->length; p++) filled[p] = fillIn(chain->plugins[p].configuration, i);

  uint64_t begin = 0;
  for (int turn = 0; turn < chain->length && all->exitCode == 0; turn++) {
    int p = attempt->last = isDel ? chain->length - 1 - turn : turn;
    char *input = withPrevious(filled[p], isAdd ? all->output : previous);
    struct operation operation = {
        .path = chain->plugins[p].path, .environment = environment, .input = input, .inputLength = strlen(input)};
    struct outcome outcome;
    if (turn == 0) begin = nowNs();
    operate(&operation, &outcome);
    attempt->pluginNs[p] = outcome.latencyNs;
    outcome.userUs += all->userUs;
    outcome.systemUs += all->systemUs;
    free(all->output);
    free(input);
    *all = outcome;
  }
  all->latencyNs = nowNs() - begin;

  for (int p = 0; p < chain->length; p++) free(filled[p]);
  for (int t = 0; t < ownVariables; t++) free(texts[t]);
  free(environment);
}
