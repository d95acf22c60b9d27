// From the command line to a verb, and from whatever happens to an exit status.
import { Command, CommanderError } from 'commander'
import { commonOptions } from './options.js'
import { reportFailure } from './output.js'
import { verbs } from './verbs.js'
import { version } from './version.js'

const examples = `
Examples:
  plumbline run -- sh                               a shell in a container on the default network
  plumbline run --detach --name web --memory 256m -- node server.js
  plumbline exec web -- ip address
  plumbline ps                                      who is there, with which addresses
  plumbline rm --force web
  plumbline attach blue --create --network backend  a namespace instead of a container
  plumbline status && plumbline check               could a container start? are all as they should be?

Networks are read from /etc/cni/net.d. One is built in, so that none has to be configured: "plumbline".
Each command explains itself: plumbline run --help
`

/** Runs the command line; resolves to the exit status. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = makeProgram()
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return usageFailure(error, argv)
    return reportFailure(error, { json: wantsJson(argv) })
  }
}

function makeProgram(): Command {
  const program = new Command('plumbline')
    .description('Containers on CNI networks: runs them, attaches them, and cleans up after them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain this')
    .helpCommand(false)
    .usage('COMMAND [options]')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addHelpText('after', examples)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
  commonOptions(program)
  for (const { name, group, summary } of verbs)
    program
      .command(name)
      .helpGroup(group)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .helpOption('-h, --help', 'explain this')
  program.hook('preSubcommand', async (_, command) => {
    const module = await verbs.find(({ name }) => name === command.name())?.load()
    module?.define(commonOptions(command))
  })
  addHelpVerb(program)
  return program
}

/** `help run` is `run --help`. */
function addHelpVerb(program: Command): void {
  program
    .command('help', { hidden: true })
    .argument('[command]')
    .action(async (name?: string) => {
      if (name !== undefined) await program.parseAsync([name, '--help'], { from: 'user' })
      else program.help()
    })
}

function usageFailure(error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return 0
  if (error.code === 'commander.help') return 2 // a verb of several without one of them: its help has been printed
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = more.join(' ').replace(/^\(|\)$/g, '')
  const verb = verbs.find(({ name }) => argv.includes(name))?.name
  const help = `see: plumbline ${verb === undefined ? '' : `${verb} `}--help`
  const failure = { message, hint: suggestion === '' ? help : `${suggestion} ${help}`, status: 2 }
  return reportFailure(Object.assign(new Error(message), failure), { json: wantsJson(argv) })
}

/** For when the command line could not be understood. What comes after "--" is not for us. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end < 0 ? undefined : end).includes('--json')
}
