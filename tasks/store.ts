/** `store` and `storemany`: content, through random nodes. */
import { readFileSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { clientApi } from '../src/protocol/client-api.ts'
import { Refusal, Unreachable } from '../src/protocol/errors.ts'
import { limits } from '../src/protocol/schemas.ts'
import { stream } from '../src/sim/random.ts'
import { ask } from './client.ts'
import { WrongUse } from './failure.ts'
import { lipsumFile } from './home.ts'
import { label, openNetwork, pickRandomNode, runningNodes } from './live.ts'
import { progressBar } from './render/bar.ts'
import { duration, plural, quote } from './render/text.ts'
import { next, type Task, typed } from './task.ts'
import { wholeNumber } from './words.ts'

const mostValues = 1_000_000
/** Requests under way at the same time. */
const atOnce = 16

export const store: Task = {
  name: 'store',
  summary: 'store a value through a random node',
  args: { '[value...]': 'the value: all words, with a space between' },
  options: { name: 'store under this name; the last value written wins', ttlSeconds: 'forget it after so long' },
  text: true,
  examples: ['store hello world', 'store "good morning" name=greeting'],
  run: async ({ plain, options: { name, ttlSeconds } }, { paint }) => {
    const value = plain.join(' ')
    if (value === '') throw new WrongUse(`store needs a value; for instance: ${typed('store hello world')}`)
    const ttl = ttlSeconds === undefined ? {} : { ttlSeconds: wholeNumber('ttlSeconds', ttlSeconds, 1, limits.ttlSeconds) }
    const entry = await pickRandomNode(await openNetwork())
    const began = performance.now()
    const written = await ask(entry.info.url, clientApi.store, {
      value,
      ...(name === undefined ? {} : { name }),
      ...ttl,
    })
    const ms = performance.now() - began
    const rows = [
      ['key', written.key],
      ['owner', paint.bold(label(written.owner))],
      ['copies', `${written.stored} of ${written.wanted}`],
    ] as const
    return {
      lines: [
        ...rows.map(([what, fact]) => `${paint.dim(what.padEnd(6))}  ${fact}`),
        `${plural(written.hops, 'hop')} · ${duration(ms)} · through ${label(entry.info)}`,
        next(name === undefined ? `lookup ${shellWords(value)}` : `lookup name=${name}`),
      ],
      data: { ...written, through: entry.info.url, ms },
    }
  },
}

/** As it is typed in a shell; only what needs quotes gets them. */
const shellWords = (text: string): string => (/^[\w ./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)

/** So many random lines of a text, as a seed has them. */
export const randomLines = (text: string, count: number, seed: number): string[] => {
  const lines = text.split('\n').filter(Boolean)
  const random = stream(seed, 'storemany', 'lines')
  return Array.from({ length: count }, () => lines[random.below(lines.length)] ?? '')
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
    const urls = (await runningNodes(await openNetwork()))
      .filter(({ info }) => info.state === 'ready')
      .map(({ info }) => info.url)
    const lines = randomLines(readFileSync(lipsumFile, 'utf8'), count, seed)
    const random = stream(seed, 'storemany', 'nodes')
    const keys = new Set<string>()
    const failures: string[] = []
    let done = 0
    const began = performance.now()
    const worker = async () => {
      for (let value = lines.pop(); value !== undefined; value = lines.pop()) {
        try {
          keys.add((await ask(urls[random.below(urls.length)] ?? '', clientApi.store, { value })).key)
        } catch (error) {
          if (!(error instanceof Refusal || error instanceof Unreachable)) throw error
          failures.push(`${quote(value)}: ${error.message}`)
        }
        done++
        if (!json && (done % 10 === 0 || done === count))
          terminal.progress(`${progressBar(done, count, 30)} ${done} of ${count}`)
        if (!json && !terminal.isTerminal && done % 1000 === 0) terminal.print(`${done} of ${count}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    const seconds = (performance.now() - began) / 1000
    const stored = count - failures.length
    const perSecond = Math.round(count / seconds)
    return {
      lines: [
        `${plural(keys.size, 'distinct key')} · ${stored} stored · ${failures.length} failed · ${perSecond} ops/s · seed ${seed}`,
        ...failures.slice(0, 3).map((failure) => `  ${failure}`),
        failures.length > 0 ? next('check 30') : next('status', 'monitor'),
      ],
      data: { seed, distinctKeys: keys.size, stored, failed: failures.length, perSecond, failures: failures.slice(0, 100) },
      failed: failures.length > 0,
    }
  },
}
