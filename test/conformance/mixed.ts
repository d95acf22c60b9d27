// Mixed company: our bridge and ptp with the reference's host-local and static, the reference's bridge and ptp with ours,
// and leases of both in one directory. Which executable is the delegate, the order of CNI_PATH decides.
import { mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { leftovers } from '../helpers/difference.js'
import { type FakeHost, fakeHost } from '../helpers/host.js'
import { needs, pluginDir, referenceDir } from '../helpers/needs.js'
import { ask, serve } from '../helpers/service.js'
import {
  type Conf,
  hostLocal,
  modes,
  type Subject,
  staticIpam,
  subjects,
  testsReference,
} from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'reference-plugins', 'iptables', 'nsenter', 'iproute', 'nft') ||
  (testsReference && 'needs plugins of our own')

/** What the reference's Debian package speaks. */
const sharedVersions = ['0.2.0', '0.3.1', '0.4.0', '1.0.0']

/** The reference waits for duplicate address detection. */
const impatient = 'for kind in all default; do echo 0 >/proc/sys/net/ipv6/conf/$kind/accept_dad; done'

interface Pair {
  readonly main: 'bridge' | 'ptp'
  readonly ipam: 'host-local' | 'static'
  /** Whose main plugin it is; the IPAM is the other's. */
  readonly ours: 'main' | 'ipam'
}

const pairs: readonly Pair[] = (['main', 'ipam'] as const).flatMap(ours =>
  (['bridge', 'ptp'] as const).flatMap(main =>
    (['host-local', 'static'] as const).map(ipam => ({ main, ipam, ours })),
  ),
)

for (const mode of modes)
  t.test(`pairs, resident ${mode}`, { skip }, async t => {
    for (const pair of pairs)
      t.test(
        `${pair.ours === 'main' ? 'our' : "the reference's"} ${pair.main} with ${pair.ours === 'main' ? "the reference's" : 'our'} ${pair.ipam}`,
        async t => wholeLife(t, pair, fakeHost(t, { resident: mode })),
      )
  })

function wholeLife(t: Test, pair: Pair, host: FakeHost): void {
  const container = host.container()
  const call = {
    id: container.id,
    netns: container.netns,
    ifname: 'eth0',
    dir: pair.ours === 'main' ? pluginDir : referenceDir,
    path: pair.ours === 'main' ? `${referenceDir}:${pluginDir}` : `${pluginDir}:${referenceDir}`,
  }
  const confOf = (cniVersion: string): Conf => ({
    cniVersion,
    name: 'mixed',
    type: pair.main,
    ...(pair.main === 'bridge' && { bridge: 'brmixed', isGateway: true }),
    ipMasq: true,
    ipam: pair.ipam === 'static' ? staticIpam() : hostLocal(host),
  })
  host.sh(impatient)
  container.sh(impatient)
  const run = (verb: 'ADD' | 'CHECK' | 'DEL', conf: Conf) => host.exec(pair.main, verb, { ...call, conf })
  run('ADD', confOf('1.0.0'))
  run('DEL', confOf('1.0.0'))
  const before = host.snapshot()
  for (const version of sharedVersions) {
    const conf = confOf(version)
    const added = run('ADD', conf)
    t.equal(added.code, 0, `${version}: ADD: ${added.stdout}${added.stderr}`)
    t.match(
      host.trySh(`nsenter --net=${container.netns} ip -br address show eth0`).stdout,
      /10\.\d\.0\.\d+\/24.*fd00:/,
      `${version}: both addresses`,
    )
    if (version === '0.4.0' || version === '1.0.0') {
      const check = run('CHECK', { ...conf, prevResult: added.json })
      t.match(check, { code: 0, stdout: '' }, `${version}: CHECK: ${check.stdout}`)
    }
    const del = run('DEL', { ...conf, prevResult: added.json })
    t.match(del, { code: 0, stdout: '' }, `${version}: DEL: ${del.stdout}`)
    t.strictSame(leftovers(before, host.snapshot()), [], `${version}: nothing is left`)
  }
}

/** In one chain: whose the plugin is that stands behind the other's bridge. */
for (const mode of modes)
  t.test(`chains, resident ${mode}`, { skip: skip || needs('socat', 'ss', 'python3') }, async t => {
    for (const subject of subjects.filter(({ behind }) => behind))
      for (const ours of ['bridge', subject.type])
        t.test(
          ours === 'bridge'
            ? `the reference's ${subject.type} behind our bridge`
            : `our ${subject.type} behind the reference's bridge`,
          async t => chainedLife(t, subject, ours, fakeHost(t, { resident: mode })),
        )
  })

async function chainedLife(t: Test, subject: Subject, ours: string, host: FakeHost): Promise<void> {
  const container = host.container()
  for (const each of [host, container]) each.sh(impatient)
  const run = (verb: 'ADD' | 'CHECK' | 'DEL', conf: Conf) =>
    host.exec(conf.type, verb, {
      id: container.id,
      netns: container.netns,
      ifname: 'eth0',
      dir: conf.type === ours ? pluginDir : referenceDir,
      conf,
    })
  const succeeds = (verb: 'ADD' | 'CHECK' | 'DEL', conf: Conf): Conf => {
    const { code, json, stdout, stderr } = run(verb, conf)
    t.equal(code, 0, `${conf.cniVersion}: ${verb} of ${conf.type} ${stdout}${stderr}`)
    return json
  }
  const attach = (version: string) => {
    const bridge = subject.behind!(host, version)
    const chained = { ...subject.conf(host, version), prevResult: succeeds('ADD', bridge as Conf) }
    const prevResult = succeeds('ADD', chained)
    return { bridge: { ...bridge, prevResult }, chained: { ...chained, prevResult } } as Record<string, Conf>
  }
  const detach = ({ bridge, chained }: Record<string, Conf>) => {
    succeeds('DEL', chained!)
    succeeds('DEL', bridge!)
  }
  detach(attach('1.0.0'))
  const before = host.snapshot()
  if (subject.type === 'portmap') await serve(t, { netns: container.netns, port: 80, greeting: 'published' })
  for (const version of ['0.4.0', '1.0.0']) {
    const confs = attach(version)
    if (subject.type === 'portmap')
      t.match(
        ask({ netns: host.netns, address: '127.0.0.1', port: 8080 }),
        /^published/,
        `${version}: a port`,
      )
    succeeds('CHECK', confs.bridge!)
    if (ours !== 'bridge' || !subject.referenceCheckFails) succeeds('CHECK', confs.chained!)
    detach(confs)
    t.strictSame(leftovers(before, host.snapshot()), [], `${version}: nothing is left`)
  }
}

t.test('GC and STATUS reach delegates that know neither', { skip }, async t => {
  for (const mode of modes) {
    const host = fakeHost(t, { resident: mode })
    const conf = {
      cniVersion: '1.1.0',
      name: 'mixed',
      type: 'bridge',
      bridge: 'brmixed',
      ipam: hostLocal(host),
    }
    const path = `${referenceDir}:${pluginDir}`
    const status = host.exec('bridge', 'STATUS', { path, conf })
    t.match(status.error, { code: 50, msg: /host-local/ }, `an ADD of 1.1.0 would fail: ${status.stdout}`)
    const gc = host.exec('bridge', 'GC', { path, conf: { ...conf, 'cni.dev/valid-attachments': [] } })
    t.match(gc, { code: 0, stdout: '' }, `GC passes: ${gc.stdout}`)
  }
})

t.test('a delegate that fails', { skip }, async t => {
  for (const mode of modes) {
    const host = fakeHost(t, { resident: mode })
    const container = host.container()
    const tiny = { ...hostLocal(host), ranges: [[{ subnet: '10.5.0.0/30' }]], routes: [] }
    const conf = { cniVersion: '1.0.0', name: 'tiny', type: 'bridge', bridge: 'brtiny', ipam: tiny }
    const call = { netns: container.netns, ifname: 'eth0', conf, path: `${referenceDir}:${pluginDir}` }
    t.equal(host.exec('bridge', 'ADD', { ...call, id: 'first' }).code, 0, 'the only address')
    const before = host.snapshot()
    const second = host.exec('bridge', 'ADD', { ...call, id: 'second', ifname: 'eth1' })
    t.match(second.error, { code: Number, msg: /no IP addresses available/ }, 'its error is handed on')
    t.strictSame(leftovers(before, host.snapshot()), [], 'nothing is left of it')
    t.equal(host.exec('bridge', 'DEL', { ...call, id: 'first' }).code, 0)
  }
})

t.test('leases of both kinds in one directory', { skip }, async t => {
  const host = fakeHost(t)
  const conf = {
    cniVersion: '1.0.0',
    name: 'shared',
    type: 'bridge',
    ipam: { ...hostLocal(host), ranges: [[{ subnet: '10.6.0.0/28' }]] },
  }
  const netns = host.container().netns
  const turn = (n: number) => (n % 2 === 0 ? pluginDir : referenceDir)
  const call = (id: string) => ({ id, netns, ifname: 'eth0', conf })
  const given: string[] = []
  for (let n = 0; n < 13; n++) {
    const outcome = host.exec('host-local', 'ADD', { ...call(`c${n}`), dir: turn(n) })
    t.equal(outcome.code, 0, outcome.stdout)
    given.push(outcome.json?.ips[0].address)
  }
  t.equal(new Set(given).size, 13, 'no address is given twice')
  for (const dir of [pluginDir, referenceDir])
    t.not(
      host.exec('host-local', 'ADD', { ...call('late'), dir }).code,
      0,
      'and the pool is exhausted for both',
    )
  for (let n = 0; n < 13; n++) {
    t.equal(
      host.exec('host-local', 'CHECK', {
        ...call(`c${n}`),
        dir: turn(n + 1),
        conf: { ...conf, prevResult: { cniVersion: '1.0.0', ips: [{ address: given[n] }] } },
      }).code,
      0,
      'CHECK by the other',
    )
    t.equal(
      host.exec('host-local', 'DEL', { ...call(`c${n}`), dir: turn(n + 1) }).code,
      0,
      'DEL by the other',
    )
  }
  t.strictSame(host.snapshot().leases, {})
})

t.test('an IPAM of ours that is called through a script', { skip }, async t => {
  for (const mode of modes) {
    const host = fakeHost(t, { resident: mode })
    const container = host.container()
    const wrappers = `${host.dataDir}/../wrappers`
    mkdirSync(wrappers)
    writeFileSync(`${wrappers}/host-local`, `#!/bin/sh\nexec ${pluginDir}/host-local\n`, { mode: 0o755 })
    const conf = {
      cniVersion: '1.1.0',
      name: 'mixed',
      type: 'bridge',
      bridge: 'brmixed',
      ipam: hostLocal(host),
    }
    const call = {
      id: container.id,
      netns: container.netns,
      ifname: 'eth0',
      path: `${wrappers}:${pluginDir}`,
    }
    const added = host.exec('bridge', 'ADD', { ...call, conf })
    t.equal(added.code, 0, `ADD does not wait for itself: ${added.stdout}${added.stderr}`)
    const del = host.exec('bridge', 'DEL', { ...call, conf: { ...conf, prevResult: added.json } })
    t.equal(del.code, 0, `nor does DEL: ${del.stdout}${del.stderr}`)
    t.strictSame(host.snapshot().leases, {})
  }
})
