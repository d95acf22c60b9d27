// `npm run demo`: two containers on the built-in network, once with a process for each plugin call and once with the resident.
import { performance } from 'node:perf_hooks'
import { isAlive } from '../runtime/container/process.js'
import { ContainerStore } from '../runtime/container/state.js'
import { defaultNetworkName } from '../runtime/default-network.js'
import { messageOf } from '../runtime/error.js'
import { removeNetwork } from '../runtime/network-remove.js'
import { makeSettings, type Settings } from '../runtime/settings.js'
import { type Measured, playRound, type Round, warmUp } from './demo/round.js'
import { lookAround, putBack } from './demo/traces.js'
import { requireRoot } from './options.js'
import { formatTable, print, reportFailure } from './output.js'
import { forwardSignals } from './signals.js'

async function demo(): Promise<void> {
  requireRoot('npm run demo')
  const began = performance.now()
  const settings = makeSettings(
    {},
    { ...process.env, NODE_OPTIONS: undefined, NODE_EXTRA_CA_CERTS: undefined },
  )
  const before = lookAround(settings)
  const controller = new AbortController()
  using _signals = forwardSignals(signal => interrupt(settings, controller, signal))
  try {
    const oneShot = await playRound(withResident(settings, 'off'), controller.signal)
    const warm = withResident(settings, 'require')
    // The first calls start the resident and are compiled in it; that is not what is to be measured.
    await warmUp(warm)
    const resident = await playRound(warm, controller.signal)
    report(oneShot, resident)
  } finally {
    for (const line of await tidyUp(settings, before)) print(`  ${line}\n`)
  }
  print(`Done in ${((performance.now() - began) / 1000).toFixed(1)} s.\n`)
}

/** Containers that end make the round fail, and then everything is tidied up. */
function interrupt(settings: Settings, controller: AbortController, signal: NodeJS.Signals): void {
  controller.abort(new Error(`interrupted by ${signal}`))
  for (const { owner, process: pid1 } of new ContainerStore(settings.runDir).list())
    if (owner.pid === process.pid && isAlive(pid1)) process.kill(pid1!.pid, 'SIGKILL')
}

function withResident(settings: Settings, mode: 'off' | 'require'): Settings {
  return { ...settings, env: { ...settings.env, PLUMBLINE_RESIDENT: mode } }
}

function report(oneShot: Round, resident: Round): void {
  for (const { reader, url, page } of resident.fetched) print(`${reader} read ${url}: ${page}\n`)
  print('\n')
  const titles = [
    'CONTAINER',
    'ADDRESS',
    'MAC',
    'ATTACH one-shot',
    'ATTACH resident',
    'DETACH one-shot',
    'DETACH resident',
  ]
  const row = (warm: Measured, i: number) => {
    const cold = oneShot.containers[i]!
    const times = [cold.attachMs, warm.attachMs, cold.detachMs, warm.detachMs]
    return [warm.name, warm.addresses.join(' '), warm.mac, ...times.map(ms => `${ms.toFixed(1)} ms`)]
  }
  print(formatTable(titles, resident.containers.map(row)))
  print('\nCleaning up:\n')
}

/** Everything that the demo made, with what others still use left alone. */
async function tidyUp(settings: Settings, before: ReturnType<typeof lookAround>): Promise<string[]> {
  const removed = await removeNetwork(settings, defaultNetworkName).then(
    things => things.map(thing => `${thing} removed`),
    error => [messageOf(error)],
  )
  return ['containers and their namespaces removed', ...removed, ...(await putBack(settings, before))]
}

demo().catch(error => {
  process.exitCode = reportFailure(error, { json: false })
})
