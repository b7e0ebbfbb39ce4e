import { DataTypes } from 'sequelize'
import { toText } from './columns.ts'

/**
 * The type of a column of times: one text for one time. A data type that Sequelize 6 does not know by its key is used as it
 * is, and `_stringify` is where DATE makes the text.
 */
export const createTimestamp = () => Object.assign(new DataTypes.DATE(), { key: 'TIMESTAMP', _stringify: toText })
