// `npm run build`: everything into dist/. Each part can be built alone: `node tools/build.mjs ts addon`.
import { spawnSync } from 'node:child_process'
import { buildBundles, writeBuildId } from './build/bundles.mjs'
import { rehearse } from './build/code-cache.mjs'
import { buildAddon, buildExecutables } from './build/native.mjs'

// In this order: the build id covers addon and bundles, and the launcher is compiled with it.
const parts = {
  ts: () => {
    const { status } = spawnSync('npx', ['tsc', '-b'], { stdio: 'inherit' })
    if (status !== 0) process.exit(1)
  },
  addon: buildAddon,
  bundle: buildBundles,
  id: writeBuildId,
  executables: buildExecutables,
  cache: rehearse,
}

const wanted = process.argv.slice(2)
for (const [name, build] of Object.entries(parts))
  if (wanted.length === 0 || wanted.includes(name)) await build()
