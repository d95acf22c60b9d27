// Which boot this is, and when it began: leases of an earlier boot belong to containers that are gone.
//
// The kernel tells when it booted as "now, less the time since" (btime), so when the clock is set forward during the
// boot (by NTP on a machine without a clock chip, after a virtual machine was resumed from a snapshot), btime moves
// along, past the times of files written before. Taking such a lease for an old one would give a live address
// away. Hence the beginning of a boot is the earliest time that anything known to be of this boot bears: btime, or the
// birth of a tmpfs that was mounted during start-up. A clock set back moves btime back, which only keeps more leases.
import { type Files, systemFiles } from './files.js'

export interface Boot {
  /** Differs from boot to boot (random.c: boot_id). */
  readonly id: string
  /** When it began by the clocks it had, in ms since the epoch: no lease of this boot is older. */
  startedAt(): number
}

/** Before this a clock was not set, and what it said proves nothing (2001-09-09, 1e9 s). */
export const clockUnset = 1e12

/** The boot that goes on. The id is read once a process. */
export function systemBoot(files: Files = systemFiles): Boot {
  let id: string | undefined
  return {
    get id() {
      id ??= files.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      return id
    },
    startedAt: () =>
      earliest(
        readBtime(files),
        ['/run', '/dev/shm', '/dev'].map(path => tmpfsBirth(files, path)),
      ),
  }
}

/** The earliest of btime and the evidence, leaving out evidence from before the clock was set. All in ms. */
export function earliest(btime: number, evidence: readonly (number | undefined)[]): number {
  return evidence.reduce<number>(
    (least, at) => (at !== undefined && at > clockUnset && at < least ? at : least),
    btime,
  )
}

/** `btime` of /proc/stat in ms; 0 (no lease is older) when it isn't there. */
function readBtime(files: Files): number {
  const match = /^btime (\d+)$/m.exec(files.readFileSync('/proc/stat', 'utf8'))
  return match ? Number(match[1]) * 1000 : 0
}

const TMPFS_MAGIC = 0x01021994 // linux/magic.h

function tmpfsBirth(files: Files, path: string): number | undefined {
  try {
    return files.statfsSync(path).type === TMPFS_MAGIC ? files.statSync(path).birthtimeMs : undefined
  } catch {
    return undefined // No such mount here.
  }
}
