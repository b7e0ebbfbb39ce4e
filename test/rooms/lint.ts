import { runFiles } from '../help/run-files.ts'

await runFiles('lint/*.ts', 'dry-run/*.ts', 'diff/!(on-server).ts')
