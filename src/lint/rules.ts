// This room is about SQLite.
import type { Step } from '../dry-run/record.ts'
import type { Place } from '../where.ts'
import { squawkRules } from './squawk.ts'

/**
 * Our own codes, for SQLite and Sequelize: HM0 cannot run, HM1 tables, HM2 statements, HM3 defaults, HM4 down, HM5 imports, clock,
 * randomness and network, HM9 lint-ok.
 */
export const ownRules = {
  HM001: {
    level: 'error',
    title: 'does not run',
    detects: 'up fails on what the migrations before it make of an empty database',
    cure: 'Fix it. `migrator plan` runs it on a copy of real data.',
  },
  HM002: {
    level: 'error',
    title: 'has a wrong number',
    detects: 'two migrations have the same number, or a number is missing',
    cure: 'Give it the next free number.',
  },
  HM101: {
    level: 'error',
    title: 'rebuilds a table and loses what belongs to it',
    detects:
      'an index, trigger, CHECK, default, NOT NULL, collation, foreign key action, STRICT or the like was on the old table and is missing on the new one',
    cure: 'Repeat it in the new CREATE TABLE. context.rebuildTable keeps indexes and triggers by itself.',
  },
  HM102: {
    level: 'error',
    title: 'renames a table that others refer to, and makes a new one in its place',
    detects: "other tables' foreign keys followed the renamed one",
    cure: 'Use context.rebuildTable; by hand: make the new table under another name, copy, drop the old one, rename the new one.',
  },
  HM103: {
    level: 'error',
    title: 'leaves a foreign key that points to nothing',
    detects:
      'the table does not exist, or the columns there are not unique (a unique index on some rows is not enough); each row written from then on fails',
    cure: 'Point it to an existing table: its primary key, or columns with a unique index on all rows.',
  },
  HM104: {
    level: 'error',
    title: 'leaves a view that cannot be read',
    detects: 'a table or column it names is gone: dropped, or renamed, which the view followed',
    cure: 'Drop the view first and create it again afterwards, or use context.rebuildTable, which views do not follow.',
  },
  HM105: {
    level: 'error',
    title: 'rebuilds a table and does not copy a column',
    detects:
      'both tables have the column, and the INSERT ... SELECT leaves it out, or fills it with an expression without it',
    cure: 'Copy it: INSERT INTO new (a, b) SELECT a, b FROM old. context.rebuildTable copies every column by itself.',
  },
  HM106: {
    level: 'warning',
    title: 'changes the type of a column, which may change its values',
    detects:
      "a rebuild, or context.changeColumn (which fails if a value would change), from TEXT or no type to a number, which turns '007' into 7, from INTEGER to REAL, from REAL to TEXT, and the like",
    cure: 'Check that no value changes (`migrator plan` tries changeColumn on real data), or convert them with an expression.',
  },
  HM107: {
    level: 'warning',
    title: 'rebuilds a table and loses a UNIQUE or its primary key',
    detects:
      'a UNIQUE or PRIMARY KEY of the old CREATE TABLE is missing in the new one; ON CONFLICT on these columns fails from then on',
    cure: 'Repeat it in the new CREATE TABLE. If it is meant to go, use context.removeConstraint, or say so: // lint-ok HM107: reason.',
  },
  HM201: {
    level: 'error',
    title: 'runs a statement that the migrator refuses',
    detects: 'COMMIT, ROLLBACK, ATTACH, DETACH, VACUUM, or a PRAGMA that the migrator sets itself',
    cure: 'Leave it out: the migrator runs the transaction, and turns foreign keys off during it.',
  },
  HM202: {
    level: 'warning',
    title: 'sets a PRAGMA that lasts only as long as the connection',
    detects: 'a PRAGMA whose value is not stored in the database',
    cure: 'Leave it out, or set it in the hub. user_version and application_id are stored.',
  },
  HM203: {
    level: 'error',
    title: 'deletes rows and does not say so',
    detects:
      'DELETE from an existing table, or from the parent of its foreign key with ON DELETE CASCADE, REPLACE into it, or a rebuild that copies it with WHERE or LIMIT; "removesRows" does not name it; this fails if a row is lost, not if one is replaced',
    cure: "Keep the rows, or name the table: export const removesRows = ['metrics'], or in SQL: -- removes-rows: metrics.",
  },
  HM204: {
    level: 'warning',
    title: 'changes rows of another table through its foreign key',
    detects:
      'DELETE from a parent, or an UPDATE of its key, with a foreign key to it that has SET NULL, SET DEFAULT or ON UPDATE CASCADE: it acts in a migration as it does in a hub',
    cure: 'Check that this is intended, and that nothing else changes the same rows.',
  },
  HM301: {
    level: 'error',
    title: 'adds a column that SQLite cannot fill',
    detects:
      'its default is not a constant (SQLite itself is asked), or it is computed and STORED; this fails if the table has rows',
    cure: 'Add it without the default, then set the default with context.changeColumn. Make a computed column VIRTUAL, or use context.rebuildTable.',
  },
  HM302: {
    level: 'warning',
    title: 'sets a default with a semicolon in it',
    detects:
      "the default's text; Sequelize's own emulations, as in sync({ alter: true }), cut their SQL at each semicolon",
    cure: 'Choose another default, or have the hub write the value.',
  },
  HM401: {
    level: 'error',
    title: 'has a down that loses data',
    detects:
      'down drops a table or column that up did not make, or that up moved rows into; deletes rows there; leaves some out of a rebuild; or overwrites values, except WHERE up wrote some',
    cure: 'Make down undo what up did, in reverse order, or leave it out.',
  },
  HM402: {
    level: 'warning',
    title: 'has a down that does not restore the structure',
    detects: 'the structure after up and down differs from that before; the order of columns does not count',
    cure: 'Make down undo everything that up did, or leave it out.',
  },
  HM403: {
    level: 'error',
    title: 'has a down that does not run',
    detects: 'down fails right after up',
    cure: 'Fix it, or leave it out.',
  },
  HM501: {
    level: 'error',
    title: 'imports code that goes on changing',
    detects:
      'it imports a file outside the folder of migrations, such as a model: the migration never changes, and what it imports does',
    cure: 'Define the tables in the migration itself, with DataTypes. Import nothing but types from elsewhere: import type.',
  },
  HM502: {
    level: 'warning',
    title: 'depends on the clock or on chance',
    detects:
      "its own code calls new Date(), Date.now, performance.now, Temporal.Now, Math.random or crypto (Node's too), or its INSERT or UPDATE uses datetime('now') and the like, CURRENT_TIMESTAMP, random() or randomblob(): every database gets different data",
    cure: 'Write a constant, or leave the column to a DEFAULT that SQLite fills in.',
  },
  HM503: {
    level: 'error',
    title: 'uses the network',
    detects:
      'its own code calls fetch, WebSocket or EventSource, or what it imports imports node:http, https, http2, net, tls, dgram, dns or undici',
    cure: 'Ship the data with the migration, in it or in a file beside it: the container has no network.',
  },
  HM901: {
    level: 'error',
    title: 'silences a finding without saying why',
    detects: '"// lint-ok CODE: reason" without a reason, or without a code of this list; it silences nothing',
    cure: 'Say why it is right, for the next reader.',
  },
  HM902: {
    level: 'warning',
    title: 'silences a finding that is not there',
    detects: 'a "// lint-ok" whose code was not found in this migration',
    cure: 'Remove the comment.',
  },
} as const satisfies Readonly<Record<string, Rule>>

/**
 * Atlas's codes (https://atlasgo.io/lint/analyzers) that fit SQLite, with the same meaning. DS101 is about schemas, which SQLite
 * does not have.
 */
export const atlasRules = {
  DS102: {
    level: 'error',
    title: 'drops a table',
    detects:
      'an existing table is gone: no other took its place and its rows, and not all its columns were copied first',
    cure: 'Keep the table until nobody needs its rows, or copy them first.',
  },
  DS103: {
    level: 'error',
    title: 'drops a column',
    detects:
      'an existing column is gone, by ALTER TABLE or by a rebuild, and was not copied first; a computed one loses nothing',
    cure: 'Keep the column until nobody needs its values, or copy them first.',
  },
  MF101: {
    level: 'warning',
    title: 'adds a unique index or key on existing columns',
    detects:
      'the columns were not unique before, or only in some rows, or by a collation to which fewer values are equal; this fails if two rows are equal, unless a DELETE that looks at the columns, or an UPDATE that computes one, came first',
    cure: 'Merge or delete duplicate rows first, in the same migration.',
  },
  MF102: {
    level: 'warning',
    title: 'makes an index unique',
    detects:
      'an existing index of that name was not unique; this fails if two rows are equal, unless a DELETE that looks at the columns, or an UPDATE that computes one, came first',
    cure: 'Merge or delete duplicate rows first, in the same migration.',
  },
  MF103: {
    level: 'error',
    title: 'adds a NOT NULL column without a default',
    detects: 'the new column has no default; this fails if the table has rows',
    cure: 'Give it a default, or add it as nullable, fill it, then make it NOT NULL.',
  },
  MF104: {
    level: 'warning',
    title: 'makes a column with a default NOT NULL',
    detects:
      'the column allowed NULL before, and neither an UPDATE of all rows, or of all in which it is NULL, nor the copy of a rebuild fills it first; this fails if a row has NULL',
    cure: 'Fill the rows first: UPDATE ... SET column = ... WHERE column IS NULL.',
  },
  LT101: {
    level: 'warning',
    title: 'makes a column without a default NOT NULL',
    detects: 'as MF104; a hub that does not write the column fails from then on as well',
    cure: 'Fill the rows first, and make sure that the hub writes the column.',
  },
  BC101: {
    level: 'warning',
    title: 'renames a table',
    detects: 'a table has a new name; hubs that use the old name fail',
    cure: 'Change the hub in the same release, and say so.',
  },
  BC102: {
    level: 'warning',
    title: 'renames a column',
    detects: 'a column has a new name; hubs that use the old name fail',
    cure: 'Change the hub in the same release, and say so.',
  },
  CD101: {
    level: 'warning',
    title: 'removes a foreign key',
    detects:
      'its columns still exist, and it is gone or points to another table, by ALTER TABLE or by a rebuild that left it out',
    cure: 'Keep it. A rebuild has to repeat it in the new CREATE TABLE.',
  },
} as const satisfies Readonly<Record<string, Rule>>

/** All rules of `lint`; docs/commands/lint.md lists them. */
export const rules = { ...atlasRules, ...ownRules, ...squawkRules }

export type Code = keyof typeof rules

export const isCode = (text: string): text is Code => Object.hasOwn(rules, text)

/** Whether a rule is for servers alone; what has no engine in it is not. */
export const isSquawk = (code: string): boolean => Object.hasOwn(squawkRules, code)

export type Rule = Readonly<{
  /** an error (it loses data, or does not work) fails `lint`; a warning may be right, which a person must decide */
  level: 'error' | 'warning'
  /** what the migration does */
  title: string
  /** how lint detects it */
  detects: string
  /** how to fix it */
  cure: string
}>

/** One thing in a migration that a person should look at. */
export type Finding = Readonly<{
  code: Code
  /** what the migration does, with names: `drops the column servers.note` */
  message: string
  /** the statement that shows it, with its values; null if none does */
  statement: string | null
  /** where in the migration it is; null if that cannot be told */
  place: Place | null
}>

/** A finding and the function it is in; null for the file as a whole. */
export type Placed = Finding & Readonly<{ direction: 'up' | 'down' | null }>

export const finding = (
  code: Code,
  message: string,
  step: Pick<Step, 'sql' | 'place'> | undefined,
  where: Place | undefined = step?.place,
): Finding => ({ code, message, statement: step?.sql ?? null, place: where ?? null })

export const place =
  (direction: Placed['direction']) =>
  (found: Finding): Placed => ({ ...found, direction })

/** `// lint-ok CODE: reason` in a migration's text, `-- lint-ok CODE: reason`, or the same in a block comment. */
const comment = /(?:\/\/|--|\/\*+)[^\S\n]*lint-ok\b(?:(?!\*\/)[^\n])*/g
const start = /^(?:\/\/|--|\/\*+)[^\S\n]*lint-ok/
const form = /^\s*(?<code>[\w-]+)\s*:\s*\S/

type Suppressed = Readonly<{
  /** the findings that remain, including comments without a code or reason (HM901) */
  open: readonly Placed[]
  /** comments that suppress nothing (HM902) */
  unused: readonly Placed[]
}>

/**
 * Removes the findings that the migration's text declares right, each with a reason.
 * @param isFound whether the engine at hand can find this: a comment about the other engine's is not unused
 */
export const applySuppressions = (
  findings: readonly Placed[],
  text: string,
  isFound: (code: string) => boolean = code => !isSquawk(code),
): Suppressed => {
  const comments = [...text.matchAll(comment)].map(([all]) => all.replace(start, ''))
  const codeOf = (words: string) => form.exec(words)?.groups?.code ?? ''
  const allowed = comments.map(codeOf).filter(isCode)
  return {
    open: [
      ...findings.filter(({ code }) => !allowed.includes(code)),
      ...comments
        .filter(words => !isCode(codeOf(words)))
        .map(words => place(null)(finding('HM901', `has "// lint-ok${words.trimEnd()}"`, undefined))),
    ],
    unused: allowed
      .filter(code => isFound(code) && !findings.some(found => found.code === code))
      .map(code => place(null)(finding('HM902', `has "// lint-ok ${code}", which is not found in it`, undefined))),
  }
}

/** A finding as `lint` and `plan` print it. */
export type Reported = Placed & Pick<Rule, 'level' | 'cure'>

export const report = (found: Placed): Reported => {
  const { level, cure } = rules[found.code]
  return { ...found, level, cure }
}

/** Findings as text: each message with its statement, and the fix once per run of equal codes. */
export const reportLines = (findings: readonly Reported[]): readonly string[] =>
  findings.flatMap(({ code, level, direction, message, statement, cure }, index) => [
    `  ${level} ${code}: ${direction ?? 'it'} ${message}`,
    ...(statement === null ? [] : statement.trim().split('\n')).map(line => `    ${line}`),
    ...(findings[index + 1]?.code === code ? [] : [`    ${cure}`]),
  ])
