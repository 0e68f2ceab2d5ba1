/** `boot` beside other tasks, and after one that was cut off. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { Home } from './home.ts'

const firstPort = 20_000 + (process.pid % 400) * 20
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const home = new Home()
afterAll(() => home.remove())

/** Tells how many nodes are recorded the first time that another task can have the lock once a network is there. */
const next = ({ path, stateFile }: Home) => `
  const { mkdirSync, readFileSync, rmdirSync } = require('node:fs')
  const read = () => { try { return readFileSync('${stateFile}', 'utf8') } catch { return '' } }
  process.stdout.write('looks, and sees: ')
  while (!read().includes('"options"'));
  for (;;) try { mkdirSync('${path}/.polychord/state.lock'); break } catch {}
  process.stdout.write(String(JSON.parse(read()).processes.length))
  rmdirSync('${path}/.polychord/state.lock')`

test('whoever comes next finds a network with its first node: another boot took one without for ended', async () => {
  const watcher = spawn(process.execPath, ['-e', next(home)], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void watcher.kill('SIGKILL'))
  let seen = ''
  watcher.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text))
  const watched = once(watcher, 'close')
  await once(watcher.stdout, 'data')
  expect(await home.task(`boot 1 port=${firstPort}`)).toMatchObject({ code: 0, stderr: '' })
  await watched
  expect(seen).toBe('looks, and sees: 1')
})
