// CHECK notices every single object that is removed or altered by hand, names it, and changes nothing; DEL afterwards leaves nothing.
// With all that an attachment may ask for, inline and chained. What is in our nftables tables is found by looking: whatever is there
// is damaged, one thing after the other.
import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { Attaching } from '../helpers/attaching.js'
import { type Damage, nftDamages, type Way } from '../helpers/damage.js'
import { networks } from '../helpers/everything.js'
import { needs } from '../helpers/needs.js'
import { pluginWorld } from '../helpers/plugin-world.js'

const skip = needs('root', 'iproute', 'nft', 'nsenter')

/** Rules that other networks have, too, are damaged with the first. */
const seen = new Set<string>()

for (const [number, network] of networks.entries())
  t.test(`nftables: ${network.name}`, { skip }, async t => {
    const world = pluginWorld(t)
    const attaching = new Attaching(world, network.confs(world))
    await attaching.attach()
    t.equal(await attaching.check(), undefined, 'CHECK')
    const found = nftDamages(world)
    t.strictSame(await attaching.detach(), [], 'DEL and GC leave nothing')
    t.ok(found.length > 80, `${found.length} objects`)
    const others = new Set(seen)
    for (const damage of found) {
      const { sort, isElement } = damage
      // Of the first network every element, of the others one of each set.
      const isChosen = isElement ? number === 0 || !seen.has(`${number} ${sort}`) : !others.has(sort)
      seen.add(isElement ? `${number} ${sort}` : sort)
      if (isChosen) await t.test(damage.name, t => noticed(t, attaching, damage))
    }
  })

async function noticed(t: Test, attaching: Attaching, { ways, names, isElement }: Damage): Promise<void> {
  await attaching.attach()
  for (const way of ways) await noticedAt(t, attaching, way, names)
  t.strictSame(await attaching.remove(), [], 'DEL leaves nothing')
  if (!isElement) t.strictSame(await attaching.collect(), [], 'nor does GC')
}

async function noticedAt(t: Test, attaching: Attaching, way: Way, names: readonly string[]): Promise<void> {
  way.do(attaching.world)
  const before = attaching.glance()
  const error = await attaching.check()
  const after = attaching.glance()
  t.equal(error?.code, 100, `${way.name}: ${error?.msg ?? 'nobody notices'}`)
  t.strictSame(
    names.filter(name => !error?.msg.includes(name)),
    [],
    `${way.name}: named in ${error?.msg}`,
  )
  t.ok(isDeepStrictEqual(before, after), `${way.name}: nothing is mended`)
}
