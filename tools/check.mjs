// `npm run check`, `npm run format`: Biome, by its executable for this machine. The package that would choose it also
// names those of other systems, which not every registry has.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const biome = fileURLToPath(
  new URL(`../node_modules/@biomejs/cli-linux-${process.arch}/biome`, import.meta.url),
)
const { status, error } = spawnSync(biome, process.argv.slice(2), { stdio: 'inherit' })
if (error) console.error(`${biome}: ${error.message}`)
process.exit(status ?? 1)
