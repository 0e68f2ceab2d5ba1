/**
 * The quick half of a check: whether a value surely fits a schema, told by walking both.
 *
 * Ajv compiles a schema to code before it checks anything, some ten milliseconds each in a process that has just started:
 * for all that a node says and hears while it joins, two thirds of its start. A walk needs no code, and it is right whenever
 * it says yes. Whatever it does not know, a keyword or a length that is counted in another way, it does not say yes to.
 */
import type { TSchema } from 'typebox'

export type Walk = (value: unknown) => boolean
export type Formats = Readonly<Record<string, (text: string) => boolean>>

/** What is checked here, and what says nothing of the value. */
const known = new Set(
  (
    'type properties patternProperties required additionalProperties items minItems maxItems minLength maxLength ' +
    'pattern format minimum maximum enum const anyOf description default'
  ).split(' '),
)

interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
}

const never: Walk = () => false

/** @returns true: the value fits; false: ask someone who knows better */
export const walkOf = (schema: TSchema, formats: Formats): Walk => walk(schema as Schema, formats)

const walk = (schema: Schema, formats: Formats): Walk => {
  if (Object.keys(schema).some((keyword) => !known.has(keyword))) return never
  const { type, anyOf, enum: choices } = schema
  const walks: Walk[] = []
  if (type !== undefined) walks.push(anyOfThem([type].flat().map((one) => walkType(one, schema, formats))))
  if ('const' in schema) walks.push((value) => value === schema.const)
  if (choices) walks.push((value) => choices.includes(value))
  if (anyOf) walks.push(anyOfThem(anyOf.map((one) => walk(one, formats))))
  const [first = never, ...rest] = walks
  return rest.length === 0 ? first : (value) => walks.every((fits) => fits(value))
}

const anyOfThem = ([first = never, ...rest]: readonly Walk[]): Walk =>
  rest.length === 0 ? first : (value) => first(value) || rest.some((fits) => fits(value))

const walkType = (type: string, schema: Schema, formats: Formats): Walk => {
  switch (type) {
    case 'object':
      return walkObject(schema, formats)
    case 'array':
      return walkArray(schema, formats)
    case 'string':
      return walkText(schema, formats)
    case 'number':
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = schema
      const fits = type === 'integer' ? Number.isInteger : Number.isFinite
      return (value) => fits(value) && (value as number) >= minimum && (value as number) <= maximum
    }
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'null':
      return (value) => value === null
    default:
      return never
  }
}

const walkObject = (schema: Schema, formats: Formats): Walk => {
  const { required = [], additionalProperties, patternProperties } = schema
  if (additionalProperties !== undefined && additionalProperties !== false) return never
  const closed = additionalProperties === false
  // To Ajv a field that is undefined is not there, unless its name is only like a pattern.
  const mayLack = patternProperties === undefined
  const walkFor = walkField(schema, formats)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const fields = value as Readonly<Record<string, unknown>>
    for (const name of required) if (fields[name] === undefined) return false
    for (const name in fields) {
      const fits = walkFor(name)
      const field = fields[name]
      if (fits ? !(mayLack && field === undefined) && !fits(field) : closed) return false
    }
    return true
  }
}

/** What a field of that name must fit, if anything is said of it. */
const walkField = (
  { properties = {}, patternProperties = {} }: Schema,
  formats: Formats,
): ((name: string) => Walk | undefined) => {
  const named = new Map(Object.entries(properties).map(([name, schema]) => [name, walk(schema, formats)]))
  const patterns = Object.entries(patternProperties).map(([pattern, schema]) => ({
    names: new RegExp(pattern, 'u'),
    fits: walk(schema, formats),
  }))
  if (patterns.length === 0) return (name) => named.get(name)
  return (name) => {
    const own = named.get(name)
    const matching = patterns.filter(({ names }) => names.test(name))
    if (matching.length === 0) return own
    return (value) => (own === undefined || own(value)) && matching.every(({ fits }) => fits(value))
  }
}

const walkArray = ({ items, minItems = 0, maxItems = Infinity }: Schema, formats: Formats): Walk => {
  const fits = items ? walk(items, formats) : () => true
  return (value) => Array.isArray(value) && value.length >= minItems && value.length <= maxItems && value.every(fits)
}

const walkText = ({ minLength = 0, maxLength = Infinity, pattern, format }: Schema, formats: Formats): Walk => {
  const expression = pattern === undefined ? undefined : new RegExp(pattern, 'u')
  const isOfFormat = format === undefined ? () => true : (formats[format] ?? never)
  // Schemas count characters, a text counts halves of surrogate pairs too: one is at most twice the other.
  const sureLength = minLength < 2 ? minLength : 2 * minLength
  return (value) =>
    typeof value === 'string' &&
    value.length >= sureLength &&
    value.length <= maxLength &&
    (expression === undefined || expression.test(value)) &&
    isOfFormat(value)
}
