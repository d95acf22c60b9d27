// Compiles the native parts of the bench into dist/bench: the driver, the program that does nothing, the traffic.
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync } from 'node:fs'

export function buildDriver() {
  mkdirSync('dist/bench', { recursive: true })
  const flags = ['-O2', '-Wall', '-Wextra', '-static']
  const sources = (room, ...names) => names.map(name => `bench/${room}/${name}.c`)
  compile('driver', sources('driver', 'driver', 'chain', 'template', 'operation', 'netns'), [
    ...flags,
    '-pthread',
  ])
  compile('noop', sources('driver', 'noop'), [...flags, '-nostdlib', '-nostartfiles'])
  compile('traffic', sources('traffic', 'main', 'tcp', 'udp'), flags)
}

/** The program is there at every moment, the old one or the new: somebody else may be running it. */
function compile(name, sources, flags) {
  const fresh = `dist/bench/.${name}.${process.pid}`
  execFileSync(process.env.CC ?? 'cc', [...flags, '-o', fresh, ...sources], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  renameSync(fresh, `dist/bench/${name}`)
}
