// Many callers at once, kills and GC among them, in short; `npm run soak` does it ten thousand times.
import t from 'tap'
import { Hammer } from '../helpers/hammer.js'
import { fakeHost } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import { chainedNetwork, inlineNetwork } from '../helpers/networks.js'
import { testsReference } from '../helpers/subjects.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft') || (testsReference && 'needs plugins of our own')

for (const [name, networkOf] of Object.entries({ chained: chainedNetwork, inline: inlineNetwork }))
  t.test(`${name}: nothing given twice, nothing left`, { skip }, async t => {
    const host = fakeHost(t, { resident: 'auto' })
    const seed = Date.now() % 1_000_000
    const hammer = new Hammer(host, networkOf(host), {
      pairs: 120,
      workers: 12,
      seed,
      kills: 0.15,
      gcEvery: 50,
    })
    const report = await hammer.run().catch(error => t.fail(`seed ${seed}: ${error.message}`))
    t.match(report, { pairs: 120 }, `seed ${seed}: ${JSON.stringify(report)}`)
  })
