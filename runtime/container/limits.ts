// Amounts as people write them: 512m of memory, half a processor.
import { RuntimeError } from '../error.js'

export interface Limits {
  /** Bytes. */
  readonly memory?: number
  /** Processors; 0.5 is half of one. */
  readonly cpus?: number
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
}
const minMemory = 4 * 2 ** 20

/** Bytes of `512m`, `1g`, `1.5gib`, `1048576`; units are powers of 1024. Throws a RuntimeError that says what is wrong. */
export function parseMemory(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([bkmgt]?)|([kmgt])i?b)$/i.exec(text)
  if (!match)
    throw new RuntimeError(`--memory ${JSON.stringify(text)} is no amount of memory`, 'give it as 512m or 1g')
  const bytes = Math.floor(Number(match[1]) * units[(match[2] ?? match[3] ?? '').toLowerCase()]!)
  if (bytes >= minMemory && Number.isSafeInteger(bytes)) return bytes
  throw new RuntimeError(`--memory ${text} is ${bytes} bytes`, 'give at least 4m')
}

/** Processors, with a fraction. Throws a RuntimeError that says what is wrong. */
export function parseCpus(text: string): number {
  const cpus = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN
  if (cpus >= 0.01 && cpus <= 4096) return cpus
  throw new RuntimeError(
    `--cpus ${JSON.stringify(text)} is no number of processors`,
    'give it as 0.5 or 2; the least is 0.01',
  )
}
