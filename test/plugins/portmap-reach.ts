// Published ports with real connections, over all ways of attaching: who reaches them, from whom they seem to come, what passes by.
import t from 'tap'
import { askAll } from '../helpers/ask-all.js'
import { needs } from '../helpers/needs.js'
import { attach, detach, scene, tcpAndUdp, twice, type Way } from '../helpers/portmap.js'
import { serveAll } from '../helpers/serve-all.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

const ways: Record<string, Way> = {
  'chained behind bridge, bridged frames seen': { type: 'bridge', chained: true, seen: true },
  'chained behind bridge, bridged frames not seen': { type: 'bridge', chained: true, seen: false },
  bridge: { type: 'bridge', chained: false, seen: true },
  ptp: { type: 'ptp', chained: false, seen: true },
}

for (const [name, way] of Object.entries(ways))
  t.test(name, { skip }, async t => {
    const world = scene(t, way)
    const { host4, host6, peer, peer4, peer6 } = world.uplink!
    const hosts = [host4, host6]
    const web = await attach(world, way, [...tcpAndUdp(8080, 80), ...tcpAndUdp('9000-9002', '9000-9002')])
    const neighbour = await attach(world, way, [])
    const stranger = await attach(world, way, [], { number: 2 })
    await serveAll(t, web.container.path, 'web', [80, 9001])
    const all = (addresses: readonly string[], ports = [8080, 9001]) =>
      addresses.flatMap(address => ports.flatMap(port => twice(address, port)))
    const from = (...callers: readonly string[]) => callers.flatMap(caller => Array(4).fill(`web ${caller}`))

    t.strictSame(await askAll(peer, all(hosts)), from(peer4, peer6), 'another host, whose address is seen')
    // To the host, the container's network is one of its own: it calls from its address there, or from the one it called.
    for (const [i, answer] of (await askAll(world.path, all([...hosts, ...web.gateways]))).entries())
      t.match(answer, /^web /, `the host itself, ${i}`)
    t.strictSame(
      await askAll(neighbour.container.path, all([...hosts, ...web.gateways])),
      from(...web.gateways, ...web.gateways),
      'a neighbour',
    )
    t.strictSame(
      await askAll(web.container.path, all([...hosts, ...web.gateways])),
      from(...web.gateways, ...web.gateways),
      'itself',
    )
    t.match(
      await askAll(stranger.container.path, all(hosts)),
      Array(8).fill(/^web /),
      'a container of another network',
    )
    const inside = await askAll(neighbour.container.path, all(web.addresses, [80]))
    t.strictSame(
      inside,
      web.addresses.flatMap((_, i) => Array(2).fill(`web ${neighbour.addresses[i]}`)),
    )

    await t.test('what is not for the host passes by', async t => {
      await serveAll(t, stranger.container.path, 'stranger', [8080])
      await serveAll(t, peer, 'peer', [8080])
      const { sh } = world
      for (const [i, address] of stranger.addresses.entries())
        sh(`nsenter --net=${peer} ip route add ${address} via ${hosts[i]}`)
      t.strictSame(
        await askAll(peer, all(stranger.addresses, [8080])),
        ['stranger', 'stranger'].flatMap((who, i) => Array(2).fill(`${who} ${[peer4, peer6][i]}`)),
        'in transit to a container',
      )
      t.strictSame(
        await askAll(neighbour.container.path, all([peer4, peer6], [8080])),
        hosts.flatMap(host => Array(2).fill(`peer ${host}`)),
        'in transit from one',
      )
    })

    for (const conf of web.confs) t.equal((await world.call('CHECK', conf, web.container)).stdout, '')
    await detach(world, web)
    t.strictSame(await askAll(peer, [], all(hosts)), Array(8).fill(undefined), 'after DEL nobody answers')
  })
