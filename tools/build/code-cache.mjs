// V8's compiled code beside a bundle: compiling 200 kB of JavaScript costs a one-shot call more than its work does.
// `<name>.cjs` becomes a loader, `<name>.js` the program, `<name>.cache` what V8 made of it. A cache of another Node is
// rejected by V8 and then the program is compiled as ever.
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'

/** The wrapper is that of Module.wrap(); one-byte strings (the bundles are ASCII) are the cheapest to hand to V8. */
const loader = name => `'use strict'
const fs = require('fs')
const { Script } = require('vm')
const filename = __dirname + '/${name}.js'
let cachedData
try { cachedData = fs.readFileSync(__dirname + '/${name}.cache') } catch {}
const source = '(function(exports,require,module,__filename,__dirname){' + fs.readFileSync(filename, 'latin1') + '\\n})'
const script = new Script(source, { filename, cachedData })
const out = process.env.PLUMBLINE_CODE_CACHE_OUT
if (out) process.on('exit', () => fs.writeFileSync(out, script.createCachedData()))
script.runInThisContext().call(exports, exports, require, module, filename, __dirname)
`

/** `rehearsals`: environments and inputs with which the program is run, so that the functions it then compiles are cached, too. */
export function addCodeCache(name, rehearsals) {
  const bundle = `dist/bundle/${name}`
  renameSync(`${bundle}.cjs`, `${bundle}.js`)
  rmSync(`${bundle}.cache`, { force: true })
  writeFileSync(`${bundle}.cjs`, loader(name))
  for (const { env, input } of rehearsals)
    spawnSync(process.execPath, [`${bundle}.cjs`], {
      env: { ...env, PLUMBLINE_CODE_CACHE_OUT: `${bundle}.cache` },
      input,
    })
}
