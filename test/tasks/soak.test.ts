/** `npm run soak` as a process: what plays its worlds ends with it, in whatever way that ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'

/** Its worlds are short. */
const first = '31'

/** Begins to soak; resolves once there is a worker. */
const soak = async (minutes: string) => {
  const child = spawn(process.execPath, ['tasks/run.mjs', 'tasks/soak.ts', minutes, first], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (data) => (said += String(data)))
  // The workers have its output, too: it is closed when the last of them has gone.
  const closed = once(child, 'close')
  await expect.poll(() => workersOf(child)).not.toEqual([])
  return { child, closed, said: () => said }
}

const workersOf = ({ pid }: ChildProcess): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      const [, parent] = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
      return parent === String(pid) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('worker')
    } catch {
      return false // It is no process, or has ended meanwhile.
    }
  })

test('it ends in time, and says what was played', async () => {
  const { child, closed, said } = await soak('0.005')
  await closed
  expect(said()).toMatch(/^[1-9]\d* seeds from 31 on · \d+ a minute · 0 failed\n$/)
  expect(child.exitCode).toBe(0)
})

// They played on for ever, or to the end of a world, where nobody heard of it.
test('nobody plays on once it was killed', async () => {
  const { child, closed } = await soak('60')
  child.kill('SIGKILL')
  await closed
  expect(child.signalCode).toBe('SIGKILL')
})
