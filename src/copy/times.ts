/**
 * A time as text, in any form that SQLite reads: a day, a day with minutes, seconds or fractions, with an offset or without one,
 * which is UTC. What a server takes besides, such as `now` or 24:00, is no time here.
 */
const form =
  /^(?<day>\d{4}-\d\d-\d\d)(?:[ T](?<minute>[0-2]\d:[0-5]\d)(?::(?<second>[0-5]\d)(?:\.(?<fraction>\d+))?)?(?: ?(?<offset>Z|[+-]\d\d:\d\d))?)?$/

const longestOffset = 14 * 60

/**
 * A time in UTC as PostgreSQL writes it, without its offset: `2026-01-18 10:00:00.25`. Undefined for a text that is no time, a day
 * that no calendar has, a year before 1 or after 9999, and for more than the microseconds that a server keeps.
 */
export const toUtc = (text: string): string | undefined => {
  const { day, minute = '00:00', second = '00', fraction = '', offset = 'Z' } = form.exec(text)?.groups ?? {}
  if (day === undefined) return undefined
  const digits = fraction.replace(/0+$/, '')
  const written = `${day}T${minute}:${second}`
  const time = new Date(`${written}Z`)
  // a 30th of February is the 2nd of March to the engine
  if (Number.isNaN(time.getTime()) || time.toISOString().slice(0, 19) !== written || digits.length > 6) return undefined
  const minutes = offset === 'Z' ? 0 : minutesOf(offset)
  if (Math.abs(minutes) > longestOffset) return undefined
  const utc = new Date(time.getTime() - minutes * 60_000).toISOString()
  if (!/^\d{4}-/.test(utc) || utc.startsWith('0000')) return undefined
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${digits === '' ? '' : `.${digits}`}`
}

/** The same of a time that is not refused: one of this form has its digits in UTC, for no other has as many, and a space there. */
export const utcOf = (text: string): string => (text.length === 19 && text[10] === ' ' ? text : String(toUtc(text)))

const minutesOf = (offset: string): number => {
  const [hours = 0, minutes = 0] = offset.slice(1).split(':').map(Number)
  return minutes > 59 ? Number.POSITIVE_INFINITY : Number(`${offset[0]}1`) * (hours * 60 + minutes)
}

/** A time of toUtc as the models store it in a file: milliseconds if there are any, microseconds if there are any. */
export const toFileText = (utc: string): string => {
  const [seconds = '', digits] = utc.split('.')
  return digits === undefined ? seconds : `${seconds}.${digits.padEnd(digits.length > 3 ? 6 : 3, '0')}`
}

/** Whether a text is a day of the calendar: `2026-01-18`. */
export const isDay = (text: string): boolean => text.length === 10 && toUtc(text) !== undefined
