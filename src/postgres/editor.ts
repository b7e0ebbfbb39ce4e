import type { QueryInterface } from 'sequelize'
import type { OnProgress, SchemaEditor } from '../engine.ts'
import type { Connection } from './connect.ts'

export const makeSafe = (_connection: Connection, schema: QueryInterface, _onProgress: OnProgress): SchemaEditor =>
  schema as SchemaEditor
