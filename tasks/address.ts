/** What a person means when asking for content: a value, a name, or a key. */
import { WrongUse } from './failure.ts'
import { typed } from './task.ts'
import type { Words } from './words.ts'

export type Address = { readonly value: string } | { readonly name: string } | { readonly key: string }

/** What looks like something else can be said so. */
export const valueOption = { value: 'the value itself, whatever it looks like' }

export const addressOptions = { ...valueOption, name: 'the name it was stored under', key: 'its key in hex' }

/** Characters of a value as it is written in an address: that and the headers may have 16 KiB together. */
const writtenMost = 15 * 1024

/** @throws WrongUse none of the three, or several; a value that no address has room for */
export const parseAddress = (task: string, words: Pick<Words, 'plain' | 'options'>): Address => {
  const { name, key } = words.options
  const value = valueIn(task, words)
  if ([value, name, key].filter((given) => given !== undefined).length !== 1)
    throw new WrongUse(`${task} takes one of: a value, name=<name>, key=<hex>; for instance: ${typed(`${task} hello world`)}`)
  if (value !== undefined && encodeURIComponent(value).length > writtenMost)
    throw new WrongUse(`${task} takes no value that long; take the key that store told: ${typed(`${task} key=<hex>`)}`)
  if (value !== undefined) return { value }
  return name === undefined ? { key: key ?? '' } : { name }
}

/** All words, or what `value=` says. @throws WrongUse both */
export const valueIn = (task: string, { plain, options: { value } }: Pick<Words, 'plain' | 'options'>): string | undefined => {
  if (plain.length === 0) return value
  if (value === undefined) return plain.join(' ')
  throw new WrongUse(`${task} takes one value: ${JSON.stringify(plain.join(' '))}, or ${JSON.stringify(value)}`)
}
