// What others do to nftables while a resident runs, and what becomes of it: flushes, deletions, reloads of other firewalls. Within a
// second everything is as it was, and nobody has been asked.
import { closeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { handle } from '../../cni/door.js'
import { Namespace } from '../../kernel/namespace.js'
import { openNetns } from '../../kernel/netns.js'
import { oneShotReaper } from '../../kernel/teardown.js'
import { plugins } from '../../plugins/registry.js'
import { type ChainConf, runChain } from '../helpers/chain.js'
import { pings } from '../helpers/firewall.js'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { netnsWorld } from '../helpers/netns-world.js'
import { endProcesses, until } from '../helpers/processes.js'
import { type Conf, hostLocal, testsReference } from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft', 'iptables', 'ping') ||
  (testsReference && 'needs plugins of our own')

/** Generous: the machine may be busy. Without damage to repair, nothing is ever back. */
const DEADLINE = 5_000

const network = (host: FakeHost): ChainConf => ({
  name: 'walled',
  cniVersion: '1.1.0',
  plugins: [
    {
      type: 'bridge',
      bridge: 'brtest',
      isGateway: true,
      ipMasq: true,
      macspoofchk: true,
      ipam: hostLocal(host),
    },
    { type: 'firewall', ingressPolicy: 'same-bridge' },
  ],
})

interface Attached {
  readonly container: Container
  readonly ifname: string
  readonly result: Conf
}

async function attach(
  t: Test,
  host: FakeHost,
  container = host.container(),
  ifname = 'eth0',
): Promise<Attached> {
  const { outcome, result } = await runChain(host, network(host), 'ADD', { container, ifname })
  t.equal(outcome.code, 0, `ADD ${ifname} ${outcome.code === 0 ? '' : outcome.stdout}`)
  return { container, ifname, result: result! }
}

const rulesetOf = ({ netns }: FakeHost) => [...netnsWorld(netns).nft].sort()
const isSame = (a: readonly string[], b: readonly string[]) => a.join('\n') === b.join('\n')

async function isBack(host: FakeHost, before: readonly string[], what: string): Promise<void> {
  await until(() => isSame(rulesetOf(host), before), what, DEADLINE)
}

const damages: Record<string, string> = {
  'the whole ruleset flushed': 'nft flush ruleset',
  'a table deleted': 'nft delete table inet plumbline',
  'the other table deleted': 'nft delete table bridge plumbline',
  'a chain flushed': 'nft flush chain inet plumbline forward',
  'a chain deleted': 'nft flush chain inet plumbline admitted; nft delete chain inet plumbline admitted',
  'all rules of a table flushed': 'nft flush table bridge plumbline',
  'a set deleted with its rules':
    'nft flush chain inet plumbline postrouting; nft delete set inet plumbline masq4-10.1.0.0-24',
  'one rule altered': `handle=$(nft -a list chain bridge plumbline spoofed | sed -n 's/.*comment "port_macs" # handle //p')
    nft delete rule bridge plumbline spoofed handle $handle
    nft add rule bridge plumbline spoofed accept comment '"port_macs"'`,
}

t.test('damage while a resident runs', { skip }, async t => {
  const host = fakeHost(t, { resident: 'require', uplink: true })
  const [one, two] = [await attach(t, host), await attach(t, host)]
  const { peer4, peer6 } = host.uplink!
  const before = rulesetOf(host)
  for (const [name, script] of Object.entries(damages))
    await t.test(name, async t => {
      host.sh(script)
      await isBack(host, before, name)
      for (const target of [peer4, peer6, two.result.ips[0].address.split('/')[0]])
        t.ok(pings(one.container, target), target)
      const { outcome } = await runChain(
        host,
        network(host),
        'CHECK',
        { container: one.container },
        one.result,
      )
      t.equal(outcome.code, 0, outcome.stdout)
    })
})

t.test('300 attachments: all of it is back within a second', { skip }, async t => {
  const host = fakeHost(t, { resident: 'require' })
  const { calls, container } = await crowd(t, host, 300)
  const before = rulesetOf(host)
  t.equal(elementsOf(before, 'allowed4'), 300)
  host.exec('bridge', 'STATUS', {
    conf: { cniVersion: '1.1.0', name: 'walled0', ...network(host).plugins[0] },
  })
  const total = Number(host.sh('nft list ruleset | grep -c "comment"'))
  const flushed = Date.now()
  host.sh('nft flush ruleset')
  const present = () => Number(host.sh('nft list ruleset | grep -c "comment" || true'))
  await until(() => present() >= total, 'as many elements', DEADLINE)
  t.comment(`${Date.now() - flushed} ms`)
  await isBack(host, before, 'the ruleset')

  // Those that have gone meanwhile do not come back.
  host.sh('nft flush ruleset')
  for (const call of [calls[0]!, calls[299]!])
    for (const conf of call.confs.toReversed())
      await host.start(conf.type, 'DEL', {
        id: container.id,
        netns: container.netns,
        ifname: call.ifname,
        conf,
      }).done
  await until(() => elementsOf(rulesetOf(host), 'allowed4') === 298, '298 addresses', DEADLINE)
})

interface CrowdCall {
  readonly ifname: string
  /** Those of the chain, with results. */
  readonly confs: readonly Conf[]
}

/** Many attachments of one container, made without processes. */
async function crowd(
  t: Test,
  { netns, runDir, stateDir, ...host }: FakeHost,
  count: number,
): Promise<{ calls: CrowdCall[]; container: Container }> {
  const fd = openNetns(netns)
  const kernel = Namespace.open(fd)
  t.teardown(() => {
    kernel[Symbol.dispose]()
    closeSync(fd)
  })
  const container = host.container()
  const calls: CrowdCall[] = []
  for (let i = 0; i < count; i++) {
    const ifname = `eth${i}`
    const number = Math.floor(i / 100)
    const [bridge, firewall] = network({ dataDir: host.dataDir } as FakeHost).plugins
    const ipam = hostLocal({ dataDir: host.dataDir } as FakeHost, number + 1)
    const confs: Conf[] = []
    let prevResult: Conf | undefined
    for (const plugin of [{ ...bridge, bridge: `br${number}`, ipam }, firewall!]) {
      const conf: Conf = {
        cniVersion: '1.1.0',
        name: `walled${number}`,
        ...plugin,
        ...(prevResult && { prevResult }),
      }
      const { exitCode, stdout } = await handle(
        {
          plugin: conf.type,
          env: {
            PLUMBLINE_RUN_DIR: runDir,
            PLUMBLINE_STATE_DIR: stateDir,
            CNI_COMMAND: 'ADD',
            CNI_CONTAINERID: container.id,
            CNI_NETNS: container.netns,
            CNI_IFNAME: ifname,
            CNI_PATH: host.dir,
          },
          stdin: () => Buffer.from(JSON.stringify(conf)),
          stderr: () => {},
        },
        { kernel, reaper: oneShotReaper(kernel), plugins },
      )
      if (exitCode !== 0) throw new Error(stdout)
      prevResult = JSON.parse(stdout)
      confs.push({ ...conf, prevResult })
    }
    calls.push({ ifname, confs })
  }
  return { calls, container }
}

const docker = 'iptables -P FORWARD DROP; ip6tables -P FORWARD DROP'

t.test('other firewalls change', { skip }, async t => {
  const host = fakeHost(t, { resident: 'require', uplink: true })
  const { container } = await attach(t, host)
  const { peer4, peer6 } = host.uplink!
  const passes = () => [peer4, peer6].every(to => container.trySh(`ping -n -q -c 1 -W 0.2 ${to}`).code === 0)
  t.ok(passes(), 'nobody drops')
  const firewalld = `nft -f - <<'END'
table inet firewalld
delete table inet firewalld
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority 10; policy accept;
    ct state { established, related } accept
    reject with icmpx admin-prohibited
  }
}
END`
  for (const [name, script] of Object.entries({
    'a policy is set': docker,
    'iptables -F FORWARD': 'iptables -F FORWARD; ip6tables -F FORWARD',
    'iptables -F': 'iptables -F; ip6tables -F',
    'our chain is deleted': 'iptables -F; iptables -X PLUMBLINE-FORWARD',
    'iptables-restore': `iptables-restore <<'END'
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
END`,
    'firewalld starts': firewalld,
    'firewalld reloads': firewalld,
    'everything is flushed, and dropped anew': `nft flush ruleset; ${docker}; ${firewalld}`,
  }))
    await t.test(name, async t => {
      host.sh(script)
      await until(passes, name, DEADLINE)
      t.pass()
    })
})

t.test('a resident that starts puts back what was lost while none ran', { skip }, async t => {
  const host = fakeHost(t, { resident: 'auto' })
  const first = await attach(t, host)
  await attach(t, host)
  const before = rulesetOf(host)
  await endProcesses(host.processes())
  host.sh('nft flush ruleset')
  const { outcome } = await runChain(host, network(host), 'STATUS', { container: first.container })
  t.equal(outcome.code, 0)
  await isBack(host, before, 'the ruleset')
})

t.test('a resident stays as long as there is something to guard', { skip }, async t => {
  const host = fakeHost(t, { resident: 'auto' })
  const env = { PLUMBLINE_RESIDENT_IDLE: '0.2' }
  const container = host.container()
  const call = { id: container.id, netns: container.netns, ifname: 'eth0', env }
  const [bridge] = network(host).plugins
  const conf = { cniVersion: '1.1.0', name: 'walled', ...bridge }
  t.equal(host.exec('bridge', 'ADD', { ...call, conf }).code, 0)
  await until(() => host.processes().length > 0, 'a resident')
  const before = rulesetOf(host)
  // It has been idle for long by the time that a second flush is repaired.
  for (let i = 0; i < 2; i++) {
    host.sh('nft flush ruleset')
    await isBack(host, before, `repair ${i + 1}`)
    const since = Date.now()
    await until(() => Date.now() - since > 500, 'its patience to end')
  }
  t.equal(host.processes().length, 1, 'it is there')
  t.equal(host.exec('bridge', 'DEL', { ...call, conf }).code, 0)
  await until(() => host.processes().length === 0, 'it to leave')
})

function elementsOf(ruleset: readonly string[], name: string): number {
  const set = ruleset.map(text => JSON.parse(text)).find(({ set }) => set?.name === name)
  return set?.set.elem?.length ?? 0
}
