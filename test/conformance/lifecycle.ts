// The order of things: ADD twice, DEL twice and in every state of decay, CHECK after tampering, GC, STATUS. Over every
// executable, warm and cold. CNI SPEC 1.1.0, section 2, and section 3 "Lifecycle & Ordering".
import t, { type Test } from 'tap'
import { leftovers } from '../helpers/difference.js'
import { type Container, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import type { Outcome } from '../helpers/outcome.js'
import { Runtime } from '../helpers/runtime.js'
import { type Conf, modes, passesCheck, subjects, testsReference } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'nsenter', 'iproute', 'nft')

for (const mode of modes)
  for (const subject of subjects)
    t.test(`${subject.type}, resident ${mode}`, { skip }, async t => {
      const host = fakeHost(t, { resident: mode })
      const it = (name: string, test: (t: Test, runtime: Runtime) => void | Promise<void>) =>
        t.test(name, async t => test(t, new Runtime(t, host, subject)))
      it('a second ADD, and CHECK of what is no more', addTwice)
      it('DEL in every state of decay', delInDecay)
      it('an ADD that fails', failedAdd)
      if (subject.args && !subject.behind) it('CNI_ARGS and keys in any case', spellings)
      if (subject.type === 'loopback') it('the override', override)
      if (testsReference) return
      it('two interfaces of one container', twoInterfaces)
      it('GC', garbage)
      it('STATUS', status)
      if (subject.type === 'bridge') it('a bridge in other ways', variants)
    })

function addTwice(t: Test, runtime: Runtime): void {
  const { subject, host } = runtime
  const nothingLeft = runtime.baseline()
  const container = host.container()
  const conf = runtime.add(container)
  const before = host.snapshot()
  const second = runtime.call('ADD', container)
  if (subject.type === 'loopback' || subject.type === 'static') {
    // They hold nothing that could be given twice.
    t.equal(second.code, 0, second.stdout)
  } else if (testsReference && subject.behind) {
    t.pass('the reference adds it once more, or not')
  } else {
    t.not(second.error, undefined, 'is refused')
    if (!testsReference) t.match(second.error, { code: /^10[12]$/ })
  }
  if (!(testsReference && subject.behind))
    t.strictSame(leftovers(before, host.snapshot()), [], 'the first is as it was')
  if (passesCheck(subject)) runtime.succeeds(runtime.call('CHECK', container, { conf }), 'CHECK of the first')
  runtime.succeeds(runtime.call('DEL', container, { conf }), 'DEL')
  if (!testsReference) {
    const check = runtime.call('CHECK', container, { conf })
    if (subject.type === 'static') runtime.succeeds(check, 'static has nothing to lose')
    else t.match(check.error, { code: 100 }, `CHECK of what is no more: ${check.stdout}`)
  }
  nothingLeft()
}

function delInDecay(_t: Test, runtime: Runtime): void {
  const { host } = runtime
  const nothingLeft = runtime.baseline()
  const ways: readonly [string, (container: Container, conf: Conf) => Outcome][] = [
    ['as it should be', (container, conf) => runtime.call('DEL', container, { conf })],
    ['without prevResult', container => runtime.call('DEL', container)],
    [
      'with a prevResult that is damaged',
      (container, conf) =>
        runtime.call('DEL', container, {
          conf: { ...conf, prevResult: { cniVersion: conf.cniVersion, ips: [{ address: 'x' }] } },
        }),
    ],
    [
      'without CNI_NETNS',
      (container, conf) => runtime.call('DEL', container, { conf, env: { CNI_NETNS: undefined } }),
    ],
    ['with CNI_NETNS empty', (container, conf) => runtime.call('DEL', container, { conf, netns: '' })],
    [
      'after the namespace',
      (container, conf) => {
        container.remove()
        return runtime.call('DEL', container, { conf })
      },
    ],
    [
      'after the namespace, with nothing known of it',
      container => {
        container.remove()
        return runtime.call('DEL', container, { env: { CNI_NETNS: undefined } })
      },
    ],
    [
      'after the interface',
      (container, conf) => {
        container.trySh(`ip link del ${runtime.subject.ifname}`)
        return runtime.call('DEL', container, { conf })
      },
    ],
  ]
  // Cold, all but bridge share them out among themselves: behind the launcher is the same code.
  const number = subjects.indexOf(runtime.subject)
  const isShared = host.resident === 'off' && number > 0 && !testsReference
  for (const [name, del] of ways.filter((_, i) => !isShared || i % 4 === number % 4)) {
    if (testsReference && /CNI_NETNS|namespace|interface|damaged/.test(name)) continue
    if (testsReference && runtime.subject.behind && /without prevResult/.test(name)) continue
    const container = host.container()
    const conf = runtime.add(container)
    runtime.succeeds(del(container, conf), `DEL ${name}`)
    nothingLeft()
    runtime.succeeds(runtime.call('DEL', container, { conf }), `DEL ${name}, again`)
    runtime.succeeds(runtime.call('DEL', container), 'and once more')
    container.remove()
  }
  const stranger = host.container()
  runtime.succeeds(runtime.call('DEL', stranger), 'DEL of what was never added')
  nothingLeft()
}

function twoInterfaces(t: Test, runtime: Runtime): void {
  const { subject, host } = runtime
  if (subject.type === 'loopback') return void t.pass('it has only one')
  const nothingLeft = runtime.baseline()
  const container = host.container()
  const one = runtime.add(container, { ifname: 'net1' })
  const two = runtime.add(container, { ifname: 'net2' })
  if (subject.type !== 'static')
    t.notSame(one.prevResult.ips[0].address, two.prevResult.ips[0].address, 'with addresses of their own')
  runtime.succeeds(runtime.call('DEL', container, { ifname: 'net1', conf: one }), 'DEL of one')
  runtime.succeeds(runtime.call('CHECK', container, { ifname: 'net2', conf: two }), 'CHECK of the other')
  runtime.succeeds(runtime.call('DEL', container, { ifname: 'net2', conf: two }), 'DEL of the other')
  nothingLeft()
}

/** The name is taken in the container, or the address is: all that was done is taken back. */
function failedAdd(t: Test, runtime: Runtime): void {
  const { subject, host } = runtime
  const nothingLeft = runtime.baseline()
  const container = host.container()
  if (subject.attaches && subject.type !== 'loopback' && !subject.behind) {
    container.sh('ip link add eth0 type veth peer name eth1')
    const before = container.sh('ip -j address')
    const outcome = runtime.call('ADD', container)
    t.not(outcome.error, undefined, `the name is taken: ${outcome.stdout}`)
    if (!testsReference) {
      t.equal(container.sh('ip -j address'), before, 'the container is as it was')
      nothingLeft()
    }
    container.sh('ip link del eth0')
    runtime.call('DEL', container)
  }
  if (subject.args?.includes('IP') && subject.type !== 'static') {
    const gateway = runtime.conf.ipam.ranges[0][0].subnet.replace(/0\/\d+$/, '1')
    const taken = runtime.call('ADD', container, {
      conf: { ...runtime.conf, args: { cni: { ips: [gateway] } } },
    })
    t.not(taken.error, undefined, `the gateway's address: ${taken.stdout}`)
    if (!testsReference) {
      t.match(taken.error, { code: /^(7|101)$/, msg: /gateway/ })
      nothingLeft()
    }
  }
  t.pass('done')
}

/** JSON keys are matched as Go does it, and CNI_ARGS of orchestrators pass. */
function spellings(t: Test, runtime: Runtime): void {
  const { host, subject } = runtime
  const container = host.container()
  const { ipam, ...rest } = runtime.conf
  const conf = {
    ...rest,
    IPAM: ipam,
    unknownKey: { a: [1] },
    capabilities: { portMappings: true },
    dns: null,
  }
  const args =
    'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=1;K8S_POD_UID='
  const outcome = runtime.call('ADD', container, { conf, args })
  t.equal(outcome.code, 0, `${subject.type}: ${outcome.stdout}`)
  t.match(outcome.json, { ips: [{ address: /\// }, { address: /\// }] }, 'IPAM is ipam')
  runtime.succeeds(runtime.call('DEL', container, { conf, args }), 'DEL')
}

/** In the host's own namespace, when somebody insists. */
function override(t: Test, runtime: Runtime): void {
  const { host } = runtime
  const call = { id: 'host', ifname: 'lo', netns: host.netns, conf: runtime.conf }
  for (const CNI_NETNS_OVERRIDE of ['1', 'true', 'TRUE']) {
    const outcome = host.exec('loopback', 'ADD', { ...call, env: { CNI_NETNS_OVERRIDE } })
    t.equal(outcome.code, 0, outcome.stdout)
  }
  for (const CNI_NETNS_OVERRIDE of testsReference ? [] : ['0', 'yes']) {
    const outcome = host.exec('loopback', 'ADD', { ...call, env: { CNI_NETNS_OVERRIDE } })
    t.equal(outcome.error?.code, 8, outcome.stdout)
  }
  const del = host.exec('loopback', 'DEL', { ...call, env: { CNI_NETNS_OVERRIDE: 'true' } })
  runtime.succeeds(del, 'DEL')
  host.sh('ip link set lo up')
}

function garbage(t: Test, runtime: Runtime): void {
  const { host, subject } = runtime
  const nothingLeft = runtime.baseline()
  const containers = [1, 2, 3].map(() => host.container())
  const kept = containers[1]!
  const confs = containers.map(container => runtime.add(container))
  containers[2]!.remove()
  const valid = [{ containerID: kept.id, ifname: subject.ifname }]
  runtime.succeeds(runtime.gc([...valid, { containerID: 'unheard-of', ifname: 'eth0' }]), 'GC')
  runtime.succeeds(runtime.call('CHECK', kept, { conf: confs[1]! }), 'CHECK of the valid one')
  const { leases, records } = host.snapshot()
  const named = (container: Container) =>
    [...Object.entries(leases), ...Object.entries(records)].some(entry => entry.join().includes(container.id))
  t.strictSame(
    containers.map(container => container !== kept && named(container)),
    [false, false, false],
    'no lease and no record of the others',
  )
  runtime.succeeds(runtime.gc(valid), 'GC with nothing to do')
  runtime.succeeds(runtime.call('CHECK', kept, { conf: confs[1]! }), 'CHECK again')
  runtime.succeeds(runtime.gc([]), 'GC of all')
  nothingLeft()
  runtime.succeeds(runtime.gc([]), 'GC of nothing')
  runtime.succeeds(runtime.call('DEL', kept, { conf: confs[1]! }), 'DEL after GC')
  nothingLeft()
  for (const container of containers) container.remove()
}

function status(t: Test, runtime: Runtime): void {
  const { host, subject } = runtime
  const before = host.snapshot()
  runtime.succeeds(runtime.status(), 'STATUS')
  const unwritable = host.exec(subject.type, 'STATUS', {
    conf: runtime.conf,
    env: { PLUMBLINE_RUN_DIR: '/dev/null/run', PLUMBLINE_RESIDENT: 'off' },
  })
  if (subject.attaches && subject.type !== 'loopback')
    t.equal(unwritable.error?.code, 50, `no run directory: ${unwritable.stdout}`)
  if (runtime.conf.ipam?.type === 'host-local') {
    const tiny = { ...runtime.conf.ipam, ranges: [[{ subnet: '10.66.0.0/30' }]], routes: [] }
    const small = new Runtime(t, host, subject, { name: 'tiny', bridge: 'brtiny', ipam: tiny })
    small.succeeds(small.status(), 'STATUS of a pool with one address')
    const container = host.container()
    const conf = small.add(container)
    t.match(small.status().error, { code: 50, msg: /address/ }, 'STATUS of an exhausted pool')
    t.match(small.call('ADD', host.container()).error, { code: 101 }, 'ADD from an exhausted pool')
    small.succeeds(small.call('DEL', container, { conf }), 'DEL')
    small.succeeds(small.status(), 'STATUS after a DEL')
  }
  if (subject.type === 'bridge' || subject.type === 'ptp')
    t.equal(runtime.status({ ipam: { type: 'no-such-ipam' } }).error?.code, 50, 'no IPAM, no service')
  t.strictSame(host.snapshot().leases, before.leases)
}

/** Keys that change what is made: all of it is checked, and goes again. */
function variants(t: Test, runtime: Runtime): void {
  const { host } = runtime
  const { ipam, ...plain } = runtime.conf
  const confs: readonly Conf[] = [
    { ...plain, isGateway: false },
    { ...plain, ipam: {} },
    { ...plain, disableContainerInterface: true },
    { ...plain, ipam, promiscMode: true },
    { ...plain, ipam, hairpinMode: true, portIsolation: true, macspoofchk: true },
    { ...plain, ipam, enabledad: true, mtu: 1400 },
    { ...plain, ipam, isDefaultGateway: true, ipMasqBackend: 'nftables' },
    { ...plain, ipam, vlan: 100 },
    { ...plain, ipam, vlanTrunk: [{ id: 100 }, { minID: 200, maxID: 210 }] },
  ]
  for (const [index, conf] of confs.entries()) {
    const keys = JSON.stringify({ ...conf, ipam: conf.ipam && '…' })
    const variant = new Runtime(t, host, runtime.subject, conf)
    Object.assign(variant.conf, { ipam: undefined }, conf, { bridge: `brvariant${index}` })
    const container = host.container()
    const added = variant.call('ADD', container)
    const vlan = conf.vlan || conf.vlanTrunk
    if (added.code !== 0 && vlan) {
      t.match(
        added.error?.msg,
        /CONFIG_BRIDGE_VLAN_FILTERING/,
        `${keys}: the kernel lacks it, and that is said`,
      )
      t.strictSame(host.snapshot().records, {}, 'nothing is left')
      continue
    }
    t.equal(added.code, 0, `${keys}: ${added.stdout}`)
    const call = { conf: { ...variant.conf, prevResult: added.json } }
    variant.succeeds(variant.call('CHECK', container, call), `CHECK of ${keys}`)
    variant.succeeds(variant.call('DEL', container, call), `DEL of ${keys}`)
    const { leases, records, host: left } = host.snapshot()
    const hostEnds = Object.keys(left.links).filter(name => name.startsWith('pl'))
    t.strictSame({ leases, records, hostEnds }, { leases: {}, records: {}, hostEnds: [] }, 'nothing is left')
  }
}
