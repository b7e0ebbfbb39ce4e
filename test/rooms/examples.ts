import { runFiles } from '../help/run-files.ts'

await runFiles('examples/!(on-server).ts', 'docs/*.ts')
