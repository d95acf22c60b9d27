// One container that is attached to a network again and again: the calls of a runtime, over all plugins of the chain.
import type { Verb } from '../../cni/call.js'
import { elementId } from '../../plugins/guard/piece.js'
import { hostIfname } from '../../plugins/names.js'
import type { Answer, Glance, PluginWorld, TestContainer } from './plugin-world.js'
import type { Conf } from './subjects.js'

export class Attaching {
  readonly world: PluginWorld
  readonly container: TestContainer
  readonly #confs: readonly Conf[]
  readonly #ifname: string
  #result: Conf | undefined
  #attached = false

  constructor(world: PluginWorld, confs: readonly Conf[], container = world.container(), ifname = 'eth0') {
    this.world = world
    this.container = container
    this.#confs = confs
    this.#ifname = ifname
  }

  get result(): Conf {
    return this.#result!
  }

  /** Name of the host's end. */
  get end(): string {
    return this.result.interfaces.find(({ name, sandbox }: Conf) => !sandbox && /^pl[vs]/.test(name)).name
  }

  /** The interface on which the host's IP stack meets the container. */
  get l3(): string {
    return this.#confs[0]!.bridge ?? this.end
  }

  get ifb(): string {
    return this.result.interfaces.find(({ name }: Conf) => name.startsWith('plb')).name
  }

  /** ADD forward over the chain; every one must succeed. What a test that broke off has left goes first. */
  async attach(): Promise<void> {
    if (this.#attached) await this.remove()
    this.#result = undefined
    this.#attached = true
    for (const conf of this.#confs) this.#result = (await this.#succeeds('ADD', conf)).json
  }

  /** The first error of CHECK, forward over the chain. */
  async check(): Promise<Answer['error']> {
    for (const conf of this.#confs) {
      const { error } = await this.#call('CHECK', conf)
      if (error) return error
    }
    return undefined
  }

  /** DEL backward over the chain, which must succeed. What is left of the attachment, one thing a line. */
  async remove(): Promise<string[]> {
    for (const conf of this.#confs.toReversed()) await this.#succeeds('DEL', conf)
    this.#attached = false
    const { leases, records, links, elements } = this.world.glance(this.container)
    const owner = hostIfname({
      network: this.#confs[0]!.name,
      containerId: this.container.id,
      ifname: this.#ifname,
    })
    return [
      ...[...Object.entries(leases), ...Object.entries(records)]
        .filter(entry => entry.join().includes(this.container.id))
        .map(([path]) => path),
      ...links.map(({ name }) => name).filter(name => name.slice(3) === owner.slice(3)),
      ...elements.filter(({ comment }) => comment === owner).map(elementId),
    ]
  }

  /** GC forward over the chain, with nothing valid. */
  async collect(): Promise<string[]> {
    for (const conf of this.#confs) {
      const { code, stdout } = await this.world.gc(conf, [])
      if (code !== 0) throw new Error(`GC of ${conf.type}: ${stdout}`)
    }
    this.#forgetLocalnet()
    const { links, elements } = this.world.glance()
    const tables = this.world.ns.nft.list.tables().filter(({ name }) => name === 'plumbline')
    return [
      ...links.map(({ name }) => name).filter(name => /^pl-/.test(name)),
      ...elements.map(elementId),
      ...tables.map(({ family, name }) => `table ${family} ${name}`),
    ]
  }

  /** GC can't know whose it was where somebody has removed the table. */
  #forgetLocalnet(): void {
    const bridge = this.#confs[0]?.bridge
    if (bridge) this.world.ns.sysctl.set(`net/ipv4/conf/${bridge}/route_localnet`, '0', { optional: true })
  }

  async detach(): Promise<string[]> {
    return [...(await this.remove()), ...(await this.collect())]
  }

  glance(): Glance {
    return this.world.glance(this.container)
  }

  #call(verb: Verb, conf: Conf): Promise<Answer> {
    const prevResult = this.#result
    return this.world.call(verb, { ...conf, ...(prevResult && { prevResult }) }, this.container, {
      ifname: this.#ifname,
    })
  }

  async #succeeds(verb: Verb, conf: Conf): Promise<Answer> {
    const answer = await this.#call(verb, conf)
    if (answer.code !== 0) throw new Error(`${verb} of ${conf.type}: ${answer.stdout}${answer.log}`)
    return answer
  }
}
