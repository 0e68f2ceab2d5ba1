/** Nodes as people name them, and which one a word means. */
import { type Id, shortId } from '../src/space/id.ts'
import { WrongUse } from './failure.ts'
import { type Booted, isStranger, surveyAll } from './live.ts'
import { portOf } from './render/text.ts'
import type { Entry } from './state.ts'
import { typed } from './task.ts'

/** `10003 0ce23a`: a node as people see it. */
export const label = ({ id, url }: { id: Id; url: string }): string => `${portOf(url)} ${shortId(id)}`

/** Nodes that a sentence names. */
const mostNamed = 8

/** How a person says which node is meant. */
export const nodeWord = 'a port, a name, or the beginning of an id'

/** It may begin an id, and is rather meant for the first node, or for a count. */
const shortNumber = /^\d{1,3}$/

/**
 * The recorded process that a person means.
 * @throws WrongUse none, or several
 */
export const findEntry = (processes: readonly Entry[], word: string): Entry => {
  const meant = meantBy(word, processes)
  const [only, ...more] = meant
  if (only && more.length === 0) return only
  const list = (entries: readonly Entry[]) => {
    const named = entries.slice(0, mostNamed).map(({ url, id }) => `${portOf(url)} (${id.slice(0, 8)})`)
    return [...named, ...(entries.length > mostNamed ? [`${entries.length - mostNamed} more`] : [])].join(', ')
  }
  throw only
    ? new WrongUse(`${word} begins the ids of ${list(meant)}; give more digits, or a port`)
    : new WrongUse(
        `${word === '' ? 'no node is named' : `there is no node ${word}`}; a node is ${nodeWord}: ${list(processes) || 'none yet'}`,
      )
}

const meantBy = (word: string, processes: readonly Entry[]): Entry[] => {
  if (word === '') return []
  const named = processes.find(({ url, name }) => portOf(url) === word || name === word)
  return named ? [named] : processes.filter(({ id }) => id === word || (!shortNumber.test(word) && id.startsWith(word)))
}

/** The same, or a member that no task has started. */
export const findMember = async (booted: Booted, word: string): Promise<Entry> => {
  if (meantBy(word, booted.processes).length > 0) return findEntry(booted.processes, word)
  const { sightings } = await surveyAll(booted)
  const strangers = sightings.filter(isStranger).map(({ entry }) => entry)
  return findEntry(meantBy(word, strangers).length > 0 ? strangers : booted.processes, word)
}

/** The recorded process that a person means, for what only those can have done. @throws WrongUse */
export const findOurs = async (booted: Booted, word: string): Promise<Entry> => {
  const entry = await findMember(booted, word)
  if (booted.processes.includes(entry)) return entry
  throw new WrongUse(
    `${label(entry)} is a member that no task has started: end it where it was started, or have it leave: ${typed(`call ${portOf(entry.url)} POST /leave`)}`,
  )
}
