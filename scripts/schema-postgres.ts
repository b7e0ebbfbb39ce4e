/** What the migrations make on PostgreSQL: migrations/schema.postgres.sql. */
import { join } from 'node:path'
import { startServer } from '../test/help/postgres.ts'
import { root, runProgram } from '../test/help/program.ts'

/** @throws Error if the program fails */
export const readPostgresSchema = async (): Promise<string> => {
  const server = await startServer()
  try {
    const settings = { DATABASE_URL: await server.makeDatabase(), MIGRATOR_MIGRATIONS: join(root, 'migrations') }
    for (const words of [['up'], ['schema']]) {
      const { exitCode, stdout, stderr } = await runProgram(words, settings)
      if (exitCode !== 0) throw new Error(`migrator ${words.join(' ')} exited ${exitCode}: ${stderr}`)
      if (words[0] === 'schema') return stdout
    }
    return ''
  } finally {
    await server.stop()
  }
}
