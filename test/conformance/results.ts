// ADD's result in every version, over every executable: its shape, and that it says what is there. CNI SPEC 1.1.0,
// section 5 "Add Success", and the SPECs of earlier versions.
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { leftovers } from '../helpers/difference.js'
import { type FakeHost, fakeHost } from '../helpers/host.js'
import { needs, pluginDir } from '../helpers/needs.js'
import type { NetnsWorld } from '../helpers/netns-world.js'
import type { Outcome } from '../helpers/outcome.js'
import { resultShape, strangeKeys } from '../helpers/result-shape.js'
import { Runtime } from '../helpers/runtime.js'
import {
  atLeast,
  type Conf,
  modes,
  newest,
  passesCheck,
  type Subject,
  subjects,
  testsReference,
  versionsOf,
} from '../helpers/subjects.js'

for (const mode of modes)
  t.test(
    `results, resident ${mode}`,
    { skip: needs('root', 'plugins', 'nsenter', 'iproute', 'nft') },
    async t => {
      const host = fakeHost(t, { resident: mode })
      for (const subject of subjects) t.test(subject.type, t => everyVersion(t, host, subject))
    },
  )

async function everyVersion(t: Test, host: FakeHost, subject: Subject): Promise<void> {
  // What stays for the next attachment (bridge, tables, forwarding) is made by the first one.
  const nothingLeft = new Runtime(t, host, subject).baseline()
  const container = host.container()
  for (const version of versionsOf(subject)) {
    const runtime = new Runtime(t, host, subject, { cniVersion: version })
    const outcome = runtime.call('ADD', container)
    t.equal(outcome.code, 0, `${version}: ADD succeeds: ${outcome.stdout}${outcome.stderr}`)
    if (outcome.code !== 0) continue
    if (testsReference && subject.type === 'loopback') continue // it prints what 1.0.0 has, whatever the version
    t.match(outcome.json, resultShape(subject, version), `${version}: shape`)
    t.strictSame(strangeKeys(outcome.json, version), [], `${version}: no key that this version does not have`)
    const previous = runtime.previous(container)
    if (previous) t.strictSame(withoutMore(outcome.json, previous), previous, `${version}: passed through`)
    if (subject.attaches)
      t.strictSame(
        addressesOf(outcome),
        addressesIn(host.snapshot().containers[container.id]!, subject.ifname),
        `${version}: addresses are there`,
      )
    t.equal(outcome.stderr, '', `${version}: silence on stderr`)
    const conf = { ...runtime.conf, prevResult: outcome.json }
    if (atLeast(version, '0.4.0') && passesCheck(subject)) {
      const check = runtime.call('CHECK', container, { conf })
      t.match(check, { code: 0, stdout: '', stderr: '' }, `${version}: CHECK succeeds and is silent`)
    }
    const del = runtime.call('DEL', container, { conf })
    t.match(del, { code: 0, stdout: '', stderr: '' }, `${version}: DEL succeeds and is silent`)
    runtime.detach()
    nothingLeft()
  }
}

/** Less the interfaces that came after. */
function withoutMore(result: Conf, previous: Conf): Conf {
  return result.interfaces
    ? { ...result, interfaces: result.interfaces.slice(0, previous.interfaces.length) }
    : result
}

function addressesOf({ json }: Outcome): string[] {
  const ips: { address: string }[] =
    json.ips ?? [json.ip4, json.ip6].flatMap(ip => (ip ? [{ address: ip.ip }] : []))
  return ips.map(ip => ip.address).sort()
}

function addressesIn(world: NetnsWorld, ifname: string): string[] {
  return world.addresses
    .map(text => JSON.parse(text))
    .filter(address => address.dev === ifname)
    .map(address => `${address.local}/${address.prefixlen}`)
    .sort()
}

t.test(
  'a second address of one family has no place in the oldest versions',
  { skip: needs('root', 'plugins', 'nsenter') },
  async t => {
    const host = fakeHost(t)
    const container = host.container()
    const call = { id: container.id, netns: container.netns, ifname: 'eth0' }
    for (const subject of subjects.filter(each => each.type !== 'loopback' && !each.behind)) {
      const conf = subject.conf(host, '0.2.0')
      const two = [[{ subnet: '10.77.0.0/24' }], [{ subnet: '10.78.0.0/24' }]]
      const addresses = ['10.77.0.5/24', '10.78.0.5/24'].map(address => ({ address }))
      const ipam = { ...conf.ipam, ranges: two, addresses }
      const before = host.snapshot()
      const outcome = host.exec(subject.type, 'ADD', { ...call, conf: { ...conf, ipam } })
      t.match(outcome.error, { code: testsReference ? Number : 1 }, `${subject.type}: ${outcome.stdout}`)
      if (testsReference) host.exec(subject.type, 'DEL', { ...call, conf: { ...conf, ipam } })
      else {
        t.match(outcome.error?.msg, /CNI version 0\.2\.0 does not support more than 1 address per family/)
        t.strictSame(leftovers(before, host.snapshot()), [], `${subject.type}: nothing is left`)
      }
    }
  },
)

t.test(
  'an IPAM without addresses has no result in the oldest versions',
  { skip: needs('root', 'plugins', 'nsenter') || (testsReference && 'needs plugins of our own') },
  async t => {
    const host = fakeHost(t)
    const container = host.container()
    const { ipam: _ipam, ...conf } = subjects[0]!.conf(host, '0.2.0')
    const before = host.snapshot()
    const outcome = host.exec('bridge', 'ADD', {
      id: container.id,
      netns: container.netns,
      ifname: 'eth0',
      conf,
    })
    t.match(outcome.error, { code: 1, msg: /no valid IP addresses/ })
    t.strictSame(
      Object.keys(host.snapshot().containers[container.id]!.links),
      Object.keys(before.containers[container.id]!.links),
    )
    t.strictSame(host.snapshot().records, {})
  },
)

t.test(
  'nothing in the directory is left out',
  { skip: needs('plugins') || (testsReference && 'there are more of the reference') },
  async t => {
    t.strictSame(readdirSync(pluginDir).sort(), subjects.map(({ type }) => type).sort())
  },
)

t.test('what is asked by hand', { skip: needs('root', 'plugins', 'nsenter') }, async t => {
  const host = fakeHost(t)
  for (const subject of subjects) {
    const { type } = subject
    const supportedVersions = versionsOf(subject)
    const about = host.exec(type, undefined, { path: '', env: { CNI_PATH: undefined }, conf: 'not read' })
    t.match(about, { code: 0, stdout: '' }, `${type}: about`)
    t.match(about.stderr, RegExp(`\\S.*\nCNI protocol versions supported: ${supportedVersions[0]}, .*`))
    const version = host.exec(type, 'VERSION', { path: '', env: { CNI_PATH: undefined }, conf: 'not read' })
    t.match(
      version,
      { code: 0, json: { cniVersion: newest, supportedVersions }, stderr: '' },
      `${type}: VERSION`,
    )
    const asked = host.exec(type, 'VERSION', { conf: { cniVersion: '0.4.0' } })
    t.match(asked.json, { supportedVersions }, `${type}: VERSION with a document`)
  }
  t.strictSame(host.processes(), [], 'no resident is started for a question')
})
