/**
 * A time in the format of SQLite's CURRENT_TIMESTAMP, with milliseconds only if not zero: one text per time, so that texts of
 * both sort by time. Sequelize's own ` +00:00` suffix would sort after the same time without it.
 * @param value a Date, or text that toDate reads @throws RangeError for an invalid time
 */
export const toText = (value: unknown): string =>
  (toDate(value) ?? new Date(Number.NaN)).toISOString().replace(/^(.*)T(.*?)(?:\.000)?Z$/, '$1 $2')

/** Reads a Date or a stored text; `null` for any other value, an invalid Date for text that is no time. */
export const toDate = (value: unknown): Date | null => {
  if (typeof value !== 'string') return value instanceof Date ? value : null
  const [day, time, offset] = value.split(/[ T]|(?=Z|[+-]\d\d:\d\d$)/).filter(part => part !== '')
  return new Date(`${day}T${time}${offset ?? 'Z'}`)
}

/** A time in the format of Sequelize's DATE on SQLite: `2026-02-01 12:00:00.000 +00:00`. @throws RangeError for an invalid Date */
export const toSequelizeText = (time: Date): string => time.toISOString().replace(/^(.*)T(.*)Z$/, '$1 $2 +00:00')
