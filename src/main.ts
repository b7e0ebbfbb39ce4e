import { ask, keepProcess, listenForStop } from './process.ts'
import { runProgram } from './program.ts'

// exit with 1 unless the program finishes: an event loop that runs dry is not success
const endUnknown = () => {
  process.exitCode = 1
}
process.once('exit', endUnknown)
const own = keepProcess(process)
// lets sqlite/read-only.ts open files with `immutable=1`; the driver reads this when it opens the first database
process.env.SQLITE_USE_URI = '1'
runProgram(process.argv.slice(2), {
  environment: process.env,
  workingFolder: process.cwd(),
  command: [process.execPath, String(process.argv[1])],
  stdin: 0,
  stdout: 1,
  stderr: 2,
  columns: descriptor => (descriptor === 1 ? own.stdout() : process.stderr).columns,
  identity: process,
  listenForStop: () => listenForStop(process),
  ask: (question, signal) => ask(question, process, signal),
  isAlone: true,
  nameProcess: title => Object.assign(process, { title }),
  sortIn: folder => Object.assign(process.env, { SQLITE_TMPDIR: folder }),
}).then(exitCode => {
  process.off('exit', endUnknown)
  // does not wait for what a stopped migration left pending, such as a timer
  own.exit(exitCode)
})
