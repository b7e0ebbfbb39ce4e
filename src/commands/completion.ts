import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'

/**
 * Adds the commands that complete words on TAB: `completion SHELL` prints a script for a shell, which asks `complete -- WORDS`.
 * The library knows the commands and their options from commander.
 */
export const addCompletion = (program: Command, print: (text: string) => void): void => {
  const completed = tab(program, { completionCommandName: 'completion' })
  // options of every command may stand after its name, too
  for (const command of completed.commands.values())
    for (const [name, option] of completed.options) command.options.set(name, option)
  // the library prints by console.log, which goes to the log here, as what migrations print does
  const { log } = console
  program
    .hook('preAction', () => {
      console.log = text => print(`${text}\n`)
    })
    .hook('postAction', () => {
      console.log = log
    })
}
