import fc from 'fast-check'

/** Any text of so many hex digits. */
export const hex = (digits: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'.split('')), { minLength: digits, maxLength: digits })
    .map((some) => some.join(''))
