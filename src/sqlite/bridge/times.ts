/**
 * A time as SQLite's CURRENT_TIMESTAMP writes it, with milliseconds only where there are some: one text for one time, so
 * that text sorts as time does, whoever wrote it. Sequelize's own ` +00:00` at the end sorts after the same time without.
 * Takes a Date, or text that toDate reads. @throws RangeError for what is no time
 */
export const toText = (value: unknown): string =>
  (toDate(value) ?? new Date(Number.NaN)).toISOString().replace(/^(.*)T(.*?)(?:\.000)?Z$/, '$1 $2')

/** `null` for what is not set; an invalid Date for text that is no time. */
export const toDate = (value: unknown): Date | null => {
  if (typeof value !== 'string') return value instanceof Date ? value : null
  const [day, time, offset] = value.split(/[ T]|(?=Z|[+-]\d\d:\d\d$)/).filter(part => part !== '')
  return new Date(`${day}T${time}${offset ?? 'Z'}`)
}

/** A time as Sequelize's own DATE writes it for SQLite: `2026-02-01 12:00:00.000 +00:00`. @throws RangeError for an invalid one */
export const toSequelizeText = (time: Date): string => time.toISOString().replace(/^(.*)T(.*)Z$/, '$1 $2 +00:00')
