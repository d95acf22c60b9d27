// The native parts of the bench, built for a test.
import { execFileSync } from 'node:child_process'
import { findInPath, needs } from './needs.js'

/** What tap's `skip` takes. */
export const noNatives =
  needs('root', 'nsenter') || (findInPath(process.env.CC ?? 'cc') ? false : 'no compiler')

export function buildNatives(): void {
  const script = "import { buildDriver } from './tools/bench/driver.mjs'; buildDriver()"
  execFileSync('node', ['--input-type=module', '-e', script])
}
