// Locks between processes: flock(2) on a file. Within this process callers queue in order of arrival,
// so that at most one thread a file ever waits in the kernel.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { addon } from '../native/addon.js'
import { check, checkFs } from './error.js'

const LOCK_EX = 2
const LOCK_NB = 4
const EWOULDBLOCK = 11

/** The last in the queue of each path; a path without an entry is free in this process. */
const tails = new Map<string, Promise<void>>()

/** Takes an exclusive lock on the file at `path`, making it (0600) when it is not there. Dispose to release. */
export async function lockFile(path: string): Promise<Disposable> {
  const before = tails.get(path)
  let leave = (): void => {}
  const tail = new Promise<void>(resolve => {
    leave = () => {
      if (tails.get(path) === tail) tails.delete(path)
      resolve()
    }
  })
  tails.set(path, tail)
  if (before !== undefined) await before
  try {
    const fd = await lockedFd(path)
    return {
      [Symbol.dispose]: () => {
        closeSync(fd)
        leave()
      },
    }
  } catch (error) {
    leave()
    throw error
  }
}

async function lockedFd(path: string): Promise<number> {
  for (;;) {
    const fd = checkFs('lock', path, () => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600))
    try {
      let result = addon.flock(fd, LOCK_EX | LOCK_NB)
      if (result === -EWOULDBLOCK) result = await addon.flockOnThread(fd, LOCK_EX)
      check('lock', path, result)
      if (isStillAt(fd, path)) return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
    // Somebody removed the file between our open and our lock: others lock another file of that name.
    closeSync(fd)
  }
}

function isStillAt(fd: number, path: string): boolean {
  const held = fstatSync(fd)
  const there = statSync(path, { throwIfNoEntry: false })
  return there !== undefined && there.ino === held.ino && there.dev === held.dev
}
