// Everything that can be wrong with a call, over every executable, warm and cold: the right code, the right text on
// stdout, exit code 1, and a world that has not changed. CNI SPEC 1.1.0, sections 2 and 5; the texts are those of Go's
// skel package, on which runtimes and users have come to rely.
import { mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { changes } from '../helpers/difference.js'
import { type Container, type ExecOptions, type FakeHost, fakeHost, type Verb } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import type { Outcome } from '../helpers/outcome.js'
import { type Conf, modes, newest, type Subject, subjects, testsReference } from '../helpers/subjects.js'

interface Case {
  readonly name: string
  readonly verb?: Verb | 'NOPE'
  readonly call?: ExecOptions
  /** Made of the configuration that works. */
  readonly conf?: (conf: Conf) => object | string | Uint8Array
  readonly code: number
  readonly msg: string | RegExp
  readonly details?: RegExp
  /** Plugin types it applies to; default all. */
  readonly of?: readonly string[]
  /** Not so in the reference plugins, which look less closely. */
  readonly ours?: boolean
}

const attaching = subjects.filter(subject => subject.attaches).map(subject => subject.type)
const withArgs = subjects.filter(subject => subject.args).map(subject => subject.type)
const listed = (...variables: string[]) => `required env variables [${variables.join(',')}] missing`
const without = (...variables: string[]) => ({
  env: Object.fromEntries(variables.map(variable => [variable, undefined])),
})
const padded = (bytes: number) => (conf: Conf) => JSON.stringify(conf).padEnd(bytes)

const environment: Case[] = [
  { name: 'unknown command', verb: 'NOPE', code: 4, msg: 'unknown CNI_COMMAND: NOPE' },
  ...(['ADD', 'CHECK'] as const).map(verb => ({
    name: `${verb} with nothing`,
    verb,
    call: without('CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'),
    code: 4,
    msg: listed('CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'),
  })),
  {
    name: 'DEL with nothing',
    verb: 'DEL',
    call: without('CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'),
    code: 4,
    msg: listed('CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'),
  },
  ...(['GC', 'STATUS'] as const).map(verb => ({
    name: `${verb} without CNI_PATH`,
    verb,
    call: without('CNI_PATH'),
    code: 4,
    msg: listed('CNI_PATH'),
    ours: true,
  })),
  ...['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'].map(variable => ({
    name: `${variable} empty`,
    call: { env: { [variable]: '' } },
    code: 4,
    msg: listed(variable),
  })),
  ...['../x', 'a b', '-x', '.x', 'a/b', 'ünique', 'a@b', 'a\n'].flatMap(id =>
    (['ADD', 'DEL'] as const).map(verb => ({
      name: `${verb} of container ${JSON.stringify(id)}`,
      verb,
      call: { id },
      code: 4,
      msg: 'invalid characters in containerID',
      details: new RegExp(id.replaceAll('.', '\\.').trim()),
    })),
  ),
  ...(['ADD', 'DEL'] as const).map(verb => ({
    name: `${verb} of an interface name of 16 bytes`,
    verb,
    call: { ifname: 'eth0123456789abc' },
    code: 4,
    msg: 'interface name is too long',
    details: /less than 16 characters/,
  })),
  ...['.', '..'].map(ifname => ({
    name: `interface ${ifname}`,
    call: { ifname },
    code: 4,
    msg: 'interface name is . or ..',
  })),
  ...['a/b', 'a:b', 'a b', 'a\tb', 'a\u2003b', '\u00a0'].map(ifname => ({
    name: `interface ${JSON.stringify(ifname)}`,
    call: { ifname },
    code: 4,
    msg: 'interface name contains / or : or whitespace characters',
  })),
  { name: 'interface eth%d', call: { ifname: 'eth%d' }, code: 4, msg: /contains %/, ours: true },
]

const input: Case[] = [
  ...[
    ['nothing', ''],
    ['white space', ' \n'],
    ['words', 'no JSON'],
    ['half a document', '{"cniVersion": "1.0.0", "name": "x", "ty'],
    ['more than a document', '{"cniVersion": "1.0.0", "name": "x"} {'],
    ['an array', '[]'],
    ['a string', '"x"'],
  ].map(([name, stdin]) => ({
    name: `stdin holds ${name}`,
    conf: () => stdin!,
    code: 6,
    msg: /error unmarshall network config/,
  })),
  { name: 'stdin holds null', conf: () => 'null', code: 6, msg: /unmarshall/, ours: true },
  {
    name: 'stdin holds NUL bytes',
    conf: () => new Uint8Array(100),
    code: 6,
    msg: /error unmarshall network config/,
  },
  {
    name: 'stdin holds more than 4 MiB',
    conf: padded(4 * 1024 * 1024 + 1),
    code: 5,
    msg: /4194304|4 MiB/,
    ours: true,
  },
  ...['ADD', 'DEL', 'GC'].map(verb => ({
    name: `${verb} with 8 MiB on stdin`,
    verb: verb as Verb,
    conf: padded(8 * 1024 * 1024),
    code: 5,
    msg: /4194304|4 MiB/,
    ours: true,
  })),
  ...['', undefined, null].map(name => ({
    name: `network name ${JSON.stringify(name)}`,
    conf: (conf: Conf) => ({ ...conf, name }),
    code: 7,
    msg: 'missing network name',
  })),
  ...['a/b', '..', '../../etc', '-x', 'a b', 'net\u0000', 'ä'].flatMap(name =>
    (['ADD', 'DEL'] as const).map(verb => ({
      name: `${verb} with network name ${JSON.stringify(name)}`,
      verb,
      conf: (conf: Conf) => ({ ...conf, name }),
      code: 7,
      msg: 'invalid characters found in network name',
    })),
  ),
  ...[
    ['cniVersion', 1],
    ['name', 5],
    ['name', ['x']],
    ['runtimeConfig', 'x'],
    ['args', []],
  ].map(([key, value]) => ({
    name: `${key} is ${JSON.stringify(value)}`,
    conf: (conf: Conf) => ({ ...conf, [String(key)]: value }),
    code: 7,
    msg: new RegExp(String(key)),
    ours: true,
  })),
]

const version: Case[] = [
  ...['9.9.9', '1.0', 'v1.0.0', '0.3', '1.1.0-rc1', ' 1.0.0', '1.2.0'].flatMap(cniVersion =>
    (cniVersion === '9.9.9' ? (['ADD', 'DEL', 'CHECK'] as const) : (['ADD'] as const)).map(verb => ({
      name: `${verb} with version ${JSON.stringify(cniVersion)}`,
      verb,
      conf: (conf: Conf) => ({ ...conf, cniVersion }),
      code: 1,
      msg: 'incompatible CNI versions',
      details: new RegExp(`^config is "${cniVersion}", plugin supports \\["0.1.0" "0.2.0" .*"1.0.0"`),
      ours: cniVersion !== '9.9.9' || verb === 'CHECK',
    })),
  ),
  ...[undefined, '', '0.1.0', '0.2.0', '0.3.0', '0.3.1'].map(cniVersion => ({
    name: `CHECK with version ${cniVersion}`,
    verb: 'CHECK' as const,
    conf: (conf: Conf) => ({ ...conf, cniVersion }),
    code: 1,
    msg: 'config version does not allow CHECK',
  })),
  ...(['GC', 'STATUS'] as const).flatMap(verb =>
    [undefined, '0.1.0', '0.4.0', '1.0.0'].map(cniVersion => ({
      name: `${verb} with version ${cniVersion}`,
      verb,
      conf: (conf: Conf) => ({ ...conf, cniVersion, 'cni.dev/valid-attachments': [] }),
      code: 1,
      msg: `config version does not allow ${verb}`,
      ours: true,
    })),
  ),
]

const previous: Case[] = [
  {
    name: 'CHECK without prevResult',
    verb: 'CHECK',
    code: 7,
    msg: 'required prevResult missing',
    ours: true,
  },
  ...[5, 'x', []].map(prevResult => ({
    name: `CHECK with prevResult ${JSON.stringify(prevResult)}`,
    verb: 'CHECK' as const,
    conf: (conf: Conf) => ({ ...conf, prevResult }),
    code: 6,
    msg: /prevResult/,
    ours: true,
  })),
  {
    name: 'CHECK with an address in prevResult that is none',
    verb: 'CHECK',
    conf: conf => ({ ...conf, prevResult: { cniVersion: newest, ips: [{ address: '10.1.0.300/24' }] } }),
    code: 7,
    msg: /10\.1\.0\.300/,
    ours: true,
  },
  { name: 'GC without a list', verb: 'GC', code: 7, msg: /cni\.dev\/valid-attachments/, ours: true },
  ...['x', [5], [{ containerID: 'a' }], [{ containerID: 1, ifname: 'eth0' }]].map(list => ({
    name: `GC with list ${JSON.stringify(list)}`,
    verb: 'GC' as const,
    conf: (conf: Conf) => ({ ...conf, 'cni.dev/valid-attachments': list }),
    code: 7,
    msg: /cni\.dev\/valid-attachments/,
    ours: true,
  })),
]

const args: Case[] = [
  {
    name: 'CNI_ARGS with an unknown key',
    call: { args: 'MAX=1' },
    code: 4,
    msg: 'ARGS: unknown args ["MAX=1"]',
    of: withArgs,
    ours: true,
  },
  {
    name: 'CNI_ARGS that are no pairs',
    call: { args: 'none' },
    code: 4,
    msg: 'ARGS: invalid pair "none"',
    of: withArgs,
    ours: true,
  },
  {
    name: 'CNI_ARGS with IgnoreUnknown=0',
    call: { args: 'IgnoreUnknown=0;K8S_POD_NAME=x' },
    code: 4,
    msg: /^ARGS: unknown args \["K8S_POD_NAME=x"\]/,
    of: withArgs,
    ours: true,
  },
]

/** Cases that need a path of this host. */
function namespaces(host: FakeHost): Case[] {
  const file = `${host.dir === host.dataDir ? '' : host.dataDir}/../file`
  const directory = `${host.dataDir}/../directory`
  writeFileSync(file, 'just a file\n')
  mkdirSync(directory)
  const own = ['ADD', 'DEL', 'CHECK'].map(verb => ({
    name: `${verb} in the namespace of the host`,
    verb: verb as Verb,
    call: { netns: host.netns },
    ...(verb === 'CHECK' && { conf: withResult }),
    code: 8,
    msg: "plugin's netns and netns from CNI_NETNS should not be the same",
    of: attaching,
    ours: true,
  }))
  const strange = [file, directory, '/dev/null', '/proc/self/ns/mnt', '/proc/self/stat'].flatMap(netns =>
    (netns === '/proc/self/stat' ? (['ADD', 'CHECK'] as const) : (['ADD', 'DEL', 'CHECK'] as const)).map(
      verb => ({
        name: `${verb} in ${netns.startsWith('/tmp') ? netns.slice(netns.lastIndexOf('/') + 1) : netns}`,
        verb,
        call: { netns },
        ...(verb === 'CHECK' && { conf: withResult }),
        code: 4,
        msg: /is not a network namespace/,
        of: attaching,
        ours: true,
      }),
    ),
  )
  const gone = (['ADD', 'CHECK'] as const).map(verb => ({
    name: `${verb} in a namespace that is gone`,
    verb,
    call: { netns: `${host.dataDir}/../gone` },
    ...(verb === 'CHECK' && { conf: withResult }),
    code: 3,
    msg: /does not exist/,
    of: attaching,
    ours: true,
  }))
  return [...own, ...strange, ...gone]
}

const withResult = (conf: Conf) => ({
  ...conf,
  prevResult: { cniVersion: newest, ips: [{ address: '10.1.0.2/24' }] },
})

/** Values that only one plugin looks at. */
const keys: Case[] = [
  ...[
    ['bridge', ''],
    ['bridge', 'a/b'],
    ['bridge', 'a-name-of-17-byte'],
    ['bridge', 5],
    ['isGateway', 'yes'],
    ['ipMasq', 1],
    ['ipMasqBackend', 'ebtables'],
    ['mtu', -1],
    ['mtu', 1.5],
    ['mtu', '1500'],
    ['vlan', 4095],
    ['vlan', -1],
    ['vlanTrunk', {}],
    ['vlanTrunk', [{ minID: 20, maxID: 10 }]],
    ['vlanTrunk', [{ id: 5000 }]],
    ['ipam', []],
    ['ipam', 'host-local'],
    ['dns', { nameservers: 'x' }],
  ].map(([key, value]) => ({
    name: `${key}: ${JSON.stringify(value)}`,
    conf: (conf: Conf) => ({ ...conf, [String(key)]: value }),
    code: 7,
    msg: new RegExp(String(key)),
    of: ['bridge'],
    ours: true,
  })),
  {
    name: 'hairpinMode and promiscMode',
    conf: conf => ({ ...conf, hairpinMode: true, promiscMode: true }),
    code: 7,
    msg: /hairpinMode.*promiscMode/,
    of: ['bridge'],
    ours: true,
  },
  {
    name: 'disableContainerInterface and ipam',
    conf: conf => ({ ...conf, disableContainerInterface: true }),
    code: 7,
    msg: /disableContainerInterface/,
    of: ['bridge'],
    ours: true,
  },
  ...['mac', 'MAC'].map(mac => ({
    name: `runtimeConfig.${mac} that is none`,
    conf: (conf: Conf) => ({ ...conf, runtimeConfig: { [mac]: '02:00:00:zz:00:01' } }),
    code: 7,
    msg: /02:00:00:zz:00:01/,
    of: ['bridge'],
    ours: true,
  })),
  ...['', undefined].map(type => ({
    name: `ipam.type ${JSON.stringify(type)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, type } }),
    code: 7,
    msg: /ipam/,
    of: ['ptp'],
    ours: true,
  })),
  ...['no-such-ipam', '../host-local', '/usr/lib/cni/host-local', 'bridge', 'ptp'].map(type => ({
    name: `ipam.type ${JSON.stringify(type)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, type } }),
    code: 7,
    msg: new RegExp(type.replaceAll('.', '\\.')),
    of: ['bridge', 'ptp'].filter(own => own !== type),
    ours: true,
  })),
  ...ranges([
    ['no range', [], /range|subnet/],
    ['an empty range set', [[]], /range|subnet/],
    ['no subnet', [[{ rangeStart: '10.1.0.5' }]], /subnet/],
    ['a subnet that is none', [[{ subnet: '10.1.0/24' }]], /10\.1\.0\/24/],
    ['a subnet with host bits', [[{ subnet: '10.1.0.5/24' }]], /10\.1\.0\.5\/24/],
    ['a subnet too small', [[{ subnet: '10.1.0.0/31' }]], /too small/],
    [
      'two families in a set',
      [[{ subnet: '10.1.0.0/24' }, { subnet: 'fd00::/64' }]],
      /mixed address families/,
    ],
    ['overlap in a set', [[{ subnet: '10.1.0.0/16' }, { subnet: '10.1.2.0/24' }]], /overlap/],
    ['overlap between sets', [[{ subnet: '10.1.0.0/16' }], [{ subnet: '10.1.2.0/24' }]], /overlap/],
    ['a start outside', [[{ subnet: '10.1.0.0/24', rangeStart: '10.2.0.5' }]], /10\.2\.0\.5/],
    ['an end outside', [[{ subnet: '10.1.0.0/24', rangeEnd: '10.2.0.5' }]], /10\.2\.0\.5/],
    [
      'an end before the start',
      [[{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.5' }]],
      /10\.1\.0\.[59]/,
    ],
    ['a gateway that is none', [[{ subnet: '10.1.0.0/24', gateway: 'gw' }]], /gw|gateway/],
  ]),
  ...[
    ['10.9.0.7', /CIDR notation, got: '10\.9\.0\.7'/],
    ['10.9.0.7/33', /10\.9\.0\.7\/33/],
    ['x', /'x'/],
    [5, /address/],
  ].map(([address, msg]) => ({
    name: `address ${JSON.stringify(address)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, addresses: [{ address }] } }),
    code: 7,
    msg: msg as RegExp,
    of: ['static'],
    ours: true,
  })),
  ...[[{ dst: 'x' }], [{ gw: '10.0.0.1' }], [{ dst: '0.0.0.0/0', gw: 'x' }], 'x'].map(routes => ({
    name: `routes ${JSON.stringify(routes)}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, routes } }),
    code: 7,
    msg: /routes/,
    of: ['bridge', 'ptp', 'host-local', 'static'],
    ours: true,
  })),
]

function ranges(wrong: readonly (readonly [string, unknown, RegExp])[]): Case[] {
  return wrong.map(([name, value, msg]) => ({
    name: `ranges with ${name}`,
    conf: (conf: Conf) => ({ ...conf, ipam: { ...conf.ipam, ranges: value } }),
    code: 7,
    msg,
    of: ['bridge', 'host-local'],
    ours: true,
  }))
}

/** Snapshots are dear: the files, which every ADD writes first, are compared after each call, the rest after a few. */
const callsPerSnapshot = 12

for (const mode of modes)
  t.test(
    `bad input, resident ${mode}`,
    { skip: needs('root', 'plugins', 'nsenter', 'iproute', 'nft') },
    async t => {
      const host = fakeHost(t, { resident: mode })
      const container = host.container()
      const cases = [...environment, ...input, ...version, ...previous, ...args, ...namespaces(host), ...keys]
      for (const subject of subjects)
        t.test(subject.type, async t => {
          const mine = cases.filter(each => each.of?.includes(subject.type) ?? true)
          refusesAll(t, host, container, subject, testsReference ? mine.filter(each => !each.ours) : mine)
        })
    },
  )

function refusesAll(t: Test, host: FakeHost, container: Container, subject: Subject, cases: Case[]): void {
  let before = host.snapshot()
  let files = host.files()
  const names: string[] = []
  for (const [index, wrong] of cases.entries()) {
    const outcome = run(host, container, subject, wrong, index)
    const said = `${wrong.name}: ${outcome.stdout.trim()} ${outcome.stderr.trim()}`.slice(0, 300)
    t.equal(outcome.code, 1, `exit code of ${said}`)
    t.match(outcome.error, { code: wrong.code, msg: wrong.msg }, said)
    if (wrong.details) t.match(outcome.error?.details, wrong.details, `details of ${wrong.name}`)
    const found = host.files()
    t.strictSame(changes(files, found), [], `${wrong.name}: no file has changed`)
    files = found
    names.push(wrong.name)
    if (names.length < callsPerSnapshot && index < cases.length - 1) continue
    const after = host.snapshot()
    t.strictSame(changes(before, after), [], `nothing has changed by: ${names.splice(0).join(', ')}`)
    before = after
  }
}

/** Every case is a container of its own, so that one which leaves something does not spoil the next. */
function run(
  host: FakeHost,
  { id, netns }: Container,
  subject: Subject,
  wrong: Case,
  number: number,
): Outcome {
  const conf = subject.conf(host)
  return host.exec(subject.type, (wrong.verb ?? 'ADD') as Verb, {
    id: `${id}-${number}`,
    netns,
    ifname: subject.ifname,
    ...wrong.call,
    conf: wrong.conf ? wrong.conf(conf) : conf,
  })
}
