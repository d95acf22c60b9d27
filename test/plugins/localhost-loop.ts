// The loop by which the host's own connections to [::1] go: made once, repaired, checked piece by piece.
import t, { type Test } from 'tap'
import { loopFar, loopNear, loopSource, loopTarget } from '../../plugins/localhost/loop.js'
import { checkLoop, ensureLoop, makeLoop } from '../../plugins/localhost/loop-links.js'
import { needs } from '../helpers/needs.js'
import { type Json, type TestNetns, tempNetns } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')
const { name: near } = loopNear
const { name: far } = loopFar

function inNetns(name: string, test: (t: Test, netns: TestNetns) => void): void {
  t.test(name, { skip }, async t => {
    const netns = tempNetns(t)
    netns.run('ip link set lo up')
    test(t, netns)
  })
}

const isOfLoop = (name: string) => name === near || name === far

/** Everything of the loop as `ip` has it; the kernel's own multicast routes left out. */
const loopOf = ({ ip }: TestNetns) => ({
  links: ip('-d link show')
    .filter(({ ifname }: Json) => isOfLoop(ifname))
    .map(({ ifname, mtu, group, address, flags, inet6_addr_gen_mode }: Json) => ({
      ...{ ifname, mtu, group, address, inet6_addr_gen_mode },
      up: flags.includes('UP'),
    })),
  addresses: ip('address show')
    .filter(({ ifname }: Json) => isOfLoop(ifname))
    .flatMap(({ addr_info }: Json) => addr_info),
  routes: ip('-6 route show table all')
    .filter(({ dev, type }: Json) => isOfLoop(dev) && type !== 'multicast')
    .map(({ dst, dev, type, table, protocol, metric }: Json) => ({
      dst,
      dev,
      type,
      table,
      protocol,
      metric,
    })),
  neighbours: ip('-6 neighbour show nud permanent').toSorted((a: Json, b: Json) => (a.dst < b.dst ? -1 : 1)),
})

inNetns('what it is made of', (t, netns) => {
  ensureLoop(netns.ns)
  checkLoop(netns.ns)
  const { links, addresses, routes, neighbours } = loopOf(netns)
  t.match(links.map((link: { ifname: string }) => link.ifname).toSorted(), [near, far])
  t.match(links, [
    { up: true, inet6_addr_gen_mode: 'none' },
    { up: true, inet6_addr_gen_mode: 'none' },
  ])
  t.strictSame(addresses, [], 'no addresses')
  t.match(routes, [
    { dst: String(loopTarget), dev: near, protocol: '112' },
    { dst: String(loopSource), dev: far, protocol: '112' },
    { type: 'local', dst: '::1', dev: near, table: 'local', protocol: '112', metric: 2048 },
  ])
  t.equal(neighbours.length, 2)
  t.equal(netns.ns.sysctl.get('net/ipv6/conf/all/forwarding'), '1')
})

inNetns('made once', (t, netns) => {
  ensureLoop(netns.ns)
  const before = loopOf(netns)
  ensureLoop(netns.ns)
  makeLoop(netns.ns)
  t.strictSame(loopOf(netns), before)
})

inNetns('also where interfaces are born without IPv6', (t, netns) => {
  netns.ns.sysctl.set('net/ipv6/conf/default/disable_ipv6', 1)
  ensureLoop(netns.ns)
  t.doesNotThrow(() => checkLoop(netns.ns))
})

inNetns('a name that is taken', (t, netns) => {
  netns.run(`ip link add ${near} type bridge`)
  t.throws(() => ensureLoop(netns.ns), { code: 50, message: /pl-lo0 or pl-lo1 exists/ })
  netns.run(`ip link delete ${near}`)
  netns.run(`ip link add ${far} type bridge`)
  t.throws(() => ensureLoop(netns.ns), { code: 50, message: /pl-lo0 or pl-lo1 exists/ })
})

/** By what is done to it: what CHECK says, and whether an ADD notices by itself (its one look is at the last thing made). */
const damages: Record<string, { says: RegExp; noticed: boolean }> = {
  [`ip link delete ${near}`]: { says: /interface pl-lo0 or pl-lo1 is gone/, noticed: true },
  [`ip link set ${near} down`]: { says: /interface pl-lo0 is down/, noticed: true },
  [`ip link set ${far} down`]: { says: /interface pl-lo1 is down/, noticed: false },
  [`ip -6 route delete ${loopTarget}`]: { says: /route \S+::1\/128 dev pl-lo0 is gone/, noticed: true },
  [`ip -6 route delete ${loopSource}`]: { says: /route \S+::2\/128 dev pl-lo1 is gone/, noticed: false },
  [`ip -6 route delete local ::1 dev ${near} table local`]: {
    says: /route ::1\/128 dev pl-lo0 is gone/,
    noticed: false,
  },
  [`ip neighbour delete ${loopTarget} dev ${near}`]: {
    says: /neighbour \S+::1 lladdr \S+ dev pl-lo0 is gone/,
    noticed: false,
  },
  [`ip neighbour replace ${loopSource} lladdr 02:00:00:00:00:01 dev ${far}`]: {
    says: /neighbour \S+::2 lladdr \S+ dev pl-lo1 is gone/,
    noticed: false,
  },
  'sysctl -qw net.ipv6.conf.all.forwarding=0': { says: /IPv6 forwarding is off/, noticed: false },
}

inNetns('CHECK names what is missing; made anew, it is whole', (t, netns) => {
  ensureLoop(netns.ns)
  const whole = loopOf(netns)
  for (const [command, { says, noticed }] of Object.entries(damages)) {
    netns.run(command)
    const damaged = loopOf(netns)
    t.throws(() => checkLoop(netns.ns), { code: 100, message: says }, command)
    t.strictSame(loopOf(netns), damaged, 'CHECK changes nothing')
    if (noticed) ensureLoop(netns.ns)
    else makeLoop(netns.ns)
    t.doesNotThrow(() => checkLoop(netns.ns), `${command}: repaired`)
    t.strictSame(loopOf(netns), whole)
  }
})

inNetns('whoever made half of it was killed', (t, netns) => {
  ensureLoop(netns.ns)
  const whole = loopOf(netns)
  const requests = [
    `ip link add ${near} type veth peer name ${far}`,
    `ip link set ${near} addrgenmode none`,
    `ip link set ${far} addrgenmode none`,
    `ip link set ${near} up`,
    `ip link set ${far} up`,
    `ip -6 route add ${loopSource} dev ${far} proto 0x70`,
  ]
  for (const [i] of requests.entries()) {
    netns.run(`ip link delete ${near}`)
    for (const request of requests.slice(0, i + 1)) netns.run(request)
    ensureLoop(netns.ns)
    t.doesNotThrow(() => checkLoop(netns.ns), `after ${requests[i]}`)
    t.strictSame(loopOf(netns).routes, whole.routes)
  }
})
