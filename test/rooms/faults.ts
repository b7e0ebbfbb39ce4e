import { runFiles } from '../help/run-files.ts'

await runFiles('faults/!(copy).ts')
