// Passages in tables of iptables' legacy variant, which nf_tables does not reach: the one place where a program is called. Once
// per host and family; that it was done is remembered in the run directory.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { makeDirectory } from '../../cni/directories.js'
import { messageOf } from '../../cni/failure.js'
import type { Logger } from '../../cni/log.js'
import { admittedMark } from '../guard/admit.js'

interface LegacyTables {
  /** Lists the tables that there are; looking does not make any, as the program would. */
  readonly names: string
  readonly program: string
}

const variants: readonly LegacyTables[] = [
  { names: '/proc/net/ip_tables_names', program: 'iptables-legacy' },
  { names: '/proc/net/ip6_tables_names', program: 'ip6tables-legacy' },
]

const mark = `0x${admittedMark.toString(16)}/0x${admittedMark.toString(16)}`
const ruleSpec = ['FORWARD', '-m', 'mark', '--mark', mark, '-j', 'ACCEPT']

/** How long it waits for the lock of other callers, in seconds. */
const PATIENCE = 5

/**
 * Puts our rule at the head of FORWARD where there is a table `filter` and it has not been done before. `again`: looks whether it is
 * still there. Works on this process's own namespace.
 */
export function openLegacy(runDir: string, log: Logger, again = false): void {
  for (const variant of variants) {
    const { program } = variant
    const done = markerOf(runDir, variant)
    if ((existsSync(done) && !again) || !hasFilter(variant)) continue
    const failure = iptables(program, '-C') && iptables(program, '-I')
    if (failure)
      log.warn(`${program} has a table filter, and can't be made to let containers' packets through`, {
        error: failure,
        add: `${program} -I ${ruleSpec.join(' ')}`,
      })
    remember(done, failure === undefined)
  }
}

/** Takes our rule out again. */
export function closeLegacy(runDir: string): void {
  for (const variant of variants) {
    const done = markerOf(runDir, variant)
    if (!existsSync(done)) continue
    if (hasFilter(variant)) iptables(variant.program, '-D')
    rmSync(done, { force: true })
  }
}

/** What is wrong with the passages that were made, in words; undefined when nothing is. */
export function missingFromLegacy(runDir: string): string | undefined {
  for (const variant of variants)
    if (wasOpened(markerOf(runDir, variant)) && hasFilter(variant) && iptables(variant.program, '-C'))
      return `the rule ${ruleSpec.join(' ')} is gone from ${variant.program}`
  return undefined
}

function hasFilter({ names }: LegacyTables): boolean {
  return read(names).split('\n').includes('filter')
}

/** Undefined when it worked, else what it said. */
function iptables(program: string, action: '-C' | '-I' | '-D'): string | undefined {
  const { status, stderr, error } = run(program, ['-w', String(PATIENCE), action, ...ruleSpec])
  if (error) return messageOf(error)
  return status === 0 ? undefined : stderr.trim() || `exit code ${status}`
}

function run(program: string, args: readonly string[]) {
  return spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
  })
}

function markerOf(runDir: string, { program }: LegacyTables): string {
  return `${runDir}/firewall/${program}`
}

/** Also that it did not work, which is not tried again for every container. */
function remember(marker: string, worked: boolean): void {
  makeDirectory(marker.slice(0, marker.lastIndexOf('/')))
  writeFileSync(marker, worked ? 'open\n' : 'failed\n')
}

function wasOpened(marker: string): boolean {
  return read(marker) === 'open\n'
}

/** '' where there is no such file: no ip_tables in the kernel, say. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
