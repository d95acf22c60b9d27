// Where the kernel enters, and the four functions that the compiler itself may call.
#include <stddef.h>

#include "launcher.h"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl start\n");
#endif

/** The stack as execve(2) leaves it: argc, the arguments, NULL, the environment, NULL. */
_Noreturn void start(long *stack)
{
  char **arguments = (char **)(stack + 1);
  launch(arguments, arguments + stack[0] + 1);
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
#if defined(__x86_64__)
  void *result = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
  return result;
#else
  for (size_t i = 0; i < size; i++)
    ((char *)to)[i] = ((const char *)from)[i];
  return to;
#endif
}

void *memmove(void *to, const void *from, size_t size)
{
  if ((char *)to <= (const char *)from)
    return memcpy(to, from, size);
  while (size-- > 0)
    ((char *)to)[size] = ((const char *)from)[size];
  return to;
}

void *memset(void *to, int byte, size_t size)
{
  for (size_t i = 0; i < size; i++)
    ((char *)to)[i] = (char)byte;
  return to;
}

int memcmp(const void *left, const void *right, size_t size)
{
  const unsigned char *a = left, *b = right;
  for (size_t i = 0; i < size; i++)
    if (a[i] != b[i])
      return a[i] - b[i];
  return 0;
}
