/** `homelab-migrator/migration` is this file: what a migration in a folder of one's own is written with. Types alone. */

export type { SchemaEditor } from '../engine.ts'
export type { Migration } from '../migrations/load.ts'
