import type { Migration } from '../src/migrations/load.ts'

/** The four columns that describe a server's system as one JSON object, computed when read: nothing is stored twice. */
export const up: Migration = async ({ context: schema }) => {
  await schema.sequelize.query(`
    ALTER TABLE servers ADD COLUMN os_info TEXT GENERATED ALWAYS AS (
      json_object(
        'distribution', os_distribution, 'version', os_version, 'kernel', kernel_version, 'architecture', architecture
      )
    ) VIRTUAL`)
}

export const down: Migration = async ({ context: schema }) => {
  await schema.removeColumn('servers', 'os_info')
}
