/**
 * Every `check:…` script of package.json, two at a time: a line for each, and the words of those that fail.
 * One alone, once they are installed: `npm run check:lint`.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const atOnce = 2
const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const waiting = Object.entries(scripts).filter(([name]) => name.startsWith('check:'))
// A second core would help none of them half as much as the other one that runs: GOMAXPROCS is for the linter's types.
const env = { ...process.env, GOMAXPROCS: '1', PATH: `${root}node_modules/.bin${delimiter}${process.env.PATH}` }

const run = (command) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, { cwd: root, env, shell: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let words = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (words += text))
    child.on('error', reject).on('close', (status) => resolve({ passed: status === 0, words }))
  })

const worker = async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, command] = next
    const began = performance.now()
    const { passed, words } = await run(command)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    process.stdout.write(`${passed ? '✓' : '✗'} ${name} ${seconds} s${passed ? '' : `: ${command}\n${words}`}\n`)
    if (!passed) process.exitCode = 1
  }
}
await Promise.all(Array.from({ length: atOnce }, worker))
