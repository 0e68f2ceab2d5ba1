/** The life of a network, typed task by task, with real processes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { Found, Placed, Written } from '../../src/protocol/client-api.ts'
import { isAlive } from '../../tasks/processes.ts'
import type { Entry } from '../../tasks/state.ts'
import { Home } from './home.ts'

/** Far from where people boot; what is in use is skipped anyway. */
const firstPort = 20_000 + (process.pid % 400) * 20
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

const quick = 'stabilizeEveryMs=100 refreshFingersEveryMs=200 rehomeEveryMs=500'

interface Status {
  network: { id: string; bits: number; mode: string }
  ring: { whole: boolean; faults: string[] }
  nodes: (Entry & { condition: string; info?: { state: string; content: { owned: number } } })[]
}

const until = async <T>(what: string, look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> => {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline) throw new Error(`${what}, but was seen: ${JSON.stringify(seen)}`)
    await sleep(100)
  }
}

describe('a network', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('lives, grows, keeps its content through a leave, survives a kill, and ends without a trace', async () => {
    const booted = await home.task(`boot port=${firstPort} ${quick}`)
    expect(booted.stderr).toBe('')
    expect(booted.stdout).toContain('2 nodes · 0 values · ring whole')
    expect(booted.stdout).toMatch(/next: npm run task addmany 10/)

    const again = await home.task('boot')
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('a network of 2 nodes is running; see it with npm run task status')

    const grown = await home.task('addmany 3')
    expect(grown.stdout).toMatch(/joined \(3 of 3\)\n3 nodes joined\n.*5 nodes · 0 values · ring whole/)

    const many = await home.json<{ seed: number; distinctKeys: number; stored: number; failed: number }>('storemany 40 seed=7')
    expect(many).toMatchObject({ seed: 7, stored: 40, failed: 0 })
    const written = await home.json<Written>('store hello world')
    const found = await home.json<Found>('lookup hello world')
    expect(found).toMatchObject({ key: written.key, answeredBy: written.owner, values: [{ value: 'hello world' }] })
    expect(await home.json<Placed>('find hello world mode=linear')).toMatchObject({ owner: written.owner, mode: 'linear' })
    expect((await home.task('lookup hello world')).stdout).toMatch(/^key {4}\w{40}\nvalue {2}"hello world" · text\/plain/)

    const { nodes } = await home.json<Status>('status')
    const values = many.distinctKeys + 1
    expect(nodes.reduce((sum, { info }) => sum + (info?.content.owned ?? 0), 0)).toBe(values)
    expect((await home.task('check 20')).stdout).toContain(
      `✓ ring ordered and ideal · 5 nodes · ${values} records, each in its window`,
    )

    const leaver = nodes.find(({ id }) => id === written.owner.id)
    const left = await home.task(`leave ${leaver?.id.slice(0, 8)}`)
    expect(left.stdout).toMatch(new RegExp(`left; \\d+ records? moved on\n.*4 nodes · ${values} values · ring whole`))
    expect(home.state.processes.map(({ name }) => name)).not.toContain(leaver?.name)
    expect(isAlive(leaver?.pid ?? 0)).toBe(false)
    expect(await home.json<Found>('lookup hello world')).toMatchObject({ values: [{ value: 'hello world' }] })

    const [victim] = home.state.processes
    await home.task(`kill ${victim?.name}`)
    expect((await home.task('check 20')).stdout).toMatch(new RegExp(`✓ .*3 nodes.*\nnote: ${victim?.name} is dead`))
    expect((await home.task('status')).stdout).toMatch(/✗ dead/)
    expect(await home.task(`leave ${victim?.name}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not running'),
    })

    await home.task('delete hello world')
    const gone = await home.task('lookup hello world')
    expect(gone).toMatchObject({ code: 1, stdout: '' })

    const pids = home.state.processes.flatMap(({ pid }) => pid ?? [])
    const ended = await home.task('killall')
    expect(ended.stdout).toMatch(/^3 nodes of network \w{16} ended; logs and data are gone\n/)
    expect(pids.filter(isAlive)).toEqual([])
    expect(home.stateText).toBe('{\n  "version": 1,\n  "network": null,\n  "processes": []\n}\n')
  })
})

describe('one node', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('is called, watched, asked for its log, and does not leave when it is the last', async () => {
    expect(await home.task(`boot 1 port=${firstPort} bits=8 allowCustomIds=true ${quick}`)).toMatchObject({ code: 0 })
    const port = new URL(home.state.processes[0]?.url ?? '').port

    const called = await home.task(`call ${port} GET /nodeinfo`)
    expect(called.stdout).toMatch(/^200 application\/json/)
    expect(await home.task(`call ${port} GET /nowhere`)).toMatchObject({ code: 1, stdout: expect.stringContaining('404 ') })
    expect((await home.task(`call ${port} POST /store {"value":"json"} json`)).stdout).toContain('"status": 201')
    expect((await home.task(`logs ${port}`)).stdout).toMatch(/info {2}node listens.*\n.*node-\d+\.log\nnext: /s)

    const nobody = await home.task('logs 1')
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringContaining(`there is no node 1; a node is a port, a name`) })
    const last = await home.task(`leave ${port}`)
    expect(last).toMatchObject({ code: 1, stderr: expect.stringContaining('to end the network type: npm run task killall') })

    const own = await home.task('add id=a0')
    expect(own.stdout).toContain(' a0 joined through ')
    expect(await home.task('add id=a0')).toMatchObject({ code: 1, stderr: expect.stringContaining('id a0 is taken') })
    expect(await home.task('add id=a0f')).toMatchObject({ code: 2, stderr: expect.stringContaining('2 lowercase hex digits') })
    expect(await home.task(`add ${port}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`has port ${port} already`),
    })

    // A reader that goes after the first frame ends the monitor.
    const watched = await home.task('monitor', (child) => child.stdout?.once('data', () => child.stdout?.destroy()))
    expect(watched).toMatchObject({ code: 0, stderr: '' })
    expect(watched.stdout).toMatch(/^polychord monitor · \d\d:\d\d:\d\d · every 1 s · 1 value\nNODE/)
    const interrupted = await home.task('monitor 5', (child) => child.stdout?.once('data', () => child.kill('SIGINT')))
    expect(interrupted.code).toBe(130)
  })

  test('that does not start is reported with the end of its log, and leaves no entry', async () => {
    const { state } = home
    if (state.network === null) throw new Error('the network is gone')
    home.write({ ...state, network: { ...state.network, options: { ...state.network.options, mode: 'teleport' } } })
    const { code, stderr } = await home.task('add')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^polychord: node-\d+ did not start: .*\.polychord\/logs\/node-\d+\.log ends:\n/)
    expect(stderr).toContain('POLYCHORD_MODE must be')
    expect(home.state.processes.length).toBe(state.processes.length)
    home.write(state)
  })
})

describe('tasks that meet', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('two at once do not lose entries; one that is killed leaves nothing that the next does not repair', async () => {
    await home.task(`boot port=${firstPort} ${quick}`)
    const both = await Promise.all([home.task('addmany 2'), home.task('addmany 2')])
    expect(both.map(({ stderr }) => stderr)).toEqual(['', ''])
    const { nodes } = await home.json<Status>('status')
    expect(nodes.map(({ condition }) => condition)).toEqual(Array.from({ length: 6 }, () => 'running'))
    expect(new Set(nodes.map(({ url }) => url)).size).toBe(6)

    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const cut = home.task('addmany 5', (child) => void endWhenSpawned(child.kill.bind(child), signal))
      expect((await cut).code).toBe(signal === 'SIGINT' ? 130 : null)
      const repaired = await until(
        'everything recorded should run',
        () => home.json<Status>('status'),
        ({ ring, nodes: all }) => ring.whole && all.every(({ condition }) => condition === 'running'),
      )
      expect(repaired.nodes.map(({ state }) => state)).toEqual(repaired.nodes.map(() => 'running'))
    }
    await home.task('killall')
  })

  /** Ends a task at the moment when a node that it started has not joined yet. */
  const endWhenSpawned = async (kill: (signal: 'SIGINT' | 'SIGKILL') => boolean, signal: 'SIGINT' | 'SIGKILL') => {
    await until(
      'a node should be starting',
      async () => home.state.processes,
      (processes) => processes.some(({ state, pid }) => state === 'starting' && pid !== null),
    )
    kill(signal)
  }

  test('a process that is not the recorded node is left alone, and named', async () => {
    home.write({
      version: 1,
      network: { id: '7f3a000000000000', port: firstPort, nodes: 1, options: { bits: 160, replicas: 1, successors: 5 } },
      processes: [
        {
          name: 'node-1',
          id: '0ce23a',
          url: 'http://127.0.0.1:1',
          pid: process.pid,
          incarnation: 1,
          startedAt: '2025-11-20T12:00:00.000Z',
          state: 'running',
          logFile: '.polychord/logs/node-1.log',
        },
      ],
    })
    expect(await home.task('boot')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('type: npm run task reboot, or killall'),
    })
    const { stdout } = await home.task('killall')
    expect(stdout).toContain('0 nodes of network 7f3a000000000000 ended')
    expect(stdout).toContain(`left alone: process ${process.pid}, recorded as node-1`)
  })
})
