// The `plumbline` command.
import { main } from './program.js'

// No top-level await: the bundle is CommonJS.
main(process.argv.slice(2)).then(code => {
  process.exitCode = code
})
