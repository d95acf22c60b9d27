// What the resident has to say for itself, when no caller is there to hear it: lines in a file that never grows large.
import { appendFileSync, renameSync, statSync } from 'node:fs'

const MAX_BYTES = 256 << 10

/** Appends lines to a file. Once it is full, it is put aside (`….old`, in the place of the one before) and begun anew. */
export function logFile(path: string): (line: string) => void {
  return line => {
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) renameSync(path, `${path}.old`)
    appendFileSync(path, `${line}\n`, { mode: 0o600 })
  }
}
