// Every example works as it stands: all six verbs by the bundled libcni, with the executables of this build, on a host of the
// test's own. Only where leases are kept is not as in the file.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { createLogger } from '../../cni/log.js'
import { ResultCache } from '../../runtime/libcni/cache.js'
import {
  addNetworkList,
  checkNetworkList,
  delNetworkList,
  gcNetworkList,
  type Libcni,
  statusNetworkList,
  validateNetworkList,
} from '../../runtime/libcni/network.js'
import { type NetworkList, parseConflist } from '../../runtime/libcni/network-list.js'
import { type Container, type FakeHost, fakeHost } from '../helpers/host.js'
import { distDir, needs } from '../helpers/needs.js'
import { plainEnv } from '../helpers/sh.js'
import { type Conf, modes } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'nsenter', 'iproute', 'nft', 'ping')
const examples = `${distDir}/../examples`

/** Plugins run in the namespace that plays the host; what they delegate to they find where it is. */
function libcniOn(host: FakeHost): Libcni {
  const entered = `${host.runDir}/entered`
  mkdirSync(entered, { recursive: true, mode: 0o700 })
  for (const type of readdirSync(host.dir))
    if (!['host-local', 'static'].includes(type))
      writeFileSync(
        `${entered}/${type}`,
        `#!/bin/sh\nexec nsenter --net=${host.netns} ${host.dir}/${type}\n`,
        {
          mode: 0o700,
        },
      )
  return {
    cniPath: [entered, host.dir],
    env: {
      ...plainEnv,
      PLUMBLINE_RUN_DIR: host.runDir,
      PLUMBLINE_STATE_DIR: host.stateDir,
      PLUMBLINE_RESIDENT: host.resident,
    },
    log: createLogger({}, () => {}),
    cache: new ResultCache(host.stateDir),
  }
}

function load(file: string, { dataDir }: FakeHost): NetworkList {
  const document = JSON.parse(readFileSync(`${examples}/${file}`, 'utf8')) as Conf
  for (const plugin of document.plugins) if (plugin.ipam?.type === 'host-local') plugin.ipam.dataDir = dataDir
  return parseConflist(JSON.stringify(document), file)
}

const attachment = ({ id, netns }: Container) => ({
  containerId: id,
  netns,
  ifname: 'eth0',
  args: [],
  capabilityArgs: {},
})

for (const mode of modes)
  t.test(`examples, resident ${mode}`, { skip }, async t => {
    const host = fakeHost(t, { resident: mode })
    const cni = libcniOn(host)
    const files = readdirSync(examples).filter(file => file.endsWith('.conflist'))
    t.ok(files.length >= 6)
    for (const file of files) await t.test(file, t => example(t, host, cni, load(file, host)))
    const names = files.map(file => load(file, host).name)
    t.equal(new Set(names).size, names.length, 'with names of their own, for they may be installed together')
    t.notMatch(Object.keys(host.snapshot().host.links).join(), /pl[vs][a-z2-7]{12}/)
  })

async function example(t: Test, host: FakeHost, cni: Libcni, list: NetworkList): Promise<void> {
  const [container, forgotten] = [host.container(), host.container()]
  await validateNetworkList(cni, list)
  await statusNetworkList(cni, list)
  const result: Conf = await addNetworkList(cni, list, attachment(container))
  await checkNetworkList(cni, list, attachment(container))
  for (const { gateway } of result.ips ?? [])
    t.equal(container.trySh(`ping -n -q -c1 -W2 ${gateway}`).code, 0, `gateway ${gateway}`)

  const isStatic = list.plugins.some(({ raw }) => (raw.ipam as Conf | undefined)?.type === 'static')
  if (!isStatic) await addNetworkList(cni, list, attachment(forgotten))
  const collected = await gcNetworkList(cni, list, [{ containerID: container.id, ifname: 'eth0' }])
  t.strictSame(
    collected.map(({ containerId }) => containerId),
    isStatic ? [] : [forgotten.id],
    'GC',
  )
  await checkNetworkList(cni, list, attachment(container))
  await delNetworkList(cni, list, attachment(container))
  await delNetworkList(cni, list, attachment(container))
  await gcNetworkList(cni, list, [])

  const { leases, records, host: left, containers } = host.snapshot()
  t.strictSame({ leases, records, nft: left.nft }, { leases: {}, records: {}, nft: [] }, 'nothing is left')
  for (const { id } of [container, forgotten]) t.strictSame(Object.keys(containers[id]!.links), ['lo'])
  for (const each of [container, forgotten]) each.remove()
}
