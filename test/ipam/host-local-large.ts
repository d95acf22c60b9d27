// A pool with 60,000 leases: the same work for an ADD and a DEL as without any, and every address of the rest once.
import * as fs from 'node:fs'
import t from 'tap'
import { CniCode } from '../../cni/error.js'
import { cniErrorOf } from '../helpers/calls.js'
import { Site, watchedFiles } from '../helpers/host-local.js'

t.test('the cost of ADD and DEL does not depend on the number of leases', async t => {
  const counts: Record<string, number> = {}
  const files = watchedFiles(name => {
    counts[name] = (counts[name] ?? 0) + 1
  })
  const net = new Site({ files, ipam: { subnet: '10.1.0.0/16' } })
  t.teardown(() => net.remove())
  const costOf = async (work: () => Promise<unknown>) => {
    for (const name of Object.keys(counts)) delete counts[name]
    await work()
    return { ...counts }
  }
  await net.add('warm')
  const add = await costOf(() => net.add('few'))
  const del = await costOf(() => net.del('few'))
  for (let i = 0; i < 60_000; i++)
    fs.writeFileSync(
      `${net.directory}/10.1.${4 + (i >> 8)}.${i & 255}`,
      `${i.toString(16).padStart(64, 'c')}\r\neth0`,
    )
  t.equal(await net.lease('first'), '10.1.0.4', 'the scan')
  t.strictSame(await costOf(() => net.add('many')), add)
  t.strictSame(await costOf(() => net.del('many')), del)
  t.equal(net.index(), 'valid')

  // Fill it up: every address once, none of those that are leased.
  const given = new Set<string>()
  const free = 65_533 - 60_000 - 2
  for (let i = 0; i < free; i++) {
    const ip = await net.lease(`fill${i}`)
    if (given.has(ip)) t.fail(`${ip} given twice`)
    given.add(ip)
  }
  t.equal(given.size, free)
  t.match(await cniErrorOf(() => net.add('over')), { code: CniCode.addressUnavailable })
  t.match(await cniErrorOf(() => net.status()), { code: CniCode.notAvailable })
  await net.del(`${(59_999).toString(16).padStart(64, 'c')}`)
  t.equal(await net.lease('over'), `10.1.${4 + (59_999 >> 8)}.${59_999 & 255}`, 'the one that became free')
  t.equal(net.names().filter(name => name.startsWith('10.')).length, 65_533)
})
