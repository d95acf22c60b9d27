// What an ADD and a DEL ask of the kernel: no more for the fiftieth container than for the second, and no list of anything
// that grows with their number.
import t from 'tap'
import { addon } from '../../native/addon.js'
import { NLM_F_DUMP } from '../../wire/netlink/constants.js'
import { decodeMessages } from '../../wire/netlink/message.js'
import { NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END } from '../../wire/nft/message.js'
import * as rt from '../../wire/route/constants.js'
import { needs } from '../helpers/needs.js'
import { bridgeConf, leasing, plainConf, pluginWorld, ptpConf } from '../helpers/plugin-world.js'
import type { Conf } from '../helpers/subjects.js'

const skip = needs('root', 'nsenter')

interface Cost {
  /** Requests by name, in their order. */
  readonly requests: string[]
  /** Of all answers. */
  bytes: number
  /** Files of /proc/sys opened. */
  settings: number
  /** Visits to a namespace. */
  visits: number
}

const names: Readonly<Record<number, string>> = {
  [rt.RTM_NEWLINK]: 'NEWLINK',
  [rt.RTM_GETLINK]: 'GETLINK',
  [rt.RTM_NEWADDR]: 'NEWADDR',
  [rt.RTM_GETADDR]: 'GETADDR',
  [rt.RTM_NEWROUTE]: 'NEWROUTE',
  [rt.RTM_GETROUTE]: 'GETROUTE',
}

/** Notes what goes over netlink while `work` runs; not what threads of the reaper send. */
async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const cost: Cost = { requests: [], bytes: 0, settings: 0, visits: 0 }
  const { send, recv, openIn } = addon
  addon.send = (fd, message) => {
    cost.requests.push(...requestsIn(Buffer.from(message)))
    return send(fd, message)
  }
  addon.recv = (fd, into, timeoutMs) => {
    const length = recv(fd, into, timeoutMs)
    if (length > 0) cost.bytes += length
    return length
  }
  addon.openIn = (netns, requests) => {
    cost.visits++
    cost.settings += requests.filter(request => 'path' in request).length
    return openIn(netns, requests)
  }
  try {
    await work()
  } finally {
    Object.assign(addon, { send, recv, openIn })
  }
  return cost
}

function requestsIn(datagram: Buffer): string[] {
  const messages = [...decodeMessages(datagram)]
  if (messages[0]!.type === NFNL_MSG_BATCH_BEGIN && messages.at(-1)!.type === NFNL_MSG_BATCH_END)
    return [`nft batch of ${messages.length - 2}`]
  return messages.map(({ type, flags, payload }) => {
    const isDump = /^GET/.test(names[type] ?? '') && (flags & NLM_F_DUMP) === NLM_F_DUMP
    return (names[type] ?? `type ${type}`) + (isDump ? ` of link ${payload.readInt32LE(4)}` : '')
  })
}

/** What each ADD asks for when everything shared is there. The one list is of the addresses of the bridge (link 2). */
const expected: Record<string, string[]> = {
  bridge: [
    ...['GETLINK', 'GETADDR of link 2'],
    'nft batch of 3',
    ...['NEWLINK', 'NEWLINK'],
    ...['GETLINK', 'NEWADDR', 'NEWADDR', 'NEWLINK', 'NEWROUTE', 'NEWROUTE'],
  ],
  // With IPv6 the link is renamed in the request that brings it up; without, it is told to have no link-local address.
  'bridge, IPv4 only': [
    ...['GETLINK', 'GETADDR of link 2'],
    'nft batch of 1',
    'NEWLINK',
    ...['GETLINK', 'NEWLINK', 'NEWADDR', 'NEWLINK', 'NEWROUTE'],
  ],
  'bridge without IPAM': ['GETLINK', 'NEWLINK', 'GETLINK', 'NEWLINK'],
  ptp: [
    'nft batch of 2',
    ...['NEWLINK', 'GETLINK', 'NEWADDR', 'NEWADDR', 'NEWROUTE', 'NEWROUTE'],
    ...['GETLINK', 'NEWADDR', 'NEWADDR', 'NEWLINK'],
    ...['NEWROUTE', 'NEWROUTE', 'NEWROUTE', 'NEWROUTE', 'NEWROUTE', 'NEWROUTE'],
  ],
}

for (const [name, requests] of Object.entries(expected))
  t.test(`${name}: the second and the fiftieth`, { skip }, async t => {
    const world = pluginWorld(t)
    const more = { mtu: 1500 } // else two look-ups: the uplink's route and its link
    const confs: Record<string, Conf> = {
      bridge: bridgeConf(world, more),
      'bridge, IPv4 only': bridgeConf(world, {
        ...more,
        ...{ macspoofchk: false, hairpinMode: false, portIsolation: false },
        ipam: leasing(world, 1, [4]),
      }),
      'bridge without IPAM': plainConf(more),
      ptp: ptpConf(world, more),
    }
    const conf = confs[name]!
    const containers = Array.from({ length: 50 }, () => world.container())
    const costs: Cost[] = []
    for (const container of containers) costs.push(await costOf(() => world.add(conf, container)))
    const [, second] = costs
    t.strictSame(second!.requests, requests, 'what is asked')
    t.strictSame(costs.at(-1), second, 'requests, bytes of answers and settings are the same')

    const elements = requests.filter(request => request.startsWith('nft'))
    for (const container of [...containers.slice(-2), containers[0]!]) {
      const del = await costOf(() => world.call('DEL', conf, container))
      t.strictSame(del.requests, ['GETLINK', ...elements], 'DEL, and the reaper does the rest')
    }
  })

t.test('the uplink’s MTU costs a look-up of its route and one of its link', { skip }, async t => {
  const world = pluginWorld(t, { uplink: { mtu: 1400 } })
  await world.add(plainConf(), world.container())
  const { requests } = await costOf(() => world.add(plainConf(), world.container()))
  t.strictSame(requests, ['GETROUTE', 'GETLINK', 'GETLINK', 'NEWLINK', 'GETLINK', 'NEWLINK'])
})
