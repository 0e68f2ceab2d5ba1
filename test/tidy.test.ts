/** The style of the house that no off-the-shelf tool checks: what a file is called, and what it may touch. */
import { readdirSync, readFileSync } from 'node:fs'
import { sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const linesMax = 250

const files = ['src', 'tasks', 'test'].flatMap((folder) =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.[cm]?[jt]s$/.test(path))
    .map((path) => `${folder}/${path.replaceAll(sep, '/')}`)
    .toSorted(),
)
const parse = (path: string, text = readFileSync(root + path, 'utf8')) =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

/** What makes a run depend on more than its inputs, and where to get it instead. */
const ambient = new Map([
  ['Date.now', 'clock.now()'],
  ['new Date', 'clock.now(), and dates as ms since 1970'],
  ['Math.random', 'random.below(limit)'],
  ['performance.now', 'clock.now()'],
  ['setTimeout', 'clock.sleep(ms)'],
  ['setInterval', 'clock.every(periodMs, job)'],
  ['import()', 'a static import'],
])

const useOf = (node: ts.Node): string | undefined => {
  if (ts.isPropertyAccessExpression(node)) return node.getText()
  if (ts.isNewExpression(node)) return `new ${node.expression.getText()}`
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return 'import()'
  if (!ts.isIdentifier(node)) return undefined
  const { parent } = node
  const isName =
    (ts.isPropertyAccessExpression(parent) && parent.name === node) || (ts.isPropertyAssignment(parent) && parent.name === node)
  return isName ? undefined : node.text
}

/** `['line 3: Date.now; take clock.now() from the ports (src/ports.ts)']` */
const ambientUses = (source: ts.SourceFile): string[] => {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const use = useOf(node)
    const instead = use === undefined ? undefined : ambient.get(use)
    if (instead !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
      found.push(`line ${line}: ${use}; take ${instead} from the ports (src/ports.ts)`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const isBarrel = (source: ts.SourceFile): boolean =>
  source.statements.length > 0 &&
  source.statements.every(
    (statement) => ts.isImportDeclaration(statement) || (ts.isExportDeclaration(statement) && !!statement.moduleSpecifier),
  ) &&
  source.statements.some(ts.isExportDeclaration)

describe('the check of ambient names', () => {
  test.each([
    ['const now = Date.now', 1],
    ['const at = new Date()', 1],
    ['const n = Math.random()', 1],
    ['setTimeout(run, 5); const timer = setInterval', 2],
    ["const late = await import('./late.ts')", 1],
    ['// Date.now() in words\nconst text = "setTimeout"', 0],
    ['clock.setTimeout(5)', 0],
    ['const day = new Dates()', 0],
  ])('%s: %i', (text, count) => expect(ambientUses(parse('sample.ts', text))).toHaveLength(count))
})

test.each(files.filter((path) => /^src\/(?!service\/)/.test(path)))(
  '%s takes time, chance and code from nowhere but its ports',
  (path) => expect(ambientUses(parse(path))).toEqual([]),
)

test('a room is named by what it knows', () => {
  const vague = /(^|\/)(utils?|common|helpers?|core|misc|shared|types)(\/|(\.test)?\.[cm]?[jt]s$)/
  expect(files.filter((path) => vague.test(path))).toEqual([])
})

test('no file but the package’s entry only passes on what others export', () =>
  expect(files.filter((path) => path !== 'src/index.ts' && isBarrel(parse(path)))).toEqual([]))

for (const path of files) {
  const lines = readFileSync(root + path, 'utf8').split('\n').length - 1
  if (lines > linesMax) console.warn(`${path} has ${lines} lines: it is asking for a noun`)
}
