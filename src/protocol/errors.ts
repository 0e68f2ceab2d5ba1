/**
 * Everything the world can do to a caller, by code. A code has one HTTP status and one meaning; the message of the
 * instance tells what to do next.
 */
export const errorStatus = {
  BAD_REQUEST: 400,
  BAD_ID: 400,
  BAD_RECORD: 400,
  UNAUTHORIZED: 401,
  FOREIGN_ORIGIN: 403,
  FOREIGN_HOST: 403,
  NOT_FOUND: 404,
  NOT_HELD: 404,
  NO_SUCH_ENDPOINT: 404,
  METHOD_NOT_ALLOWED: 405,
  ID_TAKEN: 409,
  KEY_FULL: 409,
  LAST_NODE: 409,
  OTHER_NETWORK: 409,
  STILL_OWNED: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA: 415,
  WRONG_NODE: 421,
  STAMP_AHEAD: 422,
  INTERNAL: 500,
  NOT_JOINED: 503,
  NO_ROUTE: 503,
  INCONCLUSIVE: 503,
  NOT_ENOUGH_COPIES: 503,
  OVERLOADED: 503,
  STORE_FULL: 507,
} as const

export type ErrorCode = keyof typeof errorStatus

/** Fields that travel beside `error` and `message`. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** `{ "error": CODE, "message": what to do next, … }` */
export interface ErrorBody {
  error: ErrorCode
  message: string
  [detail: string]: unknown
}

/** A catalogued answer that is no success: thrown by a handler, sent as JSON, thrown again by the caller's network port. */
export class Refusal extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message)
    this.name = 'Refusal'
    this.code = code
    this.details = details
  }

  get status(): number {
    return errorStatus[this.code]
  }

  toBody(): ErrorBody {
    return { error: this.code, message: this.message, ...this.details }
  }
}

/** Of a value. */
export const tooLarge = (): Refusal => new Refusal('TOO_LARGE', 'a value may have 1 MiB at most; store it in parts')

/** Nobody answered as that peer: refused, timed out, answered nonsense, or another node lives there now. */
export class Unreachable extends Error {
  /** Whether its machine was there, and said that nobody listens. */
  readonly isRefused: boolean

  constructor(url: string, reason: string, { isRefused = false, ...options }: ErrorOptions & { isRefused?: boolean } = {}) {
    super(`${url} did not answer: ${reason}`, options)
    this.name = 'Unreachable'
    this.isRefused = isRefused
  }
}

/**
 * Codes which say that the peer one wanted is not a member at that address, or that we are none to it: to whoever called, it is dead.
 * A network port throws `Unreachable` for them.
 */
const absent: ReadonlySet<ErrorCode> = new Set(['NOT_JOINED', 'OTHER_NETWORK', 'WRONG_NODE', 'UNAUTHORIZED'])

/** Characters of what a peer says of an error: it is logged, and told to people. */
const messageMost = 500

/** What a network port throws for an error that a peer answered. Of the details there are only those that its caller looks at, and checks. */
export const errorFromPeer = (url: string, body: ErrorBody): Refusal | Unreachable => {
  const { error, message, ...details } = body
  if (absent.has(error)) return new Unreachable(url, error)
  const heeded = error === 'NOT_HELD' ? details : error === 'ID_TAKEN' ? { by: details['by'] } : {}
  return new Refusal(error, message.slice(0, messageMost).toWellFormed(), heeded)
}

export const isErrorBody = (body: unknown): body is ErrorBody =>
  typeof body === 'object' &&
  body !== null &&
  'error' in body &&
  'message' in body &&
  typeof body.error === 'string' &&
  typeof body.message === 'string' &&
  Object.hasOwn(errorStatus, body.error)
