// Calls that every plugin must refuse: environment, input, versions, previous results, arguments, namespaces.
// The texts are those of Go's skel package, on which runtimes and users have come to rely.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ExecOptions, FakeHost, Verb } from './host.js'
import { type Conf, newest, subjects } from './subjects.js'

export interface Case {
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
const chained = subjects.filter(subject => subject.behind).map(subject => subject.type)
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
      details: new RegExp(`^config is "${cniVersion}", plugin supports \\["0\\.[1-4]\\.0" .*"1.0.0"`),
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

const alone = ({ prevResult: _, ...conf }: Conf) => conf

const previous: Case[] = [
  {
    name: 'CHECK without prevResult',
    verb: 'CHECK',
    conf: alone,
    code: 7,
    msg: 'required prevResult missing',
    ours: true,
  },
  {
    name: 'ADD without prevResult',
    conf: alone,
    code: 7,
    msg: /must be called as a chained plugin.*prevResult/,
    of: chained,
    ours: true,
  },
  ...[5, 'x', []].map(prevResult => ({
    name: `ADD with prevResult ${JSON.stringify(prevResult)}`,
    conf: (conf: Conf) => ({ ...conf, prevResult }),
    code: 6,
    msg: /prevResult/,
    of: chained,
    ours: true,
  })),
  {
    name: 'ADD with a prevResult of an unknown version',
    conf: conf => ({ ...conf, prevResult: { ...conf.prevResult, cniVersion: '9.9.9' } }),
    code: 7,
    msg: /9\.9\.9/,
    of: chained,
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

const withResult = (conf: Conf) => ({
  ...conf,
  prevResult: { cniVersion: newest, ips: [{ address: '10.1.0.2/24' }] },
})

export const badCalls: readonly Case[] = [...environment, ...input, ...version, ...previous, ...args]

/** Cases that need a path of this host. */
export function badNamespaces(host: FakeHost): Case[] {
  const root = dirname(host.dataDir)
  const file = `${root}/file`
  const directory = `${root}/directory`
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
        name: `${verb} in ${netns.replace(`${root}/`, 'a ')}`,
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
    call: { netns: `${root}/gone` },
    ...(verb === 'CHECK' && { conf: withResult }),
    code: 3,
    msg: /does not exist/,
    of: attaching,
    ours: true,
  }))
  return [...own, ...strange, ...gone]
}
