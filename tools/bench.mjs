// `npm run bench`: builds what it needs, then runs bench/main.ts. Options: see bench/README.md.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { buildDriver } from './bench/driver.mjs'

process.chdir(new URL('..', import.meta.url).pathname)

const run = (command, args) => execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
const args = process.argv.slice(2)
try {
  if (process.getuid() !== 0) throw new Error('npm run bench makes network namespaces and needs root')
  if (existsSync('dist/cni')) run('npx', ['tsc', '-b', 'bench'])
  else run('npm', ['run', 'build'])
  buildDriver()
  const { main } = await import('../dist/lib/bench/main.js')
  process.exitCode = await main(args)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
