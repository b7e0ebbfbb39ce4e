/** The export `homelab-migrator/migration`: the types for writing migrations in your own folder. Types only. */

export type { SchemaEditor } from '../engine.ts'
export type { Migration } from '../migrations/load.ts'
