// Compiles the native driver of the bench, and the program that does nothing, into dist/bench.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

export function buildDriver() {
  mkdirSync('dist/bench', { recursive: true })
  const sources = ['driver', 'operation', 'netns'].map(name => `bench/driver/${name}.c`)
  const flags = ['-O2', '-Wall', '-Wextra', '-static']
  compile([...flags, '-pthread', '-o', 'dist/bench/driver', ...sources])
  compile([...flags, '-nostdlib', '-nostartfiles', '-o', 'dist/bench/noop', 'bench/driver/noop.c'])
}

function compile(args) {
  execFileSync(process.env.CC ?? 'cc', args, { stdio: ['ignore', 'inherit', 'inherit'] })
}
