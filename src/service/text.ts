/** What is written as text, in a path, a query, a form or the environment, and read by one rule. */

/** The whole number that a text spells: `12` or `-12`, not `012`, `1e1`, `+12` or ` 12`. undefined when it spells none. */
export const numberIn = (text: string): number | undefined => (/^(0|-?[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined)

/** The same of whatever stands in a field: what spells no number is left as it is, for the schema to refuse. */
export const numbered = (field: unknown): unknown => (typeof field === 'string' ? (numberIn(field) ?? field) : field)

/** `true` and `false` of a field that spells them; what spells neither is left as it is. */
export const truthful = (field: unknown): unknown => (field === 'true' ? true : field === 'false' ? false : field)

/** An address without escapes; undefined when one of them stands for no UTF-8, as `%ff`. */
export const decoded = (address: string): string | undefined => {
  try {
    return decodeURIComponent(address)
  } catch (error) {
    if (!(error instanceof URIError)) throw error
    return undefined
  }
}

/** `'POLYCHORD_STABILIZE_EVERY_MS'` of `'stabilizeEveryMs'`: the variable that sets a field of NodeConfig. */
export const variableOf = (field: string): string =>
  `POLYCHORD_${field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
