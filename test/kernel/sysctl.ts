// Kernel settings of a namespace, several in one visit.
import t from 'tap'
import type { KernelError } from '../../kernel/error.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'

const skip = needs('root', 'iproute', 'nsenter')
const ports = 'net/ipv4/ip_local_reserved_ports'

t.test('reading', { skip }, async t => {
  const { sysctl } = tempNetns(t).ns
  const paths = ['net/core/somaxconn', 'net/core/nothing', 'net/ipv4/route/flush', 'net/core', ports]
  const values = sysctl.getAll(paths)
  t.match(values[0], /^\d+$/)
  const codes = values.slice(1, 4).map(value => (value as KernelError).code)
  t.strictSame(codes, ['ENOENT', 'EACCES', 'EISDIR'])
  t.equal((values[1] as KernelError).target, 'net/core/nothing')
  t.equal(values[4], '')
  t.strictSame(sysctl.getAll([]), [])
})

t.test('writing, and reading what came of it', { skip }, async t => {
  const { ns, run } = tempNetns(t)
  const reached = ns.sysctl.update([
    ['net/core/somaxconn', '77'],
    ['net/ipv4/route/flush', '1'],
    [ports, '3,2,1,9'],
    ['net/ipv4/conf/all/forwarding', '1'],
    ['net/ipv4/conf/lo/forwarding', '0'],
  ])
  t.strictSame(reached, ['77', undefined, '1-3,9', '1', '0'], 'in the order given')
  t.equal(run('cat /proc/sys/net/core/somaxconn'), '77\n')
  t.strictSame(ns.sysctl.update([[ports, '']]), [''], 'nothing, too, is a value')
  const odd = Array.from({ length: 2000 }, (_, i) => 20001 + 2 * i).join(',')
  t.strictSame(ns.sysctl.update([[ports, odd]]), [odd], 'longer than a page')
  t.strictSame(ns.sysctl.getAll([ports]), [odd])
  t.strictSame(ns.sysctl.update([]), [])
})

t.test('what the kernel refuses', { skip }, async t => {
  const { sysctl } = tempNetns(t).ns
  const [before] = sysctl.getAll(['net/core/somaxconn'])
  for (const [path, code] of [
    ['net/core/nothing', 'ENOENT'],
    ['net/core/rmem_max', 'EACCES'],
  ]) {
    const update = () =>
      sysctl.update([
        ['net/core/somaxconn', '77'],
        [path!, '1'],
      ])
    t.throws(update, { code, target: path })
    t.strictSame(sysctl.getAll(['net/core/somaxconn']), [before], 'none is written when one can not be')
  }
  const update = () =>
    sysctl.update([
      ['net/core/somaxconn', '77'],
      ['net/core/optmem_max', 'x'],
      [ports, '1'],
    ])
  t.throws(update, { code: 'EINVAL', target: 'net/core/optmem_max' })
  t.strictSame(sysctl.getAll(['net/core/somaxconn', ports]), ['77', ''], 'up to the value that it refuses')
})
