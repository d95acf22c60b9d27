// Captures what nft sends to the kernel: `node tools/capture-nft.mjs [suite…]` as root writes test/golden/nft/<suite>.json.
// Every suite runs in a network namespace of its own; nft runs under strace, whose hexdump of sendmsg is kept.
// A capture is { command, hex }: one string a netlink message of the batch, without its begin and end.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suites } from './capture-nft-commands.mjs'

const NFNL_MSG_BATCH_BEGIN = 16
const NFNL_MSG_BATCH_END = 17
const self = fileURLToPath(import.meta.url)
const [mode, ...rest] = process.argv.slice(2)

if (mode === '--inside') captureSuite(rest[0])
else {
  const names = mode === undefined ? Object.keys(suites) : [mode, ...rest]
  for (const name of names)
    execFileSync('unshare', ['-n', process.execPath, self, '--inside', name], { stdio: 'inherit' })
}

function captureSuite(name) {
  const suite = suites[name]
  const failed = []
  if (suite.setup) execFileSync('nft', ['-f', '-'], { input: suite.setup })
  const captures = []
  for (const command of suite.commands) {
    const { messages, error } = captureCommand(command)
    if (error) failed.push(`${command}\n    ${error}`)
    if (messages.length > 0) captures.push({ command, hex: messages.map(m => m.toString('hex')) })
  }
  const tool = execFileSync('nft', ['--version'], { encoding: 'utf8' }).split(' (')[0]
  const kernel = readFileSync('/proc/sys/kernel/osrelease', 'utf8').match(/^\d+\.\d+/)[0]
  const file = join(self, '../../test/golden/nft', `${name}.json`)
  writeFileSync(file, `${JSON.stringify({ tool, kernel, setup: suite.setup, captures }, null, 1)}\n`)
  process.stdout.write(`${name}: ${captures.length} captured, ${failed.length} failed\n`)
  for (const line of failed) process.stdout.write(`  ${line}\n`)
}

/** Runs one nft command; `messages` are those of its batch, also when the kernel then refused them. */
function captureCommand(command) {
  const trace = join(tmpdir(), `capture-nft-${process.pid}`)
  const args = ['-e', 'trace=sendmsg', '-e', 'write=all', '-o', trace, 'nft', command]
  const run = spawnSync('strace', args, { encoding: 'utf8' })
  const dump = readFileSync(trace, 'utf8')
  rmSync(trace)
  const batch = buffersOf(dump).find(buffer => buffer.readUInt16LE(4) === NFNL_MSG_BATCH_BEGIN)
  return {
    messages: batch ? messagesOf(batch) : [],
    error: run.status === 0 ? undefined : run.stderr.split('\n')[0],
  }
}

/** strace prints ` | 00010  14 00 00 00 10 00 01 00  00 00 …  text |`, after ` * N bytes in buffer 0`. */
function buffersOf(dump) {
  const buffers = []
  for (const line of dump.split('\n')) {
    if (/^ \* \d+ bytes in buffer 0/.test(line)) buffers.push([])
    const row = /^ \| [0-9a-f]+ {2}(.{49})/.exec(line)
    if (row) buffers.at(-1).push(Buffer.from(row[1].replaceAll(' ', ''), 'hex'))
  }
  return buffers.map(rows => Buffer.concat(rows))
}

function messagesOf(batch) {
  const messages = []
  for (let at = 0; at < batch.length; ) {
    const length = batch.readUInt32LE(at)
    const type = batch.readUInt16LE(at + 4)
    if (type !== NFNL_MSG_BATCH_BEGIN && type !== NFNL_MSG_BATCH_END)
      messages.push(batch.subarray(at, at + length))
    at += (length + 3) & ~3
  }
  return messages
}
