// The executable: behind the reference plugins' bridge, in place of their tuning, and killed.
import t from 'tap'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { needs, pluginDir, referenceDir } from '../helpers/needs.js'
import { type Conf, modes } from '../helpers/subjects.js'
import { allSysctls, attributes } from '../helpers/tuning.js'

const skip = needs('root', 'plugins', 'reference-plugins', 'iproute', 'nft', 'nsenter', 'ping')

const common = { cniVersion: '1.0.0', name: 'mixed' }

const bridgeConf = (host: FakeHost): Conf => ({
  ...common,
  type: 'bridge',
  bridge: 'brmixed',
  isGateway: true,
  ipam: { type: 'host-local', dataDir: host.dataDir, ranges: [[{ subnet: '10.7.0.0/24' }]] },
})

interface Both {
  readonly container: Container
  readonly added: Conf
  run(plugin: string, verb: 'ADD' | 'CHECK' | 'DEL', conf: Conf, more?: Conf): ReturnType<FakeHost['exec']>
}

/** An attachment by their bridge. */
function attached(host: FakeHost, dir: string): Both {
  const container = host.container()
  const env = { PLUMBLINE_TUNING_DIR: `${host.runDir}/none` }
  const call = { id: container.id, netns: container.netns, ifname: 'eth0', env }
  const run: Both['run'] = (plugin, verb, conf, { env: more, ...rest } = {}) =>
    host.exec(plugin, verb, {
      ...call,
      conf,
      dir: plugin === 'bridge' ? dir : pluginDir,
      ...rest,
      env: { ...env, ...more },
    })
  const added = run('bridge', 'ADD', bridgeConf(host))
  if (added.code !== 0) throw new Error(added.stdout + added.stderr)
  return { container, added: added.json, run }
}

const ipOf = (where: { sh(script: string): string }) => ({
  ip: (args: string) => JSON.parse(where.sh(`ip -j ${args}`)) as Conf,
})

for (const mode of modes)
  t.test(`behind the reference's bridge, resident ${mode}`, { skip }, async t => {
    const host = fakeHost(t, { resident: mode })
    const [a, b] = [attached(host, referenceDir), attached(host, referenceDir)]
    const keys = {
      mac: '02:00:00:00:00:77',
      mtu: 9000,
      promisc: true,
      allmulti: true,
      sysctl: { 'net.core.somaxconn': '500', 'net.ipv4.conf.IFNAME.arp_filter': '1' },
    }
    const conf = { ...common, type: 'tuning', ...keys, prevResult: a.added }
    const end = a.added.interfaces[1].name
    const before = { ...host.snapshot(), sysctls: allSysctls(a.container.netns) }
    const tuned = a.run('tuning', 'ADD', conf)
    t.equal(tuned.code, 0, tuned.stdout + tuned.stderr)
    t.strictSame(tuned.json.interfaces[2], { ...a.added.interfaces[2], mac: keys.mac })
    t.match(attributes(ipOf(host), end), { mtu: 9000 }, 'their host end, too')
    t.match(attributes(ipOf(a.container), 'eth0'), {
      mtu: 9000,
      address: keys.mac,
      on: ['ALLMULTI', 'PROMISC'],
    })

    const other = b.run('tuning', 'ADD', { ...common, type: 'tuning', mtu: 9000, prevResult: b.added })
    t.equal(other.code, 0, other.stdout)
    const address = b.added.ips[0].address.split('/')[0]
    t.equal(
      a.container.trySh(`ping -n -q -c1 -W2 -M do -s 8972 ${address}`).code,
      0,
      'packets of 9000 bytes pass',
    )

    for (const plugin of ['tuning', 'bridge']) {
      const document = plugin === 'tuning' ? conf : bridgeConf(host)
      const check = a.run(plugin, 'CHECK', { ...document, prevResult: tuned.json })
      t.equal(check.code, 0, `CHECK by ${plugin}: ${check.stdout}`)
    }
    t.equal(b.run('tuning', 'DEL', { ...common, type: 'tuning', prevResult: other.json }).code, 0)
    const del = a.run('tuning', 'DEL', { ...conf, prevResult: tuned.json })
    t.equal(del.code, 0, del.stdout)
    t.strictSame({ ...host.snapshot(), sysctls: allSysctls(a.container.netns) }, before, 'all as before')
  })

t.test('killed before and after every step', { skip }, async t => {
  for (const mode of modes) {
    const host = fakeHost(t, { resident: mode })
    const { container, added, run } = attached(host, pluginDir)
    const keys = {
      mac: '02:00:00:00:00:77',
      mtu: 1400,
      sysctl: { 'net.ipv4.ip_local_reserved_ports': '1,2,3' },
    }
    const conf = { ...common, type: 'tuning', ...keys, prevResult: added }
    const state = () => ({ ...host.snapshot(), sysctls: allSysctls(container.netns) })
    const before = state()
    for (const verb of ['ADD', 'DEL'])
      for (const step of ['tuning', 'sysctl'])
        for (const when of ['before', 'after']) {
          const name = `${verb} ${when} ${step}, resident ${mode}`
          const env = { PLUMBLINE_FAULT: `${verb}:${step}:${when}:kill` }
          if (verb === 'DEL') t.equal(run('tuning', 'ADD', conf).code, 0)
          t.not(run('tuning', verb as 'ADD' | 'DEL', conf, { env }).code, 0, name)
          const again = run('tuning', 'ADD', conf)
          // What an ADD left is in the way of none; what a DEL left is attached still, until the next one.
          t.equal(again.code === 0, verb === 'ADD', again.stdout)
          if (verb === 'ADD') {
            const check = run('tuning', 'CHECK', { ...conf, prevResult: again.json })
            t.equal(check.code, 0, check.stdout)
          }
          t.equal(run('tuning', 'DEL', conf).code, 0)
          t.strictSame(state(), before, `${name}: all as before`)
        }
  }
})
