// One round of the demo: two containers on the default network, a page from one to the other and to the host.
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Readable } from 'node:stream'
import { parseResult } from '../../cni/result-parse.js'
import { rtOf } from '../../runtime/attach.js'
import { createContainer, type RunningContainer } from '../../runtime/container/create.js'
import { ContainerStore } from '../../runtime/container/state.js'
import { takeDown } from '../../runtime/container/take-down.js'
import { defaultNetworkName } from '../../runtime/default-network.js'
import { RuntimeError } from '../../runtime/error.js'
import { delNetworkList } from '../../runtime/libcni/network.js'
import { attachNamespace, detachNamespace } from '../../runtime/namespaces.js'
import { findNetwork } from '../../runtime/networks.js'
import { planAttachments } from '../../runtime/plan.js'
import { libcniOf, type Settings } from '../../runtime/settings.js'

export interface Measured {
  readonly name: string
  readonly addresses: readonly string[]
  readonly mac: string
  /** Milliseconds. */
  readonly attachMs: number
  readonly detachMs: number
}

export interface Round {
  readonly containers: readonly Measured[]
  /** What was read, by whom from where. */
  readonly fetched: readonly { readonly reader: string; readonly url: string; readonly page: string }[]
}

const port = 8080
const page = 'Hello from a container.'

const server = `require('http').createServer((_, answer) => answer.end(${JSON.stringify(page)}))
  .listen(${port}, '::', () => console.log('serving'))`

const client = (urls: readonly string[]) => `(async () => {
  for (const url of ${JSON.stringify(urls)}) console.log(url + ' ' + (await (await fetch(url)).text()))
})()`

/** Runs the round and takes both containers down again, also when something fails. */
export async function playRound(settings: Settings, signal: AbortSignal): Promise<Round> {
  const ids: string[] = []
  try {
    const web = await start(settings, 'web', server, signal)
    ids.push(web.state.id)
    await line(web.stdout!)
    const urls = addressesOf(web).map(
      address => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`,
    )
    const reader = await start(settings, 'reader', client(urls), signal)
    ids.push(reader.state.id)
    const [text, status] = await Promise.all([all(reader.stdout!), reader.exited])
    signal.throwIfAborted()
    if (status !== 0) throw new RuntimeError('the second container could not read the page of the first')
    const inside = text
      .trim()
      .split('\n')
      .map(read => ({
        reader: 'reader',
        url: read.slice(0, read.indexOf(' ')),
        page: read.slice(read.indexOf(' ') + 1),
      }))
    const outside = await Promise.all(
      urls.map(async url => ({ reader: 'host', url, page: await (await fetch(url)).text() })),
    )
    const containers = [await measure(settings, web), await measure(settings, reader)]
    return { containers, fetched: [...inside, ...outside] }
  } finally {
    for (const id of ids) await takeDown(settings, id)
  }
}

/** Attaches and detaches a namespace a few times. */
export async function warmUp(settings: Settings, times = 5): Promise<void> {
  const path = join(settings.runDir, `demo-${process.pid}`)
  const attachments = planAttachments([findNetwork(settings, defaultNetworkName)], {})
  for (let i = 0; i < times; i++) {
    await attachNamespace(settings, path, { attachments, create: true })
    await detachNamespace(settings, path, [])
  }
}

function start(
  settings: Settings,
  name: string,
  script: string,
  signal: AbortSignal,
): Promise<RunningContainer> {
  const options = {
    name: `demo-${name}-${process.pid}`,
    command: [process.execPath, '-e', script],
    attachments: planAttachments([findNetwork(settings, defaultNetworkName)], {}),
    stdio: ['ignore', 'pipe', 'inherit'],
  } as const
  return createContainer(settings, options, signal)
}

/** Detaches the container, which only then is taken down, and says how long that took. */
async function measure(settings: Settings, { state }: RunningContainer): Promise<Measured> {
  const current = new ContainerStore(settings.runDir).read(state.id) ?? state
  const attachment = current.attachments[0]!
  const result = parseResult(attachment.result, '1.1.0', 'result')
  const began = performance.now()
  await delNetworkList(
    libcniOf(settings),
    findNetwork(settings, defaultNetworkName),
    rtOf(current, attachment),
  )
  return {
    name: state.name!.split('-')[1]!,
    addresses: addressesOf({ state }),
    mac: result.interfaces.find(({ sandbox }) => sandbox)?.mac ?? '',
    attachMs: attachment.attachMs!,
    detachMs: performance.now() - began,
  }
}

function addressesOf({ state }: Pick<RunningContainer, 'state'>): string[] {
  return state.attachments.flatMap(({ result }) =>
    parseResult(result, '1.1.0', 'result').ips.map(({ address }) => address.ip.toString()),
  )
}

function line(stream: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.once('data', () => resolve())
    stream.once('end', () => reject(new RuntimeError('the first container ended before it served its page')))
  })
}

async function all(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}
