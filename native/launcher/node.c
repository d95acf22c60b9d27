// Finding Node: runtimes may run plugins with an empty PATH. Candidates are executed until one succeeds.
#include <fcntl.h>

#include "launcher.h"

static char *const *arguments_, *const *environment_;
static long error_;

// Only absolute paths: what the working directory holds is not ours to run. A missing file hides no better
// reason.
static void attempt(const char *directory, size_t length, const char *name)
{
  TEXT(path, PATH_SIZE);
  put_bytes(&path, directory, length);
  put(&path, name);
  if (*directory != '/' || path.full)
    return;
  long result = SYS_3(execve, string_of(&path), arguments_, environment_);
  if (result != -ENOENT && result != -ENOTDIR)
    error_ = result;
}

long exec_node(char *const arguments[], char *const environment[])
{
  static const char *const usual[] = { PLUMBLINE_NODE,
                                       "/usr/local/bin/node", "/usr/bin/node", "/opt/node/bin/node" };
  arguments_ = arguments;
  environment_ = environment;
  error_ = -ENOENT;
  if (call.node)
    attempt(call.node, length_of(call.node), "");
  attempt(usual[0], length_of(usual[0]), "");
  for (const char *at = call.path; at && *at != '\0';) {
    size_t length = 0;
    while (at[length] != '\0' && at[length] != ':')
      length++;
    attempt(at, length, "/node");
    at += at[length] == ':' ? length + 1 : length;
  }
  for (size_t i = 1; i < sizeof usual / sizeof *usual; i++)
    attempt(usual[i], length_of(usual[i]), "");
  return error_;
}
