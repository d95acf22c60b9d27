// Where this build lies: plugins, plumbline-init and bundles are found from the place of this very code.
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** dist/, seen from dist/bundle/*.cjs or from dist/lib/runtime/dist.js. */
export function distDir(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  return basename(here) === 'bundle' ? dirname(here) : join(here, '..', '..')
}
