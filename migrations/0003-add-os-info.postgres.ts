import type { Migration } from '../src/migrations/load.ts'

const columns = {
  distribution: 'os_distribution',
  version: 'os_version',
  kernel: 'kernel_version',
  architecture: 'architecture',
}

/** A column as JSON. Of the server's functions that write JSON, only this one may be part of a generated column. */
const json = (column: string): string => `(json_object(ARRAY['v', ${column}]) -> 'v')::text`

/** The four columns that describe a server's system as one JSON object, in the same characters as SQLite writes it. */
export const up: Migration = async ({ context: schema }) => {
  const parts = Object.entries(columns).map(
    ([name, column], index) => `'${index === 0 ? '{' : ','}"${name}":' || ${json(column)}`,
  )
  await schema.sequelize.query(
    `ALTER TABLE servers ADD COLUMN os_info TEXT GENERATED ALWAYS AS (${parts.join(' || ')} || '}') STORED`,
  )
}

export const down: Migration = async ({ context: schema }) => {
  await schema.removeColumn('servers', 'os_info')
}
