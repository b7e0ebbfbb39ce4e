import { runFiles } from '../help/run-files.ts'

await runFiles('!(outputs).ts')
