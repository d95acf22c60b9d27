// Hosts on which somebody else drops forwarded packets: Docker's FORWARD policy, a last rule that rejects, firewalld, tables of the
// administrator's own, iptables' legacy variant. What our containers send passes, and answers, and published ports; the
// others' tools find their tables in order.
import t, { type Test } from 'tap'
import { firewallConf, isCutOff, pings, unwall, wall } from '../helpers/firewall.js'
import { fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import { hostLocal } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'iptables', 'ping')

const docker = 'iptables -P FORWARD DROP; ip6tables -P FORWARD DROP'

function worldOf(t: Test, script: string): PluginWorld {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  world.sh(script)
  return world
}

const rulesOf = (world: PluginWorld, program: string) =>
  world
    .sh(`${program} -S`)
    .split('\n')
    .filter(line => line.startsWith('-A') || line.startsWith('-N'))

/** Our part of a table of iptables, as its own program lists it. */
const passage = [
  '-N CNI-ADMIN',
  '-N PLUMBLINE-FORWARD',
  '-A FORWARD -j PLUMBLINE-FORWARD',
  '-A PLUMBLINE-FORWARD -j CNI-ADMIN',
  '-A PLUMBLINE-FORWARD -m mark --mark 0x1000/0x1000 -j ACCEPT',
]

const droppers: Record<string, string> = {
  'policy drop': docker,
  'a last rule that rejects': `
    iptables -A FORWARD -s 203.0.113.0/24 -j ACCEPT
    iptables -A FORWARD -m comment --comment "the end" -j REJECT --reject-with icmp-host-prohibited
    ip6tables -A FORWARD -j REJECT`,
  'a last rule that drops': 'iptables -A FORWARD -j DROP; ip6tables -A FORWARD -j DROP',
}

for (const [name, script] of Object.entries(droppers))
  t.test(`iptables, ${name}: containers get out, and answers in`, { skip }, async t => {
    const world = worldOf(t, script)
    const { peer4, peer6, peer, host4 } = world.uplink!
    const walled = await wall(world, { firewall: {} })
    for (const target of [peer4, peer6]) t.ok(pings(walled.container, target), `outside, ${target}`)
    const other = await wall(world)
    for (const target of [other.v4, other.v6]) t.ok(pings(walled.container, target), `neighbour, ${target}`)
    world.sh(`nsenter --net=${peer} ip route add ${walled.v4} via ${host4}`)
    t.ok(
      isCutOff({ trySh: script => world.trySh(`nsenter --net=${peer} ${script}`) }, walled.v4),
      'nobody else gets in',
    )

    for (const program of ['iptables', 'ip6tables']) {
      t.strictSame(
        rulesOf(world, program)
          .filter(line => passage.includes(line))
          .sort(),
        [...passage].sort(),
        program,
      )
      world.sh(`${program}-save | ${program}-restore`)
    }
    t.match(
      await world.call('CHECK', walled.firewall, walled.container),
      { code: 0, stdout: '' },
      'after a restore',
    )
    t.ok(pings(walled.container, peer4), 'and it goes on to work')
    const before = world.nft().length
    await unwall(t, world, await wall(world))
    t.equal(world.nft().length, before, 'once per host')

    await unwall(t, world, walled)
    await unwall(t, world, other)
    await world.gc(firewallConf('walled'), [])
    t.notMatch(world.sh('iptables -S; ip6tables -S'), /PLUMBLINE/, 'GC takes it away with the last container')
    t.match(world.sh('iptables -S'), /-N CNI-ADMIN/, 'the administrator keeps his chain')
  })

t.test('published ports get in', { skip }, async t => {
  const world = worldOf(t, docker)
  const { peer, host4, host6 } = world.uplink!
  const { container, v4, v6 } = await wall(world)
  world.sh(`nft -f - <<'END'
table inet publish {
  chain in {
    type nat hook prerouting priority dstnat
    meta nfproto ipv4 udp dport 53 dnat ip to ${v4}:53
    meta nfproto ipv6 udp dport 53 dnat ip6 to [${v6}]:53
  }
}
END`)
  for (const [from, to] of [
    [host4, v4],
    [host6, v6],
  ]) {
    const family = to!.includes(':') ? 6 : 4
    container.sh(`nft add table inet seen; nft add chain inet seen in '{ type filter hook input priority 0; }'
      nft add rule inet seen in meta nfproto ipv${family} udp dport 53 counter`)
    world.sh(
      `nsenter --net=${peer} sh -c 'echo hello | socat - UDP${family}-SENDTO:${family === 6 ? `[${from}]` : from}:53'`,
    )
    t.match(container.sh(`nft list table inet seen | grep ipv${family}`), /packets 1 /, `IPv${family}`)
  }
})

t.test("the administrator's chain comes first", { skip }, async t => {
  const world = worldOf(t, docker)
  const { peer4 } = world.uplink!
  const walled = await wall(world, { firewall: { iptablesAdminChainName: 'ADMIN.own-1' } })
  t.ok(pings(walled.container, peer4))
  world.sh(`iptables -A ADMIN.own-1 -d ${peer4} -j DROP`)
  t.ok(isCutOff(walled.container, peer4))
  await wall(world, { network: 'second', subnet: 8, bridge: 'brsecond' })
  t.match(
    rulesOf(world, 'iptables').filter(line => line.startsWith('-A PLUMBLINE')),
    ['-A PLUMBLINE-FORWARD -j ADMIN.own-1', '-A PLUMBLINE-FORWARD -j CNI-ADMIN', /mark/],
  )
})

t.test('where nothing drops, nothing of others is touched', { skip }, async t => {
  const world = worldOf(t, 'iptables -P FORWARD ACCEPT; iptables -A FORWARD -s 203.0.113.9 -j DROP')
  const walled = await wall(world)
  t.strictSame(rulesOf(world, 'iptables'), ['-A FORWARD -s 203.0.113.9/32 -j DROP'])
  t.notOk(world.trySh('nft list table ip6 filter').code === 0, 'no table is made')
  await unwall(t, world, walled)

  world.sh('iptables -N CNI-ADMIN')
  const { peer4 } = world.uplink!
  const { container } = await wall(world)
  t.match(
    rulesOf(world, 'iptables'),
    [/CNI-ADMIN/, /PLUMBLINE/, '-A FORWARD -j PLUMBLINE-FORWARD'],
    "but where the administrator's chain is",
  )
  world.sh(`iptables -A CNI-ADMIN -d ${peer4} -j DROP`)
  t.ok(isCutOff(container, peer4), 'which is asked')
})

t.test('the jump goes back to the head when it would not be reached', { skip }, async t => {
  const world = worldOf(t, docker)
  await wall(world)
  world.sh(
    'iptables -N DOCKER-USER; iptables -I FORWARD -j DOCKER-USER; iptables -I FORWARD -s 203.0.113.9 -j DROP',
  )
  await wall(world)
  t.match(
    rulesOf(world, 'iptables').filter(line => line.startsWith('-A FORWARD')),
    [/-s 203/, /DOCKER-USER/, /PLUMBLINE/],
    'what drops its own only may come first',
  )
  world.sh('iptables -I FORWARD -j REJECT')
  await wall(world)
  t.match(
    rulesOf(world, 'iptables').filter(line => line.startsWith('-A FORWARD')),
    [/PLUMBLINE/, /REJECT/, /-s 203/, /DOCKER-USER/],
  )
})

const firewalld = `nft -f - <<'END'
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    ct state invalid drop
    reject with icmpx admin-prohibited
  }
}
END`

t.test('firewalld', { skip }, async t => {
  const world = worldOf(t, firewalld)
  const { peer4, peer6 } = world.uplink!
  const walled = await wall(world)
  for (const target of [peer4, peer6]) t.ok(pings(walled.container, target), target)
  t.notMatch(world.sh('nft list ruleset'), /ADMIN/)
  world.sh(`nft delete table inet firewalld; ${firewalld}`)
  t.ok(isCutOff(walled.container, peer4), 'a reload forgets us')
  t.match((await world.call('CHECK', walled.firewall, walled.container)).error, {
    code: 100,
    msg: /inet firewalld filter_FORWARD/,
  })
  await wall(world)
  for (const target of [peer4, peer6]) t.ok(pings(walled.container, target), 'until somebody looks')
})

t.test('a firewalld that lets nobody else change its table', { skip }, async t => {
  const world = worldOf(t, 'true')
  // The owner is a process that has the table as long as it lives.
  const owner = await import('node:child_process').then(({ spawn }) =>
    spawn('nsenter', [`--net=${world.path}`, 'nft', '-i'], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  t.teardown(() => owner.kill())
  owner.stdin.write(
    'add table inet firewalld { flags owner; }\n' +
      'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy drop; }\n',
  )
  const ready = () => world.trySh('nft list chain inet firewalld filter_FORWARD').code === 0
  while (!ready()) await new Promise(resolve => setImmediate(resolve))
  const logs: string[] = []
  for (let i = 0; i < 2; i++) {
    const container = world.container()
    const prevResult = { cniVersion: '1.1.0', interfaces: [], ips: [{ address: '10.7.0.2/16' }] }
    container.sh('ip link add eth0 type bridge')
    const answer = await world.call(
      'ADD',
      { ...firewallConf('walled', { firewalldZone: 'home' }), prevResult },
      container,
    )
    t.equal(answer.code, 0, answer.stdout)
    logs.push(answer.log)
  }
  t.match(logs[0], /firewall-cmd --permanent --zone=home --add-source=10\.7\.0\.0\/16/)
  t.equal(logs[1], '', 'said once')
})

t.test('a table of the administrator is left alone, and he is told what to add', { skip }, async t => {
  const world = worldOf(
    t,
    `nft 'table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }'`,
  )
  const before = world.sh('nft list table inet filter')
  const { container } = await wall(world)
  t.equal(world.sh('nft list table inet filter'), before)
  const { peer4, peer6 } = world.uplink!
  t.ok(isCutOff(container, peer4))
  const { log } = await world.call('STATUS', firewallConf('walled'))
  const { add } = JSON.parse(log)
  world.sh(add)
  for (const target of [peer4, peer6]) t.ok(pings(container, target), `${add}: ${target}`)
  t.equal((await world.call('STATUS', firewallConf('walled'))).log, '', 'no complaint is left')
})

t.test('iptables legacy', { skip: skip || needs('plugins', 'iptables-legacy') }, async t => {
  const host = fakeHost(t, { uplink: true })
  const traced = 'iptables-legacy -S FORWARD; ip6tables-legacy -S FORWARD'
  const conf = { cniVersion: '1.1.0', name: 'walled' }
  const bridge = {
    ...conf,
    type: 'bridge',
    bridge: 'brtest',
    isGateway: true,
    ipMasq: true,
    ipam: hostLocal(host),
  }
  const attach = () => {
    const { id, netns, ...container } = host.container()
    const linked = host.exec('bridge', 'ADD', { id, netns, ifname: 'eth0', conf: bridge })
    const firewall = { ...conf, type: 'firewall', prevResult: linked.json }
    const added = host.exec('firewall', 'ADD', { id, netns, ifname: 'eth0', conf: firewall })
    t.equal(added.code, 0, `${added.stdout}${added.stderr}`)
    return { id, netns, ...container, firewall }
  }
  attach()
  const names = '/proc/net/ip_tables_names'
  t.equal(
    host.sh(`cat ${names} 2>/dev/null || true`),
    '',
    'where nobody has legacy tables, none come into being',
  )

  host.sh('iptables-legacy -P FORWARD DROP; ip6tables-legacy -P FORWARD DROP')
  const container = attach()
  const { peer4, peer6 } = host.uplink!
  for (const target of [peer4, peer6]) t.ok(pings(container, target), target)
  const rule = '-A FORWARD -m mark --mark 0x1000/0x1000 -j ACCEPT'
  t.equal(host.sh(traced), `-P FORWARD DROP\n${rule}\n-P FORWARD DROP\n${rule}\n`)
  attach()
  t.equal(host.sh(traced).split(rule).length, 3, 'once per host')

  const call = { id: container.id, netns: container.netns, ifname: 'eth0', conf: container.firewall }
  t.equal(host.exec('firewall', 'CHECK', call).code, 0)
  host.sh('ip6tables-legacy -F FORWARD')
  t.match(host.exec('firewall', 'CHECK', call).json, { code: 100, msg: /gone from ip6tables-legacy/ })
  host.sh('ip6tables-legacy -I FORWARD -m mark --mark 0x1000/0x1000 -j ACCEPT')
  const gone = host.exec('firewall', 'GC', {
    conf: { ...container.firewall, prevResult: undefined, 'cni.dev/valid-attachments': [] },
  })
  t.equal(gone.code, 0, gone.stdout)
  t.equal(host.sh(traced), '-P FORWARD DROP\n-P FORWARD DROP\n')
  t.strictSame(
    host.files().run.filter(path => path.startsWith('firewall')),
    [],
  )
})
