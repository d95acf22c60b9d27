// The `plumbline` command.
import { main } from './program.js'

// A reader that has seen enough, as `head` does, is no failure.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
})

// No top-level await: the bundle is CommonJS.
main(process.argv.slice(2)).then(code => {
  process.exitCode = code
})
