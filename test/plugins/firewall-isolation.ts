// ingressPolicy as the reference plugin means it: between bridges that have a policy nothing is forwarded, whatever the others do;
// `isolated` closes the bridge itself, too. A host end that is on no bridge counts as one of its own.
import t from 'tap'
import { isCutOff, onPtp, type Walled, type Walls, wall } from '../helpers/firewall.js'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'ping')

type Place = 'open' | 'same' | 'isolated' | 'ptp-open' | 'ptp-same' | 'ptp-isolated'

const places: Record<Place, Walls> = {
  open: { network: 'open', bridge: 'bropen', subnet: 11, firewall: { ingressPolicy: 'open' } },
  same: { network: 'same', bridge: 'brsame', subnet: 12, firewall: { ingressPolicy: 'same-bridge' } },
  isolated: { network: 'isolated', bridge: 'brisol', subnet: 14, firewall: { ingressPolicy: 'isolated' } },
  'ptp-open': { network: 'ptp-open', link: onPtp, subnet: 16, firewall: { ingressPolicy: 'open' } },
  'ptp-same': { network: 'ptp-same', link: onPtp, subnet: 17, firewall: { ingressPolicy: 'same-bridge' } },
  'ptp-isolated': { network: 'ptp-isol', link: onPtp, subnet: 18, firewall: { ingressPolicy: 'isolated' } },
}

const names = Object.keys(places) as Place[]

/** Whether `from` reaches `to`, each a place of its own. */
function mayReach(from: Place, to: Place): boolean {
  const hasPolicy = (place: Place) => !/open$/.test(place)
  if (from === to) return hasPolicy(from) ? from.startsWith('same') : true
  return !(hasPolicy(from) && hasPolicy(to))
}

/** Who gets an answer from whom, as `who: address`. All ask at once; an answer takes milliseconds. */
function answered(world: PluginWorld, asked: ReadonlyMap<string, Asking>): string[] {
  const asking = [...asked].flatMap(([who, { netns, targets }]) =>
    targets.map(
      to => `{ nsenter --net=${netns} ping -n -q -c 1 -W 1 ${to} >/dev/null && echo ${who}: ${to}; } &`,
    ),
  )
  return world
    .sh(`${asking.join('\n')}\nwait`)
    .trim()
    .split('\n')
    .sort()
}

interface Asking {
  readonly netns: string
  readonly targets: readonly string[]
}

async function residents(world: PluginWorld): Promise<Map<Place, [Walled, Walled]>> {
  const found = new Map<Place, [Walled, Walled]>()
  for (const name of names)
    found.set(name, [await wall(world, places[name]), await wall(world, places[name])])
  return found
}

for (const nfCall of ['1', '0'])
  t.test(`who reaches whom, bridge-nf-call-iptables ${nfCall}`, { skip }, async t => {
    const world = pluginWorld(t, { uplink: { mtu: 1500 } })
    const switches = '/proc/sys/net/bridge/bridge-nf-call-'
    world.sh(
      `for each in iptables ip6tables; do [ ! -e ${switches}$each ] || echo ${nfCall} >${switches}$each; done`,
    )
    const all = await residents(world)
    const { peer4, peer6 } = world.uplink!
    const everybody = [...all.values()].flatMap(([, { v4, v6 }]) => [v4, v6])
    const asked = new Map<string, Asking>([['host', { netns: world.path, targets: everybody }]])
    const expected = everybody.map(to => `host: ${to}`)
    for (const from of names) {
      asked.set(from, { netns: all.get(from)![0].container.path, targets: [peer4, peer6, ...everybody] })
      const reachable = names.filter(to => mayReach(from, to)).map(to => all.get(to)![1])
      expected.push(
        ...[peer4, peer6, ...reachable.flatMap(({ v4, v6 }) => [v4, v6])].map(to => `${from}: ${to}`),
      )
    }
    t.strictSame(answered(world, asked), expected.sort())
  })

t.test('isolated: not through the host either', { skip: skip || needs('socat') }, async t => {
  const world = pluginWorld(t)
  const [a, b] = [await wall(world, places.isolated), await wall(world, places.isolated)]
  const [c, d] = [await wall(world, places.same), await wall(world, places.same)]
  for (const [from, to, answer] of [
    [a, b, ''],
    [c, d, 'here'],
  ] as const) {
    // A port of the host that leads to the neighbour: forwarded from the bridge to the bridge.
    const gateway = from.link.prevResult.ips[0].gateway
    world.sh(`nft -f - <<'END'
table ip publish
delete table ip publish
table ip publish {
  chain in { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to ${to.v4}:80; }
  chain out { type nat hook postrouting priority srcnat; ct status dnat masquerade; }
}
END`)
    to.container.sh(
      'socat -u EXEC:"echo here" TCP-LISTEN:80,fork >/dev/null 2>&1 & while [ -z "$(ss -Hltn sport = :80)" ]; do :; done',
    )
    const { stdout } = from.container.trySh(`timeout 1 socat -u TCP:${gateway}:8080 - || true`)
    t.equal(stdout.trim(), answer, from === a ? 'isolated' : 'same-bridge')
    to.container.sh('kill $(ss -Hltnp sport = :80 | sed -n "s/.*pid=\\([0-9]*\\).*/\\1/p")')
  }
})

t.test('two networks on one bridge: the stricter policy holds for the bridge', { skip }, async t => {
  const world = pluginWorld(t)
  const one = await wall(world, { ...places.same, network: 'first' })
  const two = await wall(world, {
    ...places.isolated,
    network: 'second',
    bridge: 'brsame',
    subnet: 12,
    keys: {
      ipam: {
        type: 'host-local',
        dataDir: `${world.dataDir}/two`,
        ranges: [
          [{ subnet: '10.12.0.0/24', rangeStart: '10.12.0.100' }],
          [{ subnet: 'fd00:12::/64', rangeStart: 'fd00:12::100' }],
        ],
      },
    },
  })
  t.ok(isCutOff(one.container, two.v4))
})
