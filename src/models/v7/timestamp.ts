import { DataTypes } from '@sequelize/core'
import { toDate, toText } from '../columns.ts'

/** Writes one text for one time, and reads text without an offset as UTC: Sequelize 7 would take it for local time. */
export class Timestamp extends DataTypes.DATE {
  static override getDataTypeId(): string {
    return 'TIMESTAMP'
  }

  override toBindableValue(value: unknown): string {
    return toText(value)
  }

  override parseDatabaseValue(value: unknown): Date | null {
    return toDate(value)
  }
}
