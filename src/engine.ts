/**
 * The contract between the heart and a database. The heart (migrations/, backup/, ready/, commands/up.ts) asks for all of this and for
 * nothing else; one folder fulfils it: src/sqlite. main.ts chooses the engine. Types alone, so a run pays nothing for it.
 *
 * A run of `up` goes down this page:
 *
 *     engine.validate       is the place fit to work in: mounted, writable, the right owner?
 *     engine.preflight      what its bytes tell before anything is opened
 *     engine.open           a session
 *     session.isSuspect     did the last writer die? then look closer
 *     session.transaction   the lock between processes, the snapshot that the plan is made from, and the undo
 *       transaction.history, strangersTable   what the plan is made of
 *       transaction.editor                    what a migration gets
 *       transaction.ledger                    what it must not lose
 *       transaction.commit
 *     session.close
 *
 * Every function is asynchronous, for a server's sake; SQLite answers at once.
 */
import type { QueryInterface } from 'sequelize'
import type { AppliedMigration } from './history.ts'

export type Engine<R extends Reader = Reader> = Readonly<{
  /** for messages: the file's path, or the server's address without its password */
  name: string
  /**
   * Refuses a place that cannot be worked in.
   * @throws Failure VOLUME_MISSING, VOLUME_NOT_MOUNTED, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE
   */
  validate: (access: 'read' | 'write') => Promise<void>
  /**
   * Looks at the database before it is opened, since opening may change it.
   * @returns whether there is one with anything in it
   * @throws Failure DATABASE_DAMAGED
   */
  preflight: () => Promise<'there' | 'empty'>
  /** Opens it for writing, and makes an empty one where there is none. Throws the driver's errors: see `explain`. */
  open: () => Promise<Session>
  /**
   * Runs `work` on what was last committed, without a trace; undefined where there is no database. `work` may be run again.
   * @param whenBusy what to do while a writer keeps the database locked
   */
  read: <T>(whenBusy: 'wait' | 'fail', work: (reader: R) => Promise<T>) => Promise<T | undefined>
  /** The Failure that an error of the driver means; any other error as it came. */
  explain: (error: unknown) => unknown
  /** Whether nobody knows what became of a COMMIT or ROLLBACK after this error: the disk fails. */
  isUncertain: (error: unknown) => boolean
  /** What can be done because the database is a file. An engine on a server has none of it: no backup, no check, no marker. */
  file: DatabaseFile | undefined
}>

export type DatabaseFile = Readonly<{
  /** absolute; backups lie beside it */
  path: string
  /** of it and its journals; null where there is no database */
  journalMode: () => 'wal' | 'rollback' | null
  bytes: () => number
  /** Reads all of it for damage. @throws Failure DATABASE_DAMAGED */
  requireSound: () => Promise<void>
  /** Copies it into a file that is not there yet, flushed and read for damage. The caller has the lock or a snapshot. */
  copyTo: (copy: string) => Promise<Copied>
}>

/** What a copy holds. */
export type Copied = Readonly<{
  /** what is wrong with it; none in a sound copy */
  findings: readonly string[]
  rows: readonly TableSize[]
}>

export type TableSize = Readonly<{ name: string; rows: number }>

/** An object of the schema and the text that made it; equal lists are equal schemas. */
export type SchemaObject = Readonly<{ type: string; name: string; table: string; sql: string }>

export type Reader = Readonly<{
  /** nothing was ever made in it, save what replication keeps for itself */
  isEmpty: () => Promise<boolean>
  /** by name; none where there is no history. @throws Failure HISTORY_CONFLICT for what has its name and is none */
  history: () => Promise<readonly AppliedMigration[]>
  /** the first table of a database that has no history of migrations: another program made it */
  strangersTable: () => Promise<string | undefined>
  /** by name */
  objects: () => Promise<readonly SchemaObject[]>
  /** by name */
  rows: () => Promise<readonly TableSize[]>
}>

export type Session = Reader &
  Readonly<{
    /** whether the last writer died, or the file is not as it was left */
    isSuspect: () => Promise<boolean>
    /** Runs `work`, which only reads, on one state of the database, without the lock. `work` may be run again. */
    snapshot: <T>(work: () => Promise<T>) => Promise<T>
    /**
     * Runs `work` in one transaction that no other migrator is in. Commits when it returns, rolls back when it throws.
     * @param signal ends the wait for the lock; the run's own where it is left out
     * @throws what `work` throws; Failure DATABASE_BUSY; the reason of the signal
     */
    transaction: <T>(work: (transaction: Transaction) => Promise<T>, signal?: AbortSignal) => Promise<T>
    /** Leaves a new database as its hub wants it: group, journal mode. */
    handOver: () => Promise<void>
    /** @param failure that ended the work: a damaged file stays as it is, an empty one that this session made goes */
    close: (failure?: unknown) => Promise<void>
  }>

/** What migrations are run on. */
export type Migratable = Reader &
  Readonly<{
    /** Makes the history, or brings another tool's to our columns; `known` gives rows without checksum theirs. */
    prepareHistory: (known: readonly Recordable[]) => Promise<void>
    record: (migration: AppliedMigration) => Promise<void>
    unrecord: (name: string) => Promise<void>
    /** what a migration gets as `context`; the hook stands around each statement */
    editor: (hook: StatementHook, onProgress: OnProgress) => SchemaEditor
    keeper: () => HistoryKeeper
    /**
     * Keeps account of the rows from now on.
     * @param backup a copy of the database as it is; undefined where there is none
     */
    ledger: (backup: string | undefined) => Promise<Ledger>
    /** @throws Error where a transaction that a migration began is over, or was not ended; asked when it has settled */
    refuseUnfinished: () => void
    /** why a migration may not run a statement; undefined for one that it may */
    refusal: (sql: string) => string | undefined
    /** The Failure that an error of a statement means where disk, file or server failed; otherwise it as it came: a migration's own fault. */
    explain: (error: unknown) => unknown
  }>

export type Transaction = Migratable &
  Readonly<{
    /** Tries out what a run that writes needs. @throws Failure DISK_FULL, VOLUME_NOT_WRITABLE, FILESYSTEM_UNSUITABLE */
    probe: () => Promise<void>
    /** what the migrations with these texts need beside the database, as far as the texts tell */
    spaceFor: (texts: readonly string[]) => Promise<readonly Space[]>
    /** Puts on disk what was committed before, whoever committed it: it survives a power cut. */
    flushCommitted: () => Promise<void>
    /** Commits now, durably. @throws Failure DISK_FULL where a commit would have no room; the driver's errors, after which nothing is changed */
    commit: () => Promise<void>
  }>

/** Bytes and files that one part of a run needs. */
export type Space = Readonly<{ what: string; bytes: number; files: number }>

export type Recordable = Readonly<{ name: string; checksum: string }>

/** What became of a table's rows during one migration. */
export type TableChange = Readonly<{
  /** stays the same through renames and rebuilds, from the beginning of the run */
  id: number
  /** as it was called before the migration */
  name: string
  rows: number
  /** rows of what it is now, under whatever name; 0 where it is gone */
  left: number
  /** rows that statements deleted, whether others came or not */
  deleted: number
  /** the statement that deleted the first of them, or dropped the table; null where none is known */
  by: string | null
  /** the migration says that it removes rows of it */
  announced: boolean
  /** it was there before the run: the comparison at the end of it knows each of its rows */
  old: boolean
}>

/** What a migration did that the guard has to judge. */
export type Changes = Readonly<{
  tables: readonly TableChange[]
  /** rows without a parent that had one before, or that were not there */
  orphans: readonly Readonly<{ table: string; parent: string; rows: number }>[]
  /** tables whose foreign keys could be checked before, or that were not there */
  unchecked: readonly Readonly<{ table: string; reason: string }>[]
  /** views that could be read before */
  unreadable: readonly Readonly<{ name: string; reason: string }>[]
}>

/** Rows that were there before the run, and are not there any more. */
export type Missing = Readonly<{
  id: number
  /** as the table was called before the run */
  name: string
  rows: number
  /** the key of one of them; null where all are gone */
  example: string | null
}>

/** What an engine knows of the rows of a database while migrations run in its transaction. */
export type Ledger = Readonly<{
  /** stands around each statement of a migration */
  around: StatementHook
  /** whether the transaction is still open: a database may end it where the disk is full, and where a statement says so */
  isOpen: () => boolean
  /** A migration begins. @param removesRows the tables that it may remove rows of */
  begin: (removesRows: readonly string[]) => Promise<void>
  /** It has ended. */
  end: () => Promise<Changes>
  /** Holds all rows against the state before the run, but for tables of which a migration said that it removes rows. */
  missing: () => Promise<readonly Missing[]>
  /** Removes what it keeps in the transaction, for the COMMIT. */
  finish: () => Promise<void>
}>

export type Loss = Readonly<{
  /** that lost rows; null where rows lost their parent or a view its tables, which no migration may do */
  table: string | null
  /** how many went, or lost their parent */
  rows: number
  /** the migration says that it removes rows of the table */
  announced: boolean
  /** a sentence */
  text: string
}>

/** Sees to it that the migrator alone writes the history, one record a migration. */
export type HistoryKeeper = Readonly<{
  read: () => Promise<HistoryRows>
  /** @throws Error where the history is not as it was read before a migration */
  refuseChange: (before: HistoryRows) => Promise<void>
  /** Writes one record by `record`. @throws Failure HISTORY_CONFLICT where anything else comes of it */
  keep: (name: string, before: HistoryRows, record: () => Promise<void>) => Promise<void>
}>

/** as they are recorded, whoever recorded them */
export type HistoryRows = readonly Readonly<Record<string, unknown>>[]

/** Told of each batch of a long statement: what is worked on, and how many rows of how many are done. */
export type OnProgress = (what: string, done: number, total: number) => void

/**
 * What a migration gets as `context`: Sequelize's QueryInterface, made safe, with `rebuildTable` for what ALTER TABLE cannot do and
 * `backfill` for a change of very many rows.
 */
export type SchemaEditor = QueryInterface &
  Readonly<{
    rebuildTable: (table: string, createSql: string, options?: RebuildOptions) => Promise<void>
    backfill: (sql: string, options: BackfillOptions) => Promise<void>
  }>

export type RebuildOptions = Readonly<{
  /**
   * For a new column the SQL expression that fills it, out of the old ones (`{ host: "lower(hostname)" }`); without one it
   * gets its default. `null` for an old column that goes.
   */
  copy?: Readonly<Record<string, string | null>>
}>

export type BackfillOptions = Readonly<{
  /** the table whose rows are gone through, by their rowids */
  table: string
  /** rows at a time, 10,000 when it is left out */
  batch?: number
}>

/** A statement that is about to run, with the values of its parameters. */
export type SqlStatement = Readonly<{ sql: string; bound: readonly unknown[] | Readonly<Record<string, unknown>> }>

/** What came of a statement. */
export type SqlResult = Readonly<{
  /** as it was run: a BEGIN that was asked for may be a SAVEPOINT */
  sql: string
  /** it gives rows and changes nothing */
  reads: boolean
  rows: readonly unknown[]
  /** rows that it wrote */
  changes: number
  lastID: unknown
}>

/** Stands around each statement: calls `execute` to run it, or throws, or gives another outcome in its place. */
export type StatementHook = (asked: SqlStatement, execute: () => SqlResult) => SqlResult

/** What comes of a statement that does nothing. */
export const noResult: SqlResult = { sql: '', reads: false, rows: [], changes: 0, lastID: 0 }

/** Runs every statement as it is. */
export const runPlain: StatementHook = (_asked, execute) => execute()
