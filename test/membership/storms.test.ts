/**
 * Groups in which chance does what it likes for a while: members die, come back, stop for a while, are cut off from each other, and
 * packets get lost. What must hold at every moment is looked at throughout; what must come about, once all is well again.
 */
import { expect, test } from 'vitest'
import { isLive } from '../../src/membership/members.ts'
import { suspicionBounds } from '../../src/membership/suspicion.ts'
import { epochMs } from '../../src/sim/host.ts'
import { pick, stream } from '../../src/sim/random.ts'
import { Group, type Process, replayed } from './group.ts'

const events = 25
const gapMaxMs = 4000

/** Of each observer and member, the incarnation that was believed last: it never becomes less while the member is remembered. */
class Memory {
  readonly #incarnations = new Map<string, number>()

  look(group: Group): string[] {
    const made = new Map(group.processes.map(({ peer, self }) => [peer.id, self.incarnation]))
    return group.up.flatMap((observer) => {
      const members = observer.swim.members()
      const wrong = members.length > group.processes.length ? [`${observer.peer.id} knows ${members.length} members`] : []
      const ended = group.processes.filter(({ life }) => life > 0).map(({ peer }) => peer.id)
      const surely = isCutOff(observer, group.nowMs, ended)
      const perhaps = isCutOff(observer, group.nowMs, [])
      if (observer.swim.isCutOff ? !perhaps : surely) wrong.push(`${observer.peer.id}: is it cut off?`)
      for (const { id, incarnation } of members) {
        const label = `${observer.peer.id}#${observer.life} of ${id}`
        if (incarnation < (this.#incarnations.get(label) ?? 0)) wrong.push(`${label}: ${incarnation} is older`)
        if (incarnation > (made.get(id) ?? 0)) wrong.push(`${label}: ${incarnation} is not its own`)
        this.#incarnations.set(label, incarnation)
      }
      return wrong
    })
  }
}

/**
 * Whether more than half of those who are there, or were half a minute ago and said no goodbye, are silent.
 * @param ended whose machines may have said that they are not there
 */
const isCutOff = ({ peer, swim }: Process, nowMs: number, ended: readonly string[]): boolean => {
  const others = swim.members().filter(({ id, state, from, since }) => {
    const isOver = state === 'dead' && (from === undefined || since < epochMs + nowMs - 30_000)
    return id !== peer.id && state !== 'left' && !isOver
  })
  const alive = others.filter(({ state }) => state === 'alive')
  const silent = others.filter(({ id, state }) => state !== 'alive' && !ended.includes(id))
  return silent.length > alive.length
}

/** Each time somebody is said to be alive after it was dead, or was suspected, it has said so itself: in a newer incarnation. */
const resurrections = ({ events }: Process): string[] => {
  const last = new Map<string, { state: string; incarnation: number }>()
  return events.flatMap(({ kind, member: { id, state, incarnation } }) => {
    const before = last.get(id)
    if (kind === 'reap') last.delete(id)
    else last.set(id, { state, incarnation })
    const rises = state === 'alive' && before !== undefined && before.state !== 'alive'
    return rises && incarnation <= before.incarnation ? [`${id} rose in ${incarnation} from ${JSON.stringify(before)}`] : []
  })
}

const mostMs = (group: Group): number => {
  const { probeEveryMs, healthMax, reconnectEveryMs, syncEveryMs } = group.options
  const size = group.processes.length
  const { maxMs } = suspicionBounds(size, group.options)
  return (2 * size - 1) * probeEveryMs * healthMax + maxMs + 3 * Math.max(reconnectEveryMs, syncEveryMs)
}

test.each(Array.from({ length: 40 }, (_, at) => at + 1))('seed %i', async (seed) => {
  const random = stream(seed, 'storm', 'deeds')
  const size = 2 + random.below(9)
  const group = new Group({ seed, size, options: { membership: 'local' }, http: random.below(3) > 0 })
  const memory = new Memory()
  group.begin()
  await group.until(() => group.isWhole || !group.http, 30_000)
  const one = () => group.processes[random.below(size)] as Process
  const deeds = [
    () => one().crash(),
    () => {
      const { up } = group
      const down = group.processes.filter(({ isUp }) => !isUp)[0]
      down?.restart(up.map(({ peer }) => peer))
    },
    () => one().pause(random.below(20_000)),
    () => {
      const left = new Set(group.processes.filter(() => random.below(2) === 0))
      const oneWay = random.below(2) === 0
      group.blocks = (from, to) => left.has(from) && !left.has(to) && (oneWay || left.has(from) !== left.has(to))
    },
    () => {
      group.blocks = () => false
    },
    () => {
      group.lossPerMille = pick(random, [0, 100, 300, 900])
    },
    () => {
      group.http = random.below(2) === 0
    },
  ] as const
  for (let event = 0; event < events; event++) {
    pick(random, deeds)()
    await group.run(random.below(gapMaxMs))
    expect(memory.look(group)).toEqual([])
  }
  group.blocks = () => false
  group.lossPerMille = 0
  group.http = true
  if (group.up.length === 0) group.processes[0]?.restart([])
  await group.until(
    () => group.isWhole,
    mostMs(group),
    () =>
      group.up
        .map(
          ({ peer, swim }) =>
            `${peer.id}: ${swim
              .members()
              .map(({ id, state }) => `${id} ${state}`)
              .join(', ')}`,
        )
        .join('\n'),
  )
  expect(memory.look(group)).toEqual([])
  for (const process of group.up) {
    const { swim, peer, events } = process
    const others = swim.members().filter(({ id }) => id !== peer.id)
    expect(new Map(others.map((other) => [other.id, other]))).toEqual(replayed(events, peer.id))
    expect(resurrections(process)).toEqual([])
    expect(swim.peers.length).toBe(1 + others.filter(isLive).length)
    expect(swim.peers.filter(({ id }) => swim.isSuspect(id))).toEqual([])
  }
})
