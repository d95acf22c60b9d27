// Networks written for the reference plugins, run by ours and by the reference, and the same questions asked of both: whoever
// reaches a published port there reaches it here, and is seen with the same address.
import t, { type Test } from 'tap'
import { type ChainConf, runChain } from '../helpers/chain.js'
import { type FakeHost, fakeHost } from '../helpers/host.js'
import { needs, referenceDir } from '../helpers/needs.js'
import { reach } from '../helpers/reach.js'
import { serve, type Transport } from '../helpers/service.js'
import { type Conf, modes, testsReference } from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft', 'iptables', 'socat', 'ss', 'reference-plugins') ||
  (testsReference && 'compares ours with the reference')

interface Case {
  readonly name: string
  /** Behind bridge. */
  readonly chain: readonly Conf[]
  readonly families: readonly (4 | 6)[]
  readonly transport?: Transport
  readonly hostIP?: (host: FakeHost) => string
}

const portmap = { type: 'portmap', capabilities: { portMappings: true } }

const cases: readonly Case[] = [
  { name: 'portmap, IPv4', chain: [{ ...portmap, snat: true }], families: [4] },
  { name: 'portmap, dual stack', chain: [{ ...portmap, snat: true }], families: [4, 6] },
  { name: 'portmap, UDP', chain: [{ ...portmap, snat: true }], families: [4], transport: 'udp' },
  {
    name: 'portmap, hostIP',
    chain: [{ ...portmap, snat: true }],
    families: [4],
    hostIP: host => host.uplink!.host4,
  },
  {
    name: 'portmap, bandwidth, firewall, tuning',
    chain: [
      { ...portmap, snat: true },
      { type: 'bandwidth', ingressRate: 50e6, ingressBurst: 5e6, egressRate: 50e6, egressBurst: 5e6 },
      { type: 'firewall', backend: 'iptables' },
      { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' } },
    ],
    families: [4, 6],
  },
]

/** What the reference does not do, and we do. */
const onlyOurs = [/loopback, IPv6/, /host, own address, IPv6/]

function network({ chain, families }: Case, host: FakeHost): ChainConf {
  const ranges = { 4: [{ subnet: '10.6.0.0/24' }], 6: [{ subnet: 'fd00:6::/64' }] }
  return {
    name: 'dropin',
    cniVersion: '1.0.0',
    plugins: [
      {
        type: 'bridge',
        bridge: 'brdropin',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: host.dataDir,
          ranges: families.map(family => ranges[family]),
          routes: families.map(family => ({ dst: family === 4 ? '0.0.0.0/0' : '::/0' })),
        },
      },
      ...chain,
    ],
  }
}

async function answersOf(t: Test, one: Case, host: FakeHost) {
  const { transport = 'tcp' } = one
  const conf = network(one, host)
  const [container, neighbour] = [host.container(), host.container()]
  const hostIP = one.hostIP?.(host)
  const mapping = { hostPort: 8080, containerPort: 80, protocol: transport, ...(hostIP && { hostIP }) }
  const added = await runChain(host, conf, 'ADD', { container, capabilityArgs: { portMappings: [mapping] } })
  t.equal(added.outcome.code, 0, `${host.dir}: ADD ${added.outcome.stdout}${added.outcome.stderr}`)
  const beside = await runChain(host, conf, 'ADD', { container: neighbour })
  t.equal(beside.outcome.code, 0, `${host.dir}: ADD ${beside.outcome.stdout}`)
  await serve(t, { netns: container.netns, port: 80, transport, greeting: 'hello' })
  const answers = reach({
    host,
    container,
    neighbour,
    addresses: added.result!.ips.map(({ address }: Conf) => address.split('/')[0]),
    gateways: added.result!.ips.map(({ gateway }: Conf) => gateway),
    port: 8080,
    transport,
  })
  for (const [each, result] of [
    [container, added.result],
    [neighbour, beside.result],
  ] as const) {
    const { outcome } = await runChain(
      host,
      conf,
      'DEL',
      { container: each, capabilityArgs: { portMappings: [mapping] } },
      result,
    )
    t.equal(outcome.code, 0, `${host.dir}: DEL ${outcome.stdout}`)
  }
  return answers
}

for (const one of cases)
  t.test(one.name, { skip }, async t => {
    const ours = await answersOf(t, one, fakeHost(t, { resident: modes.at(-1)!, uplink: true }))
    const theirs = await answersOf(t, one, fakeHost(t, { dir: referenceDir, uplink: true }))
    t.ok(Object.values(ours).some(Boolean), 'somebody is answered')
    for (const [question, answer] of Object.entries(theirs)) {
      if (onlyOurs.some(pattern => pattern.test(question)) && answer === undefined) continue
      t.equal(ours[question], answer, question)
    }
    const loopback = one.families.map(family => ours[`host, loopback, IPv${family}`])
    if (!one.hostIP)
      t.notOk(loopback.includes(undefined), 'from the host by its loopback address, both families')
  })
