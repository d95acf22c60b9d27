// V8's compiled code beside a bundle: compiling 200 kB of JavaScript costs a one-shot call more than its work does.
// `<name>.cjs` becomes a loader, `<name>.js` the program, `<name>.cache` what V8 made of it. A cache of another Node is
// rejected by V8, and then the program is compiled as ever.
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The wrapper is that of Module.wrap(); one-byte strings (the bundles are ASCII) are the cheapest to hand to V8. */
const loader = name => `'use strict'
const fs = require('fs')
const { Script } = require('vm')
const filename = __dirname + '/${name}.js'
let cachedData
try { cachedData = fs.readFileSync(__dirname + '/${name}.cache') } catch {}
const source = '(function(exports,require,module,__filename,__dirname){' + fs.readFileSync(filename, 'latin1') + '\\n})'
const script = new Script(source, { filename, cachedData })
script.runInThisContext().call(exports, exports, require, module, filename, __dirname)
`

/** Replaces the bundle by loader, program and cache. */
export function addCodeCache(name) {
  const bundle = `dist/bundle/${name}`
  renameSync(`${bundle}.cjs`, `${bundle}.js`)
  rmSync(`${bundle}.cache`, { force: true })
  writeFileSync(`${bundle}.cjs`, loader(name))
}

/**
 * Fills the cache of the one-shot program. V8 caches the functions that were compiled, so the program is rehearsed: attachments are
 * made and removed in namespaces that vanish with the rehearsal. Without the right to make some, it is called with bad input only.
 */
export function rehearse() {
  const script = fileURLToPath(new URL('rehearse.mjs', import.meta.url))
  const command = [process.execPath, script]
  const options = { stdio: ['ignore', 'inherit', 'inherit'], env: { PATH: process.env.PATH } }
  const isolated = process.getuid() === 0 && spawnSync('unshare', ['--net', '--mount', ...command], options)
  if (isolated?.status !== 0) spawnSync(command[0], [script, '--bad-input-only'], options)
}
