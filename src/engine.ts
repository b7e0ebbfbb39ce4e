/**
 * The contract between the heart (migrations/, backup/, ready/, commands/up.ts) and a database. The heart uses nothing
 * else of it; src/sqlite and src/postgres implement it; program.ts chooses one. Types and two constants: it costs a run nothing.
 *
 * A run of `up` calls, in this order:
 *
 *     engine.validate       is the place fit to work in: mounted, writable, the right owner?
 *     engine.preflight      checks the bytes before anything is opened
 *     engine.open           a session
 *     session.isSuspect     did the last writer die? then look closer
 *     session.transaction   the lock between processes, the snapshot to plan from, and the undo
 *       transaction.history, strangersTable   the input of the plan
 *       transaction.editor                    a migration's `context`
 *       transaction.ledger                    the rows that it must not lose
 *       transaction.commit
 *     session.close
 *
 * Every function is asynchronous for the sake of servers; SQLite answers synchronously.
 */
import type { QueryInterface, Transaction as SequelizeTransaction, TableName } from 'sequelize'
import type { AppliedMigration } from './history.ts'

export type Engine<R extends Reader = Reader> = Readonly<{
  /** for messages: the file's path, or the server's address without its password */
  name: string
  /**
   * Refuses a place that is missing, not mounted or not writable.
   * @throws Failure VOLUME_MISSING, VOLUME_NOT_MOUNTED, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE
   */
  validate: (access: 'read' | 'write') => Promise<void>
  /**
   * Checks the database before it is opened, since opening may change it.
   * @returns `empty` also if there is no database
   * @throws Failure DATABASE_DAMAGED
   */
  preflight: () => Promise<'there' | 'empty'>
  /** Opens it for writing; creates an empty one if there is none. Throws the driver's errors: see `explain`. */
  open: () => Promise<Session>
  /**
   * Runs `work` on the last committed state, without a trace; undefined if there is no database. May run `work` again.
   * @param whenBusy what to do while a writer keeps the database locked
   */
  read: <T>(whenBusy: 'wait' | 'fail', work: (reader: R) => Promise<T>) => Promise<T | undefined>
  /** Maps a driver's error to a Failure; returns any other error unchanged. */
  explain: (error: unknown) => unknown
  /** Whether the outcome of a COMMIT or ROLLBACK is unknown after this error: the disk is failing. */
  isUncertain: (error: unknown) => boolean
  /** What a database that is a file allows. An engine on a server has none of it: no backup, no check, no marker. */
  file: DatabaseFile | undefined
  /** What a server has of its own; undefined where the database is a file. */
  server: ServerEngine | undefined
}>

type ServerEngine = Readonly<{
  describe: () => Promise<ServerState>
  /** Whether the same run may succeed when it begins anew: the server fails over, or another session held a lock. */
  mayPass: (error: unknown) => boolean
}>

export type ServerState = Readonly<{
  /** such as `PostgreSQL 18.4` */
  version: string
  /** of the database */
  bytes: number
  /** it follows another server, and takes no changes */
  standby: boolean
  /** seconds since the last transaction that a standby has replayed; null on a primary, and if there was none */
  lag: number | null
}>

export type DatabaseFile = Readonly<{
  /** absolute; backups lie beside it */
  path: string
  /** from its header; null if there is no database */
  journalMode: () => 'wal' | 'rollback' | null
  /** of it and its journals */
  bytes: () => number
  /** Checks the whole file for damage. @throws Failure DATABASE_DAMAGED */
  requireSound: () => Promise<void>
  /** Copies it into a new file, flushed and checked for damage. The caller holds the lock or a snapshot. */
  copyTo: (copy: string) => Promise<Copied>
}>

/** What a copy holds. */
type Copied = Readonly<{
  /** damage found in it; empty for a sound copy */
  findings: readonly string[]
  rows: readonly TableSize[]
}>

export type TableSize = Readonly<{ name: string; rows: number }>

/** An object of the schema with its CREATE text; equal lists mean equal schemas. */
export type SchemaObject = Readonly<{ type: string; name: string; table: string; sql: string }>

/** What a reader answered of the database as it is. */
export type Present = Readonly<{ objects: readonly SchemaObject[]; applied: readonly AppliedMigration[] }>

export type Reader = Readonly<{
  /** whether it has no objects but those that replication keeps for itself */
  isEmpty: () => Promise<boolean>
  /** sorted by name; empty if there is no history. @throws Failure HISTORY_CONFLICT if something else has its name */
  history: () => Promise<readonly AppliedMigration[]>
  /** the first table, if the database has no history of migrations: another program made it */
  strangersTable: () => Promise<string | undefined>
  /** sorted by name */
  objects: () => Promise<readonly SchemaObject[]>
  /** sorted by name */
  rows: () => Promise<readonly TableSize[]>
}>

export type Session = Reader &
  Readonly<{
    /** whether the last writer died, or the file is not as it left it; asked after a read */
    isSuspect: () => Promise<boolean>
    /** Runs `work`, which only reads, on one snapshot, without the lock. May run `work` again. */
    snapshot: <T>(work: () => Promise<T>) => Promise<T>
    /**
     * Runs `work` in a transaction that excludes other migrators. Commits when it returns, rolls back when it throws.
     * @param signal ends the wait for the lock; the run's own by default
     * @throws what `work` throws; Failure DATABASE_BUSY; the reason of the signal
     */
    transaction: <T>(work: (transaction: Transaction) => Promise<T>, signal?: AbortSignal) => Promise<T>
    /** Sets up a new database for its hub: group, journal mode. */
    handOver: () => Promise<void>
    /** @param failure that ended the work: a damaged file is left alone, an empty one of this session is removed */
    close: (failure?: unknown) => Promise<void>
  }>

/** What migrations run on. */
export type Migratable = Reader &
  Readonly<{
    /**
     * Creates the history, or adds our columns to another tool's; rows without a checksum get theirs from `known`.
     * @param applied what `history` answered, if it was asked already
     */
    prepareHistory: (known: readonly Recordable[], applied?: readonly AppliedMigration[]) => Promise<void>
    record: (migration: AppliedMigration) => Promise<void>
    unrecord: (name: string) => Promise<void>
    /** a migration's `context`; the hook wraps each statement. For SQL alone it has `runSql` and needs no Sequelize */
    editor: (hook: StatementHook, onProgress?: OnProgress, isSql?: boolean) => Promise<SchemaEditor>
    /** the statements of migrations, by name, where they are known to do the same here as the code, which is not loaded then */
    compiled: (known: readonly Recordable[], present: Present) => ReadonlyMap<string, string>
    keeper: () => HistoryKeeper
    /** Tracks the rows from now on. @param backup a copy of the database as it is; undefined if there is none */
    ledger: (backup: string | undefined) => Promise<Ledger>
    /** Called when a migration has settled. @throws Error if it left a transaction open, lost one of its own, or broke a
     *   constraint that is checked late */
    refuseUnfinished: () => Promise<void>
    /** why a migration may not run this statement; undefined if it may */
    refusal: (sql: string) => string | undefined
    /** Maps a statement's error to a Failure if disk, file or server failed; any other is the migration's own fault. */
    explain: (error: unknown) => unknown
  }>

export type Transaction = Migratable &
  Readonly<{
    /** Tests what a writing run needs. @throws Failure DISK_FULL, VOLUME_NOT_WRITABLE, FILESYSTEM_UNSUITABLE */
    probe: () => Promise<void>
    /** space that migrations with these texts need beside the database, as far as the texts tell */
    spaceFor: (texts: readonly string[]) => Promise<readonly Space[]>
    /** Flushes earlier commits, of any process, to disk: they survive a power cut. */
    flushCommitted: () => Promise<void>
    /**
     * Commits now, durably. @throws Failure DISK_FULL without room for it; the driver's errors, with nothing changed
     */
    commit: () => Promise<void>
  }>

/** Bytes and files that one part of a run needs. */
export type Space = Readonly<{ what: string; bytes: number; files: number }>

export type Recordable = Readonly<{ name: string; checksum: string }>

/** What happened to a table's rows during one migration. */
export type TableChange = Readonly<{
  /** the same for all migrations, through renames and rebuilds, unless an earlier one announced removals from it */
  id: number
  /** its name before the migration */
  name: string
  rows: number
  /** rows now, under whatever name; 0 if it is gone */
  left: number
  /** rows that statements deleted, even if others were inserted */
  deleted: number
  /** the statement that deleted the first of them, or dropped the table; null if unknown */
  by: string | null
  /** the migration lists the table in removesRows */
  announced: boolean
}>

/** What the guard judges after a migration. */
export type Changes = Readonly<{
  tables: readonly TableChange[]
  /** rows without a parent that had one before the migration, or are new */
  orphans: readonly Readonly<{ table: string; parent: string; rows: number }>[]
  /** tables whose foreign keys cannot be checked, and could be before or are new */
  unchecked: readonly Readonly<{ table: string; reason: string }>[]
  /** views that can no longer be read */
  unreadable: readonly Readonly<{ name: string; reason: string }>[]
}>

/** Rows that are gone. */
export type Missing = Readonly<{
  id: number
  /** the table's name before the run */
  name: string
  rows: number
  /** the key of one of them; null if all are gone */
  example: string | null
}>

/** Tracks the rows of a database while migrations run in its transaction. */
export type Ledger = Readonly<{
  /** wraps each statement of a migration */
  around: StatementHook
  /** whether the transaction is still open: a full disk or a statement may end it */
  isOpen: () => boolean
  /** A migration begins. @param removesRows tables that it may delete rows from */
  begin: (removesRows: readonly string[]) => Promise<void>
  /** The migration has ended. */
  end: () => Promise<Changes>
  /**
   * Looks for all rows from before the run, and for those that a migration found in a table that an earlier one made, or whose
   * removals it announced.
   */
  missing: () => Promise<readonly Missing[]>
  /** Removes what it created in the transaction, before the COMMIT. */
  finish: () => Promise<void>
}>

export type Loss = Readonly<{
  /** the table that lost rows; null for orphaned rows and broken views, which no migration may cause */
  table: string | null
  /** rows that were deleted or orphaned */
  rows: number
  /** the migration lists the table in removesRows */
  announced: boolean
  /** a sentence */
  text: string
}>

/** Ensures that only the migrator writes the history, one record per migration. */
export type HistoryKeeper = Readonly<{
  read: () => Promise<HistoryRows>
  /** @throws Error if the history changed since it was read before the migration */
  refuseChange: (before: HistoryRows) => Promise<void>
  /** Writes one record by calling `record`. @throws Failure HISTORY_CONFLICT if that has any other effect */
  keep: (name: string, before: HistoryRows, record: () => Promise<void>) => Promise<void>
}>

/** as recorded, by any tool */
export type HistoryRows = readonly Readonly<Record<string, unknown>>[]

/** Called for each batch of a long statement: what it works on, rows done, rows in total. */
export type OnProgress = (what: string, done: number, total: number) => void

/**
 * A migration's `context`: Sequelize's QueryInterface, made safe, with `rebuildTable` for what ALTER TABLE cannot do,
 * `backfill` for changing very many rows, and `runSql` for a text of several statements. An online migration has only the two
 * calls for indexes on a server, where others write meanwhile; in a file they are addIndex and removeIndex.
 */
export type SchemaEditor = QueryInterface &
  Readonly<{
    /** by its columns, for one that has no name */
    removeConstraint: (
      table: TableName,
      which: ConstraintOf,
      options?: Readonly<{ transaction?: SequelizeTransaction | null }>,
    ) => Promise<void>
    rebuildTable: (table: string, createSql: string, options?: RebuildOptions) => Promise<void>
    backfill: (sql: string, options: BackfillOptions) => Promise<void>
    /** @param file where the text is from, line by line, for the stack of an error */
    runSql: (text: string, file?: string) => Promise<void>
    addIndexConcurrently: QueryInterface['addIndex']
    removeIndexConcurrently: QueryInterface['removeIndex']
  }>

export type ConstraintOf = Readonly<{
  /** `unique`, `foreign key` or `check` */
  type: string
  fields: readonly string[]
  /** of several foreign keys the one that leads there */
  references?: Readonly<{ table: TableName }>
}>

export type RebuildOptions = Readonly<{
  /**
   * For a new column, the SQL expression over old columns that fills it (`{ host: "lower(hostname)" }`); without one it
   * gets its default. For a dropped column, `null`.
   */
  copy?: Readonly<Record<string, string | null>>
  transaction?: SequelizeTransaction | null
}>

export type BackfillOptions = Readonly<{
  /** the table to walk: by rowid on SQLite, by primary key on a server */
  table: string
  /** rows per batch; 10,000 by default */
  batch?: number
  transaction?: SequelizeTransaction | null
}>

/** A statement about to run, with its parameter values. */
export type SqlStatement = Readonly<{ sql: string; bound: readonly unknown[] | Readonly<Record<string, unknown>> }>

/** The result of a statement. */
export type SqlResult = Readonly<{
  /** the statement that ran: a BEGIN may have become a SAVEPOINT */
  sql: string
  /** it returns rows and changes nothing */
  reads: boolean
  rows: readonly unknown[]
  /** rows written */
  changes: number
  lastID: unknown
}>

/** A statement's result: at once from a file, as a promise from a server. */
export type Executed = SqlResult | Promise<SqlResult>

/**
 * Wraps each statement: calls `execute` to run it, and returns what that returns, or throws. An engine's own hooks know which
 * kind of result it has, and may return another one instead.
 */
export type StatementHook = <Result extends Executed>(asked: SqlStatement, execute: () => Result) => Result

/** The result of a statement that does nothing. */
export const noResult: SqlResult = { sql: '', reads: false, rows: [], changes: 0, lastID: 0 }

/** Runs every statement unchanged. */
export const runPlain: StatementHook = (_asked, execute) => execute()
