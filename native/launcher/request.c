// The conversation with the resident, on a unix stream socket. All integers are little-endian u32.
//
// We send: magic, protocol, build id (16 hex digits), length of the environment, length of stdin; the
// environment as KEY=VALUE with a NUL after each, PLUMBLINE_PLUGIN first; stdin. With the first byte go
// descriptors: a pipe to stderr, and the network namespace if CNI_NETNS could be opened; if not,
// PLUMBLINE_NETNS_ERRNO says why. We get: 'A' accepted, 'V' another build, or 'D' draining; after 'A': exit
// code, length of stdout, stdout.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

#include "launcher.h"

enum {
  MAGIC = 0x31424c50, // "PLB1"
  PROTOCOL = 1,
  // The kernel allows 6 MiB of arguments and environment together.
  BLOCK_SIZE = 8 << 20,
  REPLY_SIZE = 8 << 20,
};

struct header {
  uint32_t magic, protocol;
  char build_id[16];
  uint32_t environment_length, input_length;
};

static struct text block = { (char[BLOCK_SIZE]){ 0 }, BLOCK_SIZE, 0, false };
static long netns_fd = -1;

// Non-blocking, since CNI_NETNS may name a FIFO. What it is the plugin finds out.
static void open_netns(void)
{
  netns_fd = above_stdio(SYS_3(openat, AT_FDCWD, call.netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (netns_fd >= 0)
    return;
  put(&block, "PLUMBLINE_NETNS_ERRNO=");
  put_number(&block, (unsigned long)-netns_fd);
  put_bytes(&block, "", 1);
}

// Once, also if we ask several times. False if it does not fit.
static bool prepare(void)
{
  if (block.length > 0)
    return !block.full;
  struct header header = { .magic = MAGIC, .protocol = PROTOCOL, .input_length = (uint32_t)call.input_size };
  __builtin_memcpy(header.build_id, PLUMBLINE_BUILD_ID, sizeof header.build_id);
  put_bytes(&block, &header, sizeof header);
  put(&block, "PLUMBLINE_PLUGIN=");
  put_bytes(&block, call.type, length_of(call.type) + 1);
  if (call.netns)
    open_netns();
  for (char **entry = call.environment; *entry; entry++)
    put_bytes(&block, *entry, length_of(*entry) + 1);
  header.environment_length = (uint32_t)(block.length - sizeof header);
  __builtin_memcpy(block.data, &header, sizeof header);
  return !block.full;
}

static long connect_to(struct text *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (path->length >= sizeof address.sun_path) {
    // Too long for an address: through a descriptor of the directory.
    long directory = above_stdio(SYS_3(openat, AT_FDCWD, call.run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory < 0)
      return directory;
    TEXT(shorter, sizeof address.sun_path);
    put(&shorter, "/proc/self/fd/");
    put_number(&shorter, (unsigned long)directory);
    put(&shorter, "/");
    put(&shorter, base_name(path->data));
    path = &shorter;
  }
  __builtin_memcpy(address.sun_path, path->data, path->length);
  long fd = above_stdio(SYS_3(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd < 0)
    return fd;
  // For a resident that hangs: connect(2) waits while the queue is full, sendmsg(2) while the buffer is.
  struct timeval patience = { call.accept_timeout_ms / 1000, call.accept_timeout_ms % 1000 * 1000 };
  SYS_5(setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  long result = RETRY(SYS_3(connect, fd, &address, sizeof address));
  if (result == 0)
    return fd;
  SYS_1(close, fd);
  return result;
}

/** Whether root or our own user listens there: nobody else shall get our descriptors. */
static bool is_ours(long fd)
{
  struct {
    int pid;
    unsigned uid, gid;
  } peer;
  socklen_t size = sizeof peer;
  return SYS_5(getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == 0 || peer.uid == SYS_0(geteuid));
}

static long send_with_fds(long fd, struct iovec *parts)
{
  long stderr_fd = open_stderr();
  if (stderr_fd < 0)
    return stderr_fd;
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(2 * sizeof(int))];
  } control;
  int fds[] = { (int)stderr_fd, (int)netns_fd };
  size_t size = netns_fd < 0 ? sizeof(int) : 2 * sizeof(int);
  control.header = (struct cmsghdr){ CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS };
  __builtin_memcpy(CMSG_DATA(&control.header), fds, size);
  struct msghdr message = {
    .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)
  };
  return RETRY(SYS_3(sendmsg, fd, &message, MSG_NOSIGNAL));
}

static bool send_request(long fd)
{
  struct iovec parts[] = { { block.data, block.length }, { (char *)call.input, call.input_size } };
  long sent = send_with_fds(fd, parts);
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
  size_t left = block.length + call.input_size;
  for (; sent > 0; sent = RETRY(SYS_3(sendmsg, fd, &message, MSG_NOSIGNAL))) {
    left -= (size_t)sent;
    if (left == 0)
      return true;
    for (size_t i = 0; i < 2; i++) {
      size_t done = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
      parts[i].iov_base = (char *)parts[i].iov_base + done;
      parts[i].iov_len -= done;
      sent -= (long)done;
    }
  }
  return false;
}

/** Waits for the resident to say something, for ever if `left` is NULL. Meanwhile passes stderr on. */
static bool await(long fd, struct timespec *left)
{
  for (;;) {
    struct pollfd ready[] = { { (int)fd, POLLIN, 0 }, { stderr_source(), POLLIN, 0 } };
    // The kernel counts `left` down.
    if (RETRY(SYS_5(ppoll, ready, 2, left, NULL, 0)) <= 0)
      return false;
    if (ready[1].revents)
      pass_stderr();
    if (ready[0].revents)
      return true;
  }
}

static long receive(long fd, char *into, size_t size)
{
  return RETRY(SYS_6(recvfrom, fd, into, size, 0, NULL, NULL));
}

static _Noreturn void print_answer(long fd, char *reply, size_t got)
{
  struct __attribute__((packed)) {
    char accepted;
    uint32_t exit_code, length;
  } head;
  for (long more;; got += (size_t)more) {
    if (got >= sizeof head) {
      __builtin_memcpy(&head, reply, sizeof head);
      if (head.length > REPLY_SIZE - sizeof head)
        fail(CNI_INTERNAL, JOIN("the plumbline resident's answer is longer than 8 MiB"), NULL);
      if (got >= sizeof head + head.length) {
        pass_stderr();
        answer(reply + sizeof head, head.length, head.exit_code < 256 ? (int)head.exit_code : 1);
      }
    }
    await(fd, NULL);
    more = receive(fd, reply + got, REPLY_SIZE - got);
    if (more <= 0)
      fail(CNI_TRY_AGAIN, JOIN("the plumbline resident ended while it worked on this call"),
           JOIN("how far it came is not known; a runtime follows this with DEL"));
  }
}

// Returns if the resident has not accepted, and then it cannot any more.
static void converse(long fd)
{
  static char reply[REPLY_SIZE];
  struct timespec left = { call.accept_timeout_ms / 1000, call.accept_timeout_ms % 1000 * 1000000 };
  // After the shutdown its 'A' fails, so that it does not start; but one that was there before it still comes.
  if (!send_request(fd) || !await(fd, &left))
    SYS_2(shutdown, fd, SHUT_RDWR);
  long got = receive(fd, reply, sizeof reply);
  if (got > 0 && reply[0] == 'A')
    print_answer(fd, reply, (size_t)got);
}

enum refusal ask_resident(void)
{
  TEXT(path, PATH_SIZE);
  enum refusal refusal = NOT_ACCEPTED;
  long fd = put_resident_path(&path, ".sock");
  if (fd < 0 || (fd = connect_to(&path)) < 0)
    return refusal;
  if (!is_ours(fd))
    refusal = NOT_OURS;
  else if (prepare())
    converse(fd);
  SYS_1(close, fd);
  return refusal;
}
