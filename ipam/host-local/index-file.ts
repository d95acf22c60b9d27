// The file of an index, and when it may be believed.
//
// Every change of a lease directory, whoever makes it, sets the directory's time of modification to the present. When
// an index has been brought up to date its writer sets that time to a *mark*: a moment in the past, drawn when
// the index was made and kept in its header. So the index is valid if and only if the directory bears its
// mark (and is the same directory, in the same boot). Another program's change, or the death of ours between a change of
// the directory and the end of the operation, leaves a time that is not the mark, and the next operation
// makes the index anew from the lease files. A mark lies in the past lest a change within the same tick of the kernel's
// coarse clock (file times have 1 to 10 ms before Linux 6.13) go unseen. The time of the last status change, which
// nobody can set, is compared as well: it tells when somebody else has set the mark, as the restoring of a backup does.
//
// docs/adr/0003-host-local-index.md has the reasons, and what was considered besides.
import { type Files, hasCode, isSystemError } from './files.js'
import { FileBacking, replaceFile } from './index-backing.js'
import { headerSize, type IndexCounts, LeaseIndex } from './lease-index.js'
import type { DirectoryState } from './store.js'

const magic = 'PLIPAM1\n'

/** What a valid index was made for. */
export interface IndexIdentity extends DirectoryState {
  readonly bootId: string
}

export interface OpenIndex extends Disposable {
  readonly index: LeaseIndex
  /** Seconds since the epoch, to be set as the directory's time. */
  readonly mark: number
  /**
   * Writes the header back: once when all else is written and the mark not yet set, and once with the directory's state
   * after that. (Where ticks are coarse the two states can be the same, so the counts must not wait for the second.)
   */
  flush(state?: DirectoryState): void
}

const header = Buffer.alloc(headerSize)

/** Opens the index at `path`; undefined when there is none, or it belongs to another state of the directory. */
export function openIndex(files: Files, path: string, identity: IndexIdentity): OpenIndex | undefined {
  let fd: number
  try {
    fd = files.openSync(path, 'r+')
  } catch (error) {
    if (isSystemError(error)) return undefined
    throw error
  }
  const backing = new FileBacking(files, fd)
  let valid = false
  try {
    backing.read(header, headerSize, 0)
    valid = isFor(header, identity)
  } finally {
    if (!valid) files.closeSync(fd)
  }
  if (!valid) return undefined
  const index = LeaseIndex.open(backing, readCounts(header))
  const mark = header.readDoubleLE(104)
  return {
    index,
    mark,
    flush: state => {
      writeHeader(index, { ...identity, ...state }, mark)
      backing.write(header, headerSize, 0)
    },
    [Symbol.dispose]: () => files.closeSync(fd),
  }
}

/** Writes an index that was made in memory. `identity` has the directory's state after the mark was set. */
export function saveIndex(
  files: Files,
  path: string,
  index: LeaseIndex,
  identity: IndexIdentity,
  mark: number,
): void {
  const bytes = index.bytes
  if (bytes === undefined) throw new TypeError('not an index in memory')
  writeHeader(index, identity, mark)
  header.copy(bytes)
  try {
    replaceFile(files, path, bytes)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    files.mkdirSync(path.slice(0, path.lastIndexOf('/')), { recursive: true, mode: 0o700 })
    replaceFile(files, path, bytes)
  }
}

/**
 * A moment between an hour and a day ago, in seconds. `random` is from 0 to 1: two indexes of one directory (of two run
 * directories, or of a boot and the next) must not have the same mark.
 */
export function drawMark(nowMs: number, random: number): number {
  return Math.max(1, Math.floor(nowMs / 1000) - 3600 - random * 82_800)
}

/** True when a time read back is the mark, as well as the file system can keep it. */
export function bearsMark(mtimeNs: bigint, mark: number): boolean {
  return Math.abs(Number(mtimeNs) / 1e9 - mark) < 3
}

// magic 8 · boot id 48 · buckets, leases, legacy, chunks u32 · dev, ino, mtime, ctime u64 · mark f64

function isFor(bytes: Buffer, identity: IndexIdentity): boolean {
  return (
    bytes.toString('latin1', 0, 8) === magic &&
    bytes.toString('latin1', 8, 56) === identity.bootId.padEnd(48, '\0') &&
    numbersOf(identity).every((number, i) => bytes.readBigInt64LE(72 + 8 * i) === number)
  )
}

function readCounts(bytes: Buffer): IndexCounts {
  const [buckets, leases, legacy, chunks] = [56, 60, 64, 68].map(at => bytes.readUInt32LE(at)) as Quadruple
  return { buckets, leases, legacy, chunks }
}

function writeHeader(index: LeaseIndex, identity: IndexIdentity, mark: number): void {
  const { buckets, leases, legacy, chunks } = index.counts
  header.fill(0)
  header.write(magic, 0, 'latin1')
  header.write(identity.bootId.slice(0, 48), 8, 'latin1')
  for (const [i, count] of [buckets, leases, legacy, chunks].entries())
    header.writeUInt32LE(count, 56 + 4 * i)
  for (const [i, number] of numbersOf(identity).entries()) header.writeBigInt64LE(number, 72 + 8 * i)
  header.writeDoubleLE(mark, 104)
}

type Quadruple = [number, number, number, number]

function numbersOf({ dev, ino, mtimeNs, ctimeNs }: IndexIdentity): bigint[] {
  return [dev, ino, mtimeNs, ctimeNs].map(number => BigInt.asIntN(64, number))
}
