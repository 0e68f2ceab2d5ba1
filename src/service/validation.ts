/**
 * Schemas at work: the checks of one network, and what to tell who failed one.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { TSchema } from 'typebox'
import { Refusal, tooLarge } from '../protocol/errors.ts'
import { formats } from '../protocol/schemas.ts'
import { type Walk, walkOf } from './walk.ts'

export interface Validation {
  /** Of a request or a reply: no coercion, no removal, unknown fields refused where the schema is closed. */
  strict(schema: TSchema): ValidateFunction
}

/** @param bits how wide the network's ids are */
export const createValidation = (bits: number): Validation => {
  const known = formats(bits)
  const ajv = new Ajv({ strictTypes: false, verbose: true, meta: false, validateSchema: false, formats: known })
  return { strict: (schema) => quickly(walkOf(schema, known), () => ajv.compile(schema)) }
}

/** What surely fits needs no more; the rest, which is rare, is for code that is compiled when the first of it comes. */
const quickly = (surelyFits: Walk, compile: () => ValidateFunction): ValidateFunction => {
  let compiled: ValidateFunction | undefined
  const validate = (data: unknown): boolean => {
    if (surelyFits(data)) return true
    compiled ??= compile()
    const valid = compiled(data)
    validate.errors = compiled.errors
    return valid
  }
  validate.errors = undefined as ValidateFunction['errors']
  return validate as ValidateFunction
}

const places: Readonly<Record<string, string>> = { body: 'the body', querystring: 'the query', params: 'the path' }

/**
 * What is wrong with a request, as an answer: which field, and what it may be.
 * @param part of the request, as Fastify calls it
 */
export const explain = (errors: readonly ErrorObject[] | null | undefined, part: string, bits: number): Refusal => {
  const [error] = errors ?? []
  const where = places[part] ?? part
  if (!error) return new Refusal('BAD_REQUEST', `${where} is not as it should be`)
  const field = error.instancePath.slice(1).replaceAll('/', '.')
  const { keyword, params } = error
  if (keyword === 'format' && params['format'] === 'id')
    return new Refusal(
      'BAD_ID',
      `${field} must be an id of this network: ${bits / 4} lowercase hex digits.${part === 'params' && field === 'key' ? ' To ask by content or by name: ?value=… or ?name=…' : ''}`,
    )
  if (keyword === 'maxLength' && field === 'value') return tooLarge()
  if (part === 'querystring' && Array.isArray(error.data))
    return new Refusal('BAD_REQUEST', `${field} is in the query twice; give it once`)
  return new Refusal('BAD_REQUEST', `${field || where} ${wish(error)}`)
}

const wish = ({ keyword, params, parentSchema, message }: ErrorObject): string => {
  switch (keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const known = Object.keys((parentSchema?.['properties'] as object | undefined) ?? {})
      const unknown = JSON.stringify(params['additionalProperty'])
      const [pattern] = Object.keys((parentSchema?.['patternProperties'] as object | undefined) ?? {})
      if (pattern !== undefined) return `has no field ${unknown}; a name there fits ${pattern}`
      if (unknown === '"key"' && known.includes('value')) return 'has no field "key"; a key goes into the path: /lookup/KEY'
      return `has no field ${unknown}; ${known.length > 0 ? `it may have: ${known.join(', ')}` : 'it takes none'}`
    }
    case 'required':
      return `lacks the field ${params['missingProperty']}`
    case 'type':
      return `must be of type ${params['type']}`
    case 'enum':
      return `must be one of: ${(params['allowedValues'] as unknown[]).join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`
    case 'pattern':
      return `must be ${parentSchema?.['description'] ?? `of the form ${params['pattern']}`}`
    case 'format':
      return 'must be an http origin like http://127.0.0.1:10001, without a path'
    default:
      return message ?? 'is not as it should be'
  }
}
