// `npm run build`: everything into dist/. Each part can be built alone: `node tools/build.mjs ts bundle native`.
import { execFileSync } from 'node:child_process'
import { buildBundles } from './build/bundles.mjs'
import { buildNative } from './build/native.mjs'

const parts = {
  ts: () => execFileSync('npx', ['tsc', '-b'], { stdio: 'inherit' }),
  bundle: buildBundles,
  native: buildNative,
}

const wanted = process.argv.slice(2)
for (const [name, build] of Object.entries(parts))
  if (wanted.length === 0 || wanted.includes(name)) await build()
