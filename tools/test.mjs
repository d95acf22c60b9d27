// `npm test [-- part-of-a-path …]`: sets the machine up, builds what is stale, runs tap, and says plainly how it went.
// The last line is `N passed, N failed, N skipped`.
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { leftovers, machineState } from './test/machine.mjs'
import { providePackages } from './test/packages.mjs'
import { Tally } from './test/tally.mjs'

process.chdir(new URL('..', import.meta.url).pathname)

const filters = process.argv.slice(2)
const ci = process.env.CI === 'true'
const complaints = []
const tally = new Tally((name, ok, time) =>
  console.log(`${ok ? 'ok    ' : 'not ok'} ${name.replace('dist/lib/test/', '')} ${time ?? ''}`),
)

const { missing, reason } = providePackages()
if (missing.length > 0) {
  const text = `not installed: ${missing.join(', ')} (${reason})`
  if (ci) complaints.push(text)
  else console.log(`${text}; tests that need them are skipped`)
}
try {
  build()
  await runAll()
} catch (error) {
  complaints.push(error.message)
}
if (ci && tally.passed === 0) complaints.push('nothing was tested')
report()

async function runAll() {
  const files = testFiles().filter(
    file => filters.length === 0 || filters.some(filter => file.includes(filter)),
  )
  if (files.length === 0) throw new Error(`no test file matches ${filters.join(' ')}`)
  const before = machineState()
  const code = await runTap(files)
  if (code !== 0 && tally.failed === 0) complaints.push(`tap ended with ${code}`)
  complaints.push(...(await leftovers(before)).map(line => `left on the machine: ${line}`))
}

/** Bundles and native parts when their sources are newer than the last build; TypeScript always, it knows by itself. */
function build() {
  const built = modifiedAt('dist/build-id')
  const stale = [
    'wire',
    'native',
    'kernel',
    'cni',
    'ipam',
    'plugins',
    'runtime',
    'cli',
    'tools/build',
    'package.json',
  ].some(source => newest(source) > built)
  const [command, args] = stale ? ['node', ['tools/build.mjs']] : ['npx', ['tsc', '-b']]
  execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

/** Compiled test files, the slow kinds first so that two jobs end together. */
function testFiles() {
  const slow = file => (file.includes('/integration/') ? 0 : file.includes('/conformance/') ? 1 : 2)
  return walk('test')
    .filter(file => file.endsWith('.ts') && !/^test\/(helpers|golden)\//.test(file))
    .map(file => `dist/lib/${file.replace(/\.ts$/, '.js')}`)
    .sort((a, b) => slow(a) - slow(b) || (a < b ? -1 : 1))
}

function runTap(files) {
  // Variables that slow every Node process down, or change what it does, are not the tests' business.
  const { NODE_EXTRA_CA_CERTS: _1, NODE_OPTIONS: _2, ...env } = process.env
  const child = spawn('node_modules/.bin/tap', ['run', '--reporter=tap', ...files], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout.setEncoding('utf8').on('data', chunk => tally.write(chunk))
  return new Promise(resolve =>
    child.once('close', code => {
      tally.end()
      resolve(code)
    }),
  )
}

function report() {
  for (const { name, details } of tally.failures) console.log(`\nfailed: ${name}\n${details}`)
  for (const complaint of complaints) console.log(`\nfailed: ${complaint}`)
  const reasons = groupByReason(tally.skips)
  for (const [reason, skips] of reasons) {
    console.log(`\nskipped, ${reason}:`)
    for (const { name } of skips) console.log(`  ${name.replace('dist/lib/test/', '')}`)
  }
  const failed = tally.failed + complaints.length
  console.log(`\n${tally.passed} passed, ${failed} failed, ${tally.skips.length} skipped`)
  process.exitCode = failed === 0 ? 0 : 1
}

function groupByReason(skips) {
  const groups = new Map()
  for (const skip of skips) groups.set(skip.reason, [...(groups.get(skip.reason) ?? []), skip])
  return groups
}

function walk(directory) {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = `${directory}/${entry.name}`
    return entry.isDirectory() ? walk(path) : [path]
  })
}

function newest(path) {
  const files = statSync(path).isDirectory() ? walk(path) : [path]
  return Math.max(0, ...files.map(modifiedAt))
}

function modifiedAt(path) {
  try {
    return statSync(path).mtimeMs
  } catch {
    return 0
  }
}
