// Limits with real traffic. What passes is compared coarsely: a limit lets through about what it says, from the first second on, and
// without one there are orders of magnitude more.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { changeLimits } from '../../plugins/bandwidth/limit.js'
import { type Limited, withLimits } from '../helpers/limiting.js'
import { needs } from '../helpers/needs.js'
import { pluginWorld, type TestContainer } from '../helpers/plugin-world.js'
import { plainEnv } from '../helpers/sh.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter', 'iperf3')

/** Bits a second. */
const rate = 10e6
const secondsOfData = rate / 8

/** Bytes that arrive within a second of sending as fast as it goes. */
async function inOneSecond(from: TestContainer, to: TestContainer, address: string): Promise<number> {
  const server = spawn('nsenter', [`--net=${to.path}`, 'iperf3', '-s', '-1', '--forceflush'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: plainEnv,
  })
  const end = once(server, 'exit')
  try {
    await once(server.stdout, 'data')
    server.stdout.resume()
    const { end: sums } = JSON.parse(from.sh(`iperf3 -J -c ${address} -t 1`))
    await end
    return sums.sum_received.bytes
  } finally {
    server.kill()
  }
}

const addressOf = ({ conf }: Limited): string => conf.prevResult.ips[0].address.split('/')[0]

for (const way of ['in bridge', 'behind bridge'])
  t.test(way, { skip }, async t => {
    const world = pluginWorld(t)
    // A burst that nobody can mean, as runtimes pass it.
    const limits = {
      ingressRate: rate,
      ingressBurst: 2 ** 31 - 1,
      egressRate: rate,
      egressBurst: 2 ** 31 - 1,
    }
    const limited = await withLimits(world, way, limits)
    const free = await withLimits(world, way, {})
    const other = await withLimits(world, way, {})
    const pass = (from: Limited, to: Limited) => inOneSecond(from.container, to.container, addressOf(to))
    const change = (ingress: number | null, egress: number | null) =>
      changeLimits(world.host, world.runDir, limited.key, limited.conf.type, {
        ingress: ingress && { rate: ingress },
        egress: egress && { rate: egress },
      } as never)

    const between = (bytes: number, least: number, most: number, what: string) =>
      t.ok(bytes > least && bytes < most, `${what}: ${bytes} of ${least} to ${most} bytes`)
    const without = await pass(free, other)
    t.ok(without > 20 * secondsOfData, `without limits: ${without} bytes`)
    between(await pass(free, limited), secondsOfData / 5, secondsOfData * 1.5, 'to it')
    between(await pass(limited, free), secondsOfData / 5, secondsOfData * 1.5, 'from it')
    if (way !== 'in bridge') return
    await change((4 * rate) / 8, null)
    between(await pass(free, limited), secondsOfData * 1.5, secondsOfData * 6, 'to it, four times as much')
    t.ok((await pass(limited, free)) > 20 * secondsOfData, 'from it, without a limit')
    await change(null, rate / 8)
    t.ok((await pass(free, limited)) > 20 * secondsOfData, 'to it, without a limit')
    between(await pass(limited, free), secondsOfData / 5, secondsOfData * 1.5, 'from it, limited again')
  })

t.test('full packets of both families, a little at a time', { skip: skip || needs('ping') }, async t => {
  const world = pluginWorld(t)
  const { container, conf } = await withLimits(world, 'in ptp', { ingressRate: 1e6, egressRate: 1e6 })
  for (const { gateway } of conf.prevResult.ips)
    for (const size of [56, 1400, 8000])
      t.equal(
        container.trySh(`ping -q -c 2 -i 0.2 -W 5 -s ${size} ${gateway}`).code,
        0,
        `${size} bytes from ${gateway}`,
      )
})
