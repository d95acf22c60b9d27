// Compiles the native parts of the bench into dist/bench: the driver, the program that does nothing, the traffic.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

export function buildDriver() {
  mkdirSync('dist/bench', { recursive: true })
  const flags = ['-O2', '-Wall', '-Wextra', '-static']
  const sources = (room, ...names) => names.map(name => `bench/${room}/${name}.c`)
  compile([
    ...flags,
    '-pthread',
    '-o',
    'dist/bench/driver',
    ...sources('driver', 'driver', 'chain', 'template', 'operation', 'netns'),
  ])
  compile([...flags, '-nostdlib', '-nostartfiles', '-o', 'dist/bench/noop', ...sources('driver', 'noop')])
  compile([...flags, '-o', 'dist/bench/traffic', ...sources('traffic', 'main', 'tcp', 'udp')])
}

function compile(args) {
  execFileSync(process.env.CC ?? 'cc', args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
