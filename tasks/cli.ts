/**
 * The operator's CLI: `npm run task <name> [words]`.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong use, 130 Ctrl-C, 143 SIGTERM.
 */
import { exitCodes, run } from './command-line.ts'
import { typed } from './task.ts'
import { Terminal } from './terminal.ts'

const terminal = new Terminal(process.stdout, process.env)

// Output that nobody reads any more (`| head`), or that has no room: what was begun is done all the same, and not ended as preparing is.
for (const output of [process.stdout, process.stderr])
  output.removeAllListeners('error').on('error', (error: NodeJS.ErrnoException) => {
    terminal.isClosed ||= output === process.stdout
    if (error.code === 'EPIPE' || process.exitCode === exitCodes.failed) return
    process.exitCode = exitCodes.failed
    process.stderr.write(`polychord: what this task prints cannot be written (${error.message})\n`)
  })

// Nodes that have not joined yet end by themselves when their task does; the next task clears their entries.
const interrupt = (code: number) => () => {
  terminal.settle()
  const left = terminal.tellUnfinished?.() ?? `what runs shows ${typed('status')}`
  process.stderr.write(left === '' ? '\n' : `\npolychord: interrupted; ${left}\n`)
  process.exit(code)
}
process.on('SIGINT', interrupt(exitCodes.interrupted))
process.on('SIGTERM', interrupt(exitCodes.terminated))

void run(process.argv.slice(2), { terminal, complain: (text) => process.stderr.write(text), env: process.env }).then((code) => {
  process.exitCode ||= code
})
