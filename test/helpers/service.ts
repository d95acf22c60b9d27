// Services that say who has called, and callers: socat inside a namespace.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { until } from './processes.js'
import { plainEnv } from './sh.js'

export type Transport = 'tcp' | 'udp'

export interface ServiceOptions {
  /** Path of the namespace it runs in. */
  readonly netns: string
  readonly port: number
  readonly transport?: Transport
  /** Listen on this address only. */
  readonly address?: string
  /** What it says of itself, before the caller's address. */
  readonly greeting: string
}

/** Starts a service of both families that answers `GREETING CALLER`; resolves when it listens. It goes with the test. */
export async function serve(t: { after(fn: () => void): void }, options: ServiceOptions): Promise<void> {
  const { netns, port, transport = 'tcp', address, greeting } = options
  const family = address === undefined || address.includes(':') ? '6' : '4'
  const host = address === undefined ? '' : `,bind=${family === '6' ? `[${address}]` : address}`
  const v6only = family === '6' && address === undefined ? ',ipv6only=0' : ''
  const listen = `TCP${family}-LISTEN:${port},fork,reuseaddr${v6only}${host}`
  const words =
    transport === 'tcp'
      ? ['socat', listen, `SYSTEM:echo ${greeting} $SOCAT_PEERADDR`]
      : ['python3', '-c', answerer, address ?? '::', String(port), greeting]
  const child = enter(netns, words)
  t.after(() => end(child))
  const flag = transport === 'tcp' ? '-ltn' : '-lun'
  await until(
    () => spawnSync('nsenter', [`--net=${netns}`, 'ss', '-H', flag, `sport = :${port}`]).stdout.length > 0,
    `${greeting} to listen on ${transport} ${port}`,
  )
}

/** Of datagrams: socat's forks lose some that come close together. */
const answerer = `
import socket, sys
address, port, greeting = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, int(port)))
while True:
    _, caller = s.recvfrom(2000)
    s.sendto((greeting + ' ' + caller[0].replace('::ffff:', '')).encode(), caller)
`

export interface Call {
  /** Path of the namespace of the caller. */
  readonly netns: string
  readonly address: string
  readonly port: number
  readonly transport?: Transport
  /** The caller's own port. */
  readonly from?: number
  /** How long to wait for the answer. Local answers take milliseconds. */
  readonly seconds?: number
}

/** What the service answered, or undefined when nothing came. */
export function ask({
  netns,
  address,
  port,
  transport = 'tcp',
  from = 0,
  seconds = 5,
}: Call): string | undefined {
  const { stdout } = spawnSync('nsenter', [`--net=${netns}`, 'python3', '-c', caller], {
    encoding: 'utf8',
    timeout: 30_000,
    env: {
      ...plainEnv,
      ADDRESS: address,
      PORT: String(port),
      TRANSPORT: transport,
      FROM: String(from),
      SECONDS: String(seconds),
    },
  })
  return stdout.trim() === '' ? undefined : spelled(stdout.trim())
}

/** Connects or sends, and prints the first line that comes back. */
const caller = `
import os, socket
env = os.environ
v6 = ':' in env['ADDRESS']
tcp = env['TRANSPORT'] == 'tcp'
s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
s.settimeout(float(env['SECONDS']))
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if env['FROM'] != '0': s.bind(('', int(env['FROM'])))
try:
    s.connect((env['ADDRESS'], int(env['PORT'])))
    if not tcp: s.send(b'hello\\n')
    print(s.makefile().readline() if tcp else s.recv(2000).decode())
except OSError:
    pass
`

/** Of an IPv4 caller of an IPv6 socket, the IPv4 address; IPv6 addresses in their short form as far as is needed to compare. */
export function spelled(line: string): string {
  return line.replace(/\[([0-9a-f:.]+)\]/i, (_, text: string) => {
    const groups = text.split(':')
    if (groups.length !== 8) return text
    if (
      groups.slice(0, 5).every(group => Number.parseInt(group, 16) === 0) &&
      groups[5]!.toLowerCase() === 'ffff'
    )
      return groups
        .slice(6)
        .flatMap(group => [Number.parseInt(group.slice(0, 2), 16), Number.parseInt(group.slice(2), 16)])
        .join('.')
    return new URL(`http://[${text}]`).hostname.slice(1, -1)
  })
}

function enter(netns: string, words: readonly string[]): ChildProcess {
  return spawn('nsenter', [`--net=${netns}`, ...words], { stdio: 'ignore', detached: true })
}

/** With what it has forked. */
function end({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, 'SIGKILL')
  } catch {
    // gone
  }
}
