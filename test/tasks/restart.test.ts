/** Nodes that have ended, or were ended, come back with their data. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, describe, expect, test, vi } from 'vitest'
import type { Found, NodeInfo } from '../../src/protocol/client-api.ts'
import { isAlive } from '../../tasks/processes.ts'
import type { Entry } from '../../tasks/state.ts'
import { randomLines } from '../../tasks/storemany.ts'
import { dying, Home, quick, type Status, until } from './home.ts'
import { portsInARow } from '../ports.ts'

/** Far from where people boot; what is in use is skipped anyway. */
const firstPort = portsInARow(40)
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 })

describe('a network that is killed', () => {
  const home = new Home()
  afterAll(() => home.remove())

  const killAll = () => {
    for (const { pid } of home.state.processes) if (pid !== null) process.kill(pid, 'SIGKILL')
  }
  const lives = () =>
    home.state.processes.map(({ name, id, url, dataDir, incarnation }) => ({ name, id, url, dataDir, incarnation }))

  test('comes back whole, with everything that was stored', async () => {
    await home.task(`boot 4 port=${firstPort} ${quick}`)
    const lines = [...new Set(randomLines(readFileSync('lipsum.txt', 'utf8'), 60, 3))]
    expect(await home.json('storemany 60 seed=3')).toMatchObject({ distinctKeys: lines.length, stored: 60, short: 0 })
    await home.task('store the old motto name=motto')
    await home.task('store the new motto name=motto')
    const before = lives()

    killAll()
    expect(await home.task('store lost')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('none of the 4 recorded nodes is running; type: npm run task restart all, or killall'),
    })
    expect(await home.task('check')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('next: npm run task restart all · npm run task killall'),
    })
    expect(await home.task('boot')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('to have it back with its data type: npm run task restart all'),
    })
    const back = await home.task('restart all')
    expect(back).toMatchObject({ code: 0, stderr: '' })
    expect(back.stdout).toMatch(
      /^\d+ \w{6} is back, as the first of the ring\n[^]*\n4 nodes are back with their data\n.*4 nodes · /,
    )
    expect(lives().map(({ incarnation: _, ...same }) => same)).toEqual(before.map(({ incarnation: _, ...same }) => same))
    for (const [at, { incarnation }] of lives().entries()) expect(incarnation).toBeGreaterThan(before[at]?.incarnation ?? 0)

    expect(await home.said('check 20')).toMatch(new RegExp(`^✓ .*4 nodes · ${lines.length + 1} records, `))
    for (const [at, value] of lines.entries()) {
      const { url } = home.state.processes[at % 4] as Entry
      const found = (await (await fetch(`${url}/lookup?value=${encodeURIComponent(value)}`)).json()) as Found
      expect(found.values?.map((one) => one.value)).toEqual([value])
    }
    expect(await home.json<Found>('lookup name=motto')).toMatchObject({ values: [{ value: 'the new motto' }] })
    expect(await home.said('restart all')).toContain('nothing to restart')
  })

  test('a running node is stopped and started again; a restart that is cut off leaves it recorded, with its data', async () => {
    const [one, other] = home.state.processes as [Entry, Entry]
    expect(await home.said(`restart ${one.name}`)).toContain('is back with its data')
    expect(isAlive(one.pid ?? 0)).toBe(false)

    await home.task(`kill ${other.name}`)
    const cut = await home.task(`restart ${other.name}`, undefined, dying('restarting'))
    expect(cut.code).toBe(null)
    const { nodes } = await until(
      'the node should be there, or be known as dead',
      () => home.json<Status>('status'),
      (seen) => seen.nodes.every(({ condition }) => condition === 'running' || condition === 'dead'),
    )
    expect(nodes.length).toBe(4)
    await home.said('restart all')
    expect(await home.said('check 20')).toMatch(/^✓ .*4 nodes/)
  })

  test('a node that dies while much is stored costs no value', async () => {
    const [victim] = home.state.processes as [Entry]
    const held = async () => {
      const { content } = (await (await fetch(`${victim.url}/nodeinfo`)).json()) as NodeInfo
      return content.owned + content.replicas
    }
    const before = await held()
    const storing = home.task('storemany 1000 seed=5 json')
    await until('the first values should have come', held, (count) => count > before)
    process.kill(victim.pid ?? 0, 'SIGKILL')
    const { code, stdout } = await storing
    expect(JSON.parse(stdout)).toMatchObject({ stored: 1000, failed: 0, failures: [] })
    expect(code).toBe(0)
    await until(
      'it should be dead',
      async () => victim.pid ?? 0,
      (pid) => !isAlive(pid),
    )
    expect(await home.said('check 20')).toMatch(/^✓ .*3 nodes/)
    await home.said(`restart ${victim.name}`)
  })

  test('a node that cannot come back is named, and keeps nobody else from it', async () => {
    const [one] = home.state.processes as [Entry]
    const port = Number(new URL(one.url).port)
    killAll()
    await until(
      'all should be dead',
      async () => home.state.processes.flatMap(({ pid }) => pid ?? []),
      (pids) => !pids.some(isAlive),
    )
    const squatter = createServer().listen(port, '127.0.0.1')
    try {
      await once(squatter, 'listening')
      const { code, stderr } = await home.task('restart all')
      expect(code).toBe(1)
      expect(stderr).toContain(`3 of 4 nodes came back:\n${one.name} cannot come back, something else uses port ${port}`)
    } finally {
      squatter.close()
    }
    expect(await home.said(`restart ${port}`)).toContain('is back with its data')
    expect(await home.said('check 20')).toMatch(/^✓ .*4 nodes/)
  })
})

describe('nodes beside one that does not answer', () => {
  const home = new Home()
  afterAll(() => home.remove())

  test('are not ended for a restart when nobody answers through whom they would come back', async () => {
    await home.said(`boot 3 port=${firstPort} ${quick}`)
    const [one, other, third] = home.state.processes as [Entry, Entry, Entry]
    for (const { pid } of [other, third]) process.kill(pid ?? 0, 'SIGSTOP')
    expect(await home.task(`restart ${one.name}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${other.name} is alive, but does not answer yet`),
    })
    expect(isAlive(one.pid ?? 0)).toBe(true)
    process.kill(one.pid ?? 0, 'SIGSTOP')
    const waking = [one, other, third].map(({ pid }) => pid).join(' ')
    const way = `wake what is stopped (kill -CONT ${waking}), or end it (kill -9 ${waking})`
    expect(await home.task('store hello')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`none of the 3 recorded nodes answers: ${way}`),
    })
    expect(await home.task('restart all')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`3 do not answer: ${way}`),
    })
    expect(await home.said('status')).toContain(`\n${way}\nnext: npm run task status · npm run task killall`)
    for (const { pid } of [one, third]) process.kill(pid ?? 0, 'SIGCONT')
    await until(
      'the third should answer again',
      () => home.json<Status>('status'),
      ({ nodes }) => nodes.some(({ name, condition }) => name === third.name && condition === 'running'),
    )
  })

  test('are named when they cannot come back, whether or not the ring is whole', async () => {
    const [{ name, url }] = home.state.processes as [Entry]
    await home.said(`kill ${name}`)
    const squatter = createServer().listen(Number(new URL(url).port), '127.0.0.1')
    try {
      await once(squatter, 'listening')
      const { code, stderr } = await home.task('restart all')
      expect(code).toBe(1)
      expect(stderr).toContain(`0 of 1 node came back:\n${name} cannot come back, something else uses port`)
    } finally {
      squatter.close()
    }
  })
})
