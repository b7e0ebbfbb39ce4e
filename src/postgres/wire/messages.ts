/**
 * The few messages of the frontend/backend protocol 3.0 that the short way sends and gets, as pure functions:
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import { attempt, must } from '../../failure.ts'

/** A message of the server; those that are no part of an answer are left out. */
export type Message =
  | Readonly<{ is: 'login'; step: number; data: Buffer }>
  | Readonly<{ is: 'error'; state: string; text: string }>
  | Readonly<{ is: 'columns'; columns: readonly Column[] }>
  | Readonly<{ is: 'row'; values: readonly (string | null)[] }>
  | Readonly<{ is: 'done' }>
  | Readonly<{ is: 'ready' }>

/** A column of an answer, with the oid of its type. */
export type Column = Readonly<{ name: string; type: number }>

/** Bytes. The history has no longer row. */
const longest = 1024 * 1024

/**
 * Takes the messages from the beginning of what a server has sent.
 * @returns them, and the bytes of one that has not come whole; undefined for what the short way does not expect
 */
export const decode = (bytes: Buffer): Readonly<{ messages: readonly Message[]; rest: Buffer }> | undefined => {
  const messages: Message[] = []
  let start = 0
  // a letter, and the length of what follows the letter
  while (bytes.length - start >= 5) {
    const length = bytes.readInt32BE(start + 1)
    if (length < 4 || length > longest) return undefined
    const end = start + 1 + length
    if (bytes.length < end) break
    const letter = String.fromCharCode(bytes.readUInt8(start))
    const body = bytes.subarray(start + 5, end)
    const message = attempt(() => (passedOver.includes(letter) ? undefined : toMessage(letter, body)))
    if ('error' in message) return undefined
    if (message.value !== undefined) messages.push(message.value)
    start = end
  }
  return { messages, rest: bytes.subarray(start) }
}

/** A key to cancel by, settings, notices and notifications, which may come at any time, and the steps of a statement. */
const passedOver = 'KSNA12'

/** @throws Error for a message that is another one, or broken */
const toMessage = (letter: string, body: Buffer): Message => {
  if (letter === 'R') return { is: 'login', step: body.readInt32BE(0), data: body.subarray(4) }
  if (letter === 'E') return toError(body)
  if (letter === 'T') return toColumns(body)
  if (letter === 'D') return toRow(body)
  if (letter === 'C') return { is: 'done' }
  // outside of a transaction
  if (letter === 'Z' && body.toString('latin1') === 'I') return { is: 'ready' }
  throw unexpected
}

const unexpected = new Error('the short way does not expect this')

/** A text that ends with a NUL, and where the next thing begins. */
const textAt = (body: Buffer, start: number): readonly [text: string, next: number] => {
  const end = body.indexOf(0, start)
  if (end === -1) throw unexpected
  return [body.toString('utf8', start, end), end + 1]
}

/** Fields, each a letter and a text, and a NUL. */
const toError = (body: Buffer): Message => {
  const fields: Record<string, string> = {}
  for (let at = 0; body.readUInt8(at) !== 0; ) {
    const [text, next] = textAt(body, at + 1)
    fields[String.fromCharCode(body.readUInt8(at))] = text
    at = next
  }
  return { is: 'error', state: must(fields.C), text: must(fields.M) }
}

const toColumns = (body: Buffer): Message => {
  const columns: Column[] = []
  let at = 2
  for (let count = body.readUInt16BE(0); count > 0; count -= 1) {
    const [name, next] = textAt(body, at)
    // its table (4) and number there (2) before; size (2), modifier (4) and format (2) after
    columns.push({ name, type: body.readUInt32BE(next + 6) })
    if (body.readUInt16BE(next + 16) !== 0) throw unexpected
    at = next + 18
  }
  if (at !== body.length) throw unexpected
  return { is: 'columns', columns }
}

const toRow = (body: Buffer): Message => {
  const values: (string | null)[] = []
  let at = 2
  for (let count = body.readUInt16BE(0); count > 0; count -= 1) {
    const length = body.readInt32BE(at)
    const end = at + 4 + Math.max(0, length)
    if (length < -1 || end > body.length) throw unexpected
    values.push(length === -1 ? null : body.toString('utf8', at + 4, end))
    at = end
  }
  if (at !== body.length) throw unexpected
  return { is: 'row', values }
}

const int32 = (number: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(number)
  return bytes
}

/** A message for the server. Its length counts itself. */
export const encode = (letter: string, ...parts: readonly (string | Buffer)[]): Buffer => {
  const body = Buffer.concat(parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
  return Buffer.concat([Buffer.from(letter), int32(body.length + 4), body])
}

/** The first message, which has no letter: the version of the protocol, and who wants what. */
export const startup = (user: string, database: string): Buffer =>
  encode('', int32(0x30000), `user\0${user}\0database\0${database}\0client_encoding\0UTF8\0\0`)

/** Asks whether the server has TLS: https://www.postgresql.org/docs/current/protocol-message-formats.html (SSLRequest) */
export const tlsRequest = encode('', int32(80_877_103))

/** @param text ends with a NUL where the answer is a password */
export const answer = (...parts: readonly string[]): Buffer => encode('p', ...parts)

/** The beginning of SCRAM: the mechanism, and what the client says first. */
export const beginSasl = (mechanism: string, first: string): Buffer =>
  encode('p', `${mechanism}\0`, int32(Buffer.byteLength(first)), first)

export const terminate = encode('X')

/** One statement by the extended protocol: parsed, bound to texts, described, run to its end. All values are texts, both ways. */
export const statement = (sql: string, values: readonly string[]): Buffer => {
  const bound = values.flatMap(value => [int32(Buffer.byteLength(value)), value])
  // two NUL are the number 0: of types, and of formats
  return Buffer.concat([
    encode('P', `\0${sql}\0\0\0`),
    encode('B', '\0\0\0\0', int32(values.length).subarray(2), ...bound, '\0\0'),
    encode('D', 'P\0'),
    encode('E', '\0', int32(0)),
    encode('S'),
  ])
}
