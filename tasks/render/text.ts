/** Text for a terminal: colours that can be absent, columns that line up, strangers' words made harmless. */
import { stripVTControlCharacters } from 'node:util'

export interface Paint {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

const sgr = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`
const same = (text: string) => text

export const plainPaint: Paint = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

export const colourPaint: Paint = {
  bold: sgr(1, 22),
  dim: sgr(2, 22),
  red: sgr(31, 39),
  green: sgr(32, 39),
  yellow: sgr(33, 39),
  cyan: sgr(36, 39),
}

/** Left for words, right for numbers. */
type Align = 'left' | 'right'

/** A cell, and how it is painted once it has its width. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string }

/**
 * Rows in columns as wide as their widest cell, two spaces between; no trailing blanks.
 * The last column is cut to what is left of `width`.
 * @param spare columns that are left out, one after the other, where the last one would be cut
 */
export const table = (
  aligns: readonly Align[],
  rows: readonly (readonly Cell[])[],
  width = Number.POSITIVE_INFINITY,
  [dropped, ...spare]: readonly number[] = [],
): string[] => {
  const textOf = (cell: Cell | undefined) => (cell === undefined || typeof cell === 'string' ? (cell ?? '') : cell.text)
  const widths = aligns.map((_, column) => Math.max(0, ...rows.map((row) => columnsOf(textOf(row[column])))))
  const before = widths.slice(0, -1).reduce((sum, own) => sum + own + 2, 0)
  if (dropped !== undefined && before + (widths.at(-1) ?? 0) > width) {
    const without = <T>(columns: readonly T[]) => columns.filter((_, column) => column !== dropped)
    const left = spare.map((column) => (column > dropped ? column - 1 : column))
    return table(without(aligns), rows.map(without), width, left)
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const last = column === row.length - 1
        const text = last ? cut(textOf(cell), width - before) : textOf(cell)
        const blanks = ' '.repeat(Math.max(0, (widths[column] ?? 0) - columnsOf(text)))
        const painted = typeof cell === 'string' || text === '' ? text : cell.paint(text)
        return aligns[column] === 'right' ? blanks + painted : painted + (last ? '' : blanks)
      })
      .join('  ')
      .trimEnd(),
  )
}

/** At most so many columns, the last of them `…` when something was cut. */
export const cut = (text: string, width: number): string => {
  if (columnsOf(text) <= Math.max(0, width)) return text
  let shown = ''
  let used = 1
  for (const character of text) {
    used += columnsOf(character)
    if (used > width) break
    shown += character
  }
  return `${shown}…`
}

/** In lines of at most `width` columns, broken at `between` only: a part that is longer than that has a line of its own. */
export const fold = (text: string, between: ' ' | ' · ', width: number): string[] => {
  const [first = '', ...parts] = text.split(between)
  const lines = [first]
  for (const part of parts) {
    const longer = `${lines.at(-1)}${between}${part}`
    if (columnsOf(longer) > width) lines.push(part)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** East Asian wide characters and emoji take two columns, combining marks and colours none. */
export const columnsOf = (text: string): number => {
  let columns = 0
  for (const character of stripVTControlCharacters(text))
    columns += /\p{Mark}/u.test(character)
      ? 0
      : /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f000}-\u{1ffff}\u{20000}-\u{3fffd}]/u.test(
            character,
          )
        ? 2
        : 1
  return columns
}

/** Characters that would act on the terminal or turn the direction of the text, each; lines and tabs among them. */
export const acting = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/** Without those; lines and tabs stay. */
export const harmless = (text: string): string =>
  text.replaceAll(acting, (character) =>
    /[\n\t]/.test(character) ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )

/** In quotes, on one line. */
export const quote = (text: string): string => harmless(JSON.stringify(text))

/** `1 node`, `3 nodes`. */
export const plural = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`

/** `3 of 3 copies`. */
export const tellCopies = ({ stored, wanted }: { stored: number; wanted: number }): string =>
  `${stored} of ${plural(wanted, 'copy', 'copies')}`

/** `0.4 ms`, `12 ms`, `1.3 s`. */
export const duration = (ms: number): string =>
  ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`

/** A time for JSON: more than hundredths would be noise. */
export const hundredths = (time: number): number => Math.round(time * 100) / 100

/** `4 s`, `12 min`, `3 h`, `5 d`. */
export const age = (ms: number): string => {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const
  const [unit, length] = units.find(([, unitMs]) => ms >= 2 * unitMs) ?? ['s', 1000]
  return `${Math.floor(ms / length)} ${unit}`
}

/** `10003`: by what people know a node, of its url; without one its host, and of what is no url, as a stranger may name one, all of it. */
export const portOf = (url: string): string => {
  if (!URL.canParse(url)) return harmless(url)
  const { port, host } = new URL(url)
  return port || host
}
