/** `store`: one value, through a random node. */
import { valueIn, valueOption } from './address.ts'
import { clientApi } from '../src/protocol/client-api.ts'
import { limits } from '../src/protocol/schemas.ts'
import { ask } from './client.ts'
import { WrongUse } from './failure.ts'
import { openNetwork, pickRandomNode } from './live.ts'
import { label } from './naming.ts'
import { duration, hundredths, plural, quote, tellCopies } from './render/text.ts'
import { nameWord, next, shellWords, type Task, typed } from './task.ts'
import { wholeNumber } from './words.ts'

/** Characters of a value that anyone would type. */
const typedMost = 500

export const store: Task = {
  name: 'store',
  summary: 'store a value through a random node',
  args: { '[value...]': 'the value: all words, with a space between' },
  options: {
    ...valueOption,
    name: 'store under this name; the last value written wins',
    ttlSeconds: 'forget it after so long',
  },
  text: true,
  examples: ['store hello world', 'store "good morning" name=greeting'],
  run: async (words, { paint }) => {
    const { name, ttlSeconds } = words.options
    const value = valueIn('store', words)
    if (value === undefined || value === '')
      throw new WrongUse(`store needs a value; for instance: ${typed('store hello world')}`)
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
      // Of several words, or with an equals sign, a person may have meant something else.
      ...(/[\s=]/.test(value) ? [['value', quote(value)] as const] : []),
      ['key', written.key],
      ['owner', paint.bold(label(written.owner))],
      ['stored', tellCopies(written)],
    ] as const
    return {
      lines: [
        ...rows.map(([what, fact]) => `${paint.dim(what.padEnd(6))}  ${fact}`),
        `${plural(written.hops, 'hop')} · ${duration(ms)} · through ${label(entry.info)}`,
        next(
          `lookup ${name !== undefined ? nameWord(name) : value.length > typedMost ? `key=${written.key}` : shellWords(value)}`,
        ),
      ],
      data: { ...written, through: entry.info.url, ms: hundredths(ms) },
    }
  },
}
