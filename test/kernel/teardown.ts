// Removing links without waiting for the kernel: in a process that lives on, and in one that ends.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import t from 'tap'
import type { Namespace } from '../../kernel/namespace.js'
import { deletedIndex } from '../../kernel/teardown/deletion.js'
import { type LinkReaper, oneShotReaper, residentReaper } from '../../kernel/teardown.js'
import { RTNLGRP_LINK } from '../../wire/route/constants.js'
import { needs } from '../helpers/needs.js'
import { tempNetns, withNamespaces } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')
const strategies: Record<string, (ns: Namespace) => LinkReaper> = {
  resident: residentReaper,
  'one-shot': oneShotReaper,
}

function addVeths(ns: Namespace, count: number, netnsFd: number | undefined, master?: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const name = `v${i}`
    ns.link.add({
      name,
      kind: 'veth',
      up: true,
      ...(master && { master }),
      peer: { name: `p${i}`, ...(netnsFd && { netnsFd }) },
    })
    return name
  })
}

for (const [name, reaperOf] of Object.entries(strategies))
  t.test(name, { skip }, async t => {
    await t.test('removed and gone, the name free at once', async t => {
      await withNamespaces(t, 2, async (host, container) => {
        using reaper = reaperOf(host.ns)
        host.ns.link.add({ name: 'br0', kind: 'bridge', up: true })
        const master = host.ns.link.index('br0')!
        const indexes = new Set<number>()
        for (let i = 0; i < 5; i++) {
          host.ns.link.add({
            name: 'v0',
            kind: 'veth',
            master,
            up: true,
            peer: { name: 'eth0', netnsFd: container.fd },
          })
          indexes.add(host.ns.link.index('v0')!)
          t.equal(await reaper.removed('v0'), true)
          t.equal(host.ns.link.get('v0'), undefined)
          t.equal(container.ns.link.get('eth0'), undefined, 'its peer, too')
        }
        t.equal(indexes.size, 5)
        t.equal(await reaper.removed('v0'), false, 'not there')
        t.equal(await reaper.removed(4711), false, 'no such index')
        t.ok(host.ns.link.get('br0'))
        t.equal(await reaper.removed(master), true, 'by index')
        await reaper.idle()
        t.strictSame(
          host.ip('link show').map((link: { ifname: string }) => link.ifname),
          ['lo'],
        )
      })
    })

    await t.test('a link that leaves its bridge first is not taken for gone', async t => {
      const { ns } = tempNetns(t)
      using reaper = reaperOf(ns)
      ns.link.add({ name: 'br0', kind: 'bridge' })
      addVeths(ns, 1, undefined, ns.link.index('br0'))
      // RTM_DELLINK of AF_BRIDGE comes before the one that counts.
      t.equal(await reaper.removed('v0'), true)
      t.equal(ns.link.get('v0'), undefined)
      await reaper.idle()
    })

    await t.test('several, of different kinds, together', async t => {
      const { ns, ip } = tempNetns(t)
      using reaper = reaperOf(ns)
      addVeths(ns, 1, undefined)
      for (const name of ['ifb0', 'ifb1']) ns.link.add({ name, kind: 'ifb', queues: 1, up: true })
      t.strictSame(await reaper.removedAll(['v0', 'nosuch', ns.link.index('ifb0')!]), [true, false, true])
      const names = ip('link show').map((link: { ifname: string }) => link.ifname)
      t.strictSame(names, ['lo', 'ifb1'])
      t.strictSame(await reaper.removedAll([]), [])
      await reaper.idle()
    })

    await t.test('what cannot be removed is an error', async t => {
      const { ns } = tempNetns(t)
      using reaper = reaperOf(ns)
      await t.rejects(reaper.removed('lo'), { operation: 'link delete', code: 'EOPNOTSUPP' })
      await reaper.idle()
    })
  })

t.test('a hundred at once', { skip }, async t => {
  await withNamespaces(t, 2, async (host, container) => {
    const { ns } = host
    const fds = readdirSync('/proc/self/fd').length
    ns.link.add({ name: 'br0', kind: 'bridge', up: true })
    const names = addVeths(ns, 100, container.fd, ns.link.index('br0'))
    // Beside them, what must not be touched, and what cannot go with the rest.
    ns.link.add({ name: 'keep0', kind: 'veth', peer: { name: 'keep1' } })
    ns.link.add({ name: 'vx0', kind: 'vxlan', vxlan: { id: 1, port: 4789 } })
    const expected = new Set([...names, 'vx0'].map(name => ns.link.index(name)!))
    const notified: number[] = []
    using witness = ns.subscribe([RTNLGRP_LINK])
    const reaper = residentReaper(ns)
    const outcomes = await Promise.all(
      [...names, 'vx0', 'nosuch', 'v7', 'v8'].map(name => reaper.removed(name)),
    )
    t.strictSame(outcomes, [...names.map(() => true), true, false, true, true], 'twice is once')
    t.strictSame(
      ns.link
        .list()
        .map(link => link.name)
        .sort(),
      ['br0', 'keep0', 'keep1', 'lo'],
    )
    t.strictSame(
      container.ns.link.list().map(link => link.name),
      ['lo'],
    )
    const count = (message: Parameters<typeof deletedIndex>[0]): void => {
      const index = deletedIndex(message)
      if (index !== undefined) notified.push(index)
    }
    while (witness.receive(0, { message: count, overrun: () => t.fail('overrun') }));
    t.strictSame(new Set(notified), expected, 'the kernel told of each of them, once')
    t.equal(notified.length, expected.size)
    await reaper.idle()
    reaper[Symbol.dispose]()
    witness[Symbol.dispose]() // and again at the end of the block, which is harmless
    t.equal(readdirSync('/proc/self/fd').length, fds, 'every socket is closed')
  })
})

t.test('when the notification is lost, the answer settles it', { skip }, async t => {
  const { ns, fd: netnsFd } = tempNetns(t)
  addVeths(ns, 5, undefined)
  const deaf = { watch() {}, unwatch() {}, [Symbol.dispose]() {} }
  const reaper = residentReaper({ netnsFd, link: ns.link, subscribe: () => deaf } as unknown as Namespace)
  t.after(() => reaper[Symbol.dispose]())
  const outcomes = await Promise.all(['v0', 'v1', 'v2', 'v3'].map(name => reaper.removed(name)))
  t.strictSame(outcomes, [true, true, true, true])
  t.equal(await reaper.removed('v4'), true)
})

t.test('somebody else is faster', { skip }, async t => {
  const { ns } = tempNetns(t)
  const names = addVeths(ns, 8, undefined)
  const reaper = residentReaper(ns)
  t.after(() => reaper[Symbol.dispose]())
  const removals = names.map(name => reaper.removed(name))
  for (const name of names) ns.link.remove(name)
  const outcomes = await Promise.all(removals)
  t.equal(outcomes.length, names.length)
  t.equal(ns.link.list().length, 1)
  await reaper.idle()
})

t.test('without privilege', { skip }, async t => {
  const { ns } = tempNetns(t)
  const names = addVeths(ns, 3, undefined)
  const reaper = residentReaper(ns)
  t.after(() => reaper[Symbol.dispose]())
  process.seteuid!(65534)
  try {
    const outcomes = await Promise.allSettled(names.map(name => reaper.removed(name)))
    for (const outcome of outcomes) t.match(outcome, { status: 'rejected', reason: { code: 'EPERM' } })
    await reaper.idle()
  } finally {
    process.seteuid!(0)
  }
  t.equal(ns.link.list().length, 7, 'they are all still there')
})

t.test('a one-shot process leaves at once, and holds nothing of its caller', { skip }, async t => {
  const { ns, path } = tempNetns(t)
  addVeths(ns, 1, undefined)
  const kernel = new URL('../../kernel/', import.meta.url)
  const script = `
    import { Namespace } from '${kernel}namespace.js'
    import { oneShotReaper } from '${kernel}teardown.js'
    const ns = Namespace.host()
    process.stdout.write(String(await oneShotReaper(ns).removed('v0')))
  `
  // The pipes end when the last process that has them is gone: spawnSync waits for that.
  const args = [`--net=${path}`, process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr, status } = spawnSync('nsenter', args, { encoding: 'utf8', timeout: 30_000 })
  t.strictSame({ stdout, stderr, status }, { stdout: 'true', stderr: '', status: 0 })
  t.equal(ns.link.get('v0'), undefined)
})

t.test('an idle reaper does not keep the process alive', { skip }, async t => {
  const { ns, path } = tempNetns(t)
  addVeths(ns, 1, undefined)
  const kernel = new URL('../../kernel/', import.meta.url)
  const script = `
    import { Namespace } from '${kernel}namespace.js'
    import { residentReaper } from '${kernel}teardown.js'
    globalThis.reaper = residentReaper(Namespace.host())
    process.stdout.write(String(await reaper.removed('v0')))
  `
  const args = [`--net=${path}`, process.execPath, '--input-type=module', '-e', script]
  const { stdout, status } = spawnSync('nsenter', args, { encoding: 'utf8', timeout: 30_000 })
  t.strictSame({ stdout, status }, { stdout: 'true', status: 0 })
})
