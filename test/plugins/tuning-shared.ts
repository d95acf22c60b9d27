// Settings of a namespace that more than one attachment of a container asks for; and those that bridge and ptp take inline.
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import { bridgeConf, type PluginWorld, plainConf, pluginWorld, ptpConf } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'
import { allSysctls, behindBridge, type Tuned, tuned, tuningEnv } from '../helpers/tuning.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

const somaxconn = (value: string): Conf => ({ sysctl: { 'net.core.somaxconn': value } })

/** The same as before, whatever interfaces there are. */
const shared = (sysctls: Record<string, string>) =>
  Object.fromEntries(Object.entries(sysctls).filter(([path]) => !/\/(conf|neigh)\/eth\d/.test(path)))

hosted('two attachments of one container', async (t, world) => {
  const container = world.container()
  const read = () => container.sh('cat /proc/sys/net/core/somaxconn').trim()
  const before = { shared: shared(allSysctls(container.path)), value: read() }
  const networks: Conf[] = [plainConf(), plainConf({ name: 'second', bridge: 'brother' })]
  for (const [first, second] of [
    ['500', '600'],
    ['500', '500'],
    ['600', before.value],
    [before.value, '500'],
  ] as const)
    for (const order of ['in the order they came', 'backward'])
      for (const bridges of [networks, [networks[0]!, networks[0]!]]) {
        const name = `${first}, ${second}, ${order}, on ${bridges[0] === bridges[1] ? 'one network' : 'two'}`
        const attach = async (n: number, value: string) => {
          const options = { bridge: bridges[n]!, container, ifname: `eth${n}` }
          const mac = `02:00:00:00:0${n}:07`
          const own = { 'net.ipv4.conf.IFNAME.rp_filter': String(n + 1) }
          const sysctl = { ...somaxconn(value).sysctl, ...own }
          return tuned(world, { mtu: 1400 + n, mac, sysctl }, options)
        }
        const one = await attach(0, first)
        const two = await attach(1, second)
        t.equal(read(), second, `${name}: who came last`)
        const [leaving, staying] = order === 'backward' ? [two, one] : [one, two]
        for (const each of [one, two])
          t.equal((await each.call('CHECK')).code, 0, `${name}: CHECK of ${each.ifname}`)
        await detach(t, world, leaving, bridges[leaving === one ? 0 : 1]!)
        t.equal(read(), staying === one ? first : second, `${name}: of who stays`)
        const check = await staying.call('CHECK')
        t.equal(check.code, 0, check.stdout)
        await detach(t, world, staying, bridges[staying === one ? 0 : 1]!)
        t.strictSame(shared(allSysctls(container.path)), before.shared, `${name}: everything as before`)
      }
})

async function detach(t: Test, world: PluginWorld, one: Tuned, bridge: Conf): Promise<void> {
  t.equal((await one.call('DEL')).code, 0)
  t.equal((await world.call('DEL', bridge, one.container, { ifname: one.ifname })).code, 0)
}

hosted('a second attachment that fails', async (t, world) => {
  const one = await tuned(world, somaxconn('500'))
  const two = await behindBridge(
    world,
    { sysctl: { 'net.core.somaxconn': '600', 'net.core.optmem_max': 'x' } },
    { container: one.container, ifname: 'eth1' },
  )
  t.match((await two.call('ADD')).error, { code: 7, msg: /optmem_max to "x"/ })
  t.equal(one.container.sh('cat /proc/sys/net/core/somaxconn'), '500\n')
  t.equal((await one.call('CHECK')).code, 0)
})

/** bridge and ptp with settings of their own. */
const inline: Record<string, (world: PluginWorld, sysctl: Conf) => Conf> = {
  bridge: (world, sysctl) => bridgeConf(world, { sysctl }),
  'bridge without IPAM': (_world, sysctl) => plainConf({ sysctl, disableContainerInterface: true }),
  ptp: (world, sysctl) => ptpConf(world, { sysctl }),
}

for (const [name, confOf] of Object.entries(inline))
  hosted(`inline: ${name}`, async (t, world) => {
    const asked = {
      'net.ipv4.conf.IFNAME.arp_ignore': '1',
      'net.ipv4.ip_local_reserved_ports': '7,8,9',
      'net/ipv6/conf/eth0/accept_dad': '2',
      'net.ipv6.conf.IFNAME.accept_ra': '0',
      'net.ipv4.neigh.IFNAME.base_reachable_time_ms': '20001',
      'net.core.somaxconn': '511',
    }
    const conf = confOf(world, asked)
    const env = tuningEnv(world)
    await world.call('DEL', await world.add(confOf(world, {}), world.container()))
    const container = world.container()
    const before = { sysctls: allSysctls(container.path), lasting: world.lasting() }
    const added = await world.add(conf, container, { env })
    const now = allSysctls(container.path)
    t.match(now, {
      'ipv4/conf/eth0/arp_ignore': '1',
      'ipv4/ip_local_reserved_ports': '7-9',
      'ipv6/conf/eth0/accept_dad': '2',
      'ipv6/conf/eth0/accept_ra': '0',
      'ipv4/neigh/eth0/base_reachable_time_ms': '20004',
      'core/somaxconn': '511',
    })
    const check = () => world.call('CHECK', added, container, { env })
    t.equal((await check()).code, 0, (await check()).stdout)
    for (const [path, key] of [
      ['ipv4/conf/eth0/arp_ignore', 'net.ipv4.conf.IFNAME.arp_ignore'],
      ['ipv6/conf/eth0/accept_dad', 'net/ipv6/conf/eth0/accept_dad'],
      ['core/somaxconn', 'net.core.somaxconn'],
    ]) {
      container.sh(`echo 0 >/proc/sys/net/${path}`)
      const { error, stdout } = await check()
      t.match(error, { code: 100 })
      t.match(error!.msg.startsWith(`sysctl ${key} in ${container.path} is "0", not `), true, stdout)
      container.sh(`echo ${now[path!]} >/proc/sys/net/${path}`)
    }
    t.equal((await check()).code, 0)
    t.equal((await world.call('DEL', added, container)).code, 0)
    t.strictSame(shared(allSysctls(container.path)), shared(before.sysctls), 'all as before')

    const refused: [Conf, RegExp][] = [
      [{ 'kernel.hostname': 'x' }, /invalid net sysctl key: "kernel\.hostname"/],
      [{ 'net.core.somaxconn': 5 }, /net\.core\.somaxconn.*expected a string, got 5/],
      [{ 'net.core.nothing': '5' }, /can not set sysctl net\.core\.nothing to "5": ENOENT/],
      [
        { ...asked, 'net.ipv4.conf.IFNAME.nothing': '5' },
        /can not set sysctl net\.ipv4\.conf\.IFNAME\.nothing to "5": ENOENT/,
      ],
      [{ ...asked, 'net.ipv4.conf.IFNAME.arp_ignore': 'x' }, /arp_ignore to "x": EINVAL/],
    ]
    for (const [sysctl, msg] of refused) {
      t.match(
        (await world.call('ADD', confOf(world, sysctl), container, { env })).error,
        { code: 7, msg },
        String(msg),
      )
      t.strictSame(
        { sysctls: allSysctls(container.path), lasting: world.lasting() },
        before,
        `${msg}: as before`,
      )
    }
  })

hosted('inline and chained at once', async (t, world) => {
  const container = world.container()
  const before = allSysctls(container.path)
  const bridge = plainConf(somaxconn('500'))
  const one = await tuned(world, somaxconn('600'), { bridge, container })
  const env = tuningEnv(world)
  const check = () => world.call('CHECK', { ...bridge, prevResult: one.conf.prevResult }, container, { env })
  t.equal((await check()).code, 0, 'tuning came later')
  t.equal((await one.call('CHECK')).code, 0)
  t.equal((await one.call('DEL')).code, 0)
  t.equal(container.sh('cat /proc/sys/net/core/somaxconn'), '500\n')
  t.equal((await check()).code, 0)
  t.equal((await world.call('DEL', bridge, container)).code, 0)
  t.strictSame(shared(allSysctls(container.path)), shared(before))
})
