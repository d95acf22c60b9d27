// esbuild: one CommonJS file per program, from the TypeScript sources. CommonJS because it starts 6 ms faster than
// ES modules on Node 20; minified because parsing counts in a one-shot call.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'
import { addCodeCache } from './code-cache.mjs'

const programs = {
  cni: 'runtime/executor/one-shot.ts',
  resident: 'runtime/executor/resident.ts',
  cli: 'cli/main.ts',
  demo: 'cli/demo.ts',
}

/** A CommonJS package that is evaluated when first used, not when the program starts: an IPv4 call needs no IPv6 parser. */
const lazily = (name, exported) => ({
  name: `lazy ${name}`,
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${name}$`) }, ({ pluginData }) =>
      pluginData === name ? undefined : { path: name, namespace: 'lazy' },
    )
    build.onLoad({ filter: new RegExp(`^${name}$`), namespace: 'lazy' }, () => ({
      contents: `module.exports = { __esModule: true, ${exported.map(key => `get ${key}() { return require('${name}').${key} }`).join(', ')} }`,
      resolveDir: process.cwd(),
      pluginData: name,
    }))
  },
})

export async function buildBundles() {
  await build({
    entryPoints: Object.fromEntries(Object.entries(programs).filter(([, source]) => existsSync(source))),
    outdir: 'dist/bundle',
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    minify: true,
    sourcemap: 'external',
    legalComments: 'none',
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl=require('url').pathToFileURL(__filename).href;" },
    // A script with a code cache can't use import(); require() of a builtin is the same.
    supported: { 'dynamic-import': false },
    plugins: [lazily('ip-address', ['Address6'])],
    logLevel: 'warning',
  })
  addCodeCache('cni')
}

/** A launcher hands its call only to a resident of the same build; the id stands for all code either would run. */
export function writeBuildId() {
  const hash = createHash('sha256')
  for (const file of ['dist/bundle/cni.js', 'dist/bundle/resident.cjs', 'dist/native/plumbline.node'])
    if (existsSync(file)) hash.update(readFileSync(file))
  writeFileSync('dist/build-id', hash.digest('hex').slice(0, 16))
}
