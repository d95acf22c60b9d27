// Services that say who has called, and callers: socat inside a namespace.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { until } from './processes.js'

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
  const listen = `${transport.toUpperCase()}${family}-${transport === 'tcp' ? 'LISTEN' : 'RECVFROM'}:${port},fork,reuseaddr${v6only}${host}`
  const child = enter(netns, ['socat', listen, `SYSTEM:echo ${greeting} $SOCAT_PEERADDR`])
  t.after(() => end(child))
  const flag = transport === 'tcp' ? '-ltn' : '-lun'
  await until(
    () => spawnSync('nsenter', [`--net=${netns}`, 'ss', '-H', flag, `sport = :${port}`]).stdout.length > 0,
    `${greeting} to listen on ${transport} ${port}`,
  )
}

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
  from,
  seconds = 2,
}: Call): string | undefined {
  const target = address.includes(':') ? `[${address}]` : address
  const options = from === undefined ? '' : `,sourceport=${from},reuseaddr`
  const connect = `${transport.toUpperCase()}:${target}:${port}${options}`
  // Of UDP there is no end: one line is the answer.
  const command =
    transport === 'tcp'
      ? `socat -u ${connect} -`
      : `echo hello | socat -t ${seconds} - ${connect} | head -n 1`
  const { stdout } = spawnSync(
    'nsenter',
    [`--net=${netns}`, 'timeout', String(seconds), 'sh', '-c', command],
    { encoding: 'utf8', timeout: 30_000 },
  )
  return stdout.trim() === '' ? undefined : mapped(stdout.trim())
}

/** Of an IPv4 caller of an IPv6 socket, the IPv4 address; IPv6 addresses in their short form as far as is needed to compare. */
function mapped(line: string): string {
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
