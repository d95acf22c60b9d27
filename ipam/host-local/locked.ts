// From a directory to its leases: lock, open, work, leave the index valid, unlock.

import { CniCode, CniError } from '../../cni/error.js'
import { toCniError } from '../../cni/failure.js'
import { shortHash } from '../../cni/hash.js'
import type { Logger } from '../../cni/log.js'
import { isErrno } from '../../kernel/error.js'
import { lockFile } from '../../kernel/lock.js'
import type { Files } from './files.js'
import { Leases, type Machine } from './leases.js'

export interface Place {
  /** `<dataDir>/<network>` */
  readonly directory: string
  readonly runDir: string
  readonly machine: Machine
  readonly log: Logger
}

/**
 * Runs `body` under the directory's lock. It is synchronous: this process serves other calls at the same time, and nothing
 * may come between finding an address free and taking it. Undefined, and nothing done, when there is no such directory.
 */
export async function withLeases<T>(place: Place, body: (leases: Leases) => T): Promise<T | undefined> {
  const { directory, log } = place
  let lock: Disposable
  try {
    lock = await lockFile(`${directory}/lock`)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    // A read-only or full disk is not the kernel refusing us a link.
    const { message, details } = toCniError(error)
    throw new CniError(CniCode.io, message, details, { cause: error })
  }
  using _lock = lock
  using leases = new Leases(directory, indexPath(place), place.machine)
  if (leases.outlived > 0)
    log.info('leases of an earlier boot released', { directory, released: leases.outlived })
  return body(leases)
}

/** One index a lease directory. Two directories with one hash would only take the index from each other. */
export function indexPath({ runDir, directory }: Pick<Place, 'runDir' | 'directory'>): string {
  const network = directory.slice(directory.lastIndexOf('/') + 1)
  return `${runDir}/ipam/${network.slice(0, 150)}-${shortHash(directory, 12)}`
}

export function makeDirectory(files: Files, path: string): void {
  files.mkdirSync(path, { recursive: true, mode: 0o755 })
}

/** Throws when a directory that isn't there could not be made: its nearest ancestor can't be written to. */
export function checkWritable(files: Files, path: string): void {
  let ancestor = path
  while (ancestor !== '/' && files.statSync(ancestor, { throwIfNoEntry: false }) === undefined)
    ancestor = ancestor.slice(0, ancestor.lastIndexOf('/')) || '/'
  if (!files.statSync(ancestor).isDirectory())
    throw Object.assign(new Error(`ENOTDIR: not a directory, '${ancestor}'`), {
      code: 'ENOTDIR',
      syscall: 'mkdir',
    })
  files.accessSync(ancestor, W_OK)
}

const W_OK = 2
