// host-local through its verbs: what is leased, to whom, in which order, and what is left on the disk.
import * as fs from 'node:fs'
import t from 'tap'
import { CniCode } from '../../cni/error.js'
import { cniErrorOf, recordingLog } from '../helpers/calls.js'
import { bootOf, Site, type SiteOptions, watchedFiles } from '../helpers/host-local.js'

const sites: Site[] = []
const site = (options: SiteOptions = {}) => {
  const made = new Site(options)
  sites.push(made)
  return made
}
t.teardown(() => {
  for (const made of sites) made.remove()
})

const addresses = (net: Site) => net.names().filter(name => /^10\./.test(name))

const ipam = (keys: object) => ({ ipam: { ...keys } as never })

t.test('ADD leases the next address and notes its holder as the reference does', async t => {
  const net = site()
  const result = await net.add('box')
  t.match(JSON.parse(JSON.stringify(result)), {
    interfaces: [],
    ips: [{ address: '10.1.0.2/16', gateway: '10.1.0.1' }],
    routes: [],
    dns: {},
  })
  t.strictSame(net.leases(), { '10.1.0.2': 'box\r\neth0' })
  t.equal(fs.readFileSync(`${net.directory}/last_reserved_ip.0`, 'utf8'), '10.1.0.2')
  t.strictSame(net.names(), ['.plumbline.boot', '10.1.0.2', 'last_reserved_ip.0', 'lock'])
  t.equal(net.index(), 'valid')
  await net.del('box')
  t.strictSame(net.leases(), {})
  t.equal(net.index(), 'valid')
})

t.test('a second ADD of one attachment is refused and changes nothing', async t => {
  const net = site()
  await net.add('box')
  t.match(await cniErrorOf(() => net.add('box')), {
    code: CniCode.alreadyAttached,
    msg: '10.1.0.2 has been allocated to box, duplicate allocation is not allowed',
  })
  t.strictSame(net.leases(), { '10.1.0.2': 'box\r\neth0' })
  t.equal(await net.lease('box:eth1'), '10.1.0.3', 'another interface is another attachment')
  await net.del('box:eth1')
  t.strictSame(net.leases(), { '10.1.0.2': 'box\r\neth0' })
  t.equal(net.index(), 'valid')
})

t.test('an address of ranges that are no longer configured does not stand in the way', async t => {
  const net = site()
  await net.add('box')
  const moved = net.other({ ipam: { subnet: '10.2.0.0/24' } })
  t.equal(await moved.lease('box'), '10.2.0.2')
  await moved.del('box')
  t.strictSame(net.leases(), {}, 'DEL releases both')
})

t.test('DEL is idempotent, and works without a directory and with an invalid configuration', async t => {
  const net = site()
  await net.del('box')
  t.notOk(fs.existsSync(net.directory), 'nothing is made')
  await net.add('box')
  await net.del('box')
  await net.del('box')
  await net.add('box')
  await net.plugin.del(
    net.call('DEL', 'box', {}, ipam({ dataDir: net.dataDir, subnet: 7 })),
    undefined,
    null as never,
  )
  t.strictSame(net.leases(), {})
  await net.add('box')
  await net.plugin.del(
    net.call('DEL', 'box', {}, { ipam: { DATADIR: net.dataDir } }),
    undefined,
    null as never,
  )
  t.strictSame(net.leases(), {}, 'keys match in any case')
})

t.test('round robin: from the last address on, around at the end, past the gateway', async t => {
  const net = site({ ipam: { subnet: '10.1.0.0/29' } })
  const given: string[] = []
  for (let i = 0; i < 12; i++) {
    given.push(await net.lease('box'))
    await net.del('box')
  }
  const once = ['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']
  t.strictSame(given, [...once, ...once, '10.1.0.2', '10.1.0.3'])

  const two = site({
    ipam: {
      ranges: [
        [
          { subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.10' },
          { subnet: '10.1.1.0/30', gateway: '10.1.1.2' },
        ],
      ],
    },
  })
  const several: string[] = []
  for (let i = 0; i < 3; i++) several.push(await two.lease(`box${i}`))
  t.strictSame(several, ['10.1.0.9', '10.1.0.10', '10.1.1.1'])
  const full = await cniErrorOf(() => two.add('box3'))
  t.match(full, {
    code: CniCode.addressUnavailable,
    msg: 'no IP addresses available in range set: 10.1.0.9-10.1.0.10, 10.1.1.1-10.1.1.2',
  })
  await two.del('box1')
  t.equal(await two.lease('box3'), '10.1.0.10')
})

t.test('a last address that is missing, damaged or out of range means from the beginning', async t => {
  const net = site({ ipam: { subnet: '10.1.0.0/24' } })
  for (const text of ['', '10.9.9.9', '10.1.0.990', 'nonsense', '10.1.0.254\n']) {
    fs.mkdirSync(net.directory, { recursive: true })
    fs.writeFileSync(`${net.directory}/last_reserved_ip.0`, text)
    t.equal(await net.lease('box'), '10.1.0.2', JSON.stringify(text))
    await net.del('box')
    t.equal(fs.readFileSync(`${net.directory}/last_reserved_ip.0`, 'utf8'), '10.1.0.2')
  }
})

t.test('dual stack: one address of each set, all or none', async t => {
  const net = site({
    ipam: {
      ranges: [[{ subnet: 'fd00:0:0:1::/64' }], [{ subnet: '10.1.0.0/30' }]],
      routes: [
        { dst: '::/0' },
        { dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400, advmss: 1360, priority: 5, table: 7, scope: 0 },
      ],
    },
  })
  const result = await net.add('box')
  t.strictSame(JSON.parse(JSON.stringify(result)), {
    interfaces: [],
    ips: [
      { address: 'fd00:0:0:1::2/64', gateway: 'fd00:0:0:1::1' },
      { address: '10.1.0.2/30', gateway: '10.1.0.1' },
    ],
    routes: [
      { dst: '::/0' },
      { dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400, advmss: 1360, priority: 5, table: 7, scope: 0 },
    ],
    dns: {},
  })
  const before = net.leases()
  t.strictSame(before, { '10.1.0.2': 'box\r\neth0', 'fd00:0:0:1::2': 'box\r\neth0' })
  t.match(await cniErrorOf(() => net.add('late')), { code: CniCode.addressUnavailable })
  t.strictSame(net.leases(), before)
  await net.del('box')
  t.strictSame(net.leases(), {})
})

t.test('a failure between two leases takes the first one back', async t => {
  let links = 0
  const files = watchedFiles(name => {
    if (name !== 'linkSync' || ++links !== 2) return
    throw Object.assign(new Error('ENOSPC: no space left on device, link'), {
      code: 'ENOSPC',
      syscall: 'link',
    })
  })
  const net = site({ files, ipam: { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }]] } })
  await t.rejects(net.add('box'), { code: 'ENOSPC' })
  t.strictSame(net.leases(), {})
  t.notOk(net.names().includes('.plumbline.new'))
  t.equal(await net.lease('box'), '10.1.0.2,10.2.0.2')
  t.equal(net.index(), 'valid')
})

t.test('addresses asked for: CNI_ARGS, args.cni.ips, runtimeConfig.ips, all merged', async t => {
  const net = site({
    ipam: { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: '10.2.0.0/24' }], [{ subnet: 'fd00::/64' }]] },
  })
  t.equal(
    await net.lease(
      'box',
      { args: 'IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.2.0.77' },
      {
        args: { cni: { ips: ['10.1.0.66/24'] } },
        RuntimeConfig: {},
        runtimeConfig: { ips: ['fd00::5', '10.1.0.66'] },
      },
    ),
    '10.1.0.66,10.2.0.77,fd00::5',
  )
  t.equal(fs.readFileSync(`${net.directory}/last_reserved_ip.1`, 'utf8'), '10.2.0.77')
  const taken = await cniErrorOf(() => net.add('other', { args: 'IP=10.2.0.77' }))
  t.match(taken, {
    code: CniCode.addressUnavailable,
    msg: 'requested IP address 10.2.0.77 is not available in range set 10.2.0.1-10.2.0.254',
    details: /leased to box/,
  })
  t.equal(await net.lease('other', { args: 'IP=10.2.0.2' }), '10.1.0.67,10.2.0.2,fd00::6')
})

t.test('leases of old versions name the container alone', async t => {
  const net = site()
  net.plant('10.1.0.2', 'box')
  net.plant('10.1.0.3', 'box\r\neth0\n')
  t.match(await cniErrorOf(() => net.add('box:eth1')), { code: CniCode.alreadyAttached })
  await net.del('box')
  t.strictSame(net.leases(), { '10.1.0.2': 'box' }, 'what names the interface goes first')
  await net.del('box')
  t.strictSame(net.leases(), {})
  t.equal(net.index(), 'valid')
})

t.test('an empty lease file is free; a note by hand is not', async t => {
  const net = site({ ipam: { subnet: '10.1.0.0/29' } })
  net.plant('10.1.0.2', '')
  net.plant('10.1.0.3', '\0\0\0\0')
  net.plant('10.1.0.4', ' \r\n')
  net.plant('10.1.0.5', 'for the printer\n')
  fs.mkdirSync(`${net.directory}/10.1.0.6`)
  t.equal(await net.lease('a'), '10.1.0.2')
  t.strictSame(addresses(net), ['10.1.0.2', '10.1.0.5', '10.1.0.6'], 'what says nothing is cleared away')
  t.equal(await net.lease('b'), '10.1.0.3')
  t.equal(await net.lease('c'), '10.1.0.4')
  t.match(await cniErrorOf(() => net.add('d')), { code: CniCode.addressUnavailable })
  t.match(await cniErrorOf(() => net.add('d', { args: 'IP=10.1.0.5' })), { details: /reserved by hand/ })
  await net.gc()
  t.strictSame(addresses(net), ['10.1.0.5', '10.1.0.6'], 'nor does GC take it')
})

t.test('CHECK compares what is leased with what was given', async t => {
  const net = site({ ipam: { ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]] } })
  const result = await net.add('box')
  await net.check('box', result)
  await net.check('box', { ...result, ips: [...result.ips, ...(await other('192.168.7.1/24')).ips] })
  t.match(await cniErrorOf(() => net.check('nobody', result)), {
    code: CniCode.checkFailed,
    msg: /no address is leased/,
  })
  t.match(await cniErrorOf(() => net.check('box', { ...result, ips: result.ips.slice(1) })), {
    code: CniCode.checkFailed,
    msg: /10\.1\.0\.2 is leased .* not in prevResult/,
  })
  fs.unlinkSync(`${net.directory}/fd00::2`)
  t.match(await cniErrorOf(() => net.check('box', result)), {
    code: CniCode.checkFailed,
    msg: /fd00::2 of prevResult is not leased/,
  })
  fs.writeFileSync(`${net.directory}/fd00::2`, 'thief\r\neth0')
  t.match(await cniErrorOf(() => net.check('box', result)), { code: CniCode.checkFailed })
  const bare = site()
  t.match(await cniErrorOf(() => bare.check('box', result)), { code: CniCode.checkFailed })
  t.notOk(fs.existsSync(bare.directory))

  async function other(cidr: string) {
    return site({
      ipam: {
        subnet: cidr.replace(/1\/24/, '0/24'),
        gateway: cidr.replace('.1/24', '.9'),
        rangeStart: cidr.slice(0, -3),
      },
    }).add('x')
  }
})

t.test('GC releases what no attachment holds', async t => {
  const net = site()
  for (const owner of ['a', 'a:eth1', 'b', 'c']) await net.add(owner)
  net.plant('10.1.9.1', 'a')
  net.plant('10.1.9.2', 'gone')
  await net.gc('a:eth1', 'c')
  t.strictSame(net.leases(), { '10.1.0.3': 'a\r\neth1', '10.1.0.5': 'c\r\neth0', '10.1.9.1': 'a' })
  t.equal(net.index(), 'valid')
  await net.gc()
  t.strictSame(net.leases(), {})
  await net.gc('a')
  const bare = site()
  await bare.gc()
  t.notOk(fs.existsSync(bare.directory))
})

t.test('GC goes on after a failure and tells it', async t => {
  const files = watchedFiles((name, [path]) => {
    if (name !== 'unlinkSync' || !String(path).endsWith('/10.1.0.2')) return
    throw Object.assign(new Error('EPERM: operation not permitted, unlink'), {
      code: 'EPERM',
      syscall: 'unlink',
    })
  })
  const net = site({ files })
  for (const owner of ['a', 'b', 'c']) await net.add(owner)
  await t.rejects(net.gc('c'), { errors: [{ code: 'EPERM' }] })
  t.strictSame(Object.keys(net.leases()), ['10.1.0.2', '10.1.0.4'])
  t.equal(net.index(), 'valid')
})

t.test('STATUS: 50 when a set is exhausted, or leases cannot be written', async t => {
  const net = site({ ipam: { ranges: [[{ subnet: 'fd00::/64' }], [{ subnet: '10.1.0.0/30' }]] } })
  await net.status()
  t.notOk(fs.existsSync(net.directory), 'nothing is made')
  await net.add('a')
  t.match(await cniErrorOf(() => net.status()), {
    code: CniCode.notAvailable,
    msg: /no IP addresses available/,
  })
  t.equal(net.index(), 'valid')
  await net.del('a')
  await net.status()
  t.equal(net.index(), 'valid')
  t.notOk(net.names().includes('.plumbline.new'))

  const broken = site({
    files: watchedFiles((name, [path]) => {
      if (name === 'openSync' && String(path).endsWith('.plumbline.new'))
        throw Object.assign(new Error('EROFS: read-only file system, open'), {
          code: 'EROFS',
          syscall: 'open',
        })
    }),
  })
  fs.mkdirSync(broken.directory, { recursive: true })
  t.match(await cniErrorOf(() => broken.status()), { code: CniCode.notAvailable, msg: /EROFS/ })
  fs.writeFileSync(`${broken.root}/file`, '')
  const blocked = broken.other({ ipam: { subnet: '10.1.0.0/24', dataDir: `${broken.root}/file/below` } })
  t.match(await cniErrorOf(() => blocked.status()), { code: CniCode.notAvailable })
  await t.rejects(blocked.add('a'), { code: 'ENOTDIR' })
  await blocked.del('a')
  const locked = site()
  fs.mkdirSync(`${locked.directory}/lock`, { recursive: true })
  t.match(await cniErrorOf(() => locked.add('a')), { code: CniCode.io, msg: /^lock .*EISDIR/ })
  t.match(await cniErrorOf(() => locked.status()), { code: CniCode.notAvailable })
})

t.test('leases of an earlier boot are released at the first occasion, those of this boot stay', async t => {
  const now = Date.now()
  const at = (seconds: number) => new Date(now + seconds * 1000)
  const net = site({ boot: bootOf('first', 100_000) })
  await net.add('old')
  net.plant('10.1.0.2', 'old\r\neth0', at(-7200))
  net.plant('10.1.0.9', 'reference\r\neth0', at(-60))
  net.plant('10.1.0.10', 'edge\r\neth0', at(-3601))
  net.plant('10.1.0.11', 'ahead\r\neth0', at(+86400))
  net.plant('10.1.0.12', 'unset\r\neth0', new Date(4_000_000))
  net.plant('10.1.0.13', 'by hand', at(-7200))
  const log = recordingLog()
  const booted = net.other({ boot: bootOf('second', 3600) })
  await booted.add('new', { log })
  t.strictSame(Object.keys(net.leases()), ['10.1.0.11', '10.1.0.12', '10.1.0.13', '10.1.0.3', '10.1.0.9'])
  t.match(log.entries, [{ level: 'info', fields: { released: 2 } }])
  t.equal(booted.index(), 'valid')
  net.plant('10.1.0.20', 'later\r\neth0', at(-7200))
  await booted.del('new')
  t.ok(net.leases()['10.1.0.20'], 'once a boot: a lease copied in later stays')
  await net.other({ boot: bootOf('third', -10) }).del('x')
  t.strictSame(Object.keys(net.leases()), ['10.1.0.11', '10.1.0.12', '10.1.0.13'])
})

t.test('a network that was the reference plugin’s until now: its leases of this boot are live', async t => {
  const net = site({ boot: bootOf('now', 3600) })
  net.plant('10.1.0.2', 'live\r\neth0', new Date(Date.now() - 3_500_000))
  net.plant('10.1.0.3', 'dead\r\neth0', new Date(Date.now() - 3_700_000))
  t.equal(await net.lease('box'), '10.1.0.3')
  t.equal(net.leases()['10.1.0.2'], 'live\r\neth0')
})

t.test('resolvConf goes into the result; one that cannot be read leases nothing', async t => {
  const net = site()
  const path = `${net.root}/resolv.conf`
  fs.writeFileSync(
    path,
    '# a comment\n; another\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # x\ndomain a.example\n\tsearch one.example two.example\noptions ndots:2\noptions rotate\nsortlist 1\nnameserver\n',
  )
  const keys = { subnet: '10.1.0.0/16', dataDir: net.dataDir }
  const result = await net.add('box', {}, ipam({ ...keys, resolvConf: path }))
  t.strictSame(result.dns, {
    nameservers: ['192.0.2.1', '2001:db8::1'],
    domain: 'a.example',
    search: ['one.example', 'two.example'],
    options: ['ndots:2', 'rotate'],
  })
  t.match(await cniErrorOf(() => net.add('b', {}, ipam({ ...keys, resolvConf: `${path}.not` }))), {
    code: CniCode.io,
    msg: /resolvConf .*ENOENT/,
  })
  t.strictSame(Object.keys(net.leases()), ['10.1.0.2'])
})

t.test('a foreign change of the directory is seen, whatever the clock says', async t => {
  const net = site({ ipam: { subnet: '10.1.0.0/24' } })
  await net.add('a')
  net.plant('10.1.0.3', 'foreign\r\neth0')
  t.equal(await net.lease('b'), '10.1.0.4')
  await net.del('foreign')
  t.notOk(net.leases()['10.1.0.3'])
  fs.unlinkSync(`${net.directory}/10.1.0.2`)
  t.equal(await net.lease('a'), '10.1.0.5', 'not a duplicate any more')
  // Restored from a backup: other files, and the directory's time as it was.
  const { atime, mtime } = fs.statSync(net.directory)
  net.plant('10.1.0.6', 'restored\r\neth0')
  fs.utimesSync(net.directory, atime, mtime)
  t.equal(net.index(), 'none')
  await net.del('restored')
  t.notOk(net.leases()['10.1.0.6'])
  fs.renameSync(net.directory, `${net.directory}.old`)
  fs.cpSync(`${net.directory}.old`, net.directory, { recursive: true, preserveTimestamps: true })
  t.equal(net.index(), 'none', 'another directory of the same name')
})

t.test('programs that do not take the lock cost a retry, and no address is given twice', async t => {
  let planted = 0
  const net: Site = site({
    ipam: { subnet: '10.1.0.0/28' },
    files: watchedFiles((name, [, path]) => {
      if (name === 'linkSync' && planted > 0 && planted--) fs.writeFileSync(String(path), 'sly\r\neth0')
    }),
  })
  await net.add('a')
  planted = 1
  t.equal(await net.lease('b'), '10.1.0.4')
  t.equal(net.leases()['10.1.0.3'], 'sly\r\neth0')
  t.equal(net.index(), 'valid')
  planted = 9
  t.match(await cniErrorOf(() => net.add('c')), { code: CniCode.tryAgain })
  planted = 0
  t.equal(net.index(), 'none')
  t.equal(await net.lease('c'), '10.1.0.7')
})

t.test('exhaustion by an index that is wrong is noticed', async t => {
  let hidden = ''
  const net = site({
    ipam: { subnet: '10.1.0.0/30' },
    // Removed while we work, so that our mark covers it.
    files: watchedFiles(name => {
      if (name === 'utimesSync' && hidden !== '') fs.unlinkSync(hidden)
      if (name === 'utimesSync') hidden = ''
    }),
  })
  hidden = `${net.directory}/10.1.0.2`
  await net.add('a')
  t.equal(net.index(), '1 of 0 leases')
  await net.status()
  t.equal(net.index(), 'valid')
  t.equal(await net.lease('b'), '10.1.0.2')
})

t.test('without a run directory to keep an index in, all goes on', async t => {
  const net = site()
  fs.mkdirSync(net.root, { recursive: true })
  fs.writeFileSync(net.runDir, 'not a directory')
  t.equal(await net.lease('a'), '10.1.0.2')
  t.equal(await net.lease('b'), '10.1.0.3')
  await net.del('a')
  t.strictSame(Object.keys(net.leases()), ['10.1.0.3'])
})
