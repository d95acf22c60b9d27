// What people ask for, and what becomes of it: ports, addresses, limits, names, files.
import t from 'tap'
import { emptyResult } from '../../cni/result.js'
import { planCgroups } from '../../runtime/container/cgroup.js'
import { readHierarchies } from '../../runtime/container/cgroup-mounts.js'
import { hostsFile, resolvConf } from '../../runtime/container/host-files.js'
import { parseCpus, parseMemory } from '../../runtime/container/limits.js'
import { parseConflist } from '../../runtime/libcni/network-list.js'
import { isName, requireIfname } from '../../runtime/names.js'
import { namespaceId, netnsPath } from '../../runtime/namespaces.js'
import { planAttachments } from '../../runtime/plan.js'
import { parsePublish, parsePublishAll } from '../../runtime/publish.js'
import { Prefix } from '../../wire/ip.js'

t.test('--publish', async t => {
  const tcp = (hostPort: number, containerPort: number) => ({ hostPort, containerPort, protocol: 'tcp' })
  const good: [string, object[]][] = [
    ['8080:80', [tcp(8080, 80)]],
    ['53:53/udp', [{ hostPort: 53, containerPort: 53, protocol: 'udp' }]],
    ['53:53/SCTP', [{ hostPort: 53, containerPort: 53, protocol: 'sctp' }]],
    ['127.0.0.1:8080:80/tcp', [{ ...tcp(8080, 80), hostIP: '127.0.0.1' }]],
    ['[::1]:8080:80', [{ ...tcp(8080, 80), hostIP: '::1' }]],
    ['[2001:DB8:0::1]:1:2/udp', [{ hostPort: 1, containerPort: 2, protocol: 'udp', hostIP: '2001:db8::1' }]],
    ['8000-8002:80-82', [tcp(8000, 80), tcp(8001, 81), tcp(8002, 82)]],
    ['0.0.0.0:65535-65535:1-1', [{ ...tcp(65535, 1), hostIP: '0.0.0.0' }]],
  ]
  for (const [text, mappings] of good) t.strictSame(parsePublish(text), mappings, text)

  const bad: [string, RegExp][] = [
    ['', /no pair of ports/],
    ['80', /no pair of ports/],
    ['a:80', /"a" is no port/],
    ['80:', /no pair of ports/],
    [':80', /no pair of ports/],
    ['0:80', /there is no port 0/],
    ['80:65536', /there is no port 65536/],
    ['80-82:80-81', /3 ports of the host cannot lead to 2/],
    ['82-80:80-82', /the range 82-80 runs backwards/],
    ['80:80/icmp', /no protocol "icmp"/],
    ['80:80/', /no protocol ""/],
    ['localhost:80:80', /"localhost" is no address/],
    ['::1:80:80', /no pair of ports|no address/],
    ['[127.0.0.1]:80:80', /is no address/],
    ['[::1:80:80', /no pair of ports/],
    ['1.2.3.4.5:80:80', /is no address/],
    ['80:80:80:80', /no pair of ports|no address/],
    ['-1:80', /"-1" is no port/],
    ['80 :80', /"80 " is no port/],
  ]
  for (const [text, message] of bad)
    t.throws(() => parsePublish(text), { message, hint: /write it as/ }, text)

  t.equal(parsePublishAll(['80:80', '80:80/udp', '127.0.0.1:80:81']).length, 3)
  t.throws(() => parsePublishAll(['80-90:80-90', '85:1']), {
    message: /port 85\/tcp of the host is published twice/,
  })
})

t.test('wishes become capability arguments where a plugin declares them', async t => {
  const network = (name: string, ...capabilities: string[]) =>
    parseConflist(
      JSON.stringify({
        cniVersion: '1.0.0',
        name,
        plugins: [
          { type: 'a', args: { cni: { labels: ['x'] } } },
          { type: 'b', capabilities: Object.fromEntries(capabilities.map(key => [key, true])) },
        ],
      }),
      `${name}.conflist`,
    )
  const plain = network('plain')
  const able = network('able', 'ips', 'mac', 'portMappings')
  const publish = parsePublishAll(['8080:80'])

  t.match(planAttachments([plain, able], { publish }), [
    { network: 'plain', ifname: 'eth0', args: [], capabilityArgs: {} },
    {
      network: 'able',
      ifname: 'eth1',
      capabilityArgs: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    },
  ])
  t.throws(() => planAttachments([plain], { publish }), {
    message: /no plugin of plain can publish ports/,
    hint: /portMappings/,
  })
  t.throws(() => planAttachments([], { publish }), { message: /no plugin of no network/ })

  const wishes = { ips: ['10.0.0.5', 'fd00::5/64'], mac: '02-00-00-00-00-0A' }
  t.match(planAttachments([able], wishes), [
    {
      args: [],
      capabilityArgs: { ips: ['10.0.0.5', 'fd00::5/64'], mac: '02:00:00:00:00:0a' },
      config: able.raw,
    },
  ])
  const [planned] = planAttachments([plain], wishes)
  t.strictSame(planned?.args, [
    ['IgnoreUnknown', '1'],
    ['MAC', '02:00:00:00:00:0a'],
  ])
  t.match(planned?.config, {
    plugins: [{ args: { cni: { labels: ['x'], ips: wishes.ips } } }, { args: { cni: { ips: wishes.ips } } }],
  })
  t.strictSame(planAttachments([plain], { ips: ['10.0.0.5'] })[0]?.args, [
    ['IgnoreUnknown', '1'],
    ['IP', '10.0.0.5'],
  ])
  t.throws(() => planAttachments([plain, able], { ips: ['10.0.0.5'] }), {
    message: /--ip needs exactly one network/,
  })
  t.throws(() => planAttachments([], { mac: '02:00:00:00:00:01' }), {
    message: /--mac needs exactly one network, and there are 0/,
  })
  t.throws(() => planAttachments([plain], { ips: ['10.0.0'] }), { message: /--ip "10.0.0" is no address/ })
  t.throws(() => planAttachments([plain], { mac: '03:00:00:00:00:01' }), { message: /is no unicast MAC/ })
  t.throws(() => planAttachments([plain], { mac: 'x' }), { message: /is no MAC/ })

  const names = (ifname: string, count: number) =>
    planAttachments(Array(count).fill(plain), { ifname }).map(attachment => attachment.ifname)
  t.strictSame(names('net5', 3), ['net5', 'net6', 'net7'])
  t.strictSame(names('wan', 2), ['wan', 'wan1'])
  t.throws(() => names('a/b', 1), { message: /not a name for a network interface/ })
  t.throws(() => names('abcdefghijklmn9', 2), { message: /not a name/ }, '16 characters')
})

t.test('limits', async t => {
  const amounts: [string, number][] = [
    ['512m', 512 * 2 ** 20],
    ['1g', 2 ** 30],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['8192k', 2 ** 23],
    ['8388608', 2 ** 23],
    ['8388608b', 2 ** 23],
    ['1t', 2 ** 40],
  ]
  for (const [text, bytes] of amounts) t.equal(parseMemory(text), bytes, text)
  for (const text of ['', 'm', '-1m', '5x', '1e9', '1 g', '5bb'])
    t.throws(() => parseMemory(text), { message: /is no amount/ }, text)
  t.throws(() => parseMemory('1m'), { message: /1048576 bytes/, hint: /at least 4m/ })

  for (const [text, cpus] of [
    ['0.5', 0.5],
    ['2', 2],
    ['.25', 0.25],
  ] as const)
    t.equal(parseCpus(text), cpus)
  for (const text of ['', '0', '-1', '0.001', 'two', '1e1', '99999'])
    t.throws(() => parseCpus(text), { message: /is no number/ }, text)
})

t.test('limits become control groups, each controller where the machine has it', async t => {
  const mounts = `cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/with\\040blank cgroup rw,memory 0 0`
  const hybrid = readHierarchies(mounts)
  t.equal(hybrid.v2, '/sys/fs/cgroup/unified')
  t.strictSame(planCgroups('id', { memory: 1000, cpus: 0.5 }, hybrid), [
    {
      directory: '/sys/fs/cgroup/with blank/plumbline/id',
      settings: [['memory.limit_in_bytes', '1000']],
      delegate: [],
    },
    {
      directory: '/sys/fs/cgroup/cpu,cpuacct/plumbline/id',
      settings: [
        ['cpu.cfs_period_us', '100000'],
        ['cpu.cfs_quota_us', '50000'],
      ],
      delegate: [],
    },
  ])
  t.strictSame(planCgroups('id', {}, hybrid), [])

  const root = t.testdir({ 'cgroup.controllers': 'cpuset cpu memory pids\n' })
  t.strictSame(planCgroups('id', { memory: 1000, cpus: 1.5 }, { v1: new Map(), v2: root }), [
    {
      directory: `${root}/plumbline/id`,
      settings: [
        ['memory.max', '1000'],
        ['cpu.max', '150000 100000'],
      ],
      delegate: ['memory', 'cpu'],
    },
  ])
  const none = { v1: new Map(), v2: undefined }
  t.throws(() => planCgroups('id', { memory: 1 }, none), {
    message: /no cgroup controller "memory"/,
    hint: /CONFIG_MEMCG.*--memory/,
  })
  const bare = { v1: new Map(), v2: t.testdir({}) }
  t.throws(() => planCgroups('id', { cpus: 1 }, bare), {
    message: /no cgroup controller "cpu"/,
    hint: /--cpus/,
  })
})

t.test('resolv.conf and hosts', async t => {
  const host = '# comment\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.53\nsearch example.com\n'
  t.equal(resolvConf([{}, {}], host), '# comment\nnameserver 192.0.2.53\nsearch example.com\n')
  t.equal(
    resolvConf(
      [
        { nameservers: ['10.0.0.1'], domain: 'a.test', search: ['b.test'], options: ['ndots:2'] },
        { nameservers: ['10.0.0.1', '10.0.0.2'], search: ['b.test'] },
      ],
      host,
    ),
    'search a.test b.test\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions ndots:2\n',
  )
  const result = {
    ...emptyResult,
    ips: [{ address: Prefix.parse('10.0.0.5/24') }, { address: Prefix.parse('fd00::5/64') }],
  }
  t.match(
    hostsFile('web', [result]),
    /^127.0.0.1\tlocalhost\n::1\tlocalhost .*\n10.0.0.5\tweb\nfd00::5\tweb\n$/,
  )
})

t.test('names', async t => {
  for (const name of ['a', 'A9', 'a.b-c_d', '0']) t.ok(isName(name), name)
  for (const name of ['', '.', '..', '-a', '_a', 'a/b', 'a..b', 'a b', 'a\n', 'ü', 'a'.repeat(129)])
    t.notOk(isName(name), name)
  for (const name of ['', '.', '..', 'a b', 'a/b', 'a:b', 'x'.repeat(16)])
    t.throws(() => requireIfname(name), { message: /interface/ })

  t.equal(netnsPath('blue'), '/run/netns/blue')
  t.equal(netnsPath('/proc/1/ns/net'), '/proc/1/ns/net')
  for (const path of ['../x', 'a/b', '/run/../x', '/run//x', '/run/./x', '/run/x/', '..'])
    t.throws(() => netnsPath(path), { message: /plain path|not a name/ }, path)
  t.match(namespaceId('/run/netns/blue'), /^ns-blue-[a-z2-7]{6}$/)
  t.not(namespaceId('/proc/1/ns/net'), namespaceId('/proc/2/ns/net'))
  t.ok(isName(namespaceId('/weird/ö#'.concat('x'.repeat(200)))))
})
