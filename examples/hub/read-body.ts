import type { IncomingMessage } from 'node:http'

/** An answer that is not 200, and why. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Bytes that a body may have: an agent's report is far smaller. */
const most = 64 * 1024

/** What a field may be; null is always one. */
type Kind = 'text' | 'integer' | 'counter' | 'real' | 'time'

export const serverFields = {
  hostname: 'text',
  display_name: 'text',
  ip_address: 'text',
  status: 'text',
  os_distribution: 'text',
  os_version: 'text',
  kernel_version: 'text',
  architecture: 'text',
  tdp_watts: 'integer',
  last_seen: 'time',
} as const satisfies Readonly<Record<string, Kind>>

export const metricFields = {
  timestamp: 'time',
  cpu_percent: 'real',
  memory_percent: 'real',
  memory_total_mb: 'integer',
  memory_used_mb: 'integer',
  disk_percent: 'real',
  disk_total_gb: 'real',
  disk_used_gb: 'real',
  network_rx_bytes: 'counter',
  network_tx_bytes: 'counter',
  load_1m: 'real',
  load_5m: 'real',
  load_15m: 'real',
  uptime_seconds: 'counter',
} as const satisfies Readonly<Record<string, Kind>>

/**
 * The fields of a body in JSON. Those that the database makes itself are passed over.
 * @throws Refusal 413 for a body that is too large, 400 for one that is no JSON object, has other fields, or values that are none of theirs
 */
export const readBody = async (
  request: IncomingMessage,
  fields: Readonly<Record<string, Kind>>,
): Promise<Readonly<Record<string, unknown>>> => {
  const found = Object.entries(parse(await readText(request))).filter(([name]) => !made.includes(name))
  return Object.fromEntries(
    found.map(([name, value]) => {
      const kind = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (kind === undefined) throw new Refusal(400, `there is no field ${JSON.stringify(name)}`)
      if (value === null) return [name, null]
      if (!checks[kind](value)) throw new Refusal(400, `${name} is no ${kind}`)
      return [name, kind === 'time' ? toTime(value, name) : value]
    }),
  )
}

const made = ['id', 'server_id', 'created_at', 'updated_at', 'os_info']

/** The largest whole number that SQLite has. */
const largest = 2n ** 63n - 1n

const isDigits = (value: unknown): value is string => typeof value === 'string' && /^-?\d{1,19}$/.test(value)

const checks: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: value => typeof value === 'string' && !value.includes('\0'),
  integer: Number.isSafeInteger,
  counter: value =>
    Number.isSafeInteger(value) || (isDigits(value) && BigInt(value) <= largest && BigInt(value) >= -largest),
  real: Number.isFinite,
  time: value => typeof value === 'string',
}

/** With an offset where it has hours: otherwise it would be a time of the zone that the hub runs in. */
const isTime = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** @throws Refusal 400 for what is no time in ISO 8601 */
export const toTime = (value: unknown, name: string): Date => {
  const date = new Date(typeof value === 'string' && isTime.test(value) ? value : Number.NaN)
  if (Number.isNaN(date.getTime())) throw new Refusal(400, `${name} is no time, such as 2026-01-18T10:00:00Z`)
  return date
}

const readText = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= most) chunks.push(chunk)
      else reject(new Refusal(413, `the body has more than ${most} bytes`))
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString()))
    request.on('close', () => reject(new Refusal(400, 'the body ended early')))
    request.on('error', reject)
  })

/** Whole numbers that a JavaScript number would round are taken as their digits. */
const exactly = (...[, value, context]: readonly unknown[]): unknown => {
  const source = typeof context === 'object' && context !== null && 'source' in context ? context.source : undefined
  return typeof value === 'number' && !Number.isSafeInteger(value) && isDigits(source) ? source : value
}

const parse = (text: string): object => {
  try {
    const value: unknown = JSON.parse(text, exactly)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // told below
  }
  throw new Refusal(400, 'the body is no JSON object')
}
