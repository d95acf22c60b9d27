// The firewall plugin's keys, what it makes, and its verbs.
import t from 'tap'
import { firewallConf, onPtp, unwall, type Walled, wall } from '../helpers/firewall.js'
import { needs } from '../helpers/needs.js'
import type { Json } from '../helpers/netns.js'
import { bridgeConf, type PluginWorld, pluginWorld, ptpConf } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

/** A set's elements, their keys joined. */
function elements(world: PluginWorld, family: 'inet' | 'bridge', name: string): string[] {
  const set = world.nft().find((each: Json) => each.set?.family === family && each.set.name === name)?.set
  const key = (each: Json): Json => each.elem?.val ?? each
  return (set?.elem ?? [])
    .map((each: Json) => (typeof key(each) === 'string' ? key(each) : key(each).concat.join(' ')))
    .sort()
}

t.test('keys', { skip }, async t => {
  const world = pluginWorld(t)
  const container = world.container()
  const before = world.outside()
  const refused: readonly [Conf, RegExp][] = [
    [
      { ingressPolicy: 'closed' },
      /"ingressPolicy": expected "open" or "same-bridge" or "isolated", got "closed"/,
    ],
    [{ ingressPolicy: 1 }, /"ingressPolicy"/],
    [{ backend: 'ebtables' }, /"backend": expected .*, got "ebtables"/],
    [{ iptablesAdminChainName: 'two words' }, /"iptablesAdminChainName".*two words/],
    [{ iptablesAdminChainName: '' }, /"iptablesAdminChainName"/],
    [{ iptablesAdminChainName: 'a'.repeat(29) }, /"iptablesAdminChainName"/],
    [{ iptablesAdminChainName: 'FORWARD' }, /"iptablesAdminChainName"/],
    [{ iptablesAdminChainName: 'PLUMBLINE-FORWARD' }, /"iptablesAdminChainName"/],
    [{ firewalldZone: 5 }, /"firewalldZone"/],
    [{ sourceGuard: 'no' }, /"sourceGuard"/],
  ]
  const prevResult = { cniVersion: '1.1.0', interfaces: [], ips: [{ address: '10.7.0.2/24' }] }
  for (const [keys, msg] of refused) {
    const answer = await world.call('ADD', { ...firewallConf('walled', keys), prevResult }, container)
    t.match(answer.error, { code: 7, msg }, answer.stdout)
  }
  const alone = await world.call('ADD', firewallConf('walled'), container)
  t.match(alone.error, { code: 7, msg: /chained plugin/ })
  t.strictSame(world.outside(), before, 'nothing was made')
})

t.test('what an attachment has', { skip }, async t => {
  const world = pluginWorld(t)
  const { v4, v6, end, ...walled } = await wall(world)
  t.strictSame(elements(world, 'inet', 'allowed4'), [v4])
  t.strictSame(elements(world, 'inet', 'allowed6'), [v6])
  t.strictSame(elements(world, 'bridge', 'guarded'), [end])
  t.strictSame(elements(world, 'bridge', 'sources4'), [`${end} 0.0.0.0`, `${end} ${v4}`].sort())
  t.strictSame(elements(world, 'bridge', 'sources6'), [`${end} ::`, `${end} ${v6}`].sort())
  t.strictSame(elements(world, 'inet', 'guarded'), [], 'bridged')
  t.strictSame(elements(world, 'inet', 'apart'), [], 'open')
  t.strictSame(walled.firewall.prevResult, walled.link.prevResult, 'the result is the previous one')
  t.match(await world.call('CHECK', walled.firewall, walled.container), { code: 0, stdout: '' })
  const again = await world.call('ADD', walled.firewall, walled.container)
  t.match(again.error, { code: 102 }, 'a second ADD is refused')
  await unwall(t, world, { v4, v6, end, ...walled })
  await unwall(t, world, { v4, v6, end, ...walled })
  await world.gc(walled.link, [])
  await world.gc(firewallConf('walled'), [])
  t.notOk(
    world.nft().some((each: Json) => each.table),
    'no table is left',
  )
  t.notOk(
    world.outside().run.some(path => path.startsWith('firewall')),
    'nor a file',
  )
})

t.test('behind ptp', { skip }, async t => {
  const world = pluginWorld(t)
  const walled = await wall(world, { link: onPtp, firewall: { ingressPolicy: 'isolated' } })
  const { v4, v6, end } = walled
  t.strictSame(elements(world, 'inet', 'guarded'), [end])
  t.strictSame(elements(world, 'inet', 'sources4'), [`${end} 0.0.0.0`, `${end} ${v4}`].sort())
  t.strictSame(elements(world, 'inet', 'sources6'), [`${end} ::`, `${end} ${v6}`].sort())
  t.strictSame(elements(world, 'inet', 'apart'), [`${end} ${end}`])
  t.strictSame(elements(world, 'inet', 'isolated'), [], 'nobody else is behind that end')
  t.match(await world.call('CHECK', walled.firewall, walled.container), { code: 0, stdout: '' })
  await unwall(t, world, walled)
  t.strictSame(elements(world, 'inet', 'apart'), [], 'which is its own')
})

t.test('policies', { skip }, async t => {
  const world = pluginWorld(t)
  const isolatedOf = ({ end }: Walled) => world.ns.link.get(end)?.port?.isolated
  const open = await wall(world, { firewall: { sourceGuard: false } })
  t.strictSame(elements(world, 'bridge', 'guarded'), [], 'sourceGuard false')
  const same = await wall(world, { firewall: { ingressPolicy: 'same-bridge' } })
  t.strictSame(elements(world, 'inet', 'apart'), ['brtest brtest'])
  t.strictSame(elements(world, 'inet', 'isolated'), [])
  const isolated = await wall(world, {
    network: 'other',
    bridge: 'brother',
    subnet: 8,
    firewall: { ingressPolicy: 'isolated' },
  })
  t.strictSame(elements(world, 'inet', 'apart'), ['brother brother', 'brtest brtest'])
  t.strictSame(elements(world, 'inet', 'isolated'), ['brother brother'])
  t.strictSame([open, same, isolated].map(isolatedOf), [false, false, true])
  await world.call('DEL', isolated.firewall, isolated.container)
  t.equal(isolatedOf(isolated), false, 'as it was')
  t.strictSame(elements(world, 'inet', 'isolated'), ['brother brother'], 'a bridge is not one attachment’s')
  await world.gc(firewallConf('other'), [])
  t.strictSame(elements(world, 'inet', 'apart'), ['brtest brtest'], 'GC knows that nobody has it')
  await unwall(t, world, same)
  await world.gc(firewallConf('walled'), [{ id: open.container.id }])
  t.strictSame(elements(world, 'inet', 'apart'), [])
  t.strictSame(elements(world, 'inet', 'allowed4'), [open.v4], 'what is valid stays')
})

t.test('a port that was isolated before stays so', { skip }, async t => {
  const world = pluginWorld(t)
  const walled = await wall(world, { keys: { portIsolation: true }, firewall: { ingressPolicy: 'isolated' } })
  await world.call('DEL', walled.firewall, walled.container)
  t.equal(world.ns.link.get(walled.end)?.port?.isolated, true)
})

t.test('CHECK names each thing that is gone or altered, and mends nothing', { skip }, async t => {
  const end = /pl[sv][a-z2-7]{12}/.source
  const alterations: Record<string, { host: (walled: Walled) => string; msg: RegExp; walls?: Conf }> = {
    'address, IPv4': {
      host: ({ v4 }) => `nft delete element inet plumbline allowed4 { ${v4} }`,
      msg: /^10\.7\.0\.\d+ is gone from nftables set inet plumbline allowed4$/,
    },
    'address, IPv6': {
      host: ({ v6 }) => `nft delete element inet plumbline allowed6 { ${v6} }`,
      msg: /^fd00:7::[0-9a-f]+ is gone from nftables set inet plumbline allowed6$/,
    },
    'source, IPv4': {
      host: ({ v4, end }) => `nft delete element bridge plumbline sources4 { ${end} . ${v4} }`,
      msg: RegExp(`^${end} \\. 10\\.7\\.0\\.\\d+ is gone from nftables set bridge plumbline sources4`),
    },
    'source, IPv6': {
      host: ({ v6, end }) => `nft delete element bridge plumbline sources6 { ${end} . ${v6} }`,
      msg: RegExp(`^${end} \\. fd00:7::[0-9a-f]+ is gone from nftables set bridge plumbline sources6`),
    },
    'unspecified source': {
      host: ({ end }) => `nft delete element bridge plumbline sources6 { ${end} . :: }`,
      msg: RegExp(`^${end} \\. :: is gone from nftables set bridge plumbline sources6`),
    },
    'guarded port': {
      host: ({ end }) => `nft delete element bridge plumbline guarded { ${end} }`,
      msg: RegExp(`^${end} is gone from nftables set bridge plumbline guarded`),
    },
    'bridge apart': {
      host: () => 'nft delete element inet plumbline apart { brtest . brtest }',
      msg: /^brtest \. brtest is gone from nftables set inet plumbline apart/,
    },
    'isolated bridge': {
      host: () => 'nft delete element inet plumbline isolated { brtest . brtest }',
      msg: /^brtest \. brtest is gone from nftables set inet plumbline isolated/,
    },
    'isolated port': {
      host: ({ end }) => `bridge link set dev ${end} isolated off`,
      msg: RegExp(`^port isolation of ${end} is off`),
    },
    'forward rules': {
      host: () => 'nft flush chain inet plumbline forward',
      msg: /^the nftables rule that uses set inet plumbline \w+ is gone \(chain forward\)/,
    },
    'unmarking rules': {
      host: () => 'nft flush chain inet plumbline admitted',
      msg: /^the nftables rule that uses set inet plumbline allowed[46] is gone \(chain admitted\)/,
    },
    'spoofing rules': {
      host: () => 'nft flush chain bridge plumbline spoof',
      msg: /^the nftables rule that uses set bridge plumbline \w+ is gone \(chain spoof\)/,
    },
    'way to the spoofing rules': {
      host: () => 'nft flush chain bridge plumbline entering',
      msg: /^the nftables rule that uses set bridge plumbline guarded is gone \(chain entering\)/,
    },
    'bridge table': {
      host: () => 'nft delete table bridge plumbline',
      msg: /^nftables set bridge plumbline \w+ is gone/,
    },
    'inet table': {
      host: () => 'nft delete table inet plumbline',
      msg: /^nftables set inet plumbline \w+ is gone/,
    },
    'altered rule': {
      host: () =>
        `handle=$(nft -a list chain inet plumbline forward | sed -n 's/.*comment "isolated" # handle //p')
         nft replace rule inet plumbline forward handle $handle iifname . oifname @isolated accept comment '"isolated"'`,
      msg: /^the nftables rule that uses set inet plumbline isolated is not as it was \(chain forward\)/,
    },
    'jump in the iptables chain': {
      host: () => 'iptables -D FORWARD -j PLUMBLINE-FORWARD',
      msg: /^the jump to PLUMBLINE-FORWARD is gone from ip filter FORWARD/,
    },
    'jump in the ip6tables chain': {
      host: () => 'ip6tables -D FORWARD -j PLUMBLINE-FORWARD',
      msg: /^the jump to PLUMBLINE-FORWARD is gone from ip6 filter FORWARD/,
    },
    'our rule in the iptables table': {
      host: () => 'iptables -F PLUMBLINE-FORWARD',
      msg: /^chain ip filter PLUMBLINE-FORWARD is not as it should be: jump CNI-ADMIN; meta mark/,
    },
  }
  const world = pluginWorld(t)
  for (const [name, { host, msg }] of Object.entries(alterations))
    await t.test(name, async t => {
      world.sh('iptables -P FORWARD DROP; ip6tables -P FORWARD DROP')
      const walled = await wall(world, { firewall: { ingressPolicy: 'isolated' } })
      t.match(await world.call('CHECK', walled.firewall, walled.container), { code: 0, stdout: '' }, 'before')
      world.sh(host(walled))
      const before = world.glance()
      const check = await world.call('CHECK', walled.firewall, walled.container)
      t.match(check.error, { code: 100, msg }, check.stdout)
      t.strictSame(world.glance(), before, 'nothing is mended')
      await unwall(t, world, walled)
      const left = world.glance().elements.filter(({ comment }) => comment === walled.end)
      t.strictSame(left, [], 'no element is left')
      walled.container.remove()
      world.sh('nft flush ruleset')
    })
})

t.test('a flushed ruleset: the next ADD makes anew what it needs', { skip }, async t => {
  const world = pluginWorld(t)
  await wall(world)
  world.sh('nft flush ruleset')
  const walled = await wall(world)
  t.match(await world.call('CHECK', walled.firewall, walled.container), { code: 0, stdout: '' })
})

t.test('DEL without a record, and GC of lost records', { skip }, async t => {
  const world = pluginWorld(t)
  const [one, two] = [await wall(world), await wall(world)]
  world.sh(`rm -r ${world.runDir}/attachments/walled`)
  await world.call('DEL', one.firewall, one.container)
  t.strictSame(elements(world, 'inet', 'allowed4'), [two.v4])
  await world.gc(firewallConf('walled'), [])
  t.notOk(world.nft().some((each: Json) => each.set?.name === 'allowed4'))
})

t.test('two attachments of one container to one network', { skip }, async t => {
  const world = pluginWorld(t)
  const container = world.container()
  const conf = bridgeConf(world, { name: 'walled', macspoofchk: false })
  const attach = async (ifname: string) => {
    const { prevResult } = await world.add(conf, container, { ifname })
    return world.add({ ...firewallConf('walled'), prevResult }, container, { ifname })
  }
  const [first, second] = [await attach('eth0'), await attach('eth1')]
  const [a, b] = [first, second].map(each => each.prevResult.ips[0].address.split('/')[0])
  t.strictSame(elements(world, 'inet', 'allowed4'), [a, b].sort())
  await world.call('DEL', first, container, { ifname: 'eth0' })
  t.strictSame(elements(world, 'inet', 'allowed4'), [b])
  t.match(await world.call('CHECK', second, container, { ifname: 'eth1' }), { code: 0, stdout: '' })
})

t.test('behind a plugin that leaves nothing on the host: addresses are admitted', { skip }, async t => {
  const world = pluginWorld(t)
  const container = world.container()
  container.sh('ip link add eth0 type bridge')
  const prevResult = {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'eth0', sandbox: container.path }],
    ips: [{ address: '10.7.0.2/24', interface: 0 }],
  }
  const added = await world.add({ ...firewallConf('walled'), prevResult }, container)
  t.strictSame(elements(world, 'inet', 'allowed4'), ['10.7.0.2'])
  t.strictSame(elements(world, 'bridge', 'guarded'), [])
  await world.call('DEL', added, container)
  const asked = { ...firewallConf('walled', { ingressPolicy: 'isolated' }), prevResult }
  t.match((await world.call('ADD', asked, container)).error, { code: 7 }, 'what can not be done is refused')
})

t.test('STATUS tells of a native table that drops', { skip }, async t => {
  const world = pluginWorld(t)
  world.sh(`nft 'table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }'`)
  const status = await world.call('STATUS', firewallConf('walled'))
  t.equal(status.code, 0)
  t.match(status.log, /inet filter forward drops forwarded packets/)
})

t.test('inline in bridge and ptp', { skip }, async t => {
  const world = pluginWorld(t)
  const confs: Record<string, Conf> = {
    bridge: bridgeConf(world, { ingressPolicy: 'isolated', macspoofchk: false, portIsolation: false }),
    ptp: ptpConf(world, { ingressPolicy: 'same-bridge' }),
  }
  for (const [type, conf] of Object.entries(confs)) {
    for (const [key, value] of [
      ['ingressPolicy', 'closed'],
      ['iptablesAdminChainName', 'two words'],
      ['sourceGuard', 1],
    ] as const) {
      const refused = await world.call('ADD', { ...conf, [key]: value }, world.container())
      t.match(refused.error, { code: 7, msg: RegExp(`"${key}".*${value}`) }, `${type}, ${key}`)
    }
    const container = world.container()
    const added = await world.add(conf, container)
    const [v4, v6] = added.prevResult.ips.map((ip: Conf) => ip.address.split('/')[0])
    const end = added.prevResult.interfaces.find((each: Conf) => each.name.startsWith('pl')).name
    t.strictSame(elements(world, 'inet', 'allowed4'), [v4])
    t.strictSame(elements(world, 'inet', 'allowed6'), [v6])
    const bridged = type === 'bridge'
    t.strictSame(elements(world, bridged ? 'bridge' : 'inet', 'guarded'), [end])
    const place = bridged ? 'brtest' : end
    t.strictSame(elements(world, 'inet', 'apart'), [`${place} ${place}`])
    t.equal(world.ns.link.get(end)?.port?.isolated ?? false, bridged)
    t.match(await world.call('CHECK', added, container), { code: 0, stdout: '' })
    if (bridged) {
      world.sh(`bridge link set dev ${end} isolated off`)
      t.match((await world.call('CHECK', added, container)).error, { code: 100, msg: /port isolation of/ })
    }
    t.equal((await world.call('DEL', added, container)).code, 0)
    await world.gc(conf, [])
    t.notOk(
      world.nft().some((each: Json) => each.table),
      'nothing is left',
    )
  }
  await world.add({ ...confs.bridge, ingressPolicy: undefined }, world.container())
  t.strictSame(elements(world, 'inet', 'allowed4'), [], 'nothing of it where nobody asks for it')
})
