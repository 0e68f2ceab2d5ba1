/**
 * The words of a task: `store hello world name=greeting json`.
 *
 * npm eats flags (`--port 10005` arrives as a lone `10005`, `--json` not at all), so options are `name=value` words.
 */
import { isId } from '../src/space/id.ts'
import { WrongUse } from './failure.ts'

export interface Words {
  /** What is neither option nor the final `json`, in order. */
  readonly plain: readonly string[]
  readonly options: Readonly<Record<string, string>>
  /** Whether the last word asks for JSON. */
  readonly json: boolean
}

/** What a task expects of its words. */
export interface Grammar {
  readonly name: string
  /** Option names, each with a line of help. */
  readonly options: Readonly<Record<string, string>>
  /** Whether the plain words are free text: then an unknown `a=b`, or a lone `json`, belongs to the text. */
  readonly text: boolean
}

/** Options that one line names; help tells of more. */
const mostOffered = 6

/** @throws WrongUse an option that the task does not have, one given twice, a flag */
export const splitWords = (words: readonly string[], { name, options: known, text }: Grammar): Words => {
  const json = words.at(-1) === 'json' && (!text || words.length > 1)
  const plain: string[] = []
  const options: Record<string, string> = {}
  const names = Object.keys(known)
  const offer =
    names.length > mostOffered
      ? `type: npm run task help ${name}`
      : names.length > 0
        ? `it has ${names.map((option) => `${option}=`).join(' ')}`
        : 'it has none'
  for (const word of json ? words.slice(0, -1) : words) {
    const [, option = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(word) ?? []
    if (names.includes(option)) {
      if (option in options) throw new WrongUse(`${option}= is given twice; once is enough`)
      if (value === '') throw new WrongUse(`${option}= needs a value after the equals sign, without a space`)
      options[option] = value
    } else if (word === 'json' && !text) throw new WrongUse(`json goes last: npm run -s task ${name} … json`)
    else if (text || !(option || /^--?[a-z]/i.test(word))) plain.push(word)
    else if (option) throw new WrongUse(`${name} has no option ${option}=; ${offer}`)
    else throw new WrongUse(`${word} is a flag; options of ${name} are words like name=value: ${offer}`)
  }
  return { plain, options, json }
}

/**
 * npm takes `--port=10005` for itself and hides it in its own environment. Better to say so than to run without it.
 * @throws WrongUse
 */
export const refuseFlagsThatNpmTook = (env: NodeJS.ProcessEnv, { name, options, text }: Grammar): void => {
  // Its own of a letter or two it has under their long names.
  const isFlag = ([key, value]: [string, string | undefined]): boolean =>
    /^npm_config_\d/.test(key) || (/^npm_config_[a-z]{1,2}$/.test(key) && value === 'true')
  const flag = Object.entries(env).find(isFlag)?.[0].replace('npm_config_', '')
  if (flag !== undefined)
    throw new WrongUse(
      `npm took -${flag} for itself; ${text ? `write it after two dashes: npm run task ${name} -- -${flag}` : `${name} takes no ${/^\d/.test(flag) ? 'number below zero' : 'flags'}`}`,
    )
  for (const option of [...Object.keys(options), 'json']) {
    const value = env[`npm_config_${option}`] ?? env[`npm_config_${option.toLowerCase()}`]
    if (value === undefined || value === '') continue
    const word = option === 'json' ? 'json' : `${option}=${value === 'true' ? '<value>' : value}`
    throw new WrongUse(`npm took --${option} for itself; write it as a word: npm run task ${name} … ${word}`)
  }
}

/**
 * A whole number, strictly: `12`, not `12.0`, `1e1` or ` 12`.
 * @throws WrongUse
 */
export const wholeNumber = (what: string, text: string, least: number, most: number): number => {
  const number = Number(text)
  if (/^(0|[1-9]\d{0,14})$/.test(text) && number >= least && number <= most) return number
  throw new WrongUse(`${what} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`)
}

/** An id, or a key, in a network with ids of so many bits. @throws WrongUse */
export const idWord = (what: string, text: string, bits: number): string => {
  if (isId(text, bits)) return text
  throw new WrongUse(`${what} must be ${bits / 4} lowercase hex digits in this network, not ${JSON.stringify(text)}`)
}

/** Nobody writes it in a url, so that no url would tell it. */
export const untoldPort = 80

export const portNumber = (text: string): number => {
  const port = wholeNumber('port', text, 1, 65535)
  if (port === untoldPort) throw new WrongUse(`port ${port} is not one for a node: urls leave it out; take another`)
  return port
}
