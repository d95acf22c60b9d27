// What plugins keep on disk (leases, cursors, attachment records), read back for comparison.
import { readdirSync, readFileSync } from 'node:fs'

export interface FilesWorld {
  /** One entry per leased address: path below the data directory, and content. */
  readonly leases: Readonly<Record<string, string>>
  /** Everything else that an allocator keeps, such as the last address it gave; survives a DEL. */
  readonly cursors: Readonly<Record<string, string>>
  /** Attachment records: path below the run directory, and content. */
  readonly records: Readonly<Record<string, string>>
  /** Other files of the run directory, less the resident's own. */
  readonly run: readonly string[]
}

export function filesWorld(dataDir: string, runDir: string): FilesWorld {
  const data = Object.entries(readTree(dataDir)).filter(([path]) => !/(^|\/)\.?lock$/.test(path))
  const isLease = (path: string) => /^[0-9a-f]*[.:][0-9a-f.:]+$/i.test(path.slice(path.lastIndexOf('/') + 1))
  const run = Object.entries(readTree(runDir)).filter(
    ([path]) => !/^resident-\d+\.(sock|lock|pid|log)$/.test(path),
  )
  const isRecord = (path: string) => path.startsWith('attachments/')
  return {
    leases: Object.fromEntries(data.filter(([path]) => isLease(path))),
    cursors: Object.fromEntries(data.filter(([path]) => !isLease(path))),
    records: Object.fromEntries(run.filter(([path]) => isRecord(path))),
    run: run.filter(([path]) => !isRecord(path)).map(([path]) => path),
  }
}

/** All files below a directory by relative path; sockets and the like have empty content. */
export function readTree(root: string): Record<string, string> {
  const files: Record<string, string> = {}
  const walk = (below: string) => {
    let entries: import('node:fs').Dirent[]
    try {
      entries = readdirSync(`${root}/${below}`, { withFileTypes: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else files[path] = entry.isFile() ? readFileSync(`${root}/${path}`, 'utf8') : ''
    }
  }
  walk('')
  return files
}
