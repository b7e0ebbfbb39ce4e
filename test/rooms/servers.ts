/** What needs a server of PostgreSQL. */
import t from 'tap'
import { skip } from '../help/postgres.ts'
import { runFiles } from '../help/run-files.ts'

if (skip) t.pass(skip, { skip })
else
  await runFiles(
    // reads the hub's models as a process does that has bound them to nothing yet
    'diff/on-server.ts',
    'engine/postgres.ts',
    'examples/on-server.ts',
    'faults/copy.ts',
    'on-server/*.ts',
    'postgres/*.ts',
  )
