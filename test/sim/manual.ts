import type { Spindle } from '../../src/sim/disk.ts'

/** Flushes end when the test says so, in any order. */
export class Manual implements Spindle {
  readonly ends: (() => void)[] = []

  after(_: number, run: () => void): void {
    this.ends.push(run)
  }

  flushMs(): number {
    return 1
  }

  endAll(): void {
    for (const end of this.ends.splice(0)) end()
  }
}
