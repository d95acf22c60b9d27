// The order of things. Every function called here either does its part or ends the process.
#include "launcher.h"

struct call call;

// Only calls that lead to more calls are worth a resident; VERSION comes alone, often from a person.
static bool worth_a_resident(void)
{
  static const char *const commands[] = { "ADD", "DEL", "CHECK", "GC", "STATUS" };
  for (size_t i = 0; call.command && i < sizeof commands / sizeof *commands; i++)
    if (equal(call.command, commands[i]))
      return true;
  return false;
}

_Noreturn void launch(char **arguments, char **environment)
{
  call.type = arguments[0] ? base_name(arguments[0]) : "";
  read_environment(environment);
  read_input();
  if (call.mode == RESIDENT_REQUIRE)
    require_resident();
  // A failure to start one is not this call's concern.
  if (call.mode == RESIDENT_AUTO && ask_resident() != NOT_OURS && worth_a_resident())
    start_resident();
  run_one_shot();
}
