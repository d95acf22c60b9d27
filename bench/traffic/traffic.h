// Traffic through what was set up, measured at its ends. Every verb returns the process's exit status.
#pragma once
#include <netinet/in.h>
#include <stdint.h>

uint64_t nowNs(void);
// Sleeps until this moment of nowNs().
void sleepUntil(uint64_t ns);
struct sockaddr_in ipv4(const char *address, int port);
// Says why on stderr, with errno.
int failed(const char *what);

// TCP server on a port that closes every connection. Prints "ready" when it listens; never ends by itself.
int listenTcp(int port);
// `count` fresh TCP connections to an address, one after the other, spread over `ports` ports from `first` on, `start` being
// the number of the first connection. Prints the nanoseconds that each took as a JSON array.
int connectTcp(const char *address, int first, int ports, int start, int count);
// UDP receiver. Prints "ready", then waits for the first datagram and counts for `ms` milliseconds from that one on. Prints
// {"bins":[wire bytes in every 100 ms],"lost":datagrams that came but found the socket's buffer full}.
int sinkUdp(int port, int ms);
// UDP sender: `bits` a second on the wire for `ms` milliseconds, `segments` datagrams in one call. Ends silently.
int floodUdp(const char *address, int port, double bits, int ms, int segments);

// A full Ethernet frame of 1514 bytes (what a qdisc counts: without preamble and checksum) carries this much of UDP.
enum { payloadBytes = 1472, headerBytes = 14 + 20 + 8, frameBytes = payloadBytes + headerBytes };
