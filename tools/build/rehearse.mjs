// Runs the one-shot program several times in one process and saves what V8 compiled for it. See code-cache.mjs.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Script } from 'node:vm'

const filename = resolve('dist/bundle/cni.js')
const directory = fs.mkdtempSync(join(tmpdir(), 'plumbline-build-'))
const source = `(function(exports,require,module,__filename,__dirname){${fs.readFileSync(filename, 'latin1')}\n})`
const script = new Script(source, { filename })

const ranges = [[{ subnet: '10.0.0.0/16' }], [{ subnet: 'fd00::/64' }]]
const ipam = { type: 'host-local', ranges, dataDir: `${directory}/leases` }
const common = { cniVersion: '1.1.0', name: 'rehearsal', ipMasq: true, ipam }
const bridge = { ...common, type: 'bridge', isDefaultGateway: true, macspoofchk: true }
const ptp = { ...common, type: 'ptp' }

let failures = 0
try {
  await call('bridge', 'VERSION', {})
  await call('bridge', 'ADD', bridge, '/nonexistent')
  if (!process.argv.includes('--bad-input-only')) {
    failures = 0
    await rehearseAll()
  }
  if (failures === 0) fs.writeFileSync('dist/bundle/cni.cache', script.createCachedData())
} finally {
  fs.rmSync(directory, { recursive: true, force: true })
}
process.exitCode = failures > 0 ? 1 : 0

async function rehearseAll() {
  const { createNetns, removeNetns } = await import('../../dist/lib/kernel/netns.js')
  const netns = `${directory}/netns`
  createNetns(netns)
  for (const conf of [bridge, ptp]) {
    await call(conf.type, 'STATUS', conf)
    const prevResult = await call(conf.type, 'ADD', conf, netns)
    await call(conf.type, 'CHECK', { ...conf, prevResult }, netns)
    await call(conf.type, 'DEL', { ...conf, prevResult }, netns)
    await call(conf.type, 'GC', { ...conf, 'cni.dev/valid-attachments': [] })
  }
  removeNetns(netns)
}

/** One run of the program: its environment, stdin, stdout and exit are ours for as long. */
async function call(plugin, verb, conf, netns = '') {
  const { env, exit } = process
  const { readFileSync, writeSync } = fs
  let stdout = ''
  process.env = {
    PLUMBLINE_PLUGIN: plugin,
    PLUMBLINE_RUN_DIR: `${directory}/run`,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: 'rehearsal',
    CNI_NETNS: netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: resolve('dist/cni'),
  }
  fs.readFileSync = (file, options) =>
    file === 0 ? Buffer.from(JSON.stringify(conf)) : readFileSync(file, options)
  fs.writeSync = (fd, data, ...rest) => {
    if (fd > 2) return writeSync(fd, data, ...rest)
    if (fd === 1) stdout += data
    return data.length
  }
  try {
    const code = await new Promise(done => {
      process.exit = done
      const module = { exports: {} }
      const run = script.runInThisContext()
      run.call(
        module.exports,
        module.exports,
        createRequire(filename),
        module,
        filename,
        resolve('dist/bundle'),
      )
    })
    if (code !== 0) failures++
    return stdout === '' ? undefined : JSON.parse(stdout)
  } finally {
    Object.assign(process, { env, exit })
    Object.assign(fs, { readFileSync, writeSync })
  }
}
