// What a container, or a neighbour on the wire, must not be able to do. Over all ways of attaching.
import t, { type Test } from 'tap'
import { type ChainConf, runChain } from '../helpers/chain.js'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { chainedNetwork, inlineNetwork, routedNetwork } from '../helpers/networks.js'
import { until } from '../helpers/processes.js'
import { advertiseRouter, sendFrom } from '../helpers/raw-packets.js'
import { ask, serve } from '../helpers/service.js'
import { type Conf, modes, testsReference } from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft', 'socat', 'ss', 'python3') ||
  (testsReference && 'needs plugins of our own')

interface Scene {
  readonly host: FakeHost
  /** Publishes 8080 on all addresses, and 8081 on 127.0.0.1 and ::1 only. */
  readonly victim: Container
  readonly attacker: Container
  /** Addresses of the attacker: IPv4, IPv6. */
  readonly own: readonly string[]
  readonly gateways: readonly string[]
}

const published = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
  { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '::1' },
]

async function scene(t: Test, networkOf: (host: FakeHost) => ChainConf): Promise<Scene> {
  const host = fakeHost(t, { resident: modes.at(-1)!, uplink: true })
  const conf = networkOf(host)
  const [victim, attacker] = [host.container(), host.container()]
  const one = await runChain(host, conf, 'ADD', {
    container: victim,
    capabilityArgs: { portMappings: published },
  })
  t.equal(one.outcome.code, 0, `ADD ${one.outcome.stdout}${one.outcome.stderr}`)
  const two = await runChain(host, conf, 'ADD', { container: attacker })
  t.equal(two.outcome.code, 0, `ADD ${two.outcome.stdout}`)
  await serve(t, { netns: victim.netns, port: 80, greeting: 'victim' })
  return {
    host,
    victim,
    attacker,
    own: two.result!.ips.map(({ address }: Conf) => address.split('/')[0]),
    gateways: two.result!.ips.map(({ gateway }: Conf) => gateway),
  }
}

/** Sends packets for the loopback addresses out to the wire. */
function routeLoopbackOut(netns: Pick<Container, 'sh'>, ifname: string, via4: string, via6: string): void {
  netns.sh(`
    echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
    ip address del 127.0.0.1/8 dev lo || true
    ip address del ::1/128 dev lo || true
    ip -4 route add 127.0.0.0/8 via ${via4} dev ${ifname}
    ip -6 route add ::1/128 via ${via6} dev ${ifname}`)
}

const answer = (netns: string, address: string, port: number) => ask({ netns, address, port })

/** What does not answer within this does not answer: everything is on one machine. */
const quick = (netns: string, address: string, port: number) => ask({ netns, address, port, seconds: 0.7 })

for (const [name, networkOf] of Object.entries({
  chained: chainedNetwork,
  'inline, bridge': inlineNetwork,
  'inline, ptp': routedNetwork,
}))
  t.test(name, { skip }, async t => {
    const { host, attacker, own, gateways } = await scene(t, networkOf)
    const uplink = host.uplink!
    const peer = { sh: (script: string) => host.sh(`nsenter --net=${uplink.peer} sh -c '${script}'`) }

    await t.test('published ports work', async t => {
      for (const address of ['127.0.0.1', '::1']) {
        t.match(answer(host.netns, address, 8080), /^victim/, `8080 on ${address}`)
        t.match(answer(host.netns, address, 8081), /^victim/, `8081 on ${address}`)
      }
      t.match(answer(uplink.peer, uplink.host4, 8080), /^victim/, 'from another host, IPv4')
      t.match(answer(uplink.peer, uplink.host6, 8080), /^victim/, 'from another host, IPv6')
    })

    await t.test('transit traffic to a mapped port is not captured', async t => {
      await serve(t, { netns: uplink.peer, port: 8080, greeting: 'elsewhere' })
      for (const address of [uplink.peer4, uplink.peer6])
        t.match(answer(attacker.netns, address, 8080), /^elsewhere/, address)
    })

    await t.test('a port published on loopback is not reachable from outside', async t => {
      for (const address of [uplink.host4, uplink.host6])
        t.equal(quick(uplink.peer, address, 8081), undefined, `by ${address}`)
      for (const address of gateways)
        t.equal(quick(attacker.netns, address, 8081), undefined, `from a container, by ${address}`)
    })

    await t.test('loopback services of the host are not reachable', async t => {
      for (const address of ['127.0.0.1', '::1'])
        await serve(t, { netns: host.netns, port: 7777, address, greeting: 'secret' })
      t.match(answer(host.netns, '127.0.0.1', 7777), /^secret/, 'the host has it')
      t.match(answer(host.netns, '::1', 7777), /^secret/, 'the host has it')
      routeLoopbackOut(attacker, 'eth0', gateways[0]!, gateways[1]!)
      routeLoopbackOut(peer, uplink.ifname, uplink.host4, uplink.host6)
      for (const [who, netns] of Object.entries({ container: attacker.netns, 'another host': uplink.peer }))
        for (const address of ['127.0.0.1', '::1'])
          for (const port of [7777, 8081])
            t.equal(quick(netns, address, port), undefined, `${who} to ${address}, port ${port}`)
    })

    await t.test('spoofed sources are dropped', async t => {
      host.sh(`nsenter --net=${uplink.peer} nft -f - <<'END'
table inet seen {
  chain in {
    type filter hook prerouting priority -400
    udp dport 9 counter
    udp dport 10 counter
  }
}
END`)
      const seen = () => {
        const { nftables } = JSON.parse(host.sh(`nsenter --net=${uplink.peer} nft -j list ruleset`)) as {
          nftables: Conf[]
        }
        return nftables.flatMap(({ rule }) =>
          (rule?.expr ?? []).flatMap(({ counter }: Conf) => (counter ? [counter.packets] : [])),
        )
      }
      // From somebody else's address first; then honestly, and once that has arrived, so would have the other.
      sendFrom(attacker.netns, '198.51.100.7', uplink.peer4, 9)
      sendFrom(attacker.netns, own[0]!, uplink.peer4, 10)
      await until(() => seen()[1] === 1, 'the honest datagram, IPv4')
      sendFrom(attacker.netns, '2001:db8:bad::7', uplink.peer6, 9)
      sendFrom(attacker.netns, own[1]!, uplink.peer6, 10)
      await until(() => seen()[1] === 2, 'the honest datagram, IPv6')
      t.equal(seen()[0], 0, 'nothing else')
    })

    await t.test('router advertisements change nothing on the host', async t => {
      const state = () => host.sh('ip -6 route show table all; ip -6 address show scope global')
      const before = state()
      advertiseRouter(attacker.netns, 'eth0')
      // What was sent after it has been seen: so was the advertisement.
      t.equal(host.trySh(`ping -n -q -c 1 -W 2 ${own[1]}`).code, 0)
      t.equal(state(), before)
    })
  })
