// What the tests need of the distribution. Debian's packages are installed where that is possible.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

const probes = {
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  nftables: 'nft',
  iproute2: 'ip',
  iptables: 'iptables',
  podman: 'podman',
  runc: 'runc',
  conmon: 'conmon',
  strace: 'strace',
  'busybox-static': 'busybox',
  'iputils-ping': 'ping',
  'util-linux': 'nsenter',
  conntrack: 'conntrack',
  socat: 'socat',
  iperf3: 'iperf3',
}

/** Names of the packages that are not there. */
export function missingPackages() {
  return Object.entries(probes)
    .filter(([, probe]) => !isThere(probe))
    .map(([name]) => name)
}

/** Installs what is missing, quietly. Returns what is still missing afterwards, and why. */
export function providePackages() {
  const missing = missingPackages()
  if (missing.length === 0) return { missing, reason: '' }
  if (process.getuid() !== 0) return { missing, reason: 'only root can install packages' }
  if (!isThere('apt-get')) return { missing, reason: 'there is no apt-get' }
  console.log(`installing ${missing.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]) {
    const { status, stdout, stderr, error } = spawnSync('apt-get', args, {
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    })
    if (status !== 0)
      return {
        missing: missingPackages(),
        reason: `apt-get ${args[0]}: ${error?.message ?? lastLines(stderr || stdout)}`,
      }
  }
  return { missing: missingPackages(), reason: 'apt-get install did not bring it' }
}

function isThere(probe) {
  const paths = probe.startsWith('/')
    ? [probe]
    : `${process.env.PATH}:/usr/sbin:/sbin`.split(':').map(directory => `${directory}/${probe}`)
  return paths.some(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function lastLines(text) {
  return text.trim().split('\n').slice(-3).join(' / ')
}
