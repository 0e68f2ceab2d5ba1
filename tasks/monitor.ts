/** `monitor`: content spreading, frame by frame. */
import { setTimeout as sleep } from 'node:timers/promises'
import { clientApi } from '../src/protocol/client-api.ts'
import type { Id } from '../src/space/id.ts'
import { ask, orUndefined } from './client.ts'
import { isRunning, isStranger, lookTimeoutMs, openNetwork, type Running, surveyAll } from './live.ts'
import { type Frame, renderFrame, type Watched } from './render/monitor.ts'
import { beginStory, printEvent, type Story, tellMore } from './render/story.ts'
import { type Paint, portOf } from './render/text.ts'
import { networkOf, ownCells } from './render/status.ts'
import type { Task } from './task.ts'
import { wholeNumber } from './words.ts'

/** Records of a node that are looked at for something new. */
const previewRecords = 200

/** What was last seen of a node's content. It is read again only when its counts have changed. */
interface Glimpse {
  readonly counts: string
  readonly indices: ReadonlySet<string>
  readonly latest: string | undefined
}

/** Remembers from frame to frame what would cost requests, or cannot be asked at all. */
class Watch {
  readonly #glimpses = new Map<Id, Glimpse>()
  readonly #deadSince = new Map<Id, number>()
  #previous: Frame | undefined
  #story: Story | undefined

  /** Looks at everything once, and draws it. */
  async frame(): Promise<{
    frame: Frame
    draw: (everySeconds: number, columns: number, rows: number, paint: Paint) => string[]
  }> {
    const booted = await openNetwork()
    const { sightings, opinion } = await surveyAll(booted)
    const network = networkOf(booted)
    const nodes = await Promise.all(
      sightings.map(async (sighting): Promise<Watched> => {
        const { entry, condition } = sighting
        const seenAs = opinion.get(entry.id)
        const seen = {
          port: portOf(entry.url),
          id: entry.id,
          condition,
          ...(seenAs === undefined ? {} : { seenAs }),
          ...(isStranger(sighting) ? { isStranger: true as const } : {}),
        }
        if (!isRunning(sighting)) return { ...seen, owned: 0, replicas: 0, moving: 0, complete: false }
        const { content, state } = sighting.info
        const latest = await this.#latest(sighting)
        return {
          ...seen,
          state,
          owned: content.owned,
          replicas: content.replicas,
          moving: content.moving,
          complete: content.complete,
          own: ownCells(network, sighting.info),
          ...(latest === undefined ? {} : { latest }),
        }
      }),
    )
    const frame: Frame = { network, nodes: nodes.sort((a, b) => (a.id < b.id ? -1 : 1)) }
    const before = this.#previous ?? frame
    this.#previous = frame
    return { frame, draw: this.#drawing(before, frame) }
  }

  #drawing(before: Frame, frame: Frame) {
    const now = Date.now()
    const time = new Date(now).toTimeString().slice(0, 8)
    // Of one that was dead already when this began nobody here knows since when.
    const lived = new Set(before.nodes.filter(({ condition }) => condition !== 'dead').map(({ id }) => id))
    for (const { id, condition } of frame.nodes)
      if (condition !== 'dead') this.#deadSince.delete(id)
      else if (lived.has(id)) this.#deadSince.set(id, now)
    const told = this.#story ?? beginStory(frame)
    const story = tellMore(told, before, frame, time)
    this.#story = story
    const fresh = story.events.filter((event) => !told.events.includes(event))
    const deadMs = new Map([...this.#deadSince].map(([id, since]) => [id, now - since]))
    return (everySeconds: number, columns: number, rows: number, paint: Paint) => {
      const events = (Number.isFinite(rows) ? story.events : fresh).map(printEvent)
      return renderFrame(frame, { time, everySeconds, before, deadMs, copies: story.copies, events, columns, rows }, paint)
    }
  }

  async #latest({ info: { id, url, content } }: Running): Promise<string | undefined> {
    const counts = JSON.stringify(content)
    const before = this.#glimpses.get(id)
    if (before?.counts === counts) return before.latest
    // Of a node that goes, or falls silent, just now the next frame says so.
    const page = await orUndefined(ask(url, clientApi.db, { limit: previewRecords }, lookTimeoutMs))
    if (!page) return before?.latest
    const { entries } = page
    const fresh = before && entries.find(({ index }) => !before.indices.has(index))
    const kept = before && entries.some(({ preview }) => preview === before.latest) ? before.latest : undefined
    const latest = fresh?.preview ?? kept ?? entries[0]?.preview
    this.#glimpses.set(id, { counts, indices: new Set(entries.map(({ index }) => index)), latest })
    return latest
  }
}

export const monitor: Task = {
  name: 'monitor',
  summary: 'watch content spread, frame by frame, until Ctrl-C; as JSON one frame',
  args: { '[seconds]': 'between two frames (1)' },
  options: {},
  text: false,
  examples: ['monitor', 'monitor 5', 'monitor json'],
  run: async ({ plain: [word = '1'], json }, terminal) => {
    const everySeconds = wholeNumber('seconds', word, 1, 3600)
    const watch = new Watch()
    terminal.tellUnfinished = () => ''
    for (;;) {
      const { frame, draw } = await watch.frame()
      if (json) return { lines: [], data: frame }
      terminal.draw(draw(everySeconds, terminal.columns, terminal.rows, terminal.paint))
      await sleep(everySeconds * 1000)
      if (terminal.isClosed) return { lines: [], data: frame }
    }
  },
}
