/** `members` and `tags`: who sees whom how, and what nodes tell of themselves. */
import { parseTags } from '../src/membership/options.ts'
import { clientApi } from '../src/protocol/client-api.ts'
import { ask, orUndefined } from './client.ts'
import { TaskFailure, WrongUse } from './failure.ts'
import { lookTimeoutMs, openNetwork, type Running, runningNodes } from './live.ts'
import { findMember, findOurs, label, nodeWord } from './naming.ts'
import { assertStillThere } from './launch.ts'
import { renderMembers, type View } from './render/members.ts'
import { cut, harmless, plural, portOf } from './render/text.ts'
import { signatureFor } from './secret.ts'
import { type Change, changeState, type Entry, withEntry } from './state.ts'
import { next, type Task, typed } from './task.ts'

const viewOf = async ({ id, url }: { id: string; url: string }): Promise<View> => {
  const { members } = await ask(url, clientApi.members, {}, lookTimeoutMs)
  return { port: portOf(url), id, members }
}

/** Of those that have not gone, or fallen silent, since they were looked at. @throws TaskFailure when there are none */
const viewsOf = async (nodes: readonly Running[]): Promise<View[]> => {
  const views = await Promise.all(nodes.map(({ entry }) => orUndefined(viewOf(entry))))
  const told = views.filter((view) => view !== undefined)
  if (told.length === 0)
    throw new TaskFailure(`none of the ${plural(nodes.length, 'running node')} answers any more; type: ${typed('status')}`)
  return told
}

export const members: Task = {
  name: 'members',
  summary: 'who is alive, suspect, dead or left, as the nodes see each other',
  args: { '[node]': `as this one sees them: ${nodeWord}` },
  options: {},
  text: false,
  examples: ['members', 'members 10003', 'members json'],
  run: async ({ plain: [word] }, { paint, columns }) => {
    const booted = await openNetwork()
    const views =
      word === undefined ? await viewsOf(await runningNodes(booted)) : [await viewOf(await findMember(booted, word))]
    const isWatched = booted.network.options['membership'] !== 'off'
    return {
      lines: [
        ...renderMembers(views, paint, columns),
        next(word !== undefined ? 'members' : isWatched ? `tags ${views[0]?.port} zone=a` : 'status'),
      ],
      data: views,
    }
  },
}

/** `zone=a` → `['zone', 'a']`. @throws WrongUse */
const parseTag = (word: string): [string, string] => {
  const [tag] = word.includes(',') ? [] : Object.entries(parseTags(word) ?? {})
  if (!tag && /^[\w.-]{1,64}=[^,]{257,}$/.test(word))
    throw new WrongUse('a tag has 256 characters at most after the equals sign')
  if (!tag)
    throw new WrongUse(`${JSON.stringify(cut(word, 80))} is no tag; for instance: ${typed('tags 10001 zone=a disk=ssd')}`)
  return tag
}

/** @throws WrongUse */
const parseTagWords = (words: readonly string[]): [string, string][] => {
  const changes = words.map(parseTag)
  const names = changes.map(([name]) => name)
  const twice = names.find((name, at) => names.indexOf(name) < at)
  if (twice !== undefined) throw new WrongUse(`${twice}= is there twice`)
  return changes
}

/** What a node tells everyone of itself. @throws TaskFailure where nobody listens */
const tagsOf = async ({ id, url }: Entry): Promise<Readonly<Record<string, string>>> => {
  const { members: known } = await ask(url, clientApi.members, {}, lookTimeoutMs)
  const self = known.find((one) => one.id === id)
  if (!self?.tags) throw new TaskFailure('nobody watches members in this network: it was booted with membership=off')
  return self.tags
}

export const tags: Task = {
  name: 'tags',
  summary: 'what a node tells everyone of itself: show it, or change it',
  args: { '<node>': nodeWord, '[tags...]': 'name=value; name= takes it away' },
  options: {},
  text: true,
  examples: ['tags 10001', 'tags 10001 zone=a disk=ssd', 'tags 10001 zone='],
  run: async ({ plain: [word = '', ...words] }) => {
    const booted = await openNetwork()
    const entry = await findOurs(booted, word)
    const changes = parseTagWords(words)
    // One task after the other: each changes what the one before has left.
    const change = async ({ state, save }: Change) => {
      assertStillThere(state, booted.network)
      const before = await tagsOf(entry)
      const after = Object.fromEntries(
        [...Object.entries(before), ...changes].filter(
          ([name]) => changes.findLast(([changed]) => changed === name)?.[1] !== '',
        ),
      )
      await ask(entry.url, clientApi.tags, { tags: after }, lookTimeoutMs, signatureFor(booted.network, entry))
      // So that its next life tells the same.
      const text = Object.entries(after).map((pair) => pair.join('='))
      await save(withEntry(state, entry, (it) => ({ ...it, tags: text.join(',') })))
      return after
    }
    const wanted = changes.length > 0 ? await changeState(change) : await tagsOf(entry)
    const told = Object.entries(wanted).map(([name, value]) => `${name}=${harmless(value)}`)
    return { lines: [`${label(entry)} tells ${told.join(' ') || 'nothing besides'}`, next('members')], data: { tags: wanted } }
  },
}
