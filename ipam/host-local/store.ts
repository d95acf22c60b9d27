// The lease directory `<dataDir>/<network>` of the reference plugin: one file an address, `last_reserved_ip.<set>`
// for the round robin, `lock` for flock(2). Everything here is done under that lock. A lease file appears whole or not
// at all, and never over another one: it is written under another name and linked to its own.
import type { Ip } from '../../wire/ip.js'
import { Ip as IpValue } from '../../wire/ip.js'
import { type Files, hasCode, isSystemError, readIfThere, unlinkIfThere, writeWhole } from './files.js'
import { leaseText, type Owner, parseLease, parseLeaseName } from './lease.js'

export interface DirectoryState {
  readonly dev: bigint
  readonly ino: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** A lease as found in the directory. Without an owner: the address is reserved by hand, or its file can't be read. */
export interface FoundLease {
  readonly ip: Ip
  readonly owner?: Owner
}

const temporaryName = '.plumbline.new'
const bootName = '.plumbline.boot'

/** Names and texts; what they mean for an allocation is the business of Leases. */
export class LeaseDirectory {
  readonly path: string
  readonly #files: Files

  constructor(path: string, files: Files) {
    this.path = path
    this.#files = files
  }

  state(): DirectoryState {
    return this.#files.statSync(this.path, { bigint: true })
  }

  /** Sets the directory's time of modification, in seconds since the epoch. */
  setTime(seconds: number): void {
    this.#files.utimesSync(this.path, seconds, seconds)
  }

  /** On a file system that other machines write to as well (linux/magic.h), as far as one can tell. */
  isShared(): boolean {
    return sharedFileSystems.has(this.#files.statfsSync(this.path).type >>> 0)
  }

  /** Links a new lease; false when the address has a file already. */
  create(ip: Ip, owner: Owner): boolean {
    const temporary = `${this.path}/${temporaryName}`
    this.#writeNew(temporary, leaseText(owner))
    try {
      this.#files.linkSync(temporary, this.#leasePath(ip))
      return true
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false
      throw error
    } finally {
      this.#files.unlinkSync(temporary)
    }
  }

  remove(ip: Ip): void {
    unlinkIfThere(this.#files, this.#leasePath(ip))
  }

  /** Who holds an address: undefined when nobody does, 'reserved' when it is no container. */
  read(ip: Ip): Owner | 'reserved' | undefined {
    let text: string | undefined
    try {
      text = readIfThere(this.#files, this.#leasePath(ip))
    } catch {
      return 'reserved' // A directory, a broken disk: whatever it is, it is in the way.
    }
    const lease = text === undefined ? 'free' : parseLease(text)
    return lease === 'free' ? undefined : lease
  }

  /** When a lease was written, in ms since the epoch. */
  timeOf(ip: Ip): number {
    return this.#files.statSync(this.#leasePath(ip)).mtimeMs
  }

  /** All leases. Clears away what killed writers left: empty files, and ours under its first name. O(leases). */
  scan(): FoundLease[] {
    const found: FoundLease[] = []
    for (const name of this.#files.readdirSync(this.path)) {
      if (name === temporaryName) this.#files.unlinkSync(`${this.path}/${name}`)
      const ip = parseLeaseName(name)
      if (ip === undefined) continue
      const lease = this.read(ip)
      if (lease === undefined) this.remove(ip)
      else found.push(lease === 'reserved' ? { ip } : { ip, owner: lease })
    }
    return found
  }

  /** How many files have the name of an address. Reads names only. */
  count(): number {
    return this.#files.readdirSync(this.path).filter(name => parseLeaseName(name) !== undefined).length
  }

  /** The address that the range set of this number gave last; undefined when unknown. */
  lastReserved(set: number): Ip | undefined {
    return IpValue.tryParse(readIfThere(this.#files, this.#lastPath(set)) ?? '')
  }

  /**
   * Overwrites in place, which leaves the directory's time alone. Killed half-way the file holds a mixture of two
   * addresses: no harm, since it only says where a search begins; for that reason failures are passed over, too.
   * (Cutting the file to nothing first would have ext4 write it to the disk on close.)
   */
  setLastReserved(set: number, ip: Ip, before: Ip | undefined): void {
    const text = ip.toString()
    let fd: number | undefined
    try {
      fd = this.#files.openSync(this.#lastPath(set), O_WRONLY | O_CREAT, 0o644)
      writeWhole(this.#files, fd, Buffer.from(text, 'latin1'))
      if (before?.toString().length !== text.length) this.#files.ftruncateSync(fd, text.length)
    } catch (error) {
      if (!isSystemError(error)) throw error
    } finally {
      if (fd !== undefined) this.#files.closeSync(fd)
    }
  }

  /** The boot in which leases of earlier ones were last released here. */
  bootId(): string | undefined {
    return readIfThere(this.#files, `${this.path}/${bootName}`)?.replace(/^boot /, '')
  }

  setBootId(id: string): void {
    const temporary = `${this.path}/${temporaryName}`
    // Begins with a word of its own: the reference plugin takes any file here for a lease whose text is a container ID.
    this.#writeNew(temporary, `boot ${id}`)
    this.#files.renameSync(temporary, `${this.path}/${bootName}`)
  }

  /** Throws unless files can be made here. */
  probe(): void {
    const temporary = `${this.path}/${temporaryName}`
    this.#writeNew(temporary, 'probe probe')
    this.#files.unlinkSync(temporary)
  }

  #writeNew(path: string, text: string): void {
    // Never truncated: what a killed writer left may be linked to a lease already.
    let fd: number
    try {
      fd = this.#files.openSync(path, 'wx', 0o644)
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
      this.#files.unlinkSync(path)
      fd = this.#files.openSync(path, 'wx', 0o644)
    }
    try {
      writeWhole(this.#files, fd, Buffer.from(text, 'utf8'))
    } finally {
      this.#files.closeSync(fd)
    }
  }

  #leasePath(ip: Ip): string {
    return `${this.path}/${ip}`
  }

  #lastPath(set: number): string {
    return `${this.path}/last_reserved_ip.${set}`
  }
}

const O_WRONLY = 1
const O_CREAT = 0o100

const sharedFileSystems: ReadonlySet<number> = new Set([
  0x6969, // NFS_SUPER_MAGIC
  0x517b, // SMB_SUPER_MAGIC
  0xff534d42, // CIFS_SUPER_MAGIC
  0xfe534d42, // SMB2_SUPER_MAGIC
  0x00c36400, // CEPH_SUPER_MAGIC
  0x65735546, // FUSE_SUPER_MAGIC
  0x01021997, // V9FS_MAGIC
  0x01161970, // GFS2_MAGIC
  0x7461636f, // OCFS2_SUPER_MAGIC
  0x0bd00bd0, // LUSTRE
  0x5346414f, // AFS_SUPER_MAGIC
  0x47504653, // GPFS
])
