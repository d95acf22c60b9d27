// Drives a plugin, or a chain of them, the way libcni does, and measures every call from outside.
//
//   driver NETNS-PREFIX IFNAME PLUGIN CONFIGURATION-FILE [PLUGIN CONFIGURATION-FILE ...]
//
// It runs inside the namespace that plays the host; attachment number i is container `bench<i>` in the namespace
// NETNS-PREFIX<i>. A call is the whole chain for one attachment (chain.h); what configurations may say about i is in
// template.h. The environment is handed on. Commands come as lines on stdin, every one is answered by a line of JSON:
//
//   netns FROM TO              makes namespaces FROM to TO-1         unnetns FROM TO   removes them
//   ADD|DEL|CHECK FROM TO W    one call for each, W at a time; DEL and CHECK hand the result of ADD on as prevResult
//   noop PATH COUNT W          COUNT calls of PATH, which does nothing: the driver's own cost
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chain.h"
#include "netns.h"

enum { attachmentLimit = 100000, workerLimit = 256, configurationLimit = 1 << 20 };

extern char **environ;

static struct chain chain;
static char **results; // of ADD, by attachment

struct batch {
  const char *verb, *program;
  int from, to;
  atomic_int next;
  struct attempt *attempts;
};

// A file's JSON object without its last brace.
static char *readObject(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = malloc(configurationLimit);
  if (!file || !text) exit(2);
  text[fread(text, 1, configurationLimit - 1, file)] = 0;
  fclose(file);
  char *brace = strrchr(text, '}');
  if (!brace) exit(2);
  *brace = 0;
  return text;
}

static void call(const char *verb, int i, struct attempt *attempt) {
  int isAdd = strcmp(verb, "ADD") == 0;
  runChain(&chain, verb, i, isAdd ? NULL : results[i], attempt);
  if (attempt->outcome.exitCode != 0 || strcmp(verb, "CHECK") == 0) return;
  free(results[i]);
  results[i] = isAdd ? strdup(attempt->outcome.output) : NULL;
}

static void *work(void *argument) {
  struct batch *batch = argument;
  for (int i; (i = atomic_fetch_add(&batch->next, 1)) < batch->to;) {
    if (batch->program) {
      struct operation operation = {.path = batch->program, .environment = environ, .input = "{}", .inputLength = 2};
      operate(&operation, &batch->attempts[i].outcome);
    } else {
      call(batch->verb, i, &batch->attempts[i - batch->from]);
    }
  }
  return NULL;
}

static void printText(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text < ' ') printf("\\u%04x", *text);
    else putchar(*text);
  }
  putchar('"');
}

static uint64_t cpuUs(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void report(const struct batch *batch, uint64_t wallNs, uint64_t driverUs) {
  const struct attempt *attempts = batch->attempts;
  uint64_t userUs = 0, systemUs = 0;
  int count = batch->to - batch->from, plugins = batch->program ? 0 : chain.length, failed = 0;
  printf("{\"latencyNs\":[");
  for (int i = 0; i < count; i++) {
    const struct outcome *outcome = &attempts[i].outcome;
    printf("%s%llu", i ? "," : "", (unsigned long long)outcome->latencyNs);
    userUs += outcome->userUs;
    systemUs += outcome->systemUs;
    failed += outcome->exitCode != 0;
  }
  printf("],\"pluginNs\":[");
  for (int p = 0; p < plugins; p++) {
    printf("%s[", p ? "," : "");
    for (int i = 0; i < count; i++) printf("%s%llu", i ? "," : "", (unsigned long long)attempts[i].pluginNs[p]);
    putchar(']');
  }
  printf("],\"wallNs\":%llu,\"userUs\":%llu,\"systemUs\":%llu,\"driverUs\":%llu,\"failed\":%d,\"errors\":[",
         (unsigned long long)wallNs, (unsigned long long)userUs, (unsigned long long)systemUs,
         (unsigned long long)driverUs, failed);
  for (int i = 0, shown = 0; i < count && shown < 3; i++) {
    const struct outcome *outcome = &attempts[i].outcome;
    if (outcome->exitCode == 0) continue;
    printf("%s{\"program\":", shown++ ? "," : "");
    printText(batch->program ? batch->program : chain.plugins[attempts[i].last].path);
    printf(",\"exitCode\":%d,\"output\":", outcome->exitCode);
    printText(outcome->output);
    putchar('}');
  }
  printf("]}\n");
}

static void runBatch(struct batch *batch, int workers) {
  pthread_t threads[workerLimit];
  batch->attempts = calloc((size_t)(batch->to - batch->from), sizeof *batch->attempts);
  if (!batch->attempts) exit(2);
  atomic_init(&batch->next, batch->from);
  uint64_t driverUs = cpuUs(), begin = nowNs();
  for (int w = 0; w < workers; w++)
    if (pthread_create(&threads[w], NULL, work, batch)) exit(2);
  for (int w = 0; w < workers; w++) pthread_join(threads[w], NULL);
  report(batch, nowNs() - begin, cpuUs() - driverUs);
  for (int i = 0; i < batch->to - batch->from; i++) free(batch->attempts[i].outcome.output);
  free(batch->attempts);
}

static void eachNetns(int (*action)(const char *), int from, int to) {
  int error = 0;
  for (int i = from; i < to && !error; i++) {
    char *path;
    if (asprintf(&path, "%s%d", chain.netnsPrefix, i) < 0) exit(2);
    error = action(path);
    free(path);
  }
  printf("{\"errno\":%d}\n", -error);
}

static void obey(char *line) {
  char verb[16], program[4096];
  int from, to, workers = 1;
  struct batch batch = {0};
  if (sscanf(line, "noop %4095s %d %d", program, &to, &workers) == 3 && workers <= workerLimit) {
    batch.program = program;
    batch.to = to;
    runBatch(&batch, workers);
    return;
  }
  int words = sscanf(line, "%15s %d %d %d", verb, &from, &to, &workers);
  if (words < 3 || from < 0 || to < from || to > attachmentLimit || workers < 1 || workers > workerLimit) {
    printf("{\"error\":\"not understood\"}\n");
  } else if (strcmp(verb, "netns") == 0) {
    eachNetns(makeNetns, from, to);
  } else if (strcmp(verb, "unnetns") == 0) {
    eachNetns(removeNetns, from, to);
  } else {
    batch.verb = verb;
    batch.from = from;
    batch.to = to;
    runBatch(&batch, workers);
  }
}

int main(int argc, char **argv) {
  if (argc < 5 || argc % 2 == 0 || argc > 3 + 2 * chainLimit) return 2;
  signal(SIGPIPE, SIG_IGN);
  chain.netnsPrefix = argv[1];
  chain.ifname = argv[2];
  for (char **pair = argv + 3; *pair; pair += 2, chain.length++) {
    chain.plugins[chain.length].path = pair[0];
    chain.plugins[chain.length].configuration = readObject(pair[1]);
  }
  results = calloc(attachmentLimit, sizeof *results);
  if (!results) return 2;
  for (char line[8192]; fgets(line, sizeof line, stdin);) {
    obey(line);
    fflush(stdout);
  }
  return 0;
}
