/** Which secrets a network may have, and what is signed with them. */
import { describe, expect, test } from 'vitest'
import { keyIdOf, Keyring, secretsIn } from '../../src/service/keyring.ts'

const [old, young] = ['an-old-secret-of-24-chars', 'a-new-secret-of-24-chars!']

test.each([
  ['one', old, [old]],
  ['two with a comma', `${old},${young}`, [old, young]],
  ['two lines', `${old}\n${young}\n`, [old, young]],
  ['lines of another system, and blanks', ` ${old}\r\n\r\n${young} `, [old, young]],
])('%s', (_what, text, secrets) => expect(secretsIn(text)).toEqual(secrets))

test.each([
  ['nothing', ' \n,', /holds no secret/],
  ['a short one', 'hunter2', /16 printable ASCII characters at least/],
  ['a short one behind another', `${old},hunter2`, /16 printable ASCII characters at least/],
  ['one with a space', 'correct horse battery', /16 printable ASCII characters at least/],
  ['one beyond ASCII', 'ein-längeres-Geheimnis', /16 printable ASCII characters at least/],
])('%s is refused, in words that tell no secret', (_what, text, message) => {
  expect(() => new Keyring(() => text)).toThrow(message)
  for (const secret of text.split(',').filter((each) => each.trim()))
    expect(() => new Keyring(() => text)).not.toThrow(secret.trim())
})

describe('a rotation', () => {
  const words = 'hello'
  const signed = (keyring: Keyring) => ({ keyId: keyring.keyId, tag: keyring.sign(words) })
  const accepts = (keyring: Keyring, { keyId, tag }: ReturnType<typeof signed>) => keyring.verify(keyId, words, tag)

  test('refuses nobody as long as both secrets are known', () => {
    const [before, both, swapped, after] = [old, `${old},${young}`, `${young},${old}`, young].map(
      (text) => new Keyring(() => text),
    )
    if (!before || !both || !swapped || !after) throw new Error('four')
    expect([before, both, swapped, after].map(({ keyId }) => keyId)).toEqual([old, old, young, young].map(keyIdOf))
    expect(accepts(before, signed(both))).toBe('good')
    expect(accepts(both, signed(swapped))).toBe('good')
    expect(accepts(swapped, signed(both))).toBe('good')
    expect(accepts(swapped, signed(after))).toBe('good')
    expect(accepts(after, signed(swapped))).toBe('good')
    expect(accepts(after, signed(before))).toBe('unknown key')
  })

  test('is a file that is read again, and one of no use changes nothing', () => {
    let text = old
    const keyring = new Keyring(() => text)
    const earlier = signed(keyring)
    text = 'oops'
    expect(() => keyring.renew()).toThrow(/16 printable/)
    expect(accepts(keyring, earlier)).toBe('good')
    text = young
    keyring.renew()
    expect(keyring.keyId).toBe(keyIdOf(young))
    expect(accepts(keyring, earlier)).toBe('unknown key')
  })
})

test('a tag is of these words, under this key, and of its length', () => {
  const keyring = new Keyring(() => old)
  const tag = keyring.sign('hello')
  expect(tag).toHaveLength(16)
  expect(keyring.verify(keyring.keyId, 'hello', tag)).toBe('good')
  expect(keyring.verify(keyring.keyId, 'hellp', tag)).toBe('bad tag')
  for (const wrong of [tag.subarray(0, 15), Buffer.alloc(0), Buffer.concat([tag, tag])])
    expect(keyring.verify(keyring.keyId, 'hello', wrong)).toBe('bad tag')
  expect(keyring.verify('00000000', 'hello', tag)).toBe('unknown key')
})
