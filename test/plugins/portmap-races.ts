// Many processes that publish at once: a port is never had by two, and whoever asks for a free one gets it.
import t, { type Test } from 'tap'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import type { Outcome } from '../helpers/outcome.js'
import { type Conf, hostLocal } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'iproute', 'nft', 'nsenter')

interface Contender {
  readonly container: Container
  readonly conf: Conf
}

/** Containers on a bridge, and the configuration of portmap behind it for each. */
function contenders(host: FakeHost, count: number): Contender[] {
  const common = { cniVersion: '1.1.0', name: 'net' }
  return Array.from({ length: count }, () => {
    const container = host.container()
    const conf = { ...common, type: 'bridge', bridge: 'brnet', ipam: hostLocal(host) }
    const { code, stdout } = host.exec('bridge', 'ADD', {
      id: container.id,
      netns: container.netns,
      ifname: 'eth0',
      conf,
    })
    if (code !== 0) throw new Error(stdout)
    return { container, conf: { ...common, type: 'portmap', prevResult: JSON.parse(stdout) } }
  })
}

function start(
  host: FakeHost,
  verb: 'ADD' | 'DEL',
  { container, conf }: Contender,
  mapping: Conf,
): Promise<Outcome> {
  return host.start('portmap', verb, {
    id: container.id,
    netns: container.netns,
    ifname: 'eth0',
    conf: { ...conf, runtimeConfig: { portMappings: [mapping] } },
  }).done
}

/** Who got a port; the others were refused for a port that is held. */
async function race(
  t: Test,
  host: FakeHost,
  all: readonly Contender[],
  mappingOf: (i: number) => Conf,
): Promise<number[]> {
  const outcomes = await Promise.all(all.map((each, i) => start(host, 'ADD', each, mappingOf(i))))
  const winners: number[] = []
  for (const [i, { code, stdout }] of outcomes.entries()) {
    if (code === 0) winners.push(i)
    else t.match(JSON.parse(stdout), { code: 106, msg: /^host port .* is held by net\/.*\/eth0$/ }, stdout)
  }
  return winners
}

async function detach(
  t: Test,
  host: FakeHost,
  all: readonly Contender[],
  mappingOf: (i: number) => Conf,
): Promise<void> {
  for (const { code, stdout } of await Promise.all(
    all.map((each, i) => start(host, 'DEL', each, mappingOf(i))),
  ))
    t.equal(code, 0, stdout)
  t.equal(
    host.sh('nft list set inet plumbline reserved; nft list set inet plumbline held').includes('elements'),
    false,
  )
}

const single = (hostPort: number, hostIP = '') => ({ hostPort, containerPort: 80, hostIP })
const range = { hostPort: '9000-9007', containerPort: '9000-9007' }

for (const resident of ['off', 'require'] as const)
  t.test(`resident ${resident}`, { skip }, async t => {
    const host = fakeHost(t, { resident })
    const all = contenders(host, 8)

    const same = () => single(8080)
    t.equal((await race(t, host, all, same)).length, 1, 'one port: one has it')
    await detach(t, host, all, same)

    const kinds = (i: number) => [single(8080), single(8080, '192.0.2.1'), range, single(8080, '::')][i % 4]!
    const winners = (await race(t, host, all, kinds)).map(i => i % 4)
    t.equal(winners.filter(kind => kind === 2).length, 1, 'the range is free')
    t.ok(winners.filter(kind => kind === 0).length <= 1)
    t.equal(
      winners.includes(0),
      !(winners.includes(1) || winners.includes(3)),
      `${winners}: all addresses, or some`,
    )
    await detach(t, host, all, kinds)

    const against = (i: number) => (i === 0 ? range : single(9000 + i))
    const took = await race(t, host, all, against)
    t.ok(took.includes(0) ? took.length === 1 : took.length === 7, `${took}: the range, or every single one`)
    await detach(t, host, all, against)

    const ports = (i: number) => `${6000 + 10 * i}-${6009 + 10 * i}`
    const free = (i: number) =>
      [single(5000 + i), single(5555, `192.0.2.${i}`), { hostPort: ports(i), containerPort: ports(i) }][
        i % 3
      ]!
    const granted = await race(t, host, all, free)
    t.equal(granted.length, 8, 'all of those that want different ones')
    await detach(t, host, all, free)
  })
