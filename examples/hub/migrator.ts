import { type Status, status } from 'homelab-migrator'

/**
 * What `migrator status` says of a database. It counts rows, so it may take a hundredth of the time, however many look at the page: a
 * small database is asked each time, a large one once a minute.
 */
export const askMigrator = (
  databaseUrl: string,
  environment: NodeJS.ProcessEnv,
): (() => Promise<Status | undefined>) => {
  const { MIGRATOR_MIGRATIONS, MIGRATOR_READY_FILE, DATABASE_PASSWORD_FILE, PGSSLROOTCERT } = environment
  const settings = isServer(databaseUrl)
    ? { DATABASE_PASSWORD_FILE: DATABASE_PASSWORD_FILE || undefined, PGSSLROOTCERT: PGSSLROOTCERT || undefined }
    : ({ MIGRATOR_READY_FILE: MIGRATOR_READY_FILE || undefined, MIGRATOR_REQUIRE_MOUNT: 'never' } as const)
  const options = { databaseUrl, migrations: MIGRATOR_MIGRATIONS || undefined, settings }
  let due = Number.NEGATIVE_INFINITY
  let answer: Promise<Status | undefined> = Promise.resolve(undefined)
  return () => {
    const asked = performance.now()
    if (asked < due) return answer
    due = asked + 60_000
    answer = status(options).then(
      found => {
        due = Math.min(due, asked + 100 * (performance.now() - asked))
        return found
      },
      error => void console.error(`the migrator's status: ${toLine(error)}`),
    )
    return answer
  }
}

export const toLine = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const isServer = (databaseUrl: string): boolean => /^postgres(?:ql)?:/i.test(databaseUrl)
