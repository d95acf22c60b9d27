// What the bench sends through the networks it measures. Verbs and what they print: traffic.h.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "traffic.h"

uint64_t nowNs(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void sleepUntil(uint64_t ns) {
  struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

struct sockaddr_in ipv4(const char *address, int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
    fprintf(stderr, "'%s' is no IPv4 address\n", address);
    exit(2);
  }
  return to;
}

int failed(const char *what) {
  perror(what);
  return 1;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "listen") == 0 && argc == 3) return listenTcp(atoi(argv[2]));
  if (strcmp(verb, "connect") == 0 && argc == 7)
    return connectTcp(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
  if (strcmp(verb, "sink") == 0 && argc == 4) return sinkUdp(atoi(argv[2]), atoi(argv[3]));
  if (strcmp(verb, "flood") == 0 && argc == 7)
    return floodUdp(argv[2], atoi(argv[3]), atof(argv[4]), atoi(argv[5]), atoi(argv[6]));
  fprintf(stderr, "listen PORT | connect ADDRESS PORT PORTS START COUNT | sink PORT MS | "
                  "flood ADDRESS PORT BITS MS SEGMENTS\n");
  return 2;
}
