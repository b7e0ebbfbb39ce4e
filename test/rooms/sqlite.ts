import { runFiles } from '../help/run-files.ts'

await runFiles('sqlite/**/*.ts', 'hub/*.ts')
