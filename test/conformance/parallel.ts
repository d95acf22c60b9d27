// Many callers at once, warm and cold and both together: every one gets its own address, and all of it goes again.
// CNI SPEC 1.1.0, section 3: a runtime may work on different containers in parallel.
import t, { type Test } from 'tap'
import { type Container, type FakeHost, fakeHost, type ResidentMode, type Verb } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import type { Outcome } from '../helpers/outcome.js'
import { until } from '../helpers/processes.js'
import { Runtime } from '../helpers/runtime.js'
import { type Conf, type Subject, subjects, testsReference } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'nsenter', 'iproute', 'nft')
const count = 12

/** How caller number n is served. */
const ways: Readonly<Record<string, (n: number) => ResidentMode>> = testsReference
  ? { off: () => 'off' }
  : { off: () => 'off', require: () => 'require', 'off and require': n => (n % 2 === 0 ? 'off' : 'require') }

for (const [name, modeOf] of Object.entries(ways))
  t.test(`at once, resident ${name}`, { skip }, async t => {
    const host = fakeHost(t)
    // Chains are hammered elsewhere: here they are seen with callers of both sorts.
    const both = new Set([modeOf(0), modeOf(1)]).size > 1
    for (const subject of subjects.filter(({ type }) => type !== 'static' && type !== 'loopback'))
      if (both || !subject.behind) t.test(subject.type, t => atOnce(t, host, subject, modeOf))
  })

async function atOnce(
  t: Test,
  host: FakeHost,
  subject: Subject,
  modeOf: (n: number) => ResidentMode,
): Promise<void> {
  const nothingLeft = new Runtime(t, host, subject).baseline()
  const { behind, nth } = subject
  const containers = Array.from({ length: count }, () => host.container())
  const all = (verb: Verb, confOf: (n: number) => Conf): Promise<Outcome[]> =>
    Promise.all(
      containers.map((container: Container, n) => {
        const conf = confOf(n)
        const call = { id: container.id, netns: container.netns, ifname: 'eth0', conf }
        return host.start(conf.type, verb, { ...call, env: { PLUMBLINE_RESIDENT: modeOf(n) } }).done
      }),
    )
  const succeeded = (outcomes: Outcome[], what: string) =>
    t.strictSame(
      outcomes.filter(({ code }) => code !== 0).map(({ stdout, stderr }) => stdout + stderr),
      [],
      what,
    )

  const before = behind && (await all('ADD', () => ({ ...behind(host), type: 'bridge' })))
  if (before) succeeded(before, 'all have interfaces')
  const confOf = (n: number) => ({ ...subject.conf(host), type: subject.type, ...nth?.(n) })
  const added = await all('ADD', n => ({ ...confOf(n), ...(before && { prevResult: before[n]!.json }) }))
  succeeded(added, 'all ADDs succeed')
  const addresses = added.flatMap(({ json }) => (json?.ips ?? []).map((ip: Conf) => ip.address))
  t.equal(new Set(addresses).size, 2 * count, 'with two addresses for each, none of them twice')
  const withResult = (n: number) => ({ ...confOf(n), prevResult: added[n]!.json })
  succeeded(await all('CHECK', withResult), 'all CHECKs succeed')
  succeeded(await all('DEL', withResult), 'all DELs succeed')
  if (behind)
    succeeded(await all('DEL', () => ({ ...behind(host), type: 'bridge' })), 'nor have they interfaces')
  nothingLeft()
  for (const container of containers) container.remove()
}

t.test(
  'the resident comes by itself, and may go at any time',
  { skip: skip || (testsReference && 'needs plugins of our own') },
  async t => {
    const host = fakeHost(t, { resident: 'auto' })
    const conf = subjects[0]!.conf(host)
    const attach = (container: Container, verb: Verb, more: Conf = {}) =>
      host.exec('bridge', verb, {
        id: container.id,
        netns: container.netns,
        ifname: 'eth0',
        conf: { ...conf, ...more },
      })
    const [a, b] = [host.container(), host.container()]
    t.strictSame(host.processes(), [])
    const cold = attach(a, 'ADD')
    t.equal(cold.code, 0, `the first call does not need one: ${cold.stdout}${cold.stderr}`)
    await until(() => host.processes().length === 1, 'a resident')
    const warm = attach(b, 'ADD')
    t.equal(warm.code, 0, `the second may use it: ${warm.stdout}${warm.stderr}`)
    await host.endProcesses()
    t.equal(attach(a, 'CHECK', { prevResult: cold.json }).code, 0, 'containers do not notice that it is gone')
    t.equal(
      a.trySh(`ping -n -q -c 1 -W 2 ${warm.json.ips[0].address.split('/')[0]}`).code,
      0,
      'nor does traffic',
    )
    for (const [container, { json }] of [
      [a, cold],
      [b, warm],
    ] as const) {
      const del = attach(container, 'DEL', { prevResult: json })
      t.match(del, { code: 0, stdout: '' }, `DEL: ${del.stdout}${del.stderr}`)
    }
    const { leases, records } = host.snapshot()
    t.strictSame({ leases, records }, { leases: {}, records: {} })
  },
)
