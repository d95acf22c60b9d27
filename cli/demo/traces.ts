// What the demo changes on the machine beside its containers, seen before and put back after.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ContainerStore } from '../../runtime/container/state.js'
import { libcniOf, type Settings } from '../../runtime/settings.js'
import { residentPid, stopResident } from '../resident-process.js'

const switches = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding'] as const

export interface Traces {
  readonly sysctls: ReadonlyMap<string, string>
  readonly resident: boolean
  readonly runDir: boolean
  readonly stateDir: boolean
}

export function lookAround(settings: Settings): Traces {
  const present = switches.filter(name => existsSync(`/proc/sys/${name}`))
  return {
    sysctls: new Map(present.map(name => [name, readSysctl(name)])),
    resident: residentPid(settings) !== undefined,
    runDir: existsSync(settings.runDir),
    stateDir: existsSync(settings.stateDir),
  }
}

/** Puts back what differs from `before`; says what, in words. */
export async function putBack(settings: Settings, before: Traces): Promise<string[]> {
  const done: string[] = []
  if (!before.resident && (await stopResident(settings)) !== undefined) done.push('resident stopped')
  for (const [name, value] of before.sysctls) {
    const now = readSysctl(name)
    if (now === value) continue
    writeFileSync(`/proc/sys/${name}`, value)
    done.push(`${name.replaceAll('/', '.')} was set to ${now}, is ${value} again`)
  }
  const inUse = new ContainerStore(settings.runDir).list().length + libcniOf(settings).cache.list().length > 0
  for (const [directory, wasThere] of [
    [settings.runDir, before.runDir],
    [settings.stateDir, before.stateDir],
  ] as const) {
    if (wasThere || inUse || !existsSync(directory)) continue
    rmSync(directory, { recursive: true })
    done.push(`${directory} removed`)
  }
  return done
}

function readSysctl(name: string): string {
  return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
}
