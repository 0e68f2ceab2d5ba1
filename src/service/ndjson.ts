/**
 * Many requests in one body: JSON, one object a line (NDJSON). Answered by as many lines in the same order, each a reply or an
 * error: a line that is wrong is no matter of the others.
 */
import { Refusal } from '../protocol/errors.ts'

export const ndjson = 'application/x-ndjson'

export const linesMax = 1000
/** Lines that are worked on at a time: enough for calls to travel together, few enough to leave room for who else asks. */
const underWayMax = 128

/**
 * The answers, in the order of the lines. Blank lines have none.
 * @param answer what to say to one line, in JSON; never rejects
 * @throws Refusal TOO_LARGE for too many lines, BAD_REQUEST for none
 */
export const answerLines = async (bytes: Buffer, answer: (line: Buffer) => Promise<string>): Promise<string> => {
  const lines = linesIn(bytes)
  if (lines.length === 0) throw new Refusal('BAD_REQUEST', 'the body has no line; each is an object: { "value": "hello" }')
  const answers: string[] = []
  let next = 0
  const work = async (): Promise<void> => {
    for (let at = next++; at < lines.length; at = next++) answers[at] = await answer(lines[at] as Buffer)
  }
  await Promise.all(lines.slice(0, underWayMax).map(work))
  return `${answers.join('\n')}\n`
}

const linesIn = (bytes: Buffer): Buffer[] => {
  const lines: Buffer[] = []
  for (let start = 0; ; ) {
    while (isBlank(bytes[start])) start++
    if (start === bytes.length) return lines
    if (lines.length === linesMax)
      throw new Refusal('TOO_LARGE', `one request may have ${linesMax} lines at most; send the others in another one`)
    const newline = bytes.indexOf(0x0a, start)
    const end = newline < 0 ? bytes.length : newline
    lines.push(bytes.subarray(start, end))
    start = end
  }
}

/** What JSON has around its values: space, tab, line feed, carriage return. */
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
