import type { LogLevel } from './log.ts'

/**
 * Every log event: its level, the fields of its line and when it is written. src/log.ts checks its calls against the
 * type of this table, so no run loads it; `npm run docs` writes it into docs/logging.md. Events and fields may be
 * added, never renamed or removed.
 */
export const events = {
  'up.done': {
    level: 'info',
    fields: ['applied', 'milliseconds', 'schema'],
    when: 'the volume is ready at migration `schema`; `applied` is how many were applied, 0 when only the marker was written',
  },
  'up.nothing': {
    level: 'info',
    fields: ['schema'],
    when: 'the volume was ready already',
  },
  'metrics.unwritten': {
    level: 'warn',
    fields: ['file'],
    when: '`up` could not write MIGRATOR_METRICS_FILE; the run itself goes on, and ends as it would without',
  },
  'migration.statement': {
    level: 'debug',
    fields: ['sql'],
    when: 'a migration runs a statement; without the values that are bound to it',
  },
  'run.again': {
    level: 'warn',
    fields: ['reason'],
    when: 'a server failed over, stopped, or another session held a lock: the whole run starts again',
  },
  'online.kept': {
    level: 'info',
    fields: ['schema', 'next'],
    when: 'a server: what came up to `schema` is committed, since `schema` or `next` is an online migration',
  },
  'index.waiting': {
    level: 'info',
    fields: ['index', 'lockTimeout'],
    when: 'a server: another session still builds the index of an online migration, as after a run that was killed',
  },
  'scratch.removed': {
    level: 'info',
    fields: ['database'],
    when: 'a server: a database for trying that a killed `plan` or the like had left behind was dropped',
  },
  'migration.applied': {
    level: 'info',
    fields: ['name', 'milliseconds'],
    when: 'a migration was applied; told after the commit',
  },
  'rows.compared': {
    level: 'debug',
    fields: ['milliseconds'],
    when: 'every row that was there before the run was looked for, and found or announced, right before the commit',
  },
  'check.incomplete': {
    level: 'warn',
    fields: ['file', 'unchecked'],
    when: 'what cannot be read for damage, and why: it needs a function, a collation or a table that only the hub has',
  },
  'backup.dropped': {
    level: 'info',
    fields: ['file'],
    when: "the run's own backup was removed, for the run failed or was killed: the database is what the backup was",
  },
  'backup.kept': {
    level: 'warn',
    fields: [],
    when: 'an old backup could not be removed; the run has ended well',
  },
  'backup.made': {
    level: 'info',
    fields: ['file', 'bytes', 'milliseconds'],
    when: 'before pending migrations touch existing data, and by `backup`; the copy was checked',
  },
  'backups.pruned': {
    level: 'info',
    fields: ['files', 'bytes'],
    when: '`backups prune`: the databases that restores replaced, in `files`, were removed',
  },
  'restore.done': {
    level: 'info',
    fields: ['file', 'replaced'],
    when: '`restore`: the backup `file` is in place; `replaced` is where the old database is, null where there was none',
  },
  'restore.not-ready': {
    level: 'warn',
    fields: [],
    when: '`restore`: what was restored is not at the schema of this image, so `up` has to run',
  },
  'down.done': {
    level: 'info',
    fields: ['undone', 'milliseconds', 'schema'],
    when: '`down`: the migrations in `undone` are taken back, and `schema` is the last applied one, empty where none is',
  },
  'down.point': {
    level: 'info',
    fields: ['lsn', 'recoverTo'],
    when: '`down` on a server: where its log was right before the change, and the time in UTC, to recover to',
  },
  'down.nothing': {
    level: 'info',
    fields: [],
    when: '`down`: there was nothing to undo',
  },
  'volume.memory': {
    level: 'warn',
    fields: ['filesystem'],
    when: 'the volume ends with the container (tmpfs)',
  },
  'volume.shared': {
    level: 'warn',
    fields: ['filesystem'],
    when: 'the volume is on a network or FUSE filesystem, where locks hold but a local disk is safer',
  },
  progress: {
    level: 'info',
    fields: ['what', 'unit', 'done', 'total', 'perSecond'],
    when: 'every five seconds of long work; `unit` is `rows` or `bytes`, and the three numbers are in it',
  },
  'lock.waiting': {
    level: 'info',
    fields: ['database', 'lockTimeout'],
    when: 'another writer has the database; up to `lockTimeout` seconds',
  },
  'hold.holding': {
    level: 'info',
    fields: [],
    when: '`up --hold`: the volume is ready and is kept so',
  },
  'hold.gone': {
    level: 'warn',
    fields: [],
    when: '`up --hold`: the database is gone, and the marker is withdrawn',
  },
  'hold.changed': {
    level: 'warn',
    fields: [],
    when: '`up --hold`: the database or its marker was replaced, and is brought up again',
  },
  'hold.recovered': {
    level: 'info',
    fields: ['schema'],
    when: '`up --hold`: what was gone or replaced is back and ready',
  },
  'hold.ended': {
    level: 'info',
    fields: [],
    when: '`up --hold`: stopped by a signal',
  },
  'wait.waiting': {
    level: 'info',
    fields: ['seconds'],
    when: '`wait`: the volume is not ready yet',
  },
  'wait.ready': {
    level: 'info',
    fields: ['schema'],
    when: '`wait`: the volume is ready for this image',
  },
  'adopt.done': {
    level: 'info',
    fields: ['tool', 'schema', 'recorded'],
    when: '`adopt`: the database, which `tool` made, is at migration `schema`; the names in `recorded` are in the history now',
  },
  'adopt.nothing': {
    level: 'info',
    fields: ['schema'],
    when: '`adopt`: the history is one that `up` understands',
  },
  'repair.done': {
    level: 'info',
    fields: ['name', 'checksum'],
    when: '`repair`: the present text of a migration is recorded',
  },
  'repair.nothing': {
    level: 'info',
    fields: ['name', 'checksum'],
    when: '`repair`: the migration is recorded as it is, nothing was done',
  },
  'create.folder': {
    level: 'info',
    fields: ['folder'],
    when: '`create`: the folder of migrations was not there, and was made',
  },
  'diff.none': {
    level: 'info',
    fields: ['of'],
    when: '`diff`: the migrations make the schema of the database or the models, nothing was written',
  },
  'diff.written': {
    level: 'info',
    fields: ['file', 'calls', 'decisions'],
    when: '`diff`: wrote a migration; what may lose rows is a comment in it, to decide',
  },
  'copy.begins': {
    level: 'info',
    fields: ['from', 'to', 'bytes'],
    when: '`copy`: both databases are fit for it, and `bytes` of the source are about to be copied',
  },
  'copy.left': {
    level: 'info',
    fields: ['tables'],
    when: '`copy`: tables of other tools, which stay where they are',
  },
  'copy.checks': {
    level: 'debug',
    fields: ['table'],
    when: '`copy`: looking for values that the target cannot hold',
  },
  'copy.keys': {
    level: 'info',
    fields: [],
    when: '`copy`: all rows are written, and indexes and keys are made',
  },
  'copy.done': {
    level: 'info',
    fields: ['schema', 'tables', 'rows', 'milliseconds'],
    when: '`copy`: everything is copied, read back and compared; with --check, compared',
  },
  'failed.stack': {
    level: 'debug',
    fields: ['stack'],
    when: 'before `failed`: what led to it, with its stack',
  },
  failed: {
    level: 'error',
    fields: ['code', 'exitCode'],
    when: 'the last line of a command that failed; `code` is a name of the table of exit codes',
  },
} as const satisfies Readonly<Record<string, { level: LogLevel; fields: readonly string[]; when: string }>>
