// Settings and the plugin's environment, in one pass.
#include "launcher.h"

enum { ACCEPT_TIMEOUT_MS = 5000 };

static const char *mode_name, *accept_timeout;

static const struct {
  const char *prefix;
  const char **value;
} wanted[] = {
  { "CNI_COMMAND=", &call.command },
  { "CNI_NETNS=", &call.netns },
  { "PATH=", &call.path },
  { "PLUMBLINE_NODE=", &call.node },
  { "PLUMBLINE_RUN_DIR=", &call.run_dir },
  { "PLUMBLINE_RESIDENT=", &mode_name },
  { "PLUMBLINE_ACCEPT_TIMEOUT_MS=", &accept_timeout },
};

// The first two make Node slow or strange; the others are ours to tell.
static const char *const dropped[] = {
  "NODE_OPTIONS=",
  "NODE_EXTRA_CA_CERTS=",
  "PLUMBLINE_PLUGIN=",
  "PLUMBLINE_NETNS_ERRNO=",
};

static bool is_dropped(const char *entry)
{
  for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
    if (after(entry, dropped[i]))
      return true;
  return false;
}

// As getenv(3): the first of several counts. Empty is as good as not set.
static void note(const char *entry)
{
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    const char *value = after(entry, wanted[i].prefix);
    if (value && !*wanted[i].value && *value != '\0')
      *wanted[i].value = value;
  }
}

static enum mode parse_mode(void)
{
  if (!mode_name || equal(mode_name, "auto"))
    return RESIDENT_AUTO;
  if (equal(mode_name, "off"))
    return RESIDENT_OFF;
  if (equal(mode_name, "require"))
    return RESIDENT_REQUIRE;
  fail(CNI_INVALID_ENVIRONMENT, JOIN("PLUMBLINE_RESIDENT: \"", mode_name, "\" is not a mode"),
       JOIN("use auto, off or require"));
}

void read_environment(char **environment)
{
  call.environment = environment;
  char **kept = environment;
  for (char **entry = environment; *entry; entry++) {
    if (is_dropped(*entry))
      continue;
    note(*entry);
    *kept++ = *entry;
  }
  *kept = NULL;

  call.mode = parse_mode();
  call.accept_timeout_ms = accept_timeout ? parse_number(accept_timeout) : ACCEPT_TIMEOUT_MS;
  if (call.accept_timeout_ms <= 0)
    fail(CNI_INVALID_ENVIRONMENT,
         JOIN("PLUMBLINE_ACCEPT_TIMEOUT_MS: \"", accept_timeout, "\" is not a number of milliseconds"), NULL);
  // The resident lives in /, so a relative directory would be another one there.
  if (!call.run_dir)
    call.run_dir = "/run/plumbline";
  else if (*call.run_dir != '/')
    fail(CNI_INVALID_ENVIRONMENT,
         JOIN("PLUMBLINE_RUN_DIR: \"", call.run_dir, "\" is not an absolute path"), NULL);
}
