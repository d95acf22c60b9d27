// Captures what ip, bridge, tc, conntrack and ss say to the kernel and what it answers: `node tools/capture.mjs [area…]` as root writes
// test/golden/<area>.json. Each area has a network namespace of its own, which ends with the tool. The tools run under
// strace, whose hexdumps of the messages are kept; sequence and port numbers, which differ each time, are made zero.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { areas } from './capture/commands.mjs'

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const RTM_NEWLINK = 16
const self = fileURLToPath(import.meta.url)
const [mode, ...rest] = process.argv.slice(2)

if (mode === '--inside') captureArea(rest[0])
else
  for (const area of mode === undefined ? Object.keys(areas) : [mode, ...rest])
    execFileSync('unshare', ['-n', process.execPath, self, '--inside', area], { stdio: 'inherit' })

function captureArea(area) {
  const { setup = [], commands } = areas[area]
  for (const command of setup) execFileSync('/bin/sh', ['-ec', command], { stdio: 'inherit' })
  const seen = new Set()
  const captures = commands.map(command => captureCommand(command, seen))
  const tool = toolOf(area)
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').match(/^\d+\.\d+/)[0]
  const file = join(self, '../../test/golden', `${area}.json`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify({ tool, kernel, setup, captures }, null, 1)}\n`)
  const refused = captures.filter(({ error }) => error !== undefined)
  process.stdout.write(`${area}: ${captures.length} commands, ${refused.length} refused\n`)
  for (const { command, error } of refused) process.stdout.write(`  ${command}\n    ${error}\n`)
}

/** Name and version of what makes an area's messages. */
function toolOf(area) {
  const [program, pattern] = area.startsWith('conntrack/')
    ? ['conntrack', /conntrack v[\d.]+/]
    : ['ip', /iproute2-[\d.]+/]
  return execFileSync(program, ['-V'], { encoding: 'utf8' }).match(pattern)[0]
}

/**
 * `sent` and `received` are messages in hex. Left out are acknowledgements and ends of dumps that say nothing, and what
 * an earlier command of the area sent or received already, and links that were looked up just for their names.
 */
function captureCommand(command, seen) {
  const trace = join(tmpdir(), `capture-${process.pid}`)
  const calls = 'trace=sendmsg,sendto,recvmsg,recvfrom'
  const args = ['-e', calls, '-e', 'write=all', '-e', 'read=all', '-o', trace, ...command.split(' ')]
  const run = spawnSync('strace', args, { encoding: 'utf8' })
  const datagrams = datagramsOf(readFileSync(trace, 'utf8'))
  rmSync(trace)
  const messages = datagrams.flatMap(({ sent, bytes }) => messagesOf(bytes).map(hex => ({ sent, hex })))
  const fresh = messages.filter(({ sent, hex }) => {
    const lookedUp =
      !sent && Buffer.from(hex, 'hex').readUInt16LE(4) === RTM_NEWLINK && !/link .*show/.test(command)
    return !lookedUp && !seen.has(hex) && seen.add(hex)
  })
  const of = wanted => fresh.filter(({ sent }) => sent === wanted).map(({ hex }) => hex)
  const error = run.status === 0 ? {} : { error: run.stderr.trim().split('\n')[0] }
  return { command, ...error, sent: of(true), received: of(false) }
}

/** strace prints a line for each call, and below it rows such as ` | 00010  14 00 00 00 10 00 01 00  00 00 …  text |`. */
function datagramsOf(trace) {
  const datagrams = []
  for (const line of trace.split('\n')) {
    const call = /^(send|recv)/.exec(line)
    const row = /^ \| [0-9a-f]+ {2}(.{48})/.exec(line)
    if (call) datagrams.push({ sent: call[1] === 'send', hex: '' })
    else if (row) datagrams.at(-1).hex += row[1].replaceAll(' ', '')
  }
  return datagrams.map(({ sent, hex }) => ({ sent, bytes: Buffer.from(hex, 'hex') }))
}

function messagesOf(bytes) {
  const messages = []
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    // A dump is asked for with a longer, empty buffer.
    if (length < 16) break
    const message = Buffer.from(bytes.subarray(at, at + length))
    const type = message.readUInt16LE(4)
    message.fill(0, 8, 16)
    // The request that failed stands in the error, with a sequence number of its own.
    if (type === NLMSG_ERROR) message.fill(0, 28, 32)
    if (!((type === NLMSG_ERROR || type === NLMSG_DONE) && message.readInt32LE(16) === 0))
      messages.push(message.toString('hex'))
    at += (length + 3) & ~3
  }
  return messages
}
