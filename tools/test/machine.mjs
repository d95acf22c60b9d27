// What is on the machine that a test could leave there: seen before and after, nothing may have been added.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Everything of interest as a set of lines, `kind: thing`. */
export function machineState() {
  return new Set([
    ...namespaces(),
    ...lines(
      'link',
      run('ip', ['-br', 'link']).map(line => line.split(/[\s@]/)[0]),
    ),
    ...lines('nft table', run('nft', ['list', 'tables'])),
    ...lines(
      'qdisc',
      run('tc', ['qdisc', 'show']).map(line => line.split(' refcnt')[0]),
    ),
    ...lines(
      'forwarding',
      ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'].map(key => `${key} = ${sysctl(key)}`),
    ),
    ...processes(),
    ...['/run/plumbline', '/var/lib/plumbline', '/var/lib/cni', '/run/cni', '/etc/cni/net.d'].flatMap(
      directory => lines('file', tree(directory)),
    ),
    ...lines(
      'file',
      entries(tmpdir())
        .filter(name => name.startsWith('plumbline'))
        .map(name => `${tmpdir()}/${name}`),
    ),
    ...cgroups(),
  ])
}

/** Lines of `after` that `before` did not have. */
export function added(before, after) {
  return [...after].filter(line => !before.has(line)).sort()
}

/** Waits a while for what is still being torn down; returns what stays. */
export async function leftovers(before, patienceMs = 10_000) {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const left = added(before, machineState())
    if (left.length === 0 || Date.now() > deadline) return left
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

function namespaces() {
  const mounted = read('/proc/self/mountinfo')
    .split('\n')
    .filter(line => / - nsfs /.test(line) || /plumbline/.test(line.split(' ')[4] ?? ''))
    .map(line => line.split(' ')[4])
  const inUse = pids().map(pid => link(`/proc/${pid}/ns/net`))
  return [...lines('mount', mounted), ...lines('namespace in use', inUse.filter(Boolean))]
}

/** Processes of ours: by what they run, or by the run directory they were given. */
function processes() {
  const ours = /\/bundle\/(resident|cni|cli|demo)\.cjs|plumbline-(launcher|init|resident)/
  return lines(
    'process',
    pids()
      .filter(pid => pid !== String(process.pid))
      .map(pid => ({
        pid,
        command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
        env: read(`/proc/${pid}/environ`),
      }))
      .filter(({ command, env }) => ours.test(command) || /(^|\0)PLUMBLINE_RUN_DIR=/.test(env))
      .map(({ pid, command }) => `${pid} ${command}`),
  )
}

function cgroups() {
  const found = entries('/sys/fs/cgroup').flatMap(name =>
    entries(`/sys/fs/cgroup/${name}`)
      .filter(inner => inner.includes('plumbline'))
      .map(inner => `/sys/fs/cgroup/${name}/${inner}`),
  )
  const top = entries('/sys/fs/cgroup').filter(name => name.includes('plumbline'))
  return lines('cgroup', [...found, ...top])
}

function tree(directory) {
  return entries(directory).flatMap(name => {
    const path = `${directory}/${name}`
    return [path, ...tree(path)]
  })
}

function entries(directory) {
  try {
    return readdirSync(directory)
  } catch {
    return [] // not there, or not a directory
  }
}

function pids() {
  return entries('/proc').filter(name => /^\d+$/.test(name))
}

function run(command, args) {
  const { status, stdout } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return status === 0 ? stdout.split('\n').filter(line => line !== '') : []
}

function sysctl(key) {
  return read(`/proc/sys/net/${key}`).trim()
}

function read(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function link(path) {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

const lines = (kind, things) => things.map(thing => `${kind}: ${thing}`)
