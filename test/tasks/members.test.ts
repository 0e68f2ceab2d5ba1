/** Who is alive, among real processes: one is stopped and goes on, one is killed and started again at once, one leaves. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test, vi } from 'vitest'
import { parseTags } from '../../src/membership/options.ts'
import type { Member, NodeInfo } from '../../src/protocol/client-api.ts'
import type { View } from '../../tasks/render/members.ts'
import type { Entry } from '../../tasks/state.ts'
import { Home } from './home.ts'
import { portsInARow } from '../ports.ts'

/** Far from where people boot; what is in use is skipped anyway. */
const firstPort = portsInARow(20)
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const home = new Home()
afterAll(() => home.remove())

/** None while it does not serve them: one that was stopped is behind with its work at first. */
const membersOf = async (url: string): Promise<readonly Member[]> =>
  ((await (await fetch(`${url}/members`)).json()) as { members?: Member[] }).members ?? []

/** Asks those nodes again and again until each sees the member so. @throws what they saw last, after 20 s */
const untilSeen = async (
  by: readonly Entry[],
  { id }: Entry,
  holds: (member: Member | undefined) => boolean,
): Promise<void> => {
  const deadline = performance.now() + 20_000
  for (;;) {
    const seen = await Promise.all(by.map(async ({ url }) => (await membersOf(url)).find((member) => member.id === id)))
    if (seen.every(holds)) return
    if (performance.now() > deadline) throw new Error(`they see ${id} so: ${JSON.stringify(seen)}`)
    await sleep(50)
  }
}

const is =
  (...states: string[]) =>
  (member: Member | undefined) =>
    states.includes(member?.state ?? '')

test('the nodes of a network see who is stopped, who goes on, who dies, who comes back and who leaves', async () => {
  await home.said(`boot 5 port=${firstPort} stabilizeEveryMs=200 rehomeEveryMs=1000`)
  const [one, stopped, killed, leaving, other] = home.state.processes as [Entry, Entry, Entry, Entry, Entry]
  const steady = [one, other]
  for (const each of home.state.processes) await untilSeen(home.state.processes, each, is('alive'))

  await home.said('store hello world')
  expect(await home.json<{ tags: object }>(`tags ${stopped.name} zone=a`)).toEqual({ tags: { zone: 'a' } })
  await untilSeen(steady, stopped, (member) => member?.tags?.['zone'] === 'a')
  expect(await home.task(`tags ${stopped.name} zone=${'a'.repeat(257)}`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('a tag has 256 characters at most'),
  })
  // Each of two at once changes what the other has left.
  await Promise.all(['a=1', 'b=2', 'c=3'].map((tag) => home.said(`tags ${other.name} ${tag}`)))
  const all = { a: '1', b: '2', c: '3' }
  expect(await home.json<{ tags: object }>(`tags ${other.name}`)).toEqual({ tags: all })
  expect(parseTags(home.state.processes.find(({ id }) => id === other.id)?.tags ?? '')).toEqual(all)

  // Stopped: suspect at first, dead when that has lasted; and when it goes on, it says that it is not.
  process.kill(stopped.pid ?? 0, 'SIGSTOP')
  await untilSeen(steady, stopped, is('suspect', 'dead'))
  await untilSeen(steady, stopped, is('dead'))
  expect(await home.said('lookup hello world')).toContain('"hello world"')
  const { port } = new URL(stopped.url)
  expect(await home.said('status')).toContain(`next: npm run task check 30 · npm run task restart ${port}`)
  process.kill(stopped.pid ?? 0, 'SIGCONT')
  await untilSeen(steady, stopped, (member) => is('alive')(member) && (member?.incarnation ?? 0) > stopped.incarnation)
  for (const each of [one, killed, leaving, other]) await untilSeen([stopped], each, is('alive'))

  // Killed, and started again at once at the same address: a later life beats whatever is said of the last one.
  process.kill(killed.pid ?? 0, 'SIGKILL')
  expect(await home.said(`restart ${killed.name}`)).toContain('is back with its data')
  const { incarnation } = home.state.processes.find(({ id }) => id === killed.id) as Entry
  await untilSeen(steady, killed, (member) => is('alive')(member) && (member?.incarnation ?? 0) >= incarnation)

  // Its tags are told in the next life of a node, too.
  process.kill(stopped.pid ?? 0, 'SIGKILL')
  await untilSeen(steady, stopped, is('dead'))
  const status = await home.json<{ nodes: { id: string; condition: string; seenAs: string }[] }>('status')
  expect(status.nodes.find(({ id }) => id === stopped.id)).toMatchObject({ condition: 'dead', seenAs: 'dead' })
  await home.said(`restart ${stopped.name}`)
  await untilSeen(steady, stopped, (member) => is('alive')(member) && member?.tags?.['zone'] === 'a')

  await home.said(`leave ${leaving.name}`)
  await untilSeen([...steady, stopped, killed], leaving, is('left'))
  const views = await home.json<View[]>('members')
  expect(views.length).toBe(4)
  const info = (await (await fetch(`${one.url}/nodeinfo`)).json()) as NodeInfo
  expect(info.membership).toMatchObject({ alive: 4, suspect: 0, dead: 0, left: 1, cutOff: false, known: true })
  expect(await home.said('check 20')).toMatch(/^✓ .*4 nodes/)
})
