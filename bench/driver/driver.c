// Drives one directory of CNI executables the way libcni does, and measures every call from outside.
//
//   driver PLUGIN CONFIGURATION-FILE NETNS-PREFIX IFNAME
//
// It runs inside the namespace that plays the host; attachment number i is container `bench<i>` in the namespace
// NETNS-PREFIX<i>. The environment is handed on. Commands come as lines on stdin, every one is answered by a line of JSON:
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

#include "netns.h"
#include "operation.h"

enum { attachmentLimit = 100000, workerLimit = 256 };

extern char **environ;

static struct {
  const char *plugin, *netnsPrefix, *ifname;
  char *configuration; // without its last brace
  char **results;      // of ADD, by attachment
} driver;

struct batch {
  const char *verb, *program;
  int from, to;
  atomic_int next;
  struct outcome *outcomes;
};

static char *readFile(const char *path) {
  FILE *file = fopen(path, "r");
  char *text = malloc(1 << 20);
  if (!file || !text) exit(2);
  text[fread(text, 1, (1 << 20) - 1, file)] = 0;
  fclose(file);
  return text;
}

static char *inputFor(const char *verb, int i) {
  const char *previous = strcmp(verb, "ADD") == 0 ? NULL : driver.results[i];
  char *input;
  int length = previous ? asprintf(&input, "%s,\"prevResult\":%s}", driver.configuration, previous)
                        : asprintf(&input, "%s}", driver.configuration);
  return length < 0 ? NULL : input;
}

// Five variables of CNI's own, then ours. `texts` holds what has to be freed.
static char **environmentFor(const char *verb, int i, char *texts[4]) {
  size_t count = 0;
  while (environ[count]) count++;
  char **environment = malloc((count + 5) * sizeof *environment);
  if (asprintf(&texts[0], "CNI_COMMAND=%s", verb) < 0 || asprintf(&texts[1], "CNI_CONTAINERID=bench%d", i) < 0 ||
      asprintf(&texts[2], "CNI_NETNS=%s%d", driver.netnsPrefix, i) < 0 ||
      asprintf(&texts[3], "CNI_IFNAME=%s", driver.ifname) < 0)
    exit(2);
  memcpy(environment, texts, 4 * sizeof *environment);
  memcpy(environment + 4, environ, (count + 1) * sizeof *environment);
  return environment;
}

static void callPlugin(struct batch *batch, int i) {
  char *texts[4];
  struct operation operation = {.path = driver.plugin, .environment = environmentFor(batch->verb, i, texts)};
  char *input = inputFor(batch->verb, i);
  operation.input = input;
  operation.inputLength = strlen(input);
  struct outcome *outcome = &batch->outcomes[i - batch->from];
  operate(&operation, outcome);
  if (outcome->exitCode == 0 && strcmp(batch->verb, "CHECK") != 0) {
    free(driver.results[i]);
    driver.results[i] = strcmp(batch->verb, "ADD") == 0 ? strdup(outcome->output) : NULL;
  }
  for (int t = 0; t < 4; t++) free(texts[t]);
  free((void *)operation.environment);
  free(input);
}

static void *work(void *argument) {
  struct batch *batch = argument;
  for (int i; (i = atomic_fetch_add(&batch->next, 1)) < batch->to;) {
    if (batch->program) {
      struct operation operation = {.path = batch->program, .environment = environ, .input = "{}", .inputLength = 2};
      operate(&operation, &batch->outcomes[i - batch->from]);
    } else {
      callPlugin(batch, i);
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
  uint64_t userUs = 0, systemUs = 0;
  int count = batch->to - batch->from, failed = 0;
  printf("{\"latencyNs\":[");
  for (int i = 0; i < count; i++) {
    printf("%s%llu", i ? "," : "", (unsigned long long)batch->outcomes[i].latencyNs);
    userUs += batch->outcomes[i].userUs;
    systemUs += batch->outcomes[i].systemUs;
    failed += batch->outcomes[i].exitCode != 0;
  }
  printf("],\"wallNs\":%llu,\"userUs\":%llu,\"systemUs\":%llu,\"driverUs\":%llu,\"failed\":%d,\"errors\":[",
         (unsigned long long)wallNs, (unsigned long long)userUs, (unsigned long long)systemUs,
         (unsigned long long)driverUs, failed);
  for (int i = 0, shown = 0; i < count && shown < 3; i++) {
    if (batch->outcomes[i].exitCode == 0) continue;
    printf("%s{\"exitCode\":%d,\"output\":", shown++ ? "," : "", batch->outcomes[i].exitCode);
    printText(batch->outcomes[i].output);
    putchar('}');
  }
  printf("]}\n");
}

static void runBatch(struct batch *batch, int workers) {
  pthread_t threads[workerLimit];
  batch->outcomes = calloc((size_t)(batch->to - batch->from), sizeof *batch->outcomes);
  atomic_init(&batch->next, batch->from);
  uint64_t driverUs = cpuUs(), begin = nowNs();
  for (int w = 0; w < workers; w++)
    if (pthread_create(&threads[w], NULL, work, batch)) exit(2);
  for (int w = 0; w < workers; w++) pthread_join(threads[w], NULL);
  report(batch, nowNs() - begin, cpuUs() - driverUs);
  for (int i = 0; i < batch->to - batch->from; i++) free(batch->outcomes[i].output);
  free(batch->outcomes);
}

static void eachNetns(int (*action)(const char *), int from, int to) {
  int error = 0;
  for (int i = from; i < to && !error; i++) {
    char *path;
    if (asprintf(&path, "%s%d", driver.netnsPrefix, i) < 0) exit(2);
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
  if (argc != 5) return 2;
  signal(SIGPIPE, SIG_IGN);
  driver.plugin = argv[1];
  driver.configuration = readFile(argv[2]);
  driver.netnsPrefix = argv[3];
  driver.ifname = argv[4];
  driver.results = calloc(attachmentLimit, sizeof *driver.results);
  char *brace = strrchr(driver.configuration, '}');
  if (!brace || !driver.results) return 2;
  *brace = 0;
  for (char line[8192]; fgets(line, sizeof line, stdin);) {
    obey(line);
    fflush(stdout);
  }
  return 0;
}
