/** The life of a network, typed task by task, with real processes. */
import { appendFileSync, existsSync } from 'node:fs'
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Found, Placed, Written } from '../../src/protocol/client-api.ts'
import { isAlive } from '../../tasks/processes.ts'
import { emptyState, printState } from '../../tasks/state.ts'
import { dying, Home, quick, type Status, until } from './home.ts'
import { portsInARow } from '../ports.ts'

/** Far from where people boot; what is in use is skipped anyway. */
const firstPort = portsInARow(40)
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

describe('a network', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('lives, grows, keeps its content through a leave, a kill and a restart, and ends without a trace', async () => {
    const booted = await home.task(`boot port=${firstPort} ${quick}`)
    expect(booted.stderr).toBe('')
    expect(booted.stdout).toContain('3 copies · 2 nodes · 0 values · ring whole')
    expect(booted.stdout).toMatch(/next: npm run task addmany 10/)

    const again = await home.task('boot')
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('a network of 2 nodes is running; see it with npm run task status')
    expect(await home.said('check 20')).toContain('note: 2 nodes for 3 copies: each has one')

    const grown = await home.said('addmany 3')
    expect(grown).toMatch(/joined \(3 of 3\)\n3 nodes joined\n.*5 nodes · 0 values · ring whole/)

    const many = await home.json<{ distinctKeys: number }>('storemany 40 seed=7')
    expect(many).toMatchObject({ seed: 7, stored: 40, short: 0, failed: 0, failures: [] })
    const written = await home.json<Written>('store hello world')
    expect(written).toMatchObject({ stored: 3, wanted: 3 })
    const found = await home.json<Found>('lookup hello world')
    expect(found).toMatchObject({ key: written.key, values: [{ value: 'hello world' }], stored: 3, wanted: 3 })
    expect(await home.json<Placed>('find hello world mode=linear')).toMatchObject({ owner: written.owner, mode: 'linear' })
    expect(await home.said('lookup hello world')).toMatch(
      /^key {5}\w{40}\nvalue {3}"hello world" · text\/plain.*\nstored {2}3 of 3 copies\n/,
    )

    const values = many.distinctKeys + 1
    const whole = (nodes: number) => new RegExp(`^✓ .*${nodes} nodes · ${values} records, .*\\n✓ ${3 * values} copies`)
    expect(await home.said('check 20')).toMatch(whole(5))
    const { nodes, copies } = await home.json<Status>('status')
    expect(copies).toEqual({ values, there: 3 * values, wanted: 3 * values })

    const leaver = nodes.find(({ id }) => id === written.owner.id)
    const left = await home.said(`leave ${leaver?.id.slice(0, 8)}`)
    expect(left).toMatch(/left; \d+ records? moved on\n.*4 nodes · .*ring whole/)
    expect(home.state.processes.map(({ name }) => name)).not.toContain(leaver?.name)
    expect(existsSync(`${home.path}/${leaver?.dataDir}`)).toBe(false)
    expect(isAlive(leaver?.pid ?? 0)).toBe(false)
    expect(await home.said('check 20')).toMatch(whole(4))

    const [victim] = home.state.processes
    expect(await home.said(`kill ${victim?.name}`)).toContain('is dead; what it held stays on its disk')
    // As a peer may have it say: it was taken for one that had left, and its data was removed.
    appendFileSync(`${home.path}/${victim?.logFile}`, '{"level":40,"why":"left the network","msg":"peer refused"}\n')
    await home.task('status')
    expect(existsSync(`${home.path}/${victim?.dataDir}/node.json`)).toBe(true)
    expect(await home.json<Found>('lookup hello world')).toMatchObject({ values: [{ value: 'hello world' }] })
    expect(await home.said('check 20')).toMatch(new RegExp(`${whole(3).source}.*\nnote: ${victim?.name} is dead`, 's'))
    expect(await home.said('status')).toMatch(/✗ dead[^]*next: npm run task restart all/)
    expect(await home.task(`leave ${victim?.name}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not running'),
    })
    const port = victim?.url.split(':').at(-1)
    expect(await home.task(`add ${port}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`to bring it back type: npm run task restart ${port}`),
    })
    expect(await home.said(`restart ${victim?.name}`)).toMatch(/is back with its data\n.*4 nodes/)
    expect(await home.said('check 20')).toMatch(whole(4))

    expect(await home.said('delete hello world')).toContain('3 of 3 copies that say so')
    const gone = await home.task('lookup hello world')
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    const miss: unknown = JSON.parse((await home.task('lookup hello world json')).stdout)
    expect(miss).toMatchObject({
      error: 'NOT_FOUND',
      key: expect.any(String),
      hops: expect.any(Number),
      path: expect.any(Array),
    })

    const pids = home.state.processes.flatMap(({ pid }) => pid ?? [])
    const ended = await home.said('killall')
    expect(ended).toMatch(/^4 nodes of network \w{16} ended; logs and data are gone\n/)
    expect(pids.filter(isAlive)).toEqual([])
    expect(existsSync(`${home.path}/.polychord/data`)).toBe(false)
    expect(home.stateText).toBe(printState(emptyState))
  })
})

describe('one node', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('is called, watched, asked for its log, and does not leave when it is the last', async () => {
    await home.said(`boot 1 port=${firstPort} bits=8 allowCustomIds=true ${quick}`)
    const port = new URL(home.state.processes[0]?.url ?? '').port

    const called = await home.said(`call ${port} GET /nodeinfo`)
    expect(called).toMatch(/^200 application\/json/)
    expect(await home.task(`call ${port} GET /nowhere`)).toMatchObject({ code: 1, stdout: expect.stringContaining('404 ') })
    expect(await home.said(`call ${port} POST /store {"value":"json"} json`)).toContain('"status": 201')
    const long = await home.task(`store hello name=${'x'.repeat(513)}`)
    expect(long).toMatchObject({ code: 2, stderr: 'polychord: name must NOT have more than 512 characters\n' })
    expect(await home.said(`logs ${port}`)).toMatch(/info {2}node listens.*\n.*node-\d+\.log\nnext: /s)

    const nobody = await home.task('logs nowhere')
    expect(nobody).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`there is no node nowhere; a node is a port, a name`),
    })
    const last = await home.task(`leave ${port}`)
    expect(last).toMatchObject({ code: 1, stderr: expect.stringContaining('to end the network: npm run task killall') })

    const own = await home.said('add id=a0')
    expect(own).toContain(' a0 joined: ')
    expect(await home.task('add id=a0')).toMatchObject({ code: 1, stderr: expect.stringContaining('id a0 is taken') })
    expect(await home.task('add id=a0f')).toMatchObject({ code: 2, stderr: expect.stringContaining('2 lowercase hex digits') })
    expect(await home.task(`add ${port}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`has port ${port} already`),
    })

    // A reader that goes after the first frame ends the monitor.
    const watched = await home.task('monitor', (child) => child.stdout?.once('data', () => child.stdout?.destroy()))
    expect(watched).toMatchObject({ code: 0, stderr: '' })
    expect(watched.stdout).toMatch(/^polychord monitor · \d\d:\d\d:\d\d · every 1 s · chord · 1 value · \d of \d copies\nNODE/)
    const interrupted = await home.task('monitor 5', (child) => child.stdout?.once('data', () => child.kill('SIGINT')))
    expect(interrupted).toMatchObject({ code: 130, stderr: '\n' })
    // As by `timeout`: the terminal is left as it was.
    const terminated = await home.task('monitor 5', (child) => child.stdout?.once('data', () => child.kill('SIGTERM')))
    expect(terminated).toMatchObject({ code: 143, stderr: '\n' })
    const storing = await home.task('storemany 1000000 seed=7', (child) =>
      child.stdout?.once('data', () => child.kill('SIGINT')),
    )
    expect(storing.code).toBe(130)
    expect(storing.stderr).toMatch(
      /interrupted; \d{4,} of 1000000 values are stored, and maybe some of \d+ under way; .* storemany 1000000 seed=7\n$/,
    )
  })

  test('that does not start is reported with the end of its log, and leaves no entry', async () => {
    const { state } = home
    if (state.network === null) throw new Error('the network is gone')
    home.write({ ...state, network: { ...state.network, options: { ...state.network.options, replicas: 2 } } })
    const { code, stderr } = await home.task('add')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^polychord: node-\d+ did not start: .*\.polychord\/logs\/node-\d+\.log ends:\n/)
    expect(stderr).toContain('POLYCHORD_REPLICAS is 2, but the network of')
    expect((await home.task('addmany 2')).stderr).toMatch(/^polychord: 0 of 2 nodes joined; node-\d+ did not start: /)
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
      const cut = await home.task('addmany 5', undefined, dying('starting', signal))
      expect(cut.code).toBe(signal === 'SIGINT' ? 130 : null)
      const repaired = await until(
        'everything recorded should run',
        () => home.json<Status>('status'),
        ({ ring, nodes: all }) => ring.whole && all.every(({ condition }) => condition === 'running'),
      )
      expect(repaired.nodes.map(({ state }) => state)).toEqual(repaired.nodes.map(() => 'running'))
    }
    await home.task('killall')
  })

  test('a process that is not the recorded node is left alone, and named', async () => {
    const home = new Home()
    onTestFinished(() => home.remove())
    home.write({
      version: 2,
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
          dataDir: '.polychord/data/node-1',
        },
      ],
    })
    expect(await home.task('boot')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('to forget both: npm run task killall'),
    })
    const { stdout } = await home.task('killall')
    expect(stdout).toContain('0 nodes of network 7f3a000000000000 ended')
    expect(stdout).toContain(`left alone: process ${process.pid}, recorded as node-1`)
  })
})
