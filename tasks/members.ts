/** `members` and `tags`: who sees whom how, and what nodes tell of themselves. */
import { parseTags } from '../src/membership/options.ts'
import { clientApi } from '../src/protocol/client-api.ts'
import { ask } from './client.ts'
import { TaskFailure, WrongUse } from './failure.ts'
import { findMember, findOurs, label, lookTimeoutMs, nodeWord, openNetwork, runningNodes } from './live.ts'
import { renderMembers, type View } from './render/members.ts'
import { cut, harmless, portOf } from './render/text.ts'
import { signatureFor } from './secret.ts'
import { changeEntry } from './state.ts'
import { next, type Task, typed } from './task.ts'

const viewOf = async ({ id, url }: { id: string; url: string }): Promise<View> => {
  const { members } = await ask(url, clientApi.members, {}, lookTimeoutMs)
  return { port: portOf(url), id, members }
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
    const nodes = word === undefined ? (await runningNodes(booted)).map(({ entry }) => entry) : [await findMember(booted, word)]
    const views = await Promise.all(nodes.map(viewOf))
    const isWatched = booted.network.options['membership'] !== 'off'
    return {
      lines: [
        ...renderMembers(views, paint, columns),
        next(word !== undefined ? 'members' : isWatched ? `tags ${portOf(nodes[0]?.url ?? '')} zone=a` : 'status'),
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
    const { members: known } = await ask(entry.url, clientApi.members, {}, lookTimeoutMs)
    const self = known.find(({ id }) => id === entry.id)
    if (!self?.tags) throw new TaskFailure('nobody watches members in this network: it was booted with membership=off')
    const wanted = Object.fromEntries(
      [...Object.entries(self.tags), ...changes].filter(
        ([name]) => changes.findLast(([changed]) => changed === name)?.[1] !== '',
      ),
    )
    if (changes.length > 0) {
      await ask(entry.url, clientApi.tags, { tags: wanted }, undefined, signatureFor(booted.network, entry))
      // So that its next life tells the same.
      const text = Object.entries(wanted).map((pair) => pair.join('='))
      await changeEntry(entry, (it) => ({ ...it, tags: text.join(',') }))
    }
    const told = Object.entries(wanted).map(([name, value]) => `${name}=${harmless(value)}`)
    return { lines: [`${label(entry)} tells ${told.join(' ') || 'nothing besides'}`, next('members')], data: { tags: wanted } }
  },
}
