// The launcher in a dist tree of its own, with stub bundles that say what they were given.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Connection, FakeResident, type Request, residentSocket } from './fake-resident.js'
import { distDir } from './needs.js'
import { endProcesses, processesWithEnv } from './processes.js'

// Both stubs say what they were given. The resident's stays, and serves if the test put a file "serve" there.
const oneShotStub = `
const fs = require('fs')
fs.appendFileSync(process.env.TEST_ROOT + '/one-shots', 'x')
const stdin = ['VERSION', undefined].includes(process.env.CNI_COMMAND) ? null : fs.readFileSync(0, 'latin1')
fs.writeSync(1, JSON.stringify({ argv: process.argv, execArgv: process.execArgv, env: process.env, stdin }))
process.exitCode = 3
`
const residentStub = (root: string) => `
const fs = require('fs')
const link = path => { try { return fs.readlinkSync(path) } catch { return '' } }
const fds = fs.readdirSync('/proc/self/fd').map(fd => fd + ' ' + link('/proc/self/fd/' + fd))
const stat = fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')
const about = { pid: process.pid, env: process.env, cwd: process.cwd(), session: Number(stat[3]), fds, umask: process.umask() }
fs.appendFileSync('${root}/residents', JSON.stringify(about) + '\\n')
if (fs.existsSync('${root}/fail')) process.exit(5)
if (fs.existsSync('${root}/serve'))
  import('${distDir}/lib/test/helpers/fake-resident.js').then(({ FakeResident, reply }) => {
    new FakeResident(process.env.PLUMBLINE_RESIDENT_SOCKET, async (request, connection) => {
      await connection.send('A')
      await connection.send(reply(0, 'served'))
      connection.close()
    })
  })
else setInterval(() => {}, 1000)
`

/** How a launch ended, once everybody had let go of its pipes. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What the one-shot stub printed, if it ran. */
  readonly oneShot?: { argv: string[]; execArgv: string[]; env: Record<string, string>; stdin: string | null }
}

export interface LaunchOptions {
  readonly env?: Record<string, string | undefined>
  /** null: keep the pipe open and write nothing. */
  readonly stdin?: string | Uint8Array | null
  /** A shell script in which "$0" is the launcher. */
  readonly script?: string
}

/** A dist tree with one launcher and two stubs, and a run directory, all gone when the test ends. */
export interface Tree {
  readonly root: string
  readonly runDir: string
  readonly socket: string
  launch(options?: LaunchOptions): Promise<Outcome>
  resident(respond: (request: Request, connection: Connection) => void): void
  /** What started residents said of themselves. */
  residents(): {
    pid: number
    env: Record<string, string>
    cwd: string
    session: number
    fds: string[]
    umask: number
  }[]
  oneShots(): number
  write(name: string, text: string): void
}

export function launcherTree(t: Test): Tree {
  const root = mkdtempSync(join(tmpdir(), `plumbline-launcher-${process.pid}-`))
  const runDir = `${root}/run`
  const running: ChildProcess[] = []
  t.teardown(async () => {
    for (const child of running) child.kill('SIGKILL')
    await endProcesses(processesWithEnv('PLUMBLINE_RUN_DIR', runDir))
    rmSync(root, { recursive: true, force: true })
  })
  for (const directory of ['bin', 'cni', 'bundle'])
    mkdirSync(`${root}/dist/${directory}`, { recursive: true })
  copyFileSync(`${distDir}/bin/plumbline-launcher`, `${root}/dist/bin/plumbline-launcher`)
  symlinkSync('../bin/plumbline-launcher', `${root}/dist/cni/bridge`)
  writeFileSync(`${root}/dist/bundle/cni.cjs`, oneShotStub)
  writeFileSync(`${root}/dist/bundle/resident.cjs`, residentStub(root))
  const socket = residentSocket(runDir)
  const lines = (name: string) =>
    existsSync(`${root}/${name}`) ? readFileSync(`${root}/${name}`, 'utf8') : ''

  const launch = (options: LaunchOptions = {}) =>
    new Promise<Outcome>((resolve, reject) => {
      const wanted: Record<string, string | undefined> = {
        PATH: '/usr/bin:/bin',
        CNI_COMMAND: 'ADD',
        PLUMBLINE_RUN_DIR: runDir,
        TEST_ROOT: root,
        ...options.env,
      }
      const env = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined))
      const file = `${root}/dist/cni/bridge`
      const command = options.script === undefined ? [file] : ['/bin/sh', '-c', options.script, file]
      const child = spawn(command[0]!, command.slice(1), { env: env as Record<string, string> })
      running.push(child)
      const out: Buffer[] = []
      const err: Buffer[] = []
      child.stdout.on('data', data => out.push(data))
      child.stderr.on('data', data => err.push(data))
      child.on('error', reject)
      // Not 'exit': everybody must have let go of the pipes.
      child.on('close', code => {
        const stdout = Buffer.concat(out).toString('latin1')
        const outcome = { code, stdout, stderr: Buffer.concat(err).toString() }
        resolve(stdout.startsWith('{"argv"') ? { ...outcome, oneShot: JSON.parse(stdout) } : outcome)
      })
      child.stdin.on('error', () => {})
      if (options.stdin !== null) child.stdin.end(options.stdin ?? '{}')
    })

  return {
    root,
    runDir,
    socket,
    launch,
    resident(respond) {
      mkdirSync(runDir, { recursive: true, mode: 0o700 })
      const resident = new FakeResident(socket, respond)
      t.teardown(() => resident[Symbol.dispose]())
    },
    residents: () =>
      lines('residents')
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line)),
    oneShots: () => lines('one-shots').length,
    write: (name, text) => writeFileSync(`${root}/${name}`, text),
  }
}
