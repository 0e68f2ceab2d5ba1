/**
 * `storemany`: much content in batches, through random nodes.
 *
 * Storing a value twice does no harm, so whatever was not acknowledged is simply sent again, through another node: a node that dies
 * costs the batches that it had in hand a second try.
 */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../src/protocol/errors.ts'
import type { Random } from '../src/ports.ts'
import { stream } from '../src/sim/random.ts'
import { askLines } from './client.ts'
import { TaskFailure } from './failure.ts'
import { lipsumFile } from './home.ts'
import { assertStillThere } from './launch.ts'
import { type Booted, openNetwork, runningNodes } from './live.ts'
import { progressBar } from './render/bar.ts'
import { plural, quote, portOf } from './render/text.ts'
import { readState } from './state.ts'
import { next, type Task, typed } from './task.ts'
import { wholeNumber } from './words.ts'

const mostValues = 1_000_000
/** Lines of one request. */
const batchLines = 100
/** Requests under way at the same time. */
const atOnce = 4
/** More than a node takes for lines of which each waits as long as it may. */
const batchTimeoutMs = 30_000
/** How long values are tried again. */
const retryForMs = 30_000
const retryEveryMs = 250
/** Many times what a batch takes. */
const lateMs = 3000
const tellEveryMs = 1000

/** A value that was not stored in the end, and what was said of it last. */
export interface Failure {
  readonly value: string
  readonly code: string
  readonly message: string
}

/** Whom to ask: nodes come and go while we store. */
class Entrances {
  #urls: readonly string[] = []
  readonly #booted: Booted
  readonly #random: Random

  constructor(booted: Booted, random: Random) {
    this.#booted = booted
    this.#random = random
  }

  /** @throws TaskFailure when the network has been ended */
  async assertStillThere(): Promise<void> {
    assertStillThere(await readState(), this.#booted.network)
  }

  /** Looks who has joined. @throws TaskFailure when nobody answers */
  async look(): Promise<void> {
    const running = await runningNodes(await openNetwork())
    const ready = running.filter(({ info }) => info.state === 'ready')
    this.#urls = (ready.length > 0 ? ready : running).map(({ info }) => info.url)
  }

  /** A random one, if possible none of those. */
  pick(but: ReadonlySet<string>): string {
    const others = this.#urls.filter((url) => !but.has(url))
    const urls = others.length > 0 ? others : this.#urls
    return urls[this.#random.below(urls.length)] ?? ''
  }
}

/** What has become of the values so far. */
class Tally {
  readonly keys = new Set<string>()
  readonly failures: Failure[] = []
  /** Of which a node has been asked. */
  begun = 0
  stored = 0
  /** Stored in fewer copies than wanted; the nodes make the others when they can. */
  short = 0
  /** Who has been asked and has not answered yet, and since when by the clock of the process. */
  readonly asked = new Set<{ readonly url: string; readonly sinceMs: number }>()
  /** When a value was stored last, ms on the clock of the process. */
  lastStoredAt = performance.now()

  get done(): number {
    return this.stored + this.failures.length
  }
}

/** Whether another try, or another node, may help. */
const isPassing = (error: Refusal | Unreachable): boolean => error instanceof Unreachable || error.status === 503

const codeOf = (error: Refusal | Unreachable): string => (error instanceof Refusal ? error.code : 'UNREACHABLE')

/** One try. @returns what it could not store, and why */
const tryOnce = async (url: string, values: readonly string[], tally: Tally) => {
  const failed: { value: string; error: Refusal | Unreachable }[] = []
  const asking = { url, sinceMs: performance.now() }
  tally.asked.add(asking)
  try {
    const answers = await askLines(
      url,
      clientApi.store,
      values.map((value) => ({ value })),
      batchTimeoutMs,
    )
    for (const [at, answer] of answers.entries()) {
      if (answer instanceof Refusal) {
        failed.push({ value: values[at] ?? '', error: answer })
        continue
      }
      const { key, stored, wanted } = answer.reply
      tally.keys.add(key)
      tally.stored++
      tally.short += stored < wanted ? 1 : 0
      tally.lastStoredAt = performance.now()
    }
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Unreachable)) throw error
    failed.push(...values.map((value) => ({ value, error })))
  } finally {
    tally.asked.delete(asking)
  }
  return failed
}

/** Stores a batch, and tries again what has failed, until that is hopeless. */
const storeBatch = async (batch: readonly string[], entrances: Entrances, tally: Tally): Promise<void> => {
  const asked = new Set<string>()
  let deadline = Number.POSITIVE_INFINITY
  for (let values = batch; values.length > 0; ) {
    const url = entrances.pick(asked)
    asked.add(url)
    const failed = await tryOnce(url, values, tally)
    if (failed.length === 0) return
    const now = performance.now()
    deadline = Math.min(deadline, now + retryForMs)
    const hopeless = now >= deadline || now - tally.lastStoredAt >= retryForMs
    const again = hopeless ? [] : failed.filter(({ error }) => isPassing(error))
    for (const { value, error } of failed)
      if (hopeless || !isPassing(error)) tally.failures.push({ value, code: codeOf(error), message: error.message })
    values = again.map(({ value }) => value)
    if (values.length > 0) await lookAgain(entrances)
  }
}

/**
 * Waits a little, and looks who is there by then; when nobody is, the old ones may come back.
 * @throws TaskFailure when the network has been ended
 */
const lookAgain = async (entrances: Entrances): Promise<void> => {
  await sleep(retryEveryMs)
  await entrances.assertStillThere()
  try {
    await entrances.look()
  } catch (error) {
    if (!(error instanceof TaskFailure)) throw error
  }
}

/** `4200 of 5000 · 7 failed · waiting for 10003`: whoever leaves a batch without an answer for so long is named. */
export const tellProgress = (
  { done, failures, asked }: Pick<Tally, 'done' | 'failures' | 'asked'>,
  count: number,
  nowMs: number,
): string => {
  const late = [...asked].filter(({ sinceMs }) => nowMs - sinceMs > lateMs).map(({ url }) => portOf(url))
  return [
    `${done} of ${count}`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(late.length > 0 ? [`waiting for ${[...new Set(late)].join(' ')}`] : []),
  ].join(' · ')
}

/** `12 × NOT_ENOUGH_COPIES: 1 of 3 copies written; … ("dolor sit")`, the most frequent first. */
export const tellFailures = (failures: readonly Failure[]): string[] => {
  const byCode = new Map<string, { first: Failure; count: number }>()
  for (const failure of failures) {
    const { first, count } = byCode.get(failure.code) ?? { first: failure, count: 0 }
    byCode.set(failure.code, { first, count: count + 1 })
  }
  return [...byCode.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ first: { code, message, value }, count }) => `  ${count} × ${code}: ${message} (${quote(value)})`)
}

/** What is known of the values when no more answers are waited for. */
export const tellUnfinished = (
  { begun, stored, done }: Pick<Tally, 'begun' | 'stored' | 'done'>,
  count: number,
  seed: number,
): string =>
  [
    `${stored} of ${count} values are stored${begun > done ? `, and maybe some of ${begun - done} under way` : ''}`,
    `storing them again is safe: ${typed(`storemany ${count} seed=${seed}`)}`,
  ].join('; ')

/** So many random lines of a text, as a seed has them. */
export const randomLines = (text: string, count: number, seed: number): string[] => {
  const lines = text.split('\n').filter(Boolean)
  const random = stream(seed, 'storemany', 'lines')
  return Array.from({ length: count }, () => lines[random.below(lines.length)] ?? '')
}

/** As many batches as can be under way at least, so that few values too go through several nodes. */
export const batchesOf = (values: readonly string[]): string[][] => {
  const size = Math.min(batchLines, Math.ceil(values.length / atOnce))
  return Array.from({ length: Math.ceil(values.length / size) }, (_, at) => values.slice(at * size, (at + 1) * size))
}

export const storemany: Task = {
  name: 'storemany',
  summary: 'store random lines of lipsum.txt through random nodes',
  args: { '<n>': 'how many' },
  options: { seed: 'the same seed, the same lines' },
  text: false,
  examples: ['storemany 200', 'storemany 200 seed=7'],
  run: async ({ plain: [word = ''], options, json }, terminal) => {
    const count = wholeNumber('the number of values', word, 1, mostValues)
    const seed = options['seed'] === undefined ? randomInt(1_000_000) : wholeNumber('seed', options['seed'], 0, 2 ** 31 - 1)
    const entrances = new Entrances(await openNetwork(), stream(seed, 'storemany', 'nodes'))
    await entrances.look()
    const queue = batchesOf(randomLines(readFileSync(lipsumFile, 'utf8'), count, seed))
    const tally = new Tally()
    terminal.tellUnfinished = () => tellUnfinished(tally, count, seed)
    const began = performance.now()
    let told = 0
    const tell = () => {
      if (json) return
      terminal.progress(`${progressBar(tally.done, count, 30)} ${tellProgress(tally, count, performance.now())}`)
      const thousands = Math.floor(tally.done / 1000)
      if (!terminal.isTerminal && thousands > told) terminal.print(tellProgress(tally, count, performance.now()))
      told = thousands
    }
    const worker = async () => {
      for (let batch = queue.pop(); batch !== undefined; batch = queue.pop()) {
        tally.begun += batch.length
        await storeBatch(batch, entrances, tally)
        tell()
      }
    }
    const telling = setInterval(tell, tellEveryMs)
    try {
      await Promise.all(Array.from({ length: atOnce }, worker))
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error
      throw new TaskFailure(`${tally.stored} of ${count} values had been stored: ${error.message}`, { cause: error })
    } finally {
      clearInterval(telling)
    }
    const { keys, stored, short, failures } = tally
    const perSecond = Math.round((stored * 1000) / (performance.now() - began))
    const failed = failures.length
    const counts = [plural(keys.size, 'distinct key'), `${stored} stored`, `${failed} failed`, `${perSecond} values/s`]
    return {
      lines: [
        [...counts, `seed ${seed}`].join(' · '),
        ...(short > 0 ? [`${short} of them in fewer copies than wanted, until there are nodes for more`] : []),
        ...tellFailures(failures),
        failed > 0 ? next('check 30') : next('status', 'monitor'),
      ],
      data: { seed, distinctKeys: keys.size, stored, short, failed, perSecond, failures: failures.slice(0, 100) },
      failed: failed > 0,
    }
  },
}
