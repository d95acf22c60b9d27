// What goes through published ports is counted by mapping, and listed; SCTP, by its packets; who listens on the host is named.
import { spawn } from 'node:child_process'
import t from 'tap'
import { listPorts } from '../../plugins/portmap/ports.js'
import { askAll } from '../helpers/ask-all.js'
import { needs } from '../helpers/needs.js'
import { leasing, type PluginWorld, pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import { until } from '../helpers/processes.js'
import { serveAll } from '../helpers/serve-all.js'
import { plainEnv } from '../helpers/sh.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'conntrack', 'python3')

interface Attached {
  readonly container: TestContainer
  readonly conf: Conf
}

async function attach(
  world: PluginWorld,
  portMappings: Conf[],
  ipam: Conf = leasing(world, 1),
): Promise<Attached> {
  const container = world.container()
  const common = { cniVersion: '1.1.0', name: 'net' }
  const { prevResult } = await world.add(
    { ...common, type: 'bridge', bridge: 'brnet', isDefaultGateway: true, ipam },
    container,
  )
  const conf = { ...common, type: 'portmap', prevResult, runtimeConfig: { portMappings } }
  return { container, conf: await world.add(conf, container) }
}

/** The counters of each mapping by the first of its ports: packets and bytes to the container and from it. */
function counters(world: PluginWorld): Record<string, [bigint, bigint, bigint, bigint]> {
  return Object.fromEntries(
    listPorts({ kernel: world.ns }, world.runDir).map(({ hostIp, hostPorts, protocol, received, sent }) => [
      `${hostIp ?? ''}:${hostPorts.first}/${protocol}`,
      [received.packets, received.bytes, sent.packets, sent.bytes],
    ]),
  )
}

/** IP and UDP headers. */
const headers = { 4: 28, 6: 48 } as const

t.test('packets and bytes in both directions', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  const { host4, host6, peer } = world.uplink!
  const { container, conf } = await attach(world, [
    { hostPort: 8080, containerPort: 80, protocol: 'udp' },
    { hostPort: 8081, containerPort: 80, protocol: 'udp' },
    { hostPort: '9000-9001', containerPort: '9000-9001', protocol: 'udp' },
    { hostPort: 53, containerPort: 80, protocol: 'udp', hostIP: host4 },
    { hostPort: '60-61', containerPort: '60-61', protocol: 'udp', hostIP: host6 },
    { hostPort: 8080, containerPort: 80 },
  ])
  await serveAll(t, container.path, 'hello', [60, 80, 9001])
  const zero = [0n, 0n, 0n, 0n]
  t.strictSame(Object.values(counters(world)), Array(6).fill(zero))

  // A question is "hello\n"; an answer is the greeting and the caller's address.
  const udp = (address: string, port: number) => ({ address, port, transport: 'udp' as const })
  const asked = [udp(host4, 8080), udp(host6, 8080), udp(host4, 9001), udp(host4, 53), udp(host6, 60)]
  const answers = (await askAll(peer, asked)).map(answer => answer!.length)
  const one = (family: 4 | 6, i: number) => [
    1n,
    BigInt(headers[family] + 6),
    1n,
    BigInt(headers[family] + answers[i]!),
  ]
  const sum = (a: bigint[], b: bigint[]) => a.map((value, i) => value + b[i]!)
  const expected: Record<string, bigint[]> = {
    ':8080/udp': sum(one(4, 0), one(6, 1)),
    ':9000/udp': one(4, 2),
    [`${host4}:53/udp`]: one(4, 3),
    [`${host6}:60/udp`]: one(6, 4),
    ':8081/udp': zero,
    ':8080/tcp': zero,
  }
  t.strictSame(counters(world), expected, 'of another host')

  const local = (await askAll(world.path, [udp(host4, 8081), udp('127.0.0.1', 8081), udp('::1', 8081)])).map(
    answer => answer!.length,
  )
  const localSum = [4, 4, 6].map((family, i) => [
    1n,
    BigInt(headers[family as 4] + 6),
    1n,
    BigInt(headers[family as 4] + local[i]!),
  ])
  expected[':8081/udp'] = localSum.reduce(sum)
  t.strictSame(counters(world), expected, 'of the host itself, by all its addresses')

  const [back] = (await askAll(world.path, [udp('::1', 9001)])).map(answer => answer!.length)
  expected[':9000/udp'] = sum(expected[':9000/udp']!, [1n, 54n, 1n, BigInt(headers[6] + back!)])
  t.strictSame(counters(world), expected, 'a range too, where they go round the loop')

  await askAll(container.path, [{ address: host4, port: 8080 }])
  const [there, , here] = counters(world)[':8080/tcp']!
  t.ok(there >= 4n && here >= 3n, `of the container itself: ${there} there, ${here} back`)

  const views = listPorts({ kernel: world.ns }, world.runDir)
  t.match(
    views.map(({ holder, targets, containerPort }) => ({ holder, targets, containerPort })),
    views.map(({ hostIp }) => ({
      holder: { network: 'net', containerId: container.id, ifname: 'eth0' },
      targets: ['10.1.0.2', 'fd00:1::2'].filter(
        target => hostIp === undefined || target.includes(':') === (hostIp.family === 6),
      ),
    })),
  )
  t.strictSame(
    views.map(({ hostPorts }) => hostPorts.first),
    [53, 60, 8080, 8080, 8081, 9000],
    'in order',
  )
  await world.call('DEL', conf, container)
  t.strictSame(listPorts({ kernel: world.ns }, world.runDir), [])
})

t.test('nothing is published anywhere', { skip }, async t => {
  const world = pluginWorld(t)
  t.strictSame(listPorts({ kernel: world.ns }, world.runDir), [])
})

t.test('a container that is a subnet of its own', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  const { host4, host6 } = world.uplink!
  const container = world.container()
  const common = { cniVersion: '1.1.0', name: 'net' }
  const ipam = {
    ...leasing(world, 1),
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  }
  const { prevResult } = await world.add({ ...common, type: 'ptp', ipam }, container)
  // What other plugins say of theirs.
  const ips = prevResult.ips.map((ip: Conf) => ({
    ...ip,
    address: ip.address.replace(/\/\d+/, ip.address.includes(':') ? '/128' : '/32'),
  }))
  await world.add(
    {
      ...common,
      type: 'portmap',
      prevResult: { ...prevResult, ips },
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80 }] },
    },
    container,
  )
  await serveAll(t, container.path, 'web', [80])
  const at = (...addresses: string[]) => addresses.map(address => ({ address, port: 8080 }))
  t.match(await askAll(container.path, at(host4, host6)), [/^web/, /^web/], 'reaches itself')
  t.match(await askAll(world.path, at(host4, '127.0.0.1', '::1')), Array(3).fill(/^web/), 'and the host does')
})

/** Sends an INIT (RFC 9260, section 3.3.2) to the address and port, with the checksum that conntrack insists on. */
const sendInit = (address: string, port: number) => `
import socket, struct
def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8): crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
chunk = struct.pack('!BBHIIHHI', 1, 0, 20, 7, 65536, 1, 1, 1)
head = struct.pack('!HHI', 40000, ${port}, 0)
packet = head + struct.pack('<I', crc32c(head + b'\\0' * 4 + chunk)) + chunk
s = socket.socket(socket.AF_INET${address.includes(':') ? '6' : ''}, socket.SOCK_RAW, 132)
s.sendto(packet, ('${address}', 0))
`

/** Prints the destination port of the first SCTP packet that comes. */
const awaitInit = (family: 4 | 6) => `
import socket, sys
s = socket.socket(socket.AF_INET${family === 6 ? '6' : ''}, socket.SOCK_RAW, 132)
print('ready'); sys.stdout.flush()
data = s.recv(2000)
at = ${family === 6 ? 0 : '(data[0] & 15) * 4'}
print('port', int.from_bytes(data[at + 2:at + 4], 'big')); sys.stdout.flush()
`

t.test('SCTP', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  const { host4, host6, peer, peer4, peer6 } = world.uplink!
  const { container, conf } = await attach(world, [
    { hostPort: 7000, containerPort: 77, protocol: 'sctp' },
    { hostPort: '7100-7101', containerPort: '7100-7101', protocol: 'SCTP' },
  ])
  for (const [family, host, port, inside] of [
    [4, host4, 7000, 77],
    [6, host6, 7000, 77],
    [4, host4, 7101, 7101],
  ] as const) {
    let heard = ''
    const child = spawn('nsenter', [`--net=${container.path}`, 'python3', '-c', awaitInit(family)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: plainEnv,
    })
    t.after(() => void child.kill('SIGKILL'))
    child.stdout.on('data', data => {
      heard += data
    })
    await until(() => heard.includes('ready'), 'python3 to listen')
    world.sh(`nsenter --net=${peer} python3 - <<'END'\n${sendInit(host, port)}\nEND`)
    await until(() => heard.includes('port'), 'the packet')
    t.equal(heard, `ready\nport ${inside}\n`, `to ${host} ${port}`)
  }
  const entries = () => world.sh('conntrack -L -p sctp 2>/dev/null; conntrack -L -f ipv6 -p sctp 2>/dev/null')
  t.match(
    entries(),
    new RegExp(`src=${peer4} dst=${host4} sport=40000 dport=7000 .*src=10.1.0.2 dst=${peer4} sport=77`),
  )
  t.match(
    entries(),
    new RegExp(`src=${peer6} dst=${host6} sport=40000 dport=7000 .*src=fd00:1::2 dst=${peer6} sport=77`),
  )
  const [packets] = counters(world)[':7000/sctp']!
  t.equal(packets, 2n)
  await world.call('DEL', conf, container)
  t.equal(entries(), '', 'DEL has flushed them')
})

t.test('what conntrack knew of the ports is forgotten, and nothing else', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  const { host4, peer4 } = world.uplink!
  const insert = (protocol: string, port: number, answerer = host4) =>
    world.sh(
      `conntrack -I -p ${protocol} -t 600 -s ${peer4} -d ${host4} --sport 999 --dport ${port} \
       -r ${answerer} -q ${peer4} --reply-port-src ${port} --reply-port-dst 999 ${protocol === 'tcp' ? '--state ESTABLISHED' : ''}`,
    )
  const left = () =>
    world
      .sh('conntrack -L 2>/dev/null')
      .split('\n')
      .flatMap(line => /^(\w+) .*sport=999 dport=(\d+)/.exec(line)?.slice(1).join(' ') ?? [])
      .sort()
  insert('tcp', 8080)
  insert('udp', 8080)
  insert('udp', 8081)
  const ports = (hostPort: number) =>
    ['tcp', 'udp'].map(protocol => ({ hostPort, containerPort: 80, protocol }))
  insert('udp', 8083)
  insert('udp', 8084)
  const { container, conf } = await attach(world, [
    ...ports(8080),
    ...ports(8082),
    { hostPort: 8083, containerPort: 80, protocol: 'udp', hostIP: host4 },
    { hostPort: 8084, containerPort: 80, protocol: 'udp', hostIP: '127.0.0.1' },
  ])
  const others = ['tcp 8080', 'udp 8081', 'udp 8084']
  t.strictSame(left(), others, 'ADD: datagrams that were sent to the ports')
  insert('udp', 8080, '10.1.0.2')
  insert('udp', 8082)
  await world.call('DEL', conf, container)
  t.strictSame(left(), [...others, 'udp 8082'].sort(), 'DEL: those that went to the container')
})

t.test('a process that listens on the port is named', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1500 } })
  await serveAll(t, world.path, 'host', [8080])
  const container = world.container()
  const common = { cniVersion: '1.1.0', name: 'net' }
  const { prevResult } = await world.add(
    { ...common, type: 'bridge', bridge: 'brnet', ipam: leasing(world, 1) },
    container,
  )
  const logOf = async (portMappings: Conf[]) => {
    const conf = { ...common, type: 'portmap', prevResult, runtimeConfig: { portMappings } }
    const { log, error } = await world.call('ADD', conf, container)
    t.equal(error, undefined)
    await world.call('DEL', conf, container)
    return log
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
  }
  // Whose it is, is not looked for longer than 50 ms.
  for (const mapping of [
    { hostPort: 8080, containerPort: 80 },
    { hostPort: 8080, containerPort: 80, protocol: 'udp', hostIP: world.uplink!.host4 },
    { hostPort: '8000-9000', containerPort: '8000-9000', hostIP: '::' },
  ])
    t.match(
      (await logOf([mapping])).map(entry => ({ pid: 1, process: 'node', ...entry })),
      [
        {
          level: 'warn',
          msg: `a process of the host listens on port 8080/${mapping.protocol ?? 'tcp'}, which is led to a container now`,
          address: '::',
          process: 'node',
          pid: Number,
        },
      ],
    )
  t.strictSame(await logOf([{ hostPort: 8081, containerPort: 80 }]), [])
  t.strictSame(await logOf([{ hostPort: 8080, containerPort: 80, protocol: 'sctp' }]), [])
})
