// Network namespaces as files: made by bind-mounting a namespace onto an empty file, as `ip netns` does.
// linux/nsfs.h, linux/sched.h
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { addon } from '../native/addon.js'
import { errnoNumber } from './errno.js'
import { check, checkFs, isErrno, isNotFound, KernelError } from './error.js'

const CLONE_NEWNET = 0x40000000

/** What tells one living namespace from another. Numbers of dead ones are used again. */
export interface NetnsIdentity {
  readonly dev: number
  readonly ino: number
}

/** Makes a new namespace (its loopback down, nothing else in it) and binds it to `path`, a file that must not exist yet. */
export function createNetns(path: string): void {
  const operation = 'netns add'
  const directory = dirname(path)
  if (!existsSync(directory))
    checkFs(operation, path, () => mkdirSync(directory, { recursive: true, mode: 0o755 }))
  const { O_CREAT, O_EXCL, O_RDONLY } = constants
  closeSync(checkFs(operation, path, () => openSync(path, O_RDONLY | O_CREAT | O_EXCL, 0o444)))
  const result = addon.newNetns(path)
  if (result >= 0) return
  unlinkSync(path)
  check(operation, path, result)
}

/**
 * Unbinds the namespace from `path` and removes the file; the namespace dies with its last user.
 * Returns false when nothing was there. Refuses (EINVAL) what is neither a network namespace nor an empty file.
 */
export function removeNetns(path: string): boolean {
  const operation = 'netns delete'
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return false
  // One turn for each namespace that was bound over the last.
  while (isNetnsPath(path)) check(operation, path, addon.unmount(path))
  const left = lstatSync(path, { throwIfNoEntry: false })
  if (left === undefined) return false
  if (!left.isFile() || left.size > 0) throw notNetns(operation, path)
  checkFs(operation, path, () => unlinkSync(path))
  return true
}

/**
 * Opens the namespace at `path`; the caller closes the fd. Throws KernelError: ENOENT when there is no such file,
 * EINVAL when it is no network namespace.
 */
export function openNetns(path: string): number {
  const operation = 'netns open'
  // O_NONBLOCK: a FIFO at that path must not hang us.
  const fd = checkFs(operation, path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  if (isNetns(fd)) return fd
  closeSync(fd)
  throw notNetns(operation, path)
}

/** True when the open file is a network namespace. */
export function isNetns(fd: number): boolean {
  return addon.namespaceType(fd) === CLONE_NEWNET
}

/** Identity of an open namespace, or of the one at a path (KernelError when there is none). */
export function netnsIdentity(fdOrPath: number | string): NetnsIdentity {
  const { dev, ino } = checkFs('netns stat', String(fdOrPath), () =>
    typeof fdOrPath === 'number' ? fstatSync(fdOrPath) : statSync(fdOrPath),
  )
  return { dev, ino }
}

/** Identity of the namespace this process lives in, for good: nothing here ever moves the process to another. */
export function ownNetns(): NetnsIdentity {
  own ??= netnsIdentity('/proc/self/ns/net')
  return own
}

let own: NetnsIdentity | undefined

export function sameNetns(a: NetnsIdentity, b: NetnsIdentity): boolean {
  return a.ino === b.ino && a.dev === b.dev
}

function isNetnsPath(path: string): boolean {
  try {
    closeSync(openNetns(path))
    return true
  } catch (error) {
    if (isNotFound(error) || isErrno(error, 'EINVAL', 'ENXIO')) return false
    throw error
  }
}

function notNetns(operation: string, path: string): KernelError {
  return new KernelError(operation, path, errnoNumber('EINVAL'), { hint: 'not a network namespace' })
}
