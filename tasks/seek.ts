/** `lookup`, `find` and `delete`: content by value, name or key, and the way to it. */
import { bytesOf } from '../src/content/record.ts'
import { modesOf, type OverlayName } from '../src/overlay/overlays.ts'
import { clientApi, type Found, type Value } from '../src/protocol/client-api.ts'
import { peerApi } from '../src/protocol/peer-api.ts'
import { type Mode, modes } from '../src/protocol/schemas.ts'
import { addressOptions, type Address, parseAddress } from './address.ts'
import { ask, orUndefined } from './client.ts'
import { WrongUse } from './failure.ts'
import { type Booted, openNetwork, pickRandomNode } from './live.ts'
import { label } from './naming.ts'
import { cut, duration, hundredths, plural, quote, tellCopies } from './render/text.ts'
import { renderTravel } from './render/travel.ts'
import { networkOf } from './render/status.ts'
import { nameWord, next, shellWords, type Task } from './task.ts'
import { idWord, type Words } from './words.ts'

interface Route {
  readonly mode?: Mode
}

/**
 * Asks a random node, and tells how long it took to answer.
 * @throws WrongUse a key or a mode that this network cannot have
 */
const through = async <T>(address: Address, { mode }: Words['options'], request: (url: string, route: Route) => Promise<T>) => {
  const booted = await openNetwork()
  const { bits, overlay } = networkOf(booted)
  if ('key' in address) idWord('key', address.key, bits)
  const route = mode === undefined ? {} : { mode: parseMode(mode, overlay) }
  const { info } = await pickRandomNode(booted)
  const began = performance.now()
  const reply = await request(info.url, route)
  return { booted, entry: { id: info.id, url: info.url }, reply, ms: hundredths(performance.now() - began) }
}

const parseMode = (mode: string, overlay: OverlayName): Mode => {
  const known = modesOf(overlay)
  const found = known.find((one) => one === mode)
  if (found) return found
  throw new WrongUse(`mode is ${known.join(' or ')} in ${overlay}, not ${JSON.stringify(mode)}`)
}

/** Another way to travel, to compare with. */
const otherMode = (booted: Booted, mode: string | undefined): Mode =>
  modesOf(networkOf(booted).overlay).find((one) => one !== mode) ?? 'onehop'

const words = {
  args: { '[value...]': 'the value: all words, with a space between' },
  text: true,
} as const
const travelOptions = {
  ...addressOptions,
  mode: `${modes.join(', ')}: one that the overlay has, or onehop, by the known members`,
}

const describe = ({ value, encoding, contentType, name }: Value): string => {
  const shown = encoding === 'base64' ? plural(bytesOf(value, encoding), 'byte') : quote(cut(value, 50))
  return [shown, contentType, ...(name === undefined ? [] : [`name ${quote(name)}`])].join(' · ')
}

/** As it is typed. */
const wordsOf = (address: Address): string =>
  'value' in address ? shellWords(address.value) : 'name' in address ? nameWord(address.name) : `key=${address.key}`

/** How many of those who should have what was found do have all of it; undefined when that cannot be told just now. */
const countCopies = async (url: string, { key, values }: Found): Promise<number | undefined> => {
  const window = await orUndefined(ask(url, clientApi.find, { key }))
  const held = await Promise.all((window?.window ?? []).map((peer) => orUndefined(ask(peer.url, peerApi.get, { key }))))
  const holds = (index: string) => (copy: (typeof held)[number]) =>
    copy?.records.some((record) => record.index === index && record.value !== null) ?? false
  return window && Math.min(...values.map(({ index }) => held.filter(holds(index)).length))
}

export const lookup: Task = {
  ...words,
  name: 'lookup',
  summary: 'what is stored, who answered, and the way there',
  options: travelOptions,
  examples: ['lookup hello world', 'lookup name=greeting', 'lookup hello mode=linear'],
  run: async (given, { paint }) => {
    const address = parseAddress('lookup', given)
    const { booted, entry, reply, ms } = await through(address, given.options, (url, route) =>
      'key' in address
        ? ask(url, clientApi.lookup, { ...address, ...route })
        : ask(url, clientApi.lookupBy, { ...address, ...route }),
    )
    const stored = await countCopies(entry.url, reply)
    const copies = stored === undefined ? undefined : { stored, wanted: networkOf(booted).replicas }
    const facts = [
      ['key', reply.key],
      ...reply.values.map((value, index) => [index === 0 ? 'value' : '', describe(value)] as const),
      ...(copies ? [['stored', tellCopies(copies)] as const] : []),
      ['from', paint.bold(label(reply.answeredBy))],
    ] as const
    const other = otherMode(booted, given.options['mode'])
    return {
      lines: [...renderTravel(facts, { entry, ...reply, ms }, paint), next(`find ${wordsOf(address)} mode=${other}`)],
      data: { ...reply, ...copies, through: entry, ms },
    }
  },
}

export const find: Task = {
  ...words,
  name: 'find',
  summary: 'who owns a key, and the way there; nothing needs to be stored',
  options: travelOptions,
  examples: ['find hello world', 'find hello mode=linear', 'find key=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c'],
  run: async (given, { paint }) => {
    const address = parseAddress('find', given)
    const { booted, entry, reply, ms } = await through(address, given.options, (url, route) =>
      'key' in address
        ? ask(url, clientApi.find, { ...address, ...route })
        : ask(url, clientApi.findBy, { ...address, ...route }),
    )
    const replicas = reply.window.slice(1)
    const facts = [
      ['key', reply.key],
      ['owner', paint.bold(label(reply.owner))],
      ...(replicas.length > 0 ? [['copies', replicas.map(label).join(', ')] as const] : []),
      ['mode', reply.mode],
    ] as const
    const other = otherMode(booted, reply.mode)
    return {
      lines: [...renderTravel(facts, { entry, ...reply, ms }, paint), next(`find ${wordsOf(address)} mode=${other}`)],
      data: { ...reply, through: entry, ms },
    }
  },
}

export const remove: Task = {
  ...words,
  name: 'delete',
  summary: 'delete what is stored',
  options: addressOptions,
  examples: ['delete hello world', 'delete name=greeting'],
  run: async (given, { paint }) => {
    const address = parseAddress('delete', given)
    const { entry, reply, ms } = await through(address, given.options, (url) =>
      'key' in address ? ask(url, clientApi.remove, address) : ask(url, clientApi.removeBy, address),
    )
    return {
      lines: [
        `${paint.dim('key    ')}  ${reply.key}`,
        ...reply.deleted.map((index) => `${paint.dim('deleted')}  ${index}`),
        `${paint.dim('stored ')}  ${tellCopies(reply)} that say so`,
        `${duration(ms)} · through ${label(entry)}`,
        next(`lookup ${wordsOf(address)}`),
      ],
      data: { ...reply, through: entry, ms },
    }
  },
}
