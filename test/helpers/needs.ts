// What a test needs of the machine, asked in a form that tap's `skip` takes: false, or the reason in words.
import { accessSync, constants, existsSync } from 'node:fs'

const inPath = (...names: string[]) => {
  const missing = names.filter(name => !findInPath(name))
  return missing.length === 0 ? false : `${missing.join(', ')} not installed`
}

const answers = {
  root: () => (process.getuid?.() === 0 ? false : 'needs root'),
  /** The executables of this build. */
  plugins: () => (existsSync(`${distDir}/cni/bridge`) ? false : 'dist/cni is not built'),
  'reference-plugins': () =>
    existsSync(`${referenceDir}/bridge`) ? false : 'containernetworking-plugins not installed',
  iproute: () => inPath('ip', 'tc', 'bridge'),
  nft: () => inPath('nft'),
  iptables: () => inPath('iptables'),
  'iptables-legacy': () => inPath('iptables-legacy', 'ip6tables-legacy'),
  nsenter: () => inPath('nsenter', 'unshare'),
  ping: () => inPath('ping'),
  podman: () => inPath('podman', 'runc', 'conmon'),
  busybox: () => inPath('busybox'),
  strace: () => inPath('strace'),
  conntrack: () => inPath('conntrack'),
  ss: () => inPath('ss'),
  socat: () => inPath('socat'),
  iperf3: () => inPath('iperf3'),
  python3: () => inPath('python3'),
} satisfies Record<string, () => false | string>

export type Need = keyof typeof answers

/** False when everything is there, else why not: `{ skip: needs('root', 'nft') }`. */
export function needs(...what: readonly Need[]): false | string {
  const reasons = what.map(need => answers[need]()).filter(reason => reason !== false)
  return reasons.length === 0 ? false : reasons.join('; ')
}

/** dist/ of this build, from dist/lib/test/helpers/. */
export const distDir = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '')

/** Executables under test. PLUMBLINE_TEST_PLUGINS points the conformance suite at any other directory. */
export const pluginDir = process.env.PLUMBLINE_TEST_PLUGINS ?? `${distDir}/cni`

/** Where Debian's containernetworking-plugins puts its executables. */
export const referenceDir = '/usr/lib/cni'

export function findInPath(name: string): string | undefined {
  for (const directory of `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':')) {
    const path = `${directory}/${name}`
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not here
    }
  }
  return undefined
}
