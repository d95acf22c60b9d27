// The native addon: what system calls Plumbline needs that Node does not offer. Descriptors and bytes only,
// no parsing. The C++ side is in native/addon/, one file for each group below.
import { fileURLToPath } from 'node:url'
import { inOrder } from './in-order.js'
import { withShortPath } from './short-path.js'

/** Something to open inside a network namespace. */
export type OpenRequest =
  /**
   * A netlink socket: AF_NETLINK SOCK_RAW, bound, with NETLINK_EXT_ACK, NETLINK_CAP_ACK, for NETLINK_ROUTE
   * NETLINK_GET_STRICT_CHK, a receive buffer of 1 MiB, and a member of the multicast `groups` (RTNLGRP_*).
   */
  | { readonly protocol: number; readonly groups?: readonly number[] }
  /** A file by open(2), for /proc/sys/net/…; a file that O_CREAT makes gets mode 0600. */
  | { readonly path: string; readonly flags: number }

/**
 * All functions return a non-negative number or `-errno` and throw for nothing the kernel says; exceptions
 * are named. Descriptors are plain numbers, always O_CLOEXEC, and belong to the caller. A system call that a
 * signal interrupts is repeated.
 */
export interface NativeAddon {
  /**
   * Opens things inside the network namespace `netns` (a descriptor of it), in a short visit of the calling
   * thread; with -1 in the current one. One result per request: a descriptor or -errno.
   * If the namespace cannot be entered, every result is the errno of that.
   */
  openIn(netns: number, requests: readonly OpenRequest[]): number[]

  /** send(2) on a socket, without SIGPIPE. Returns the bytes sent. rtnetlink does its work inside this call. */
  send(fd: number, message: Uint8Array): number
  /**
   * Receives one datagram into `into` and returns its real length, which is greater than `into.length` if it
   * was cut off (MSG_TRUNC). Waits at most `timeoutMs` (-1: for ever, 0: not at all), then it is -EAGAIN. 0
   * is the end of a stream.
   */
  recv(fd: number, into: Uint8Array, timeoutMs: number): number
  /**
   * Makes room in a socket's send buffer for a message of `size` bytes: SO_SNDBUFFORCE, or as far as SO_SNDBUF goes for who may
   * not do that. Returns 0. The buffer never shrinks.
   */
  sendBuffer(fd: number, size: number): number
  /** The port ID that a bound netlink socket has as its address. */
  netlinkPort(fd: number): number
  /**
   * Sends `message` on `fd` and receives one datagram, on a thread of its own; resolves to the datagram's
   * real length or -errno, `into` holding what fits. For requests that block their sender, as RTM_DELLINK
   * does. Never rejects. At most 64 threads; further calls wait in the order they came. `message` is copied
   * at once; `fd` must stay open until the promise settles, and one socket takes one request at a time. A
   * pending call keeps the event loop alive.
   */
  requestOnThread(fd: number, message: Uint8Array, into: Uint8Array): Promise<number>
  /**
   * The same from a process that outlives this one: it closes every descriptor but `fd` (so that pipes of our
   * caller are let go), starts a session, sends `message`, waits for one datagram and exits. Returns its pid;
   * it needs no reaping.
   */
  requestForked(fd: number, message: Uint8Array): number

  /** Makes a network namespace and keeps it by a bind mount on the existing file `bindTo`. Returns 0. */
  newNetns(bindTo: string): number
  /** Lazily unmounts `path` (MNT_DETACH). Returns 0. */
  unmount(path: string): number
  /** The CLONE_NEW* constant of a namespace's descriptor; -ENOTTY when it is none. */
  namespaceType(fd: number): number

  /** flock(2). With LOCK_NB, -EWOULDBLOCK when somebody else holds the lock. Returns 0. */
  flock(fd: number, operation: number): number
  /** flock(2) on a thread of its own, to wait: resolves to 0 or -errno. Keeps the event loop alive meanwhile. */
  flockOnThread(fd: number, operation: number): Promise<number>

  /** A listening, non-blocking unix stream socket at `path`, mode 0600. -EADDRINUSE when the file exists. */
  listenUnix(path: string, backlog: number): number
  /** The next connection, non-blocking; -EAGAIN when there is none. */
  accept(fd: number): number
  /** Who connected (or who listens, on a connecting socket), as of then: SO_PEERCRED. */
  peerCredentials(fd: number): { pid: number; uid: number; gid: number } | number
  /**
   * recvmsg(2): bytes into `into`, and up to `maxFds` (at most 253) descriptors that came with them; more are
   * dropped. `length` is -errno on failure and 0 at the end of the stream.
   */
  receiveWithFds(fd: number, into: Uint8Array, maxFds: number): { length: number; fds: number[] }

  /**
   * Calls back whenever `fd` is ready, as long as it is (level-triggered). `events` is an or of UV_READABLE
   * 1, UV_WRITABLE 2 and UV_DISCONNECT 4; `status` is 0 or -errno. Makes `fd` non-blocking. An exception of
   * the callback is an uncaught one. Throws when `fd` cannot be polled or has a poller already.
   */
  poll(fd: number, events: number, callback: (status: number, events: number) => void): Poller
}

/** Lives, and keeps the event loop alive unless `unref`ed, until it is closed: before its descriptor. */
export interface Poller {
  /** No callback comes after this, not even from within one. Closing twice is harmless. */
  close(): void
  ref(): void
  unref(): void
}

// This module is either dist/lib/native/addon.js or part of a bundle in dist/bundle/.
const dist = import.meta.url.endsWith('/native/addon.js') ? '../..' : '..'
const loaded = { exports: {} as NativeAddon }
process.dlopen(loaded, fileURLToPath(new URL(`${dist}/native/plumbline.node`, import.meta.url)))

const native = loaded.exports

const MAX_THREADS = 64
const requestOnThread = inOrder(MAX_THREADS, native.requestOnThread)

/** The loaded addon. */
export const addon: NativeAddon = {
  ...native,
  requestOnThread: (fd, message, into) => requestOnThread(fd, new Uint8Array(message), into),
  listenUnix: (path, backlog) => withShortPath(path, short => native.listenUnix(short, backlog)),
}
