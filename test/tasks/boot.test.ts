/** `boot` beside other tasks, and after one that was cut off. */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import { isAlive, killProcess } from '../../tasks/processes.ts'
import { dying, Home } from './home.ts'
import { portsInARow } from '../ports.ts'

const firstPort = portsInARow(20)
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

test('a first node whose start was cut off is none to come back, and nothing of it is in the way of the next', async () => {
  await home.task('killall')
  const cut = await home.task(`boot 1 port=${firstPort}`, undefined, dying('starting'))
  const [first] = home.state.processes
  expect([cut.code, first?.state]).toEqual([null, 'starting'])
  // It has joined, or ends by itself.
  if (first?.pid && isAlive(first.pid)) await killProcess(first.pid)
  // As of a start that was cut off later.
  mkdirSync(`${home.path}/${first?.dataDir}`, { recursive: true })
  writeFileSync(`${home.path}/${first?.dataDir}/node.json`, '{"format":2,"network":"7f3a000000000000","id":"0c"}')
  expect(await home.task(`boot 1 port=${firstPort}`)).toMatchObject({ code: 0, stderr: '' })
})

// Was told what to do about a node that one starts by hand.
test('whoever adds at a port that another program has, for UDP only, is told of the next free one', async () => {
  const socket = createSocket('udp4').bind(firstPort + 1, '127.0.0.1')
  onTestFinished(() => void socket.close())
  await once(socket, 'listening')
  const added = await home.task(`add ${firstPort + 1}`)
  expect(added.stderr).toBe(`polychord: port ${firstPort + 1} is in use; for the next free one type: npm run task add\n`)
  expect(added.code).toBe(1)
  expect(home.state.processes).toHaveLength(1)
})
