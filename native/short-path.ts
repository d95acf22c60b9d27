// Unix sockets at any path: an address (sockaddr_un) holds no more than 107 bytes of it.
import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'

const MAX_PATH = 107
const O_PATH = 0o10000000

/** Calls `listen` with `path`, or with a shorter one that leads there through a descriptor of its directory. */
export function withShortPath(path: string, listen: (path: string) => number): number {
  if (Buffer.byteLength(path) <= MAX_PATH) return listen(path)
  let directory: number
  try {
    directory = openSync(dirname(path), O_PATH | constants.O_DIRECTORY)
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -1
  }
  try {
    return listen(`/proc/self/fd/${directory}/${basename(path)}`)
  } finally {
    closeSync(directory)
  }
}
