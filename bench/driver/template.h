// Configurations that differ from attachment to attachment: a host port belongs to one of them only.
#pragma once

// A copy of `text` in which every JSON string of the form "{i*A+B}" has become the number attachment * A + B.
// To be freed by the caller.
char *fillIn(const char *text, long attachment);
