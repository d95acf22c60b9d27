// Delegation: how a plugin is found, run in process or executed, and what becomes of its failures.
import { closeSync, linkSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { delegateIpam } from '../../cni/delegate.js'
import { CniError } from '../../cni/error.js'
import { execPlugin } from '../../cni/exec-plugin.js'
import { findPlugin, isOwnExecutable } from '../../cni/find-plugin.js'
import { emptyResult, type Result } from '../../cni/result.js'
import { Prefix } from '../../wire/ip.js'
import { cniErrorOf, hostOf, makeCall, recordingLog, recordingPlugin } from '../helpers/calls.js'
import { needs, referenceDir } from '../helpers/needs.js'

/** A directory with executables: shell scripts by name. */
function scripts(t: Test, bodies: Record<string, string>): string {
  const dir = t.testdir()
  for (const [name, body] of Object.entries(bodies)) {
    const fd = openSync(`${dir}/${name}`, 'w', 0o755)
    writeAll(fd, body)
  }
  return dir
}

function writeAll(fd: number, body: string): void {
  writeFileSync(fd, `#!/bin/sh\n${body}\n`)
  closeSync(fd)
}

t.test('findPlugin', async t => {
  const dir = t.testdir({
    a: { same: '', 'only-a': '', directory: {} },
    b: { same: '', 'only-b': '', directory: '' },
    loop: t.fixture('symlink', 'loop'),
  })
  const path = [`${dir}/missing`, `${dir}/loop`, `${dir}/a`, `${dir}/b`]
  t.equal(findPlugin('same', path), `${dir}/a/same`)
  t.equal(findPlugin('only-b', path), `${dir}/b/only-b`)
  t.equal(findPlugin('directory', path), `${dir}/b/directory`, 'directories are passed over')
  t.equal(findPlugin('none', path), undefined)
  t.equal(findPlugin('same', []), undefined)
  for (const type of ['../a/same', 'a/same', '/bin/sh', '.', '..', 'a\\b', 'a\0b'])
    t.same(await cniErrorOf(() => findPlugin(type, path)), {
      code: 7,
      msg: `invalid plugin name: ${type}`,
      details: 'a type must not hold a path',
    })
  t.same(await cniErrorOf(() => findPlugin('', path)), { code: 7, msg: 'no plugin name provided' })
})

t.test('isOwnExecutable', async t => {
  const dir = t.testdir({ launcher: 'binary', other: 'binary', cni: {} })
  symlinkSync('../launcher', `${dir}/cni/bridge`)
  symlinkSync('bridge', `${dir}/cni/again`)
  linkSync(`${dir}/launcher`, `${dir}/cni/hard`)
  for (const name of ['launcher', 'cni/bridge', 'cni/again', 'cni/hard'])
    t.ok(isOwnExecutable(`${dir}/${name}`, `${dir}/launcher`), name)
  t.notOk(isOwnExecutable(`${dir}/other`, `${dir}/launcher`), 'a copy is another file')
  t.notOk(isOwnExecutable(`${dir}/missing`, `${dir}/launcher`))
  t.notOk(isOwnExecutable(`${dir}/other`, `${dir}/no-launcher`))
  t.notOk(isOwnExecutable(`${dir}/other`), "this build's launcher")
})

t.test('execPlugin', async t => {
  const dir = scripts(t, {
    echo: 'cat; printf "%s" "$CNI_COMMAND" >&2',
    deaf: 'exec 0<&-; echo fine',
    noisy: 'printf "one\\n\\ntwo\\nthree without end" >&2; echo "{}"',
    bytes: 'printf "\\303" >&2; printf "\\244\\n" >&2',
    cniError: `echo '{"cniVersion":"1.0.0","code":101,"msg":"pool is empty","details":"10.0.0.0/30"}'; exit 1`,
    bareError: `echo '{"code":11,"msg":"later","details":""}'; exit 3`,
    garbage: 'echo "Segmentation fault"; echo "core dumped" >&2; exit 139',
    empty: 'exit 2',
    almost: `echo '{"code":"7","msg":"x"}'; exit 1`,
    dies: 'echo "last words" >&2; kill -KILL $$',
    hangs: 'echo "thinking" >&2; sleep 1000 & wait',
    leaves: 'echo "{}"; sleep 1000 & echo $! > "$0.pid"',
    floods: 'exec cat /dev/zero',
  })
  const entries = () => {
    const log = recordingLog()
    return { log, lines: () => log.entries.filter(e => e.level === 'print').map(e => e.msg) }
  }
  const exec = (name: string, log = recordingLog(), deadlineMs?: number) =>
    execPlugin({
      path: `${dir}/${name}`,
      env: { PATH: process.env.PATH, CNI_COMMAND: 'ADD', GONE: undefined },
      stdin: `{"big":"${'x'.repeat(200_000)}"}`,
      log,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    })

  const late = Promise.all([
    cniErrorOf(() => exec('hangs', recordingLog(), 2000)),
    exec('leaves', recordingLog(), 2000),
  ])
  t.equal((await exec('echo')).length, 200_010, 'the whole stdin')
  t.equal(await exec('deaf'), 'fine\n', 'a plugin need not read')
  const noise = entries()
  t.equal(await exec('noisy', noise.log), '{}\n')
  t.same(noise.lines(), ['one', '', 'two', 'three without end'])
  const bytes = entries()
  await exec('bytes', bytes.log)
  t.same(bytes.lines(), ['ä'], 'a character in two pieces')

  t.same(await cniErrorOf(() => exec('cniError')), {
    code: 101,
    msg: 'pool is empty',
    details: '10.0.0.0/30',
  })
  t.same(await cniErrorOf(() => exec('bareError')), { code: 11, msg: 'later' })
  t.same(await cniErrorOf(() => exec('garbage')), {
    code: 104,
    msg: 'plugin "garbage" exited with 139 and printed no CNI error',
    details: 'its last words: core dumped',
  })
  t.same(await cniErrorOf(() => exec('empty')), {
    code: 104,
    msg: 'plugin "empty" exited with 2 and printed no CNI error',
  })
  t.equal((await cniErrorOf(() => exec('almost'))).code, 104)
  t.same(await cniErrorOf(() => exec('dies')), {
    code: 104,
    msg: 'plugin "dies" was killed by SIGKILL',
    details: 'its last words: last words',
  })
  t.same(await cniErrorOf(() => exec('floods')), {
    code: 104,
    msg: 'plugin "floods" printed more than 4194304 bytes',
  })
  t.same(await cniErrorOf(() => exec('missing')), { code: 104, msg: `cannot execute ${dir}/missing: ENOENT` })

  const [hangs, leaves] = await late
  t.same(hangs, {
    code: 104,
    msg: 'plugin "hangs" did not answer within 2 s',
    details: 'its last words: thinking',
  })
  t.equal(leaves, '{}\n', 'an answer counts though a child holds the pipe')
  process.kill(Number(readFileSync(`${dir}/leaves.pid`, 'utf8')))
})

t.test('an executable that is still being written', async t => {
  const dir = scripts(t, { late: 'echo fine' })
  const fd = openSync(`${dir}/late`, 'r+')
  const log = recordingLog()
  let open = true
  const info = log.info
  log.info = (msg, fields) => {
    info(msg, fields)
    if (open) closeSync(fd)
    open = false
  }
  t.equal(await execPlugin({ path: `${dir}/late`, env: {}, stdin: '', log }), 'fine\n')
  if (open) closeSync(fd)
  t.match(log.entries, [
    { level: 'info', msg: 'plugin is being written, trying again', fields: { path: `${dir}/late` } },
  ])
})

const result: Result = {
  interfaces: [],
  ips: [{ address: Prefix.parse('10.0.0.5/24') }],
  routes: [],
  dns: {},
}
const ipam = { type: 'addresses' }

t.test('in process', async t => {
  const own = recordingPlugin('addresses', { result })
  const host = hostOf(own)
  const dir = t.testdir()
  const call = makeCall({ path: [dir], conf: { ipam: { type: 'addresses' } } })
  t.same(await delegateIpam(call, ipam, host, 'ADD'), result)
  for (const verb of ['CHECK', 'GC', 'STATUS', 'DEL'] as const)
    t.equal(await delegateIpam(call, ipam, host, verb), undefined)
  t.same(
    own.calls.map(c => c.verb),
    ['parse', 'ADD', 'parse', 'CHECK', 'parse', 'GC', 'parse', 'STATUS', 'parse', 'DEL'],
  )
  const { call: inner, config } = own.calls.at(-1)!
  t.match(inner, {
    verb: 'DEL',
    plugin: 'addresses',
    containerId: 'box',
    delegated: true,
    config: call.config,
  })
  t.same(config, { parsedFor: 'DEL' })
  inner.log.warn('x')
  t.match(inner.log, { entries: [{ fields: { plugin: 'addresses' } }] })
})

t.test('in process, failing', async t => {
  const full = recordingPlugin('addresses', {
    add: () => Promise.reject(new CniError(101, 'pool is empty')),
    del: () => Promise.reject(new Error('and stuck')),
  })
  const call = makeCall()
  t.same(await cniErrorOf(() => delegateIpam(call, ipam, hostOf(full), 'ADD')), {
    code: 101,
    msg: 'pool is empty',
  })
  t.same(
    full.calls.map(c => c.verb),
    ['parse', 'ADD', 'parse', 'DEL'],
    'DEL after a failed ADD',
  )
  t.match(call.log, { entries: [{ level: 'warn', fields: { ipam: 'addresses', error: 'and stuck' } }] })

  const picky = recordingPlugin('addresses', {
    parse() {
      throw new CniError(7, 'no ranges')
    },
  })
  for (const verb of ['ADD', 'CHECK', 'GC', 'STATUS'] as const)
    t.same(await cniErrorOf(() => delegateIpam(makeCall(), ipam, hostOf(picky), verb as 'CHECK')), {
      code: 7,
      msg: 'no ranges',
    })
  t.same([...new Set(picky.calls.map(c => c.verb))], ['parse'], 'nothing ran, so nothing is undone')
  await delegateIpam(makeCall(), ipam, hostOf(picky), 'DEL')
  t.match(picky.calls.at(-1), { verb: 'DEL', config: undefined }, 'DEL works without a configuration')
})

t.test('no such plugin', async t => {
  const call = makeCall({ path: ['/nowhere', '/no/where'] })
  const want = {
    code: 7,
    msg: 'failed to find plugin "addresses" in path [/nowhere /no/where]',
    details: 'ipam.type must name an executable in a directory of CNI_PATH',
  }
  t.same(await cniErrorOf(() => delegateIpam(call, ipam, hostOf(), 'ADD')), want)
  t.same(await cniErrorOf(() => delegateIpam(call, ipam, hostOf(), 'DEL')), want)
  t.same(await cniErrorOf(() => delegateIpam(call, ipam, hostOf(), 'STATUS')), { ...want, code: 50 })
  t.equal((await cniErrorOf(() => delegateIpam(call, { type: '../x' }, hostOf(), 'ADD'))).code, 7)
})

t.test('no delegate delegates', async t => {
  const host = hostOf(recordingPlugin('ptp'))
  const msg = 'invalid value for "ipam.type": "ptp" is no IPAM plugin'
  t.same(await cniErrorOf(() => delegateIpam(makeCall({ plugin: 'ptp' }), { type: 'ptp' }, host, 'ADD')), {
    code: 7,
    msg,
  })
  t.same(await cniErrorOf(() => delegateIpam(makeCall({ delegated: true }), { type: 'ptp' }, host, 'DEL')), {
    code: 7,
    msg,
  })
})

t.test('executed', async t => {
  const dir = scripts(t, {
    addresses: `
      cat > "$0.stdin"; env | sort > "$0.env"; echo "$CNI_COMMAND" >> "$0.log"; echo "seen $CNI_COMMAND" >&2
      if [ "$CNI_COMMAND" = ADD ]; then echo '{"ips":[{"version":"4","address":"10.0.0.5/24"}],"dns":{}}'; fi`,
    broken: `
      cat > /dev/null; echo "$CNI_COMMAND" >> "$0.log"
      [ "$CNI_COMMAND" = DEL ] && exit 0
      echo '{"code":11,"msg":"busy"}'; exit 1`,
    babbler: 'cat > /dev/null; echo "$CNI_COMMAND" >> "$0.log"; echo "an address: 10.0.0.5"',
    wrong: `cat > /dev/null; echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.5"}]}'`,
  })
  const read = (name: string) => readFileSync(`${dir}/${name}`, 'utf8')
  const prevResult: Result = { ...result, interfaces: [{ name: 'eth0', mtu: 1400 }] }
  const call = makeCall({
    verb: 'GC',
    containerId: 'other',
    ifname: 'eth7',
    netnsPath: '',
    args: 'IP=1.2.3.4',
    path: [dir],
    env: {
      PATH: process.env.PATH,
      CNI_COMMAND: 'GC',
      CNI_CONTAINERID: 'stale',
      CNI_NETNS: '/stale',
      CNI_PATH: dir,
      TRACEPARENT: 'abc',
      PLUMBLINE_PLUGIN: 'bridge',
      PLUMBLINE_NETNS_ERRNO: '2',
    },
    conf: { cniVersion: '0.4.0', ipam: { type: 'addresses', x: 1 }, unknown: ['kept'] },
    prevResult,
  })
  const foreign = hostOf(recordingPlugin('addresses'))
  t.strictSame(
    JSON.parse(JSON.stringify(await delegateIpam(call, ipam, foreign, 'ADD'))),
    { interfaces: [], ips: [{ address: '10.0.0.5/24' }], routes: [], dns: {} },
    'a foreign executable goes before our own plugin; its result lacks a version',
  )
  t.same(JSON.parse(read('addresses.stdin')), {
    ...call.config.raw,
    prevResult: {
      cniVersion: '0.4.0',
      interfaces: [{ name: 'eth0' }],
      ips: [{ version: '4', address: '10.0.0.5/24' }],
      dns: {},
    },
  })
  const env = () =>
    Object.fromEntries(
      read('addresses.env')
        .split('\n')
        .map(line => line.split('=', 2)),
    )
  t.match(env(), {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'other',
    CNI_IFNAME: 'eth7',
    CNI_NETNS: '',
    CNI_ARGS: 'IP',
    CNI_PATH: dir,
    TRACEPARENT: 'abc',
    PLUMBLINE_PLUGIN: undefined,
    PLUMBLINE_NETNS_ERRNO: undefined,
  })
  const oldest = { ...call, config: { ...call.config, cniVersion: '0.2.0' }, prevResult: emptyResult }
  await delegateIpam(oldest, ipam, foreign, 'DEL')
  t.notOk(
    'prevResult' in JSON.parse(read('addresses.stdin')),
    'one that has no form in the version is left out',
  )
  for (const verb of ['CHECK', 'GC', 'STATUS', 'DEL'] as const) await delegateIpam(call, ipam, foreign, verb)
  t.same(read('addresses.log').split('\n'), ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'DEL', ''])
  t.match(call.log, { entries: [{ level: 'print', msg: 'seen ADD' }] })

  t.same(await cniErrorOf(() => delegateIpam(call, { type: 'broken' }, hostOf(), 'ADD')), {
    code: 11,
    msg: 'busy',
  })
  t.same(read('broken.log'), 'ADD\nDEL\n', 'DEL after a failed ADD')
  t.same(await cniErrorOf(() => delegateIpam(call, { type: 'babbler' }, hostOf(), 'ADD')), {
    code: 104,
    msg: 'plugin "babbler" printed no valid result: it is no JSON',
  })
  t.same(read('babbler.log'), 'ADD\nDEL\n', 'its ADD did run')
  t.same(await cniErrorOf(() => delegateIpam(call, { type: 'wrong' }, hostOf(), 'ADD')), {
    code: 104,
    msg: 'plugin "wrong" printed no valid result: invalid value for "result.ips[0].address": expected an address in CIDR notation, got "10.0.0.5"',
  })
})

t.test('a foreign plugin too old for GC and STATUS', async t => {
  const dir = scripts(t, {
    // Says what its name says, and how it does so; speaks the versions of $0.versions.
    old: `
      cat > /dev/null; echo "$CNI_COMMAND" >> "$0.log"
      case "$CNI_COMMAND" in
        VERSION) printf '{"cniVersion":"1.0.0","supportedVersions":%s}' "$(cat "$0.versions")"; exit 0;;
        *) cat "$0.error"; exit 1
      esac`,
  })
  const call = makeCall({ path: [dir], env: { PATH: process.env.PATH } })
  const type = { type: 'old' }
  const ask = (verb: 'GC' | 'STATUS' | 'CHECK') => delegateIpam(call, type, hostOf(), verb)
  const answers = [
    { code: 4, msg: 'unknown CNI_COMMAND: GC' },
    { code: 3, msg: 'missing containerID' },
    { code: 1, msg: 'incompatible CNI versions' },
  ]
  for (const answer of answers) {
    writeFileSync(`${dir}/old.error`, JSON.stringify(answer))
    writeFileSync(`${dir}/old.versions`, '["1.0.0","1.1.0"]')
    await t.resolves(ask('GC'), `GC: ${answer.msg}`)
    await t.resolves(ask('STATUS'), `STATUS: ${answer.msg}`)
    t.same(await cniErrorOf(() => ask('CHECK')), answer, 'CHECK is as old as IPAM')
    writeFileSync(`${dir}/old.versions`, '["0.4.0","1.0.0"]')
    await t.resolves(ask('GC'))
    t.same(await cniErrorOf(() => ask('STATUS')), {
      code: 50,
      msg: 'plugin "old" does not speak CNI 1.1.0',
      details: 'it speaks ["0.4.0","1.0.0"]',
    })
    writeFileSync(`${dir}/old.versions`, 'oops')
    t.same((await cniErrorOf(() => ask('STATUS'))).details, 'it speaks no version')
  }
  writeFileSync(`${dir}/old.error`, '{"code":50,"msg":"no server"}')
  t.same(await cniErrorOf(() => ask('STATUS')), { code: 50, msg: 'no server' })
  t.same(await cniErrorOf(() => ask('GC')), { code: 50, msg: 'no server' })
})

t.test('the reference IPAM', { skip: needs('reference-plugins') }, async t => {
  const conf = (cniVersion: string) => ({
    cniVersion,
    ipam: { type: 'static', addresses: [{ address: '10.0.0.5/24', gateway: '10.0.0.1' }] },
  })
  const env = { CNI_PATH: referenceDir, CNI_NETNS: '/x' }
  const call = (version: string) => makeCall({ path: [referenceDir], env, conf: conf(version) })
  for (const version of ['0.2.0', '0.4.0', '1.0.0']) {
    const { ips } = await delegateIpam(
      call(version),
      { type: 'static' },
      hostOf(recordingPlugin('static')),
      'ADD',
    )
    t.equal(ips.length, 1)
    t.equal(String(ips[0]?.address), '10.0.0.5/24', version)
    await delegateIpam(call(version), { type: 'static' }, hostOf(), 'DEL')
  }
  t.match(await cniErrorOf(() => delegateIpam(call('9.9.9'), { type: 'static' }, hostOf(), 'DEL')), {
    code: 1,
  })
})
