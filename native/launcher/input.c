// The network configuration on stdin.
#include <poll.h>

#include "launcher.h"

// One byte more than allowed, to notice it. Pages that are never touched cost nothing.
static char input[INPUT_LIMIT + 1];

static long read_some(size_t at)
{
  for (;;) {
    long result = RETRY(SYS_3(read, 0, input + at, sizeof input - at));
    if (result != -EAGAIN)
      return result;
    struct pollfd readable = { .fd = 0, .events = POLLIN };
    SYS_5(ppoll, &readable, 1, NULL, NULL, 0);
  }
}

void read_input(void)
{
  // Without a command it is a person who asks what this is, and VERSION has nothing to read.
  if (!call.command || equal(call.command, "VERSION"))
    return;
  size_t size = 0;
  for (long got; (got = read_some(size)) != 0; size += (size_t)got) {
    if (got < 0)
      fail(CNI_IO, JOIN("cannot read the network configuration from stdin: ", errno_name(got)), NULL);
    if (size + (size_t)got > INPUT_LIMIT)
      fail(CNI_IO, JOIN("the network configuration on stdin is longer than 4 MiB"), NULL);
  }
  call.input = input;
  call.input_size = size;
  call.has_input = true;
}
