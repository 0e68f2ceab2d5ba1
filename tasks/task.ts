/** A task: what it is called, what it takes, what it does. tasks.ts lists them. */
import { acting } from './render/text.ts'
import type { Terminal } from './terminal.ts'
import type { Grammar, Words } from './words.ts'

/** What is left to say at the end. */
export interface Outcome {
  /** For people. */
  readonly lines: readonly string[]
  /** For machines: what `json` prints. */
  readonly data: unknown
  /** The task ran, and what it found is bad: exit code 1. */
  readonly failed?: boolean
}

export interface Task extends Grammar {
  readonly alias?: string
  readonly summary: string
  /** In commander's notation, `<n>` or `[seconds]` or `[words...]`, each with a line of help. */
  readonly args: Readonly<Record<string, string>>
  /** Words that work as they stand. */
  readonly examples: readonly string[]
  run(words: Words, terminal: Terminal): Promise<Outcome>
}

/** As it is typed. */
export const typed = (words: string): string => `npm run task ${words}`

/**
 * Words of a value as they are typed in a shell: only what needs quotes gets them, also a last word that would ask for JSON, and what npm
 * would take for a flag, two dashes. What would be an option is said by one.
 */
export const shellWords = (text: string): string => {
  if (/(^| )(value|name|key|mode|ttlSeconds)=/.test(text)) return `value=${quoted(text)}`
  const words = text.split(' ').every(isPlain) && !text.endsWith(' json') ? text : quoted(text)
  return /^-| -/.test(text) ? `-- ${words}` : words
}

/** `name=greeting`, typed in a shell. */
export const nameWord = (name: string): string => `name=${isPlain(name) ? name : quoted(name)}`

const isPlain = (word: string): boolean => /^[\w./:@%+,-]+$/.test(word)

/** Bash and its kin have escapes for what would act on the terminal. */
const quoted = (text: string): string =>
  text.search(acting) < 0
    ? `'${text.replaceAll("'", "'\\''")}'`
    : `$'${text.replaceAll(/[\\']/g, '\\$&').replaceAll(acting, escaped)}'`

const escaped = (character: string): string => Buffer.from(character).toString('hex').replaceAll(/../g, '\\x$&')

/** The last line of an outcome. */
export const next = (...words: readonly string[]): string => `next: ${words.map(typed).join(' · ')}`
