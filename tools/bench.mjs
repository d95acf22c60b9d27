// `npm run bench`: builds what it needs, then runs bench/main.ts. Options: see bench/README.md.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'

const compiler = process.env.CC ?? 'cc'

function buildDriver() {
  mkdirSync('dist/bench', { recursive: true })
  const sources = ['driver', 'operation', 'netns'].map(name => `bench/driver/${name}.c`)
  const flags = ['-O2', '-Wall', '-Wextra', '-static']
  run(compiler, [...flags, '-pthread', '-o', 'dist/bench/driver', ...sources])
  run(compiler, [...flags, '-nostdlib', '-nostartfiles', '-o', 'dist/bench/noop', 'bench/driver/noop.c'])
}

function run(command, args) {
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

const args = process.argv.slice(2)
if (args.includes('--help')) {
  const { help } = await import('../dist/lib/bench/options.js')
  console.log(help)
} else if (process.getuid() !== 0) {
  console.error('npm run bench makes network namespaces and needs root')
  process.exitCode = 1
} else {
  if (!existsSync('dist/cni')) run('npm', ['run', 'build'])
  run('npx', ['tsc', '-b', 'bench'])
  buildDriver()
  const { main } = await import('../dist/lib/bench/main.js')
  await main(args).catch(error => {
    console.error(error.message)
    process.exitCode = 1
  })
}
