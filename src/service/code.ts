/** The codes of errors: those of the system, and ours. */

/** `'ENOENT'`, `'ID_TAKEN'`, …; undefined where it has none. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

export const hasCode = (error: unknown, ...codes: string[]): error is NodeJS.ErrnoException =>
  codes.includes(codeOf(error) ?? '')
