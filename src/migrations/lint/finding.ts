import type { Step } from '../recorder.ts'
import type { Code } from './rules.ts'

/** One thing that a person should look at in a migration. */
export type Finding = Readonly<{
  code: Code
  /** what it does, with names: `drops the column servers.note` */
  message: string
  /** the statement that shows it, with its values; null where none does */
  statement: string | null
}>

/** A finding with what does it; null where it is the file as a whole. */
export type Placed = Finding & Readonly<{ direction: 'up' | 'down' | null }>

export const finding = (code: Code, message: string, step: Step | undefined): Finding => ({
  code,
  message,
  statement: step?.sql ?? null,
})

export const place =
  (direction: Placed['direction']) =>
  (found: Finding): Placed => ({ ...found, direction })
