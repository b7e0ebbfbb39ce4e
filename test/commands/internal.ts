import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { internal as callInternal } from '../../src/commands/internal.ts'
import { runProgram } from '../help/program.ts'

const internal = async (...words: readonly string[]): Promise<unknown> => {
  const { exitCode, stdout, stderr } = await runProgram(['internal', ...words], { MIGRATOR_CHEKC: 'no setting' })
  t.match({ exitCode, stderr }, { exitCode: 0, stderr: '' })
  return JSON.parse(stdout)
}

t.test('each job answers in one line of JSON, and reads no settings', async t => {
  const folder = t.testdir()
  const file = join(folder, 'x.db')
  new Database(file).exec('VACUUM').close()
  const empty = { findings: [], unchecked: [], rows: [] }
  t.strictSame(await internal('lock', file), { value: 'free' })
  t.strictSame(await internal('inspect', file, 'quick_check'), { value: empty })
  t.strictSame(await internal('inspect', file, 'integrity_check'), { value: empty })
  t.strictSame(await internal('copy', file, join(folder, 'y.db'), 'quick_check'), { value: empty })
})

t.test('an error is an answer too, with its code', async t => {
  const file = join(t.testdir(), 'none.db')
  t.match(await internal('copy', file, `${file}.copy`, 'quick_check'), {
    error: { code: 'ENOENT', message: /none\.db/ },
  })
  t.match(await internal('lock', file), { error: { code: 'SQLITE_CANTOPEN' } })
  t.match(await internal('dance'), { error: { message: /no job/ } })
})

t.test('no words are no job', async t => {
  const printed: string[] = []
  await callInternal(text => printed.push(text), [])
  t.match(printed, [/no job/])
})

t.test('no help names it', async t => {
  t.notMatch((await runProgram(['--help'], {})).stdout, /internal/)
})
