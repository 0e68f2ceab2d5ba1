/** What a person means when asking for content: a value, a name, or a key. */
import { WrongUse } from './failure.ts'
import { typed } from './task.ts'
import type { Words } from './words.ts'

export type Address = { readonly value: string } | { readonly name: string } | { readonly key: string }

export const addressOptions = { name: 'the name it was stored under', key: 'its key in hex' }

/** @throws WrongUse none of the three, or several */
export const parseAddress = (task: string, { plain, options: { name, key } }: Pick<Words, 'plain' | 'options'>): Address => {
  const value = plain.length > 0 ? plain.join(' ') : undefined
  if ([value, name, key].filter((given) => given !== undefined).length !== 1)
    throw new WrongUse(`${task} takes one of: a value, name=<name>, key=<hex>; for instance: ${typed(`${task} hello world`)}`)
  if (value !== undefined) return { value }
  return name === undefined ? { key: key ?? '' } : { name }
}
