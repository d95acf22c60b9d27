// What the resident writes to stderr goes through a pipe of ours. So it never holds a descriptor of the
// caller's, who waits for the end of his pipe even where a hung resident has made us fall back; and it never
// blocks on a caller who does not read.
#include <fcntl.h>
#include <unistd.h>

#include "launcher.h"

static int ends[2] = { -1, -1 };

long open_stderr(void)
{
  long result = ends[1] >= 0 ? 0 : SYS_2(pipe2, ends, O_CLOEXEC | O_NONBLOCK);
  for (int i = 0; i < 2 && result >= 0; i++)
    result = ends[i] = (int)above_stdio(ends[i]);
  return result;
}

int stderr_source(void)
{
  return ends[0];
}

// We hold both ends, so that it never ends; and whether our own stderr takes it is nobody's concern.
void pass_stderr(void)
{
  char lines[4096];
  for (long size; (size = RETRY(SYS_3(read, ends[0], lines, sizeof lines))) > 0;)
    write_all(STDERR_FILENO, lines, (size_t)size);
}
