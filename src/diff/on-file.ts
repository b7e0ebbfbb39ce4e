// This room is about SQLite.
import type { Schema } from '../sqlite/schema/read.ts'
import { nameIn } from './create-table.ts'
import { differencesOf, planChange } from './plan.ts'
import { tryParts } from './try.ts'
import { type Form, type Part, type Written, writeText } from './write.ts'

/**
 * Writes the migration that makes one schema of another, after a trial of both of its directions on a copy in memory; undefined if
 * they differ in nothing.
 */
export const writeMigration = async (
  from: Schema,
  to: Schema,
  { isOfModels }: Readonly<{ isOfModels: boolean }>,
  form: Form,
): Promise<Written | undefined> => {
  const planned = forForm(planChange(from, to, 'decide'), form).map(part => (isOfModels ? forModels(part, to) : part))
  const { after, parts: up } = await tryParts(from, planned)
  const covered = up.some(({ decide }) => decide !== undefined)
  const left = covered ? [] : differencesOf(to, after)
  if (up.length === 0 && left.length === 0) return undefined
  const { parts: down } = await tryParts(after, forForm(planChange(after, from, 'run'), form))
  return writeText(isOfModels ? 'the models' : 'the database', { up, down, left }, form)
}

/** Many hubs make their indexes by migrations alone: one that the models do not have is not dropped by itself. */
const forModels = (part: Part, { tables }: Schema): Part => {
  const [, name] = part.step.does === 'sql' ? (/^DROP INDEX (.*)$/s.exec(part.step.sql) ?? []) : []
  const isMadeAnew = tables.some(({ indexes }) =>
    indexes.some(index => index.name !== null && nameIn(index.name) === name),
  )
  if (name === undefined || part.decide !== undefined || isMadeAnew) return part
  return { ...part, decide: `the models do not have the index ${name}` }
}

/** In SQL nothing looks whether a value would be another under its new type, as changeColumn does. */
const forForm = (parts: readonly Part[], { language }: Form): readonly Part[] =>
  parts.map(part =>
    language === 'sql' && part.step.does === 'change type' && part.decide === undefined
      ? {
          ...part,
          decide: `${part.step.table}.${part.step.column} becomes ${part.step.type}: its values may change`,
        }
      : part,
  )
