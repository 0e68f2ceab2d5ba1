import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../tasks/address.ts'
import { parseBoot, parseReboot } from '../../tasks/boot.ts'
import { WrongUse } from '../../tasks/failure.ts'
import { nameWord, shellWords } from '../../tasks/task.ts'
import { portNumber, refuseFlagsThatNpmTook, splitWords, wholeNumber } from '../../tasks/words.ts'

const store = { name: 'store', options: { name: 'a name' }, text: true }
const boot = { name: 'boot', options: { bits: 'a width', port: 'a port' }, text: false }

describe('words', () => {
  test.each([
    // words, plain, options, json
    ['hello world', ['hello', 'world'], {}, false],
    ['hello world name=x', ['hello', 'world'], { name: 'x' }, false],
    ['name=x hello json', ['hello'], { name: 'x' }, true],
    ['json', ['json'], {}, false],
    ['1 + 1=2', ['1', '+', '1=2'], {}, false],
    ['bits=8', ['bits=8'], {}, false],
    ['-5 --verbose', ['-5', '--verbose'], {}, false],
  ])('of a task with free text: %s', (words, plain, options, json) =>
    expect(splitWords(words.split(' '), store)).toEqual({ plain, options, json }),
  )

  test.each([
    ['5 bits=8 json', ['5'], { bits: '8' }, true],
    ['json', [], {}, true],
    ['-5', ['-5'], {}, false],
  ])('of other tasks: %s', (words, plain, options, json) =>
    expect(splitWords(words.split(' '), boot)).toEqual({ plain, options, json }),
  )

  test.each([
    ['bytes=8', 'boot has no option bytes=; it has bits= port='],
    ['--bits=8', '--bits=8 is a flag; options of boot are words like name=value: it has bits= port='],
    ['-v', '-v is a flag; options of boot are words like name=value: it has bits= port='],
    ['bits=8 bits=9', 'bits= is given twice; once is enough'],
    ['json bits=8', 'json goes last: npm run -s task boot … json'],
    ['bits= 8', 'bits= needs a value after the equals sign, without a space'],
    ['constructor=1', 'boot has no option constructor=; it has bits= port='],
  ])('refused: %s', (words, message) => expect(() => splitWords(words.split(' '), boot)).toThrow(new WrongUse(message)))

  test('a flag that npm took for itself is not lost in silence', () => {
    const took = (env: Record<string, string>) => () => refuseFlagsThatNpmTook(env, boot)
    expect(took({ npm_config_port: '10005' })).toThrow(
      'npm took --port for itself; write it as a word: npm run task boot … port=10005',
    )
    expect(took({ npm_config_json: 'true' })).toThrow('write it as a word: npm run task boot … json')
    expect(took({ npm_config_1: 'true' })).toThrow('npm took -1 for itself; boot takes no number below zero')
    expect(() => refuseFlagsThatNpmTook({ 'npm_config_1.5': 'true' }, store)).toThrow('npm run task store -- -1.5')
    expect(took({ npm_config_v: 'true' })).toThrow('npm took -v for itself; boot takes no flags')
    // Was stored as "rm".
    expect(() => refuseFlagsThatNpmTook({ npm_config_rf: 'true' }, store)).toThrow('npm run task store -- -rf')
    expect(took({ npm_config_cache: '/tmp', npm_config_port: '', npm_config_yes: 'true', npm_config_ca: '' })).not.toThrow()
  })

  test.each(['', '1.0', '1e1', ' 1', '0x1', '01', '-1', '0', '65536', 'NaN', '9'.repeat(30)])('%j is no port', (text) =>
    expect(() => portNumber(text)).toThrow(WrongUse),
  )

  test('whole numbers include their limits', () => {
    expect(wholeNumber('seed', '0', 0, 5)).toBe(0)
    expect(wholeNumber('seed', '5', 0, 5)).toBe(5)
  })
})

describe('what is to be booted', () => {
  const parse = (words: string) => {
    const options = Object.fromEntries(
      words.split(' ').flatMap((word) => (word.includes('=') ? [word.split('=') as [string, string]] : [])),
    )
    return parseBoot({ plain: words.split(' ').filter((word) => word && !word.includes('=')), options })
  }

  test('two nodes of Chord from port 10001 without any words', () => {
    expect(parse('')).toMatchObject({
      nodes: 2,
      port: 10001,
      options: {
        overlay: 'chord',
        bits: 160,
        mode: 'onehop',
        replicas: 3,
        successors: 5,
        membership: 'local',
        probeEveryMs: 500,
      },
    })
  })

  test.each([
    ['5', { nodes: 5 }],
    ['chord 3', { nodes: 3 }],
    ['3 kademlia', { nodes: 3, options: { overlay: 'kademlia', k: 8, replicas: 3 } }],
    ['kademlia replicas=12', { options: { replicas: 12, k: 12 } }],
    ['bytestag', { options: { overlay: 'kademlia', k: 20, replicas: 20, refreshEveryMs: 3_600_000 } }],
    ['kademlia bytestag', { options: { overlay: 'kademlia', k: 20 } }],
    ['bytestag kademlia', { options: { overlay: 'kademlia', k: 20 } }],
    ['lab', { nodes: 2, options: { overlay: 'chord', ownership: 'predecessor', mode: 'linear', bits: 32, replicas: 1 } }],
    ['replicas=1', { options: { replicas: 1, successors: 5 } }],
    ['replicas=5', { options: { replicas: 5, successors: 7 } }],
    ['secret=on', { secret: true }],
    ['membership=lan gossipNodes=4', { options: { membership: 'lan', probeEveryMs: 1000, gossipNodes: 4 } }],
    ['lab replicas=3', { options: { ownership: 'predecessor', replicas: 3 } }],
    ['replicas=3 successors=8', { options: { replicas: 3, successors: 8 } }],
    ['4 lab bits=16 port=20001', { nodes: 4, port: 20001, options: { ownership: 'predecessor', bits: 16 } }],
    ['allowCustomIds=true stabilizeEveryMs=100', { options: { allowCustomIds: true, stabilizeEveryMs: 100 } }],
  ])('%s', (words, plan) => expect(parse(words)).toMatchObject(plan))

  test.each([
    ['0', 'the number of nodes must be a whole number from 1 to 500, not "0"'],
    ['chord pastry', 'boot makes one network: chord and pastry are of two overlays'],
    ['chord bytestag', 'chord and bytestag are of two overlays'],
    ['bytestag chord', 'kademlia and chord are of two overlays'],
    ['129 bits=8', 'ids of 8 bits are for 128 nodes at most, not 129; boot with more bits'],
    ['3 4', 'boot takes one number of nodes: 3 or 4'],
    [
      'egoist',
      'boot cannot use "egoist"; it takes a number of nodes, an overlay (chord, kademlia, pastry), a preset (lab, bytestag) and name=value',
    ],
    ['kademlia successors=7', 'successors is no option of kademlia'],
    ['kademlia mode=linear', 'mode must be one of: buckets, onehop, in kademlia'],
    ['kademlia k=3 replicas=4', 'k must be at least replicas'],
    ['lab kademlia', 'boot makes one network: chord and kademlia are of two overlays'],
    ['__proto__', 'boot cannot use "__proto__"'],
    ['bits=9', 'bits must be a multiple of 4 from 8 to 160, not 9; type: npm run task help boot'],
    ['bits=8.0', 'bits must be a whole number from 0'],
    ['mode=sideways', 'mode must be'],
    ['probeTimeoutMs=500', 'probeTimeoutMs must be less than probeEveryMs'],
    ['allowCustomIds=yes', 'allowCustomIds is true or false, not "yes"'],
    ['successors=0', 'successors must be'],
    ['secret=hunter2', 'secret is on or off, not "hunter2": boot makes one by itself'],
    ['port=70000', 'port must be a whole number from 1 to 65535, not "70000"'],
  ])('refused: %s', (words, message) => {
    expect(() => parse(words)).toThrow(WrongUse)
    expect(() => parse(words)).toThrow(message)
  })
})

describe('what is to be booted again', () => {
  const plan = { ...parseBoot({ plain: ['4', 'kademlia'], options: { port: '20001' } }), id: '7f3a000000000000' }

  test.each([
    ['as before', [], {}, { nodes: 4, port: 20001, options: { overlay: 'kademlia' } }],
    ['as told, where the one before began', ['5', 'pastry'], {}, { nodes: 5, port: 20001, options: { overlay: 'pastry' } }],
    ['as told, somewhere else', [], { port: '20101' }, { nodes: 2, port: 20101 }],
  ])('%s', (_, plain, options, wanted) => expect(parseReboot({ plain, options }, plan)).toMatchObject(wanted))

  test('without a network before it is what boot would found', () => {
    expect(parseReboot({ plain: ['5'], options: {} }, null)).toEqual(parseBoot({ plain: ['5'], options: {} }))
  })
})

describe('an address', () => {
  test.each([
    [['hello', 'world'], {}, { value: 'hello world' }],
    [[], { name: 'greeting' }, { name: 'greeting' }],
    [[], { key: 'ab' }, { key: 'ab' }],
    [[], { value: 'name=x' }, { value: 'name=x' }],
  ])('%j %j', (plain, options, address) => expect(parseAddress('lookup', { plain, options })).toEqual(address))

  test.each([
    [[], {}],
    [['hello'], { name: 'x' }],
    [['hello'], { value: 'x' }],
    [[], { name: 'x', key: 'ab' }],
  ])('refused: %j %j', (plain, options) => expect(() => parseAddress('lookup', { plain, options })).toThrow(WrongUse))

  // Was sent, and the node answered with a path of HTTP.
  test.each(['x'.repeat(16 * 1024), 'ü'.repeat(3000)])(
    'a value that an address has no room for is asked for by its key',
    (value) => expect(() => parseAddress('lookup', { plain: [value], options: {} })).toThrow('npm run task lookup key='),
  )
})

test.each([
  ['hello', 'hello', 'name=hello'],
  ['hello world', 'hello world', "name='hello world'"],
  ['hello json', "'hello json'", "name='hello json'"],
  ['json', 'json', 'name=json'],
  ['two  spaces', "'two  spaces'", "name='two  spaces'"],
  [' ', "' '", "name=' '"],
  ['name=x', "value='name=x'", "name='name=x'"],
  ['a key=b', "value='a key=b'", "name='a key=b'"],
  ['-5', '-- -5', 'name=-5'],
  ['ls -l', '-- ls -l', "name='ls -l'"],
  ['a & b', "'a & b'", "name='a & b'"],
  ["it's", "'it'\\''s'", "name='it'\\''s'"],
  // Turned the terminal red.
  ['l1\nl2\x1b[31mred', "$'l1\\x0al2\\x1b[31mred'", "name=$'l1\\x0al2\\x1b[31mred'"],
  ["it's\ta \\", "$'it\\'s\\x09a \\\\'", "name=$'it\\'s\\x09a \\\\'"],
  ['\u{1f468}\u200d\u{1f469}', "$'\u{1f468}\\xe2\\x80\\x8d\u{1f469}'", "name=$'\u{1f468}\\xe2\\x80\\x8d\u{1f469}'"],
  ['a\u202eb', "$'a\\xe2\\x80\\xaeb'", "name=$'a\\xe2\\x80\\xaeb'"],
])('%j is typed %s as a value, and %s as a name', (text, value, name) => {
  expect(shellWords(text)).toBe(value)
  expect(nameWord(text)).toBe(name)
})
