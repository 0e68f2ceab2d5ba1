/** Where the output of a task goes: a terminal, where lines may be drawn anew and coloured, or a pipe. */
import { colourPaint, type Paint, plainPaint } from './render/text.ts'

/** Lines that are longer than the window is wide end at its edge. */
const cutLines = '\u001b[?7l'
const wrapLines = '\u001b[?7h'
const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const eraseLine = '\r\u001b[K'

/** What a terminal is to us: process.stdout. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** 0 where a terminal does not know its size. */
  readonly columns?: number
  readonly rows?: number
}

/** Of a task that begins nothing which outlives it. */
export const nothingUnfinished = (): string => 'nothing of it runs on'

export class Terminal {
  readonly isTerminal: boolean
  readonly paint: Paint
  /** What Ctrl-C leaves behind, told by a task that knows more of it than `status` shows; '' where it ends so. */
  tellUnfinished: (() => string) | undefined
  /** Whether nobody reads its output any more. */
  isClosed = false
  readonly #output: Output
  /** Lines drawn that the next drawing goes over. */
  #drawn = 0
  #line = false

  constructor(output: Output, env: NodeJS.ProcessEnv) {
    this.#output = output
    this.isTerminal = output.isTTY === true && env['TERM'] !== 'dumb'
    this.paint = this.isTerminal && !env['NO_COLOR'] ? colourPaint : plainPaint
  }

  get columns(): number {
    return this.#output.isTTY ? Math.max(40, this.#output.columns || 80) : Number.POSITIVE_INFINITY
  }

  get rows(): number {
    return this.isTerminal ? Math.max(10, this.#output.rows || 24) : Number.POSITIVE_INFINITY
  }

  print(text: string): void {
    this.settle()
    this.#output.write(`${text}\n`)
  }

  /** A line that the next one replaces; nothing where that is impossible. */
  progress(text: string): void {
    if (!this.isTerminal) return
    this.#output.write(`${eraseLine}${cutLines}${text}${wrapLines}`)
    this.#line = true
  }

  /** Lines over those drawn before; below them where that is impossible. */
  draw(lines: readonly string[]): void {
    if (!this.isTerminal) {
      this.print(`${lines.join('\n')}\n`)
      return
    }
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    this.#output.write(`${hideCursor}${cutLines}${up}\r\u001b[J${lines.join('\n')}\n${wrapLines}`)
    this.#drawn = lines.length
  }

  /** Leaves the terminal as it was: to be called before anything else is said, and at the end. */
  settle(): void {
    if (this.#line) this.#output.write(eraseLine)
    if (this.#drawn > 0) this.#output.write(showCursor)
    this.#line = false
    this.#drawn = 0
  }
}
