import { DataTypes, type Model } from 'sequelize'

/**
 * A point in time in a column declared TIMESTAMP: text in UTC, `2026-01-18 10:00:00` with or without milliseconds and
 * offset. Sequelize parses only columns declared DATETIME, so the Date is made when the attribute is read.
 */
export const timestamp = (name: string) => ({
  type: DataTypes.DATE,
  get(this: Model): Date | null {
    return toDate(this.getDataValue(name))
  },
})

/** SQLite would store text in a column of numbers; these refuse it. Functions, since Sequelize writes into what it is given. */
export const real = () => ({ type: DataTypes.REAL, validate: { isFloat: true } })
export const integer = () => ({ type: DataTypes.INTEGER, validate: { isInt: true } })
/** Whole numbers up to 2^63-1. */
export const counter = () => ({ type: DataTypes.BIGINT, validate: { isInt: true } })

/** `null` for what is not set; an invalid Date for text that is no time. */
export const toDate = (value: unknown): Date | null => {
  if (typeof value !== 'string') return value instanceof Date ? value : null
  const [day, time, offset] = value.split(/[ T]|(?=Z|[+-]\d\d:\d\d$)/).filter(part => part !== '')
  return new Date(`${day}T${time}${offset ?? 'Z'}`)
}
