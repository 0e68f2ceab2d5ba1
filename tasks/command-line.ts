/**
 * From typed words to a task that runs, and from what it throws to a sentence and an exit code.
 *
 * Commander dispatches, counts arguments, suggests and prints help; what words mean is ours (words.ts).
 */
import { Command, CommanderError } from 'commander'
import { type ErrorCode, type ErrorDetails, Refusal, Unreachable } from '../src/protocol/errors.ts'
import { TaskFailure, WrongUse } from './failure.ts'
import { fold, harmless } from './render/text.ts'
import { type Task, typed } from './task.ts'
import { tasks } from './tasks.ts'
import type { Terminal } from './terminal.ts'
import { refuseFlagsThatNpmTook, splitWords } from './words.ts'

/** What a task ends with. */
export const exitCodes = { done: 0, failed: 1, wrongUse: 2, interrupted: 130, terminated: 143 } as const

const parser = (terminal: Terminal, act: (task: Task, plain: readonly string[]) => Promise<void>): Command => {
  const helpWidth = Math.min(80, terminal.columns)
  const program = new Command('npm run task')
    .usage('<name> [words]')
    .description('A network of nodes on this machine: boot it, fill it, watch it, break it.')
    .helpOption(false)
    .helpCommand('help [name]', 'how a task is typed')
    .configureHelp({
      helpWidth,
      minWidthToWrap: 30,
      styleTitle: (title) => title.replace('Commands:', 'Tasks:'),
      visibleArguments: ({ registeredArguments }) => [...registeredArguments],
    })
    .configureOutput({ writeOut: (text) => terminal.print(text.trimEnd()), writeErr: () => {} })
    .exitOverride()
  for (const task of tasks) {
    const options = Object.entries(task.options)
    const usage = [...Object.keys(task.args), ...(options.length > 0 ? ['[option=value…]'] : [])].join(' ')
    const command = program.command(task.name).usage(usage).summary(task.summary).description(task.summary)
    command.helpOption(false).addHelpText('after', () => manual(options, task.examples, helpWidth))
    if (task.alias) command.alias(task.alias)
    for (const [notation, help] of Object.entries(task.args)) command.argument(notation, help)
    command.action(() => act(task, command.args))
  }
  return program.addHelpText('after', `\nA last word json prints JSON: npm run -s task status json`)
}

const manual = (
  options: readonly (readonly [name: string, help: string])[],
  examples: readonly string[],
  columns: number,
): string => {
  const width = Math.max(0, ...options.map(([name]) => name.length)) + 1
  const rows = options.flatMap(([name, help]) =>
    fold(help, ' ', columns - width - 4).map((line, at) => `  ${(at === 0 ? `${name}=` : '').padEnd(width)}  ${line}`),
  )
  return [
    ...(rows.length > 0 ? ['', 'Options:', ...rows] : []),
    '',
    'Examples:',
    ...examples.map((example) => `  ${typed(example)}`),
  ].join('\n')
}

export interface Context {
  readonly terminal: Terminal
  /** Where the sentences go that say what is wrong. */
  readonly complain: (text: string) => void
  readonly env: NodeJS.ProcessEnv
}

/** Runs what was typed. @returns the exit code */
export const run = async (typedWords: readonly string[], context: Context): Promise<number> => {
  const { terminal, complain, env } = context
  const [name = 'help', ...words] = typedWords
  const task = tasks.find((known) => known.name === name || known.alias === name)
  let failed = false
  let json = words.at(-1) === 'json'
  try {
    if (!task) {
      const isKnown = (word: string) => asksForHelp(word) || tasks.some((one) => one.name === word || one.alias === word)
      const unknown = isKnown(name) ? words.find((word) => !isKnown(word)) : undefined
      if (unknown !== undefined) throw new WrongUse(`there is no task ${JSON.stringify(unknown)}; type: ${typed('help')}`)
      const asked = asksForHelp(name) ? ['help', ...words.filter((word) => !asksForHelp(word))] : [name, ...words]
      await parser(terminal, async () => {}).parseAsync(asked, { from: 'user' })
      return exitCodes.done
    }
    if (words.length === 1 && isHelp(words[0])) return await run(['help', task.name], context)
    refuseFlagsThatNpmTook(env, task)
    const given = splitWords(words, task)
    json = given.json
    const act = async (_: Task, plain: readonly string[]) => {
      const outcome = await task.run({ ...given, plain }, terminal)
      failed = outcome.failed ?? false
      if (json) terminal.print(JSON.stringify(outcome.data, null, 2))
      else if (outcome.lines.length > 0) terminal.print(outcome.lines.join('\n'))
    }
    // After `--`, a word like -5 is an argument, which its task refuses in better words.
    await parser(terminal, act).parseAsync([task.name, '--', ...given.plain], { from: 'user' })
    return failed ? exitCodes.failed : exitCodes.done
  } catch (error) {
    const { code, exitCode, message, details } = explain(error, task)
    if (exitCode !== exitCodes.done) {
      terminal.settle()
      complain(`polychord: ${harmless(message)}\n`)
      if (json) terminal.print(JSON.stringify({ error: code, message, ...details }, null, 2))
    }
    return exitCode
  }
}

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h'

const asksForHelp = (word: string): boolean => word === 'help' || isHelp(word)

/** What it means to a person, where the node's own words leave that open. */
const meanings: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'a value is asked for by itself, and what was stored under a name by name=…',
  NOT_ENOUGH_COPIES: `not acknowledged: what was written stays and is copied further when nodes are back, but no one answers for it until then; see ${typed('status')}`,
}

interface Explanation {
  readonly code: string
  readonly exitCode: number
  readonly message: string
  /** What a node has said besides. */
  readonly details?: ErrorDetails
}

/** What a person is told of an error; one that nobody foresaw is ours, and keeps its stack. */
const explain = (error: unknown, task?: Task): Explanation => {
  if (error instanceof WrongUse) return { code: 'WRONG_USE', exitCode: exitCodes.wrongUse, message: error.message }
  if (error instanceof TaskFailure) return { code: 'FAILED', exitCode: exitCodes.failed, message: error.message }
  if (error instanceof Refusal) {
    const meaning = meanings[error.code]
    const exitCode = error.status === 400 ? exitCodes.wrongUse : exitCodes.failed
    return { code: error.code, exitCode, message: [error.message, meaning].filter(Boolean).join('; '), details: error.details }
  }
  if (error instanceof Unreachable)
    return { code: 'UNREACHABLE', exitCode: exitCodes.failed, message: `${error.message}; type: ${typed('status')}` }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0 || error.code === 'commander.help')
      return { code: error.code, exitCode: exitCodes.done, message: '' }
    const said = error.message
      .replace(/^error: /, '')
      .replaceAll(/\s*\n\s*/g, ' ')
      .replace(/^unknown command/, 'unknown task')
    const way = task ? `for instance: ${typed(task.examples[0] ?? task.name)}` : `type: ${typed('help')}`
    return { code: 'WRONG_USE', exitCode: exitCodes.wrongUse, message: `${said.replace(/\.$/, '')}; ${way}` }
  }
  // A full disk, a folder that nobody may write to.
  if (error instanceof Error && 'syscall' in error && 'code' in error)
    return {
      code: String(error.code),
      exitCode: exitCodes.failed,
      message: `the system refuses: ${error.message}; cure that, and try again`,
    }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return {
    code: 'INTERNAL',
    exitCode: exitCodes.failed,
    message: `this is a defect of polychord; please report it with:\n${stack}`,
  }
}
