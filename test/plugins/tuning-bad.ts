// tuning: what it refuses, by key and value, with nothing changed; and what the kernel refuses, with everything taken back.
import { mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { needs } from '../helpers/needs.js'
import { type PluginWorld, pluginWorld } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'
import { addText, allSysctls, attributes, behindBridge, tuned } from '../helpers/tuning.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

function hosted(name: string, test: (t: Test, world: PluginWorld) => Promise<void>): void {
  t.test(name, { skip }, t => test(t, pluginWorld(t)))
}

const sysctl = (key: string, value: unknown = '1'): Conf => ({ sysctl: { [key]: value } })

hosted('bad input changes nothing', async (t, world) => {
  const { container, conf, call } = await behindBridge(world, {})
  const everything = () => ({ ...world.lasting(), sysctls: allSysctls(container.path) })
  const before = everything()
  const glance = world.glance(container)
  const cases: [Conf, code: number, msg: RegExp, args?: string][] = [
    [{ mac: 'x' }, 7, /"mac": expected the MAC address of one interface .*, got "x"/],
    [{ mac: '01:00:5e:00:00:01' }, 7, /"mac".*01:00:5e:00:00:01/],
    [{ mac: '00:00:00:00:00:00' }, 7, /"mac".*00:00:00:00:00:00/],
    [{ mac: 5 }, 7, /"mac".*5/],
    [{ runtimeConfig: { mac: 'zz' } }, 7, /"runtimeConfig\.mac".*"zz"/],
    [{ args: { cni: { mac: 'zz' } } }, 7, /"args\.cni\.mac".*"zz"/],
    [{}, 7, /"CNI_ARGS MAC".*"zz"/, 'MAC=zz'],
    [{}, 4, /unknown args \["MAX=5"\]/, 'MAX=5'],
    [{ promisc: 'yes' }, 7, /"promisc": expected true or false, got "yes"/],
    [{ allmulti: 1 }, 7, /"allmulti".*1/],
    [{ mtu: -1 }, 7, /"mtu".*-1/],
    [{ mtu: 65536 }, 7, /"mtu".*65536/],
    [{ mtu: 1500.5 }, 7, /"mtu".*1500\.5/],
    [{ mtu: '1500' }, 7, /"mtu".*"1500"/],
    [{ args: { cni: { mtu: {} } } }, 7, /"args\.cni\.mtu"/],
    [{ txQLen: -1 }, 7, /"txQLen".*-1/],
    [{ txQLen: 2 ** 32 }, 7, /"txQLen".*4294967296/],
    [{ dataDir: 5 }, 7, /"dataDir".*5/],
    [{ sysctl: [] }, 7, /"sysctl": expected an object, got \[\]/],
    [{ sysctl: 'net.core.somaxconn=1' }, 7, /"sysctl": expected an object/],
    [{ args: { cni: { sysctl: 5 } } }, 7, /"args\.cni\.sysctl": expected an object, got 5/],
    [sysctl('net.core.somaxconn', 500), 7, /net\.core\.somaxconn.*expected a string, got 500/],
    [sysctl('net.core.somaxconn', true), 7, /net\.core\.somaxconn.*expected a string, got true/],
    [sysctl('net.core.somaxconn', ['1']), 7, /net\.core\.somaxconn.*expected a string/],
    [
      sysctl('net.core.somaxconn', '1\n2'),
      7,
      /net\.core\.somaxconn.*expected one line of ASCII, got "1\\n2"/,
    ],
    [sysctl('net.core.somaxconn', '1\u0000'), 7, /net\.core\.somaxconn.*one line of ASCII/],
    [sysctl('net.core.somaxconn', '１'), 7, /net\.core\.somaxconn.*one line of ASCII/],
    [{ args: { cni: sysctl('net.core.somaxconn', '1\r') } }, 7, /args\.cni\.sysctl\[.*net\.core\.somaxconn/],
    [sysctl('kernel.shmmax'), 7, /invalid net sysctl key: "kernel\.shmmax"/],
    [
      sysctl('net.ipv4.conf.../../../kernel/shmmax'),
      7,
      /invalid net sysctl key: "net\.ipv4\.conf\.\.\.\/\.\.\/\.\.\/kernel\/shmmax"/,
    ],
    [sysctl('net/../kernel/shmmax'), 7, /invalid net sysctl key: "net\/\.\.\/kernel\/shmmax"/],
    [sysctl('/net/core/somaxconn'), 7, /invalid net sysctl key: "\/net\/core\/somaxconn"/],
    [sysctl('net'), 7, /invalid net sysctl key: "net"/],
    [sysctl(''), 7, /invalid net sysctl key: ""/],
    [{ args: { cni: JSON.parse('{"sysctl":{"__proto__":"1"}}') } }, 7, /invalid net sysctl key: "__proto__"/],
    [
      { sysctl: { 'net.core.somaxconn': '1', 'net/core/somaxconn': '1' } },
      7,
      /^duplicated sysctl keys are not allowed$/,
    ],
    [
      { sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '1', 'net.ipv4.conf.eth0.rp_filter': '1' } },
      7,
      /^duplicated sysctl keys are not allowed$/,
    ],
    [sysctl('net.core.nothing', '7'), 7, /can not set sysctl net\.core\.nothing to "7": ENOENT/],
    [sysctl('net.ipv4.conf.eth9.rp_filter'), 7, /net\.ipv4\.conf\.eth9\.rp_filter to "1": ENOENT/],
    [sysctl('net.core'), 7, /can not set sysctl net\.core to "1": EISDIR/],
    [sysctl('net.core.somaxconn.x'), 7, /net\.core\.somaxconn\.x to "1": ENO/],
    [sysctl('net.core.rmem_max', '9'), 7, /can not set sysctl net\.core\.rmem_max to "9": EACCES/],
    [sysctl('net.core.somaxconn', 'many'), 7, /can not set sysctl net\.core\.somaxconn to "many": EINVAL/],
    [sysctl('net.ipv4.tcp_congestion_control', 'none'), 7, /tcp_congestion_control to "none": ENOENT/],
    [{ mtu: 60 }, 7, /can not set mtu of plv\w+ to 60: EINVAL/],
    [{ prevResult: undefined }, 7, /tuning must be called as a chained plugin/],
  ]
  for (const [keys, code, msg, args] of cases) {
    // Keys of all kinds before the one that is at fault.
    const good = { txQLen: 9, ...keys, sysctl: keys.sysctl ?? { 'net.core.optmem_max': '5000' } }
    if (typeof keys.sysctl === 'object' && !Array.isArray(keys.sysctl))
      good.sysctl = { 'net.ipv4.ip_local_port_range': '2000 3000', ...keys.sysctl }
    const answer = await call('ADD', { conf: { ...conf, ...good }, ...(args && { args }) })
    const name = `${JSON.stringify(keys)} ${args ?? ''}`
    t.match(answer.error, { code, msg }, `${name}: ${answer.stdout}`)
    t.strictSame(world.glance(container), glance, `${name}: as before`)
  }
  t.strictSame(everything(), before)
  t.match((await call('ADD', { conf: { ...conf, mtu: 1400 }, ifname: 'eth7' })).error, {
    code: 7,
    msg: /no interface eth7/,
  })
})

hosted('keys that stand twice in the document', async (t, world) => {
  const one = await behindBridge(world, {})
  const text = (sysctl: string) => JSON.stringify({ ...one.conf, X: 0 }).replace('"X":0', sysctl)
  const before = allSysctls(one.container.path)
  const twice: [string, RegExp][] = [
    [
      '"sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}',
      /sysctl has "net\.core\.somaxconn" more than once/,
    ],
    [
      '"sysctl":{"net.core.somaxconn":"1","net.core.optmem_max":"1","net.core.somaxcon\\u006e":"1"}',
      /more than once/,
    ],
    [
      '"args":{"cni":{"sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"1"}}}',
      /args\.cni\.sysctl has/,
    ],
    [
      '"sysctl":{"net.core.somaxconn":"1"},"sysctl":{"net.core.optmem_max":"2"}',
      /sysctl itself stands there 2 times/,
    ],
    [
      '"sysctl":{"net.core.somaxconn":"1"},"Sysctl":{"net.core.optmem_max":"2"}',
      /sysctl itself stands there 2 times/,
    ],
  ]
  for (const [sysctl, details] of twice)
    t.match(
      await addText(world, one, text(sysctl)),
      { code: 7, msg: 'duplicated sysctl keys are not allowed', details },
      sysctl,
    )
  t.strictSame(allSysctls(one.container.path), before)
  const once =
    '"sysctl":{"net.core.somaxconn":"99"},"args":{"cni":{"sysctl":{"net.core.somaxconn":"98"}}},"a":1,"a":2'
  t.equal(await addText(world, one, text(once)), undefined, 'one in each place is no duplicate')
})

hosted('a setting in the middle that the kernel refuses', async (t, world) => {
  const good = { 'net.core.somaxconn': '77', 'net.ipv4.conf.IFNAME.rp_filter': '2' }
  const conf = { mac: '02:00:00:00:00:77', mtu: 1400, promisc: true, txQLen: 9, allmulti: true }
  const { container, conf: document, call } = await behindBridge(world, conf)
  const before = { ...world.lasting(), sysctls: allSysctls(container.path) }
  const sysctl = { ...good, 'net.ipv4.conf.IFNAME.arp_ignore': 'no', 'net.ipv4.conf.IFNAME.arp_filter': '1' }
  const { error, log } = await call('ADD', { conf: { ...document, sysctl } })
  t.match(error, {
    code: 7,
    msg: /^can not set sysctl net\.ipv4\.conf\.IFNAME\.arp_ignore to "no": EINVAL: /,
  })
  t.notMatch(log, /rollback is incomplete|restored/)
  t.strictSame({ ...world.lasting(), sysctls: allSysctls(container.path) }, before)
  t.equal((await call('ADD', { conf: { ...document, sysctl: good } })).code, 0, 'and a following ADD works')
})

hosted('fail step k', async (t, world) => {
  const keys = { mtu: 1400, mac: '02:00:00:00:00:77', ...sysctl('net.core.somaxconn', '77') }
  const { container, call } = await behindBridge(world, keys)
  const before = { ...world.lasting(), sysctls: allSysctls(container.path) }
  for (const step of ['tuning', 'sysctl'])
    for (const when of ['before', 'after']) {
      const { error } = await call('ADD', { env: { PLUMBLINE_FAULT: `ADD:${step}:${when}:fail` } })
      t.match(error, { msg: `fault injected ${when} ADD of step ${step}` })
      t.strictSame({ ...world.lasting(), sysctls: allSysctls(container.path) }, before, `${when} ${step}`)
    }
  t.equal((await call('ADD')).code, 0)
})

hosted('a list of what is allowed', async (t, world) => {
  const { container, conf, call } = await behindBridge(world, {})
  const list = (text: string) => {
    mkdirSync(`${world.root}/tuning`, { recursive: true })
    writeFileSync(`${world.root}/tuning/allowlist.conf`, text)
  }
  const add = async (keys: Conf) => {
    const { error } = await call('ADD', { conf: { ...conf, ...keys } })
    if (!error) await call('DEL')
    return error
  }
  list(
    '\n# what tenants may do\n  ^net\\.core\\.somaxconn$  \n^net.ipv4.conf.IFNAME.(rp_filter|arp_ignore)$\n',
  )
  for (const key of [
    ...[
      'net.core.somaxconn',
      'net/core/somaxconn',
      'net.ipv4.conf.IFNAME.rp_filter',
      'net/ipv4/conf/IFNAME/arp_ignore',
    ],
  ])
    t.equal(await add(sysctl(key)), undefined, key)
  t.equal(await add({ mtu: 1400 }), undefined, 'attributes are not concerned')
  const before = { ...world.lasting(), sysctls: allSysctls(container.path) }
  for (const key of ['net.core.optmem_max', 'net.ipv4.conf.eth0.rp_filter', 'net.ipv4.conf.all.rp_filter']) {
    const only = String.raw`[^net\.core\.somaxconn$ ^net.ipv4.conf.IFNAME.(rp_filter|arp_ignore)$]`
    const msg = `Sysctl ${key} is not allowed. Only the following sysctls are allowed: ${only}`
    for (const keys of [sysctl(key, '2'), { args: { cni: sysctl(key, '2') } }])
      t.match(await add({ ...keys, mtu: 1300 }), { code: 7, msg, details: /"2"/ }, key)
    t.match(
      (
        await world.call('STATUS', { ...conf, ...sysctl(key) }, undefined, {
          env: { PLUMBLINE_TUNING_DIR: `${world.root}/tuning` },
        })
      ).error,
      { code: 50, msg },
    )
  }
  list('')
  t.match(
    await add(sysctl('net.core.somaxconn')),
    { code: 7, msg: /not allowed.*\[\]$/ },
    'an empty list allows nothing',
  )

  for (const [line, reason] of [
    ['^net.(', /group/i],
    ['(?i)net', /group/i],
    [String.raw`\Anet`, /escape/i],
    ['[[:alpha:]]', /./],
  ] as const) {
    list(`^net.core.somaxconn$\n\n${line}\n`)
    t.match(
      await add(sysctl('net.core.somaxconn')),
      {
        code: 7,
        msg: `${world.root}/tuning/allowlist.conf:3: ${JSON.stringify(line)} is not a regular expression`,
        details: reason,
      },
      line,
    )
  }
  t.strictSame({ ...world.lasting(), sysctls: allSysctls(container.path) }, before)
  const env = { PLUMBLINE_TUNING_DIR: 'etc' }
  t.match((await call('ADD', { env, conf: { ...conf, ...sysctl('net.core.somaxconn') } })).error, {
    code: 4,
    msg: /PLUMBLINE_TUNING_DIR/,
  })
})

hosted('CHECK names everything that was altered, and changes nothing', async (t, world) => {
  const keys = {
    ...{ mac: '02:00:00:00:00:77', mtu: 1400, promisc: true, allmulti: true, txQLen: 9 },
    sysctl: {
      'net.core.somaxconn': '77',
      'net.ipv4.conf.IFNAME.rp_filter': '2',
      'net.ipv4.ip_local_reserved_ports': '5,6',
      'net.ipv4.route.flush': '1',
      'net.ipv6.conf.default.stable_secret': '2001:db8::1',
    },
  }
  const { container, end, call } = await tuned(world, keys)
  const path = container.path.replaceAll('.', '\\.')
  const inside = (alter: string, restore: string, msg: string) => ({ where: container, alter, restore, msg })
  const alterations = [
    inside(
      'ip link set eth0 address 02:00:00:00:00:78',
      'ip link set eth0 address 02:00:00:00:00:77',
      `mac of eth0 in ${path} is 02:00:00:00:00:78, not 02:00:00:00:00:77`,
    ),
    inside(
      'ip link set eth0 mtu 1500',
      'ip link set eth0 mtu 1400',
      `mtu of eth0 in ${path} is 1500, not 1400`,
    ),
    inside(
      'ip link set eth0 promisc off',
      'ip link set eth0 promisc on',
      `promisc of eth0 in ${path} is off`,
    ),
    inside(
      'ip link set eth0 allmulticast off',
      'ip link set eth0 allmulticast on',
      `allmulti of eth0 in ${path} is off`,
    ),
    inside(
      'ip link set eth0 txqueuelen 10',
      'ip link set eth0 txqueuelen 9',
      `txQLen of eth0 in ${path} is 10, not 9`,
    ),
    inside(
      'echo 78 >/proc/sys/net/core/somaxconn',
      'echo 77 >/proc/sys/net/core/somaxconn',
      `sysctl net.core.somaxconn in ${path} is "78", not "77"`,
    ),
    inside(
      'echo 0 >/proc/sys/net/ipv4/conf/eth0/rp_filter',
      'echo 2 >/proc/sys/net/ipv4/conf/eth0/rp_filter',
      `sysctl net.ipv4.conf.IFNAME.rp_filter in ${path} is "0", not "2"`,
    ),
    inside(
      'echo >/proc/sys/net/ipv4/ip_local_reserved_ports',
      'echo 5-6 >/proc/sys/net/ipv4/ip_local_reserved_ports',
      `ip_local_reserved_ports in ${path} is "", not "5-6"`,
    ),
    inside(
      'echo 2001:db8::2 >/proc/sys/net/ipv6/conf/default/stable_secret',
      'echo 2001:db8::1 >/proc/sys/net/ipv6/conf/default/stable_secret',
      'stable_secret in .* is "2001:0db8.*2", not "2001:0db8.*1"',
    ),
    {
      where: world,
      alter: `ip link set ${end} mtu 1500`,
      restore: `ip link set ${end} mtu 1400`,
      msg: `mtu of host interface ${end} is 1500, not 1400`,
    },
  ]
  const check = () => call('CHECK')
  t.equal((await check()).code, 0, (await check()).stdout)
  const generation = () => ({ ...world.lasting(), sysctls: allSysctls(container.path) })
  for (const { where, alter, restore, msg } of alterations) {
    where.sh(alter)
    const altered = generation()
    const { error, stdout } = await check()
    t.match(error, { code: 100, msg: new RegExp(msg) }, stdout)
    t.strictSame(generation(), altered)
    where.sh(restore)
    t.equal((await check()).code, 0, `restored: ${restore}`)
  }
  for (const { where, alter } of alterations.slice(0, 3)) where.sh(alter)
  t.match(
    (await check()).error,
    {
      msg: new RegExp(
        alterations
          .slice(0, 3)
          .map(each => each.msg)
          .join('; '),
      ),
    },
    'all of them',
  )
  const before = { ...world.lasting().records }
  t.equal((await call('DEL')).code, 0)
  t.equal(Object.keys(before).length - Object.keys(world.lasting().records).length, 1)
})

hosted('modes that nobody asked for are not looked at', async (t, world) => {
  const { container, call } = await tuned(world, { mtu: 1400, promisc: false })
  container.sh('ip link set eth0 promisc on allmulticast on')
  t.equal((await call('CHECK')).code, 0)
  t.equal((await call('DEL')).code, 0)
  t.strictSame(attributes(container, 'eth0').on, ['ALLMULTI', 'PROMISC'])
})
