import tab from '@bomb.sh/tab/commander'
import type { Command } from 'commander'
import { settings } from '../config.ts'

const shells = ['zsh', 'bash', 'fish']

const oneOf =
  (words: readonly string[]) =>
  (complete: (value: string, description: string) => void): void => {
    for (const word of words) complete(word, '')
  }

/**
 * Adds the commands that complete words on TAB: `completion SHELL` prints a script for a shell, which asks `complete -- WORDS`.
 * The library knows the commands and their options from commander.
 */
export const addCompletion = (program: Command, description: string, print: (text: string) => void): void => {
  const completed = tab(program, { completionCommandName: 'completion' })
  const own = program.commands.find(command => command.name() === 'completion')
  own?.description(description).registeredArguments[0]?.choices(shells)
  const offered = completed.commands.get('completion')
  if (offered !== undefined) Object.assign(offered, { description })
  const shell = offered?.arguments.get('shell')
  if (shell !== undefined) shell.handler = oneOf(shells)
  let wantsFiles = false
  const files = (): void => {
    wantsFiles = true
  }
  const values = new Map([
    ['log-level', oneOf(settings.MIGRATOR_LOG_LEVEL.words)],
    ['log-format', oneOf(settings.MIGRATOR_LOG_FORMAT.words)],
    ['migrations', files],
    ['models', files],
  ])
  for (const { options } of [completed, ...completed.commands.values()])
    for (const [name, option] of options) {
      const handler = values.get(name)
      if (handler !== undefined) option.handler = handler
    }
  const file = completed.commands.get('restore')?.arguments.get('file')
  if (file !== undefined) file.handler = files
  // options of every command may stand after its name, too
  for (const command of completed.commands.values())
    for (const [name, option] of completed.options) command.options.set(name, option)
  // the library prints by console.log, which goes to the log here, as what migrations print does
  const { log } = console
  program
    .hook('preAction', () => {
      // `:4` forbids the shell to offer its files, and the library always says it
      console.log = text => print(`${wantsFiles && text === ':4' ? ':0' : text}\n`)
    })
    .hook('postAction', () => {
      console.log = log
    })
}
