import { runFiles } from '../help/run-files.ts'

await runFiles(
  'migrations/*.ts',
  'backup/*.ts',
  'ready/*.ts',
  'volume/*.ts',
  'leftovers/*.ts',
  'library/*.ts',
  'journeys/*.ts',
  'verify/*.ts',
  'draw/*.ts',
  'metrics/*.ts',
  'models/*.ts',
  'engine/sqlite.ts',
  'copy/*.ts',
)
