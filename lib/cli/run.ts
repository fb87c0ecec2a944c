/** From the arguments to an exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted (143, 129). */
import { Command, CommanderError } from 'commander'

import { packageFile } from '../package.js'
import { exitStatus } from './failure.js'
import { Shell } from './shell.js'

/** Adds a verb's command, with arguments, options and help, to the program. */
export type Verb = (program: Command, shell: Shell) => void

const helpCodes = ['commander.help', 'commander.helpDisplayed', 'commander.version']

const epilogue = `
Run "ggclip <command> --help" for a command's options and examples.

Without --model the embedded model is used: it knows emoji-like drawings and ten kinds of clothing, and little else.
Data goes to stdout, words for people go to stderr. Tables are drawn on a terminal; a pipe gets tab-separated lines, or
JSON with --json. Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.

Models of the hub are downloaded when they are first named; "ggclip models" lists some, "ggclip pull" fetches one.

Environment:
  HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE: where the hub's models are, as for its other clients
  GGCLIP_REDIS, GGCLIP_STORE: defaults of --redis and --store, which may have passwords
  GGCLIP_DEBUG=1     print the stack of errors
  GGCLIP_CPU=<level> force the CPU kernels (for example scalar, avx2, portable)
  NO_COLOR=1         no colours`

export async function run(verbs: readonly Verb[], argv: readonly string[] = process.argv): Promise<void> {
  const shell = new Shell(process)
  const program = new Command('ggclip')
    .description('CLIP on the command line: classify images with words, embed images and texts, convert models.')
    .version(packageFile().version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    // errors are printed below, in one place and one format
    .configureHelp({ commandDescription: command => paragraphs(command.description()) })
    .configureOutput({ outputError: () => undefined, writeOut: text => shell.put(text) })
    .addHelpText('after', epilogue)
  for (const verb of verbs) verb(program, shell)
  try {
    await program.parseAsync(named(program, argv))
  } catch (error) {
    if (isHelp(error)) shell.exitStatus = exitStatus(error, shell)
    else shell.report(error, program.commands.find(command => command.name() === program.args[0])?.name())
  }
  await shell.finish()
}

/** The arguments; those after the name of no command are left out, for Commander would print the program's help if asked. */
function named(program: Command, argv: readonly string[]): string[] {
  const [name] = argv[2] === 'help' ? argv.slice(3) : argv.slice(2)
  const isKnown = name === undefined || name.startsWith('-') ||
    program.commands.some(command => command.name() === name)
  return isKnown ? [...argv] : [...argv.slice(0, 2), name]
}

/** Lines of one paragraph become one, which Commander wraps at the terminal's width. */
function paragraphs(text: string): string {
  return text.replace(/(?<!\n)\n(?![\n ])/g, ' ')
}

/** Commander throws after printing a help text or the version. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && helpCodes.includes(error.code)
}
