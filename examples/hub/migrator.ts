import { type Status, status } from 'homelab-migrator'

/** What `migrator status` says of a database. It counts rows, so it is asked once a minute, however many look at the page. */
export const askMigrator = (
  databaseUrl: string,
  environment: NodeJS.ProcessEnv,
): (() => Promise<Status | undefined>) => {
  const { MIGRATOR_MIGRATIONS, MIGRATOR_READY_FILE, DATABASE_PASSWORD_FILE, PGSSLROOTCERT } = environment
  const settings = isServer(databaseUrl)
    ? { DATABASE_PASSWORD_FILE: DATABASE_PASSWORD_FILE || undefined, PGSSLROOTCERT: PGSSLROOTCERT || undefined }
    : ({ MIGRATOR_READY_FILE: MIGRATOR_READY_FILE || undefined, MIGRATOR_REQUIRE_MOUNT: 'never' } as const)
  const options = { databaseUrl, migrations: MIGRATOR_MIGRATIONS || undefined, settings }
  let asked = Number.NEGATIVE_INFINITY
  let answer: Promise<Status | undefined> = Promise.resolve(undefined)
  return () => {
    if (performance.now() - asked < 60_000) return answer
    asked = performance.now()
    answer = status(options).catch(error => void console.error(`the migrator's status: ${toLine(error)}`))
    return answer
  }
}

export const toLine = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const isServer = (databaseUrl: string): boolean => /^postgres(?:ql)?:/i.test(databaseUrl)
