// The compiled parts: the addon by node-gyp, the static executables by cc, and the links and wrapper that
// lead to them. A part is built again only when its sources or its settings changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The plugin types; each is a link to the launcher in dist/cni. */
const types = [
  'bridge',
  'ptp',
  'loopback',
  'host-local',
  'static',
  'tuning',
  'firewall',
  'portmap',
  'bandwidth',
]

/** What both executables are compiled with. */
const cFlags = ['-std=gnu11', '-Os', '-s', '-static', '-Wall', '-Wextra', '-Werror']

/**
 * The launcher has no libc: glibc's start alone (CPUID, which virtual machines trap) takes longer than all
 * that it does. See native/launcher/sys.h.
 */
const freestanding = [
  '-D_GNU_SOURCE',
  '-ffreestanding',
  '-fno-pie',
  '-no-pie',
  '-nostdlib',
  '-fno-stack-protector',
  '-fno-asynchronous-unwind-tables',
  '-fno-tree-loop-distribute-patterns',
  '-Wl,--build-id=none',
  '-Wl,-z,noseparate-code',
]

export function buildAddon() {
  const sources = [...filesOf('native/addon'), 'native/binding.gyp']
  const target = 'dist/native/plumbline.node'
  upToDate(target, sources, [process.version, process.arch, process.env.CXX ?? ''], () => {
    const require = createRequire(import.meta.url)
    // With the headers that came with this very Node, nothing has to be downloaded.
    const prefix = dirname(dirname(process.execPath))
    const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : []
    const nodeGyp = [
      require.resolve('node-gyp/bin/node-gyp.js'),
      'configure',
      'build',
      '-C',
      'native',
      '--silent',
    ]
    run(process.execPath, [...nodeGyp, ...headers])
    // A new file under the old name: a process that has the old one mapped keeps it.
    copyFileSync('native/build/Release/plumbline.node', `${target}.new`)
    renameSync(`${target}.new`, target)
  })
}

export function buildExecutables() {
  if (!existsSync('dist/build-id')) writeOut('dist/build-id', '0000000000000000')
  const defines = [
    `-DPLUMBLINE_BUILD_ID="${readFileSync('dist/build-id', 'utf8')}"`,
    `-DPLUMBLINE_NODE="${process.execPath}"`,
  ]
  compile('launcher', [...freestanding, ...defines])
  if (existsSync('native/init')) compile('init', [])
  linkTypes()
  writeCommand()
}

export function buildNative() {
  buildAddon()
  buildExecutables()
}

/** native/<name>/*.c into dist/bin/plumbline-<name>. */
function compile(name, flags) {
  const sources = filesOf(`native/${name}`)
  const target = `dist/bin/plumbline-${name}`
  const cc = process.env.CC ?? 'cc'
  const settings = [cc, ...cFlags, ...flags]
  upToDate(target, sources, settings, () => {
    const units = sources.filter(file => file.endsWith('.c'))
    run(cc, [...cFlags, ...flags, '-o', `${target}.new`, ...units])
    renameSync(`${target}.new`, target)
  })
}

// What is right already stays, so that plugins can be executed while this runs.
function linkTypes() {
  const target = '../bin/plumbline-launcher'
  mkdirSync('dist/cni', { recursive: true })
  for (const name of readdirSync('dist/cni')) if (!types.includes(name)) rmSync(`dist/cni/${name}`)
  for (const type of types) if (!existsSync(`dist/cni/${type}`)) symlinkSync(target, `dist/cni/${type}`)
}

/** dist/bin/plumbline: a shell script, since two variables make the start of Node slow or strange. */
function writeCommand() {
  const node = `'${process.execPath.replaceAll("'", `'\\''`)}'`
  writeOut(
    'dist/bin/plumbline',
    `#!/bin/sh
unset NODE_OPTIONS NODE_EXTRA_CA_CERTS
self=$(readlink -f -- "$0") || exit 1
node=${node}
[ -x "$node" ] || node=node
exec "$node" "\${self%/bin/*}/bundle/cli.cjs" "$@"
`,
  )
  chmodSync('dist/bin/plumbline', 0o755)
}

const filesOf = directory =>
  readdirSync(directory)
    .sort()
    .map(file => join(directory, file))

function writeOut(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Calls `build` unless `target` was made from these very sources and settings. */
function upToDate(target, sources, settings, build) {
  const hash = createHash('sha256')
  for (const setting of settings) hash.update(`${setting}\0`)
  for (const file of sources) hash.update(`${file}\0`).update(readFileSync(file))
  const digest = hash.digest('hex')
  const stamp = join('dist/.stamps', target.replaceAll('/', '-'))
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  mkdirSync(dirname(target), { recursive: true })
  build()
  writeOut(stamp, digest)
}

/** Runs a compiler; it is heard only when it fails, and then that is the end. */
function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status === 0) return
  console.error(
    `${stdout ?? ''}${stderr ?? ''}${command} ${args[0]}: ${error?.message ?? `exit code ${status}`}`,
  )
  process.exit(1)
}
