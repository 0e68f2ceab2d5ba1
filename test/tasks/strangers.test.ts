/** A member that no task has started, as by `npm start`, is one like all others. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { afterAll, expect, onTestFinished, test, vi } from 'vitest'
import type { NodeInfo } from '../../src/protocol/client-api.ts'
import { hash } from '../../src/service/hash.ts'
import type { Entry } from '../../tasks/state.ts'
import { Home, until } from './home.ts'
import { portsInARow } from '../ports.ts'

const firstPort = portsInARow(20)
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const home = new Home()
afterAll(() => home.remove())

/** A node at a port that no task has started, and that ends with the test. */
const strangerAt = (port: number, seed: string, settings: NodeJS.ProcessEnv = {}): ChildProcess => {
  const { POLYCHORD_HOME: _home, ...env } = process.env
  const stranger = spawn(process.execPath, [resolve('tasks/serve.mjs')], {
    env: { ...env, POLYCHORD_PORT: String(port), POLYCHORD_SEEDS: seed, ...settings },
    stdio: 'ignore',
  })
  onTestFinished(async () => {
    if (stranger.kill('SIGKILL')) await once(stranger, 'exit')
  })
  return stranger
}

test('it is shown, the ring is judged with it, and tasks go on beside it', async () => {
  await home.said(`boot 2 port=${firstPort} secret=on`)
  const [seed] = home.state.processes
  const port = firstPort + 9
  const stranger = strangerAt(port, seed?.url ?? '', { POLYCHORD_SECRET_FILE: `${home.path}/.polychord/secret` })
  let said = ''
  for (const deadline = performance.now() + 30_000; !said.includes('no task has started') && performance.now() < deadline; )
    said = (await home.task('check 20')).stdout
  expect(said).toMatch(
    new RegExp(
      `^✓ ring ordered and ideal · 3 nodes[^]*node-${port} at http://127.0.0.1:${port} is a member that no task has started`,
    ),
  )
  expect(await home.said('status')).toMatch(new RegExp(`3 nodes · .*ring whole\\n[^]*\\n${port} `))
  for (const task of ['leave', 'kill', 'logs', 'restart', 'tags'])
    expect(await home.task(`${task} ${port}`)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        new RegExp(`${port} \\w{6} is a member that no task has started: end it where it was started`),
      ),
    })
  expect(await home.said(`members ${port}`)).toMatch(new RegExp(`^3 members · as ${port} sees them`))
  expect(await home.json(`call node-${port} GET /nodeinfo`)).toMatchObject({ body: { name: `node-${port}` } })
  const [, other] = home.state.processes
  await home.said(`kill ${other?.name}`)
  expect(await home.said('check 30')).toMatch(/^✓ ring ordered and ideal · 2 nodes/)
  // Alone among the recorded ones it comes back through whom no task has started.
  expect(await home.said(`restart ${seed?.name}`)).toMatch(/is back[^,\n]*\n.*2 nodes · .*ring whole/)
  expect(await home.said(`restart ${other?.name}`)).toMatch(/is back.*\n.*3 nodes · .*ring whole/)
  // None of the recorded ones runs: they founded a ring of their own, beside the one that was left.
  for (const entry of [seed, other]) await home.said(`kill ${entry?.name}`)
  const back = await home.said('restart all')
  expect(back).toMatch(/2 nodes are back with their data\n.*3 nodes · .*ring whole/)
  expect(back).not.toContain('as the first of the ring')
  expect(await home.said('add')).toMatch(/4 nodes · .*ring whole/)
  // It would be told nothing, and be shut out.
  expect(await home.task('rotate')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`node-${port} at http://127.0.0.1:${port} would be shut out`),
  })
  stranger.kill('SIGKILL')
  await once(stranger, 'exit')
  expect(await home.said('rotate')).toContain('3 nodes follow')
  expect(await home.said('check 30')).toMatch(/^✓ ring ordered and ideal · 3 nodes/)
})

// Was waited for as if the ring could still be seen, and said to have failed.
test('the last node that a task has started leaves to it', async () => {
  await home.task('killall')
  await home.said(`boot 1 port=${firstPort}`)
  const [last] = home.state.processes as [Entry]
  strangerAt(firstPort + 9, last.url)
  await home.said('store hello')
  for (let said = ''; !said.includes('no task has started'); ) said = (await home.task('check 20')).stdout
  expect(await home.said(`leave ${last.name}`)).toMatch(/left; 1 record moved on/)
  expect(home.state.processes).toEqual([])
})

// Was read for ever.
test('one whose pages do not lead on ends no check', async () => {
  await home.task('killall')
  await home.said(`boot 2 port=${firstPort}`)
  const [one, other] = home.state.processes as [Entry, Entry]
  const info = (await (await fetch(`${other.url}/nodeinfo`)).json()) as NodeInfo
  const file = `${home.path}/.polychord/data/${one.name}/network.json`
  await until(
    'one has noted the other',
    async () => readFileSync(file, 'utf8'),
    (text) => text.includes(other.id),
  )
  const server = createServer(({ url: path }, response) => {
    const said = path === '/nodeinfo' ? { ...info, ...liar } : path?.startsWith('/db') ? { entries: [], next: 'ab' } : {}
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const me = { id: hash(url), url }
  const liar = { ...me, predecessor: me, successors: [] }
  for (const { name } of [one, other]) await home.said(`kill ${name}`)
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(other.url, url).replaceAll(other.id, liar.id))
  expect(await home.task('check')).toMatchObject({ code: 1, stdout: expect.stringContaining('pages that do not lead on') })
})

// Its nodes were dead for ever, and "something else" used their ports.
test('nodes that an older state file records in another life are seen where they are', async () => {
  await home.task('killall')
  await home.said(`boot 2 port=${firstPort}`)
  const older = home.state
  await home.said(`restart ${older.processes[1]?.name}`)
  const newer = home.state
  home.write(older)
  expect(await home.said('status')).toMatch(/2 nodes · .*ring whole/)
  expect(await home.said('check 20')).toMatch(/^✓ ring ordered and ideal · 2 nodes/)
  home.write(newer)
})

// It ended them, and started them anew on the data of the copy.
test.runIf(process.platform === 'linux')('nodes of the home that another is a copy of are left alone by that one', async () => {
  await home.task('killall')
  await home.said(`boot 2 port=${firstPort}`)
  const copy = new Home()
  onTestFinished(() => copy.remove())
  cpSync(home.path, copy.path, { recursive: true })
  const { name = '', pid } = home.state.processes[1] ?? {}
  expect(await copy.task(`restart ${name}`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('something else uses port'),
  })
  expect(await copy.said('killall')).toMatch(/0 nodes of network \w+ ended.*\n.*left alone/)
  expect(await home.said('status')).toMatch(/2 nodes · .*ring whole/)
  expect(home.state.processes[1]?.pid).toBe(pid)
})
