// One lease directory, several programs: processes of ours at the same time, and the reference plugin in between.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, unlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { JsonObject } from '../../cni/call.js'
import { bootOf, Site, seeded } from '../helpers/host-local.js'
import { needs, referenceDir } from '../helpers/needs.js'

const pool: JsonObject = { ranges: [[{ subnet: '10.1.0.0/26' }], [{ subnet: 'fd00:0:0:1::/64' }]] }

if (process.argv[2] === 'worker') await work(process.argv[3]!, process.argv[4]!)
else tests()

function tests(): void {
  t.test('8 processes, 50 ADD and DEL each: no address is held by two', async t => {
    const net = new Site({ ipam: pool })
    t.teardown(() => net.remove())
    mkdirSync(`${net.root}/claims`)
    const ends = await Promise.all(Array.from({ length: 8 }, (_, i) => run(['worker', net.root, String(i)])))
    t.strictSame(ends, Array(8).fill('0: '))
    t.strictSame(net.leases(), {})
    await net.del('nobody')
    t.equal(net.index(), 'valid')
  })

  t.test('one process, 40 calls at once: no address is held by two', async t => {
    const net = new Site({ ipam: { subnet: '10.1.0.0/26' } })
    t.teardown(() => net.remove())
    const owners = Array.from({ length: 40 }, (_, i) => `c${i}`)
    const given = await Promise.all(owners.map(owner => net.lease(owner)))
    t.equal(new Set(given).size, 40)
    await Promise.all(owners.map(owner => net.del(owner)))
    t.strictSame(net.leases(), {})
    t.equal(net.index(), 'valid')
  })

  const skip = needs('reference-plugins')
  t.test('each honours the leases of the other, and goes on where the other was', { skip }, async t => {
    const net = new Site({ ipam: { subnet: '10.1.0.0/29' } })
    t.teardown(() => net.remove())
    t.equal(await net.lease('ours'), '10.1.0.2')
    t.equal(reference(net, 'ADD', 'theirs'), '10.1.0.3')
    t.equal(await net.lease('ours2'), '10.1.0.4')
    t.equal(reference(net, 'ADD', 'theirs2'), '10.1.0.5')
    t.match(reference(net, 'ADD', 'ours'), /10\.1\.0\.2 has been allocated to ours, duplicate allocation/)
    await t.rejects(net.add('theirs'), { code: 102 })
    const [ours, theirs] = ['ours', 'theirs'].map(
      id => net.leases()[id === 'ours' ? '10.1.0.2' : '10.1.0.3']!,
    )
    t.equal(ours?.replace('ours', 'theirs'), theirs, 'byte for byte')
    t.equal(await net.lease('ours3'), '10.1.0.6')
    t.match(reference(net, 'ADD', 'theirs3'), /no IP addresses available/)
    await t.rejects(net.add('ours4'), { code: 101 })
    t.equal(reference(net, 'DEL', 'ours'), '')
    await net.del('theirs2')
    t.equal(await net.lease('ours4'), '10.1.0.2')
    t.equal(reference(net, 'ADD', 'theirs3'), '10.1.0.5')
    t.equal(reference(net, 'CHECK', 'ours4', '10.1.0.2/29'), '')
    await net.gc('ours4', 'theirs3')
    t.strictSame(Object.keys(net.leases()), ['10.1.0.2', '10.1.0.5'])
  })

  t.test('IPv6 leases have the names that the reference gives them', { skip }, async t => {
    for (const subnet of [
      'fd00:0:0:1::/64',
      '2001:db8:0:0:1::/80',
      'fd00:1:0:0:0:0:8:0/112',
      'fd00:0:1:0:0:1:0:0/112',
      'fd00:a:b:c:d:e:f:0/112',
    ]) {
      const ours = new Site({ ipam: { subnet } })
      const theirs = new Site({ ipam: { subnet } })
      t.equal(await ours.lease('box'), reference(theirs, 'ADD', 'box'), subnet)
      t.strictSame(ours.leases(), theirs.leases())
      ours.remove()
      theirs.remove()
    }
  })

  t.test('the order of addresses is that of the reference', { skip }, async t => {
    const ranges = [
      [
        { subnet: '10.1.0.0/24', rangeStart: '10.1.0.14', rangeEnd: '10.1.0.17', gateway: '10.1.0.15' },
        { subnet: '10.1.1.0/29' },
      ],
    ]
    const [ours, theirs] = [new Site({ ipam: { ranges } }), new Site({ ipam: { ranges } })]
    t.teardown(() => {
      ours.remove()
      theirs.remove()
    })
    const random = seeded(7)
    for (let i = 0; i < 60; i++) {
      const owner = `c${Math.floor(random() * 10)}`
      if (random() < 0.6) {
        const mine = await ours.lease(owner).catch(error => (error as Error).message)
        const other = reference(theirs, 'ADD', owner).replace(/^failed to allocate for range 0: /, '')
        if (mine !== other) t.fail(`${i}: ${owner} gets ${mine}, from the reference ${other}`)
      } else {
        await ours.del(owner)
        reference(theirs, 'DEL', owner)
      }
    }
    t.strictSame(ours.leases(), theirs.leases())
  })

  t.test('300 calls by one or the other, at random, against a model', { skip }, async t => {
    const net = new Site({ ipam: pool, boot: bootOf('now') })
    t.teardown(() => net.remove())
    const random = seeded(11)
    const held = new Map<string, string>()
    for (let i = 0; i < 300; i++) {
      const owner = `c${Math.floor(random() * 30)}`
      const theirs = random() < 0.3
      if (random() < 0.55) {
        const given = theirs
          ? reference(net, 'ADD', owner)
          : await net.lease(owner).catch(error => String(error))
        if (held.has(owner)) t.match(given, /duplicate allocation/, `${owner} again`)
        else if (!/^[0-9a-f.:,]+$/.test(given)) t.fail(given)
        else {
          for (const ip of given.split(','))
            for (const [other, ips] of held)
              if (ips.split(',').includes(ip)) t.fail(`${ip} of ${other} given to ${owner}`)
          held.set(owner, given)
        }
      } else {
        if (theirs) reference(net, 'DEL', owner)
        else await net.del(owner)
        held.delete(owner)
      }
    }
    const expected = [...held].flatMap(([owner, ips]) => ips.split(',').map(ip => [ip, `${owner}\r\neth0`]))
    t.strictSame(net.leases(), Object.fromEntries(expected))
  })
}

/** What the reference plugin gives, or the message of its error. */
function reference(net: Site, verb: string, containerId: string, checked?: string): string {
  const prevResult = checked ? { cniVersion: '1.0.0', ips: [{ address: checked }] } : undefined
  const { stdout, status } = spawnSync(`${referenceDir}/host-local`, {
    input: JSON.stringify(net.conf({ cniVersion: '1.0.0', ...(prevResult ? { prevResult } : {}) })),
    env: {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerId,
      CNI_NETNS: '/var/run/netns/none',
      CNI_IFNAME: 'eth0',
      CNI_PATH: referenceDir,
    },
    encoding: 'utf8',
  })
  if (status === 0 && stdout === '') return ''
  const document = JSON.parse(stdout) as { msg?: string; ips?: { address: string }[] }
  return document.msg ?? document.ips!.map(({ address }) => address.replace(/\/\d+$/, '')).join(',')
}

/** This file as another process: its exit code, and what it has to say. */
function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  return new Promise(resolve => child.once('close', code => resolve(`${code}: ${text}`)))
}

/** 50 ADDs and their DELs, up to five leases at a time. Every address held is claimed by a file of its own. */
async function work(root: string, name: string): Promise<void> {
  const theirs = name === '7' && existsSync(`${referenceDir}/host-local`)
  const net = new Site({ root, ipam: pool })
  const random = seeded(Number(name) + 1)
  const held: { owner: string; ips: string[] }[] = []
  for (let i = 0; i < 50 || held.length > 0; i++) {
    if (i < 50) {
      const owner = `p${name}c${i}`
      const given = theirs ? reference(net, 'ADD', owner) : await net.lease(owner)
      const ips = given.split(',')
      for (const ip of ips) closeSync(openSync(`${root}/claims/${ip}`, 'wx'))
      held.push({ owner, ips })
    }
    if (held.length < 5 && i < 50) continue
    const [{ owner, ips }] = held.splice(Math.floor(random() * held.length), 1) as [(typeof held)[number]]
    for (const ip of ips) unlinkSync(`${root}/claims/${ip}`)
    if (theirs) reference(net, 'DEL', owner)
    else await net.del(owner)
  }
}
