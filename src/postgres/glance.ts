import { attemptAsync } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import type { ServerAddress } from '../server.ts'
import { sqlState } from './errors.ts'
import { readHistory } from './history.ts'
import { requireSuitable } from './suitable.ts'
import { withWire } from './wire/client.ts'

/**
 * The history of a primary, read without the driver, which takes longer to load than a run with nothing to do takes besides.
 * @returns undefined for everything else: then the driver finds out what it is, and tells
 * @throws the server's refusal of user, password or database alone: a second try could lock the user out, and PgBouncer has it wait
 */
export const glanceAtHistory = async (address: ServerAddress): Promise<readonly AppliedMigration[] | undefined> => {
  if (!isPlain(address)) return undefined
  const outcome = await attemptAsync(() =>
    withWire(address, async source => {
      const [, history] = await Promise.all([requireSuitable(source, 'write'), readHistory(source)])
      return history
    }),
  )
  if ('value' in outcome) return outcome.value
  if (/^(?:28|3D000)/.test(sqlState(outcome.error) ?? '')) throw outcome.error
  return undefined
}

/** Settings that the driver takes from the environment, and sends to the server. */
const ofDriver = ['PGAPPNAME', 'PGOPTIONS', 'PGREPLICATION']

/** Whether it is one server, no certificate is to be checked, and nothing needs the driver's care. */
const isPlain = ({ hosts, sslMode, user, password, database }: ServerAddress): boolean =>
  hosts.length === 1 &&
  (sslMode === 'disable' || sslMode === 'prefer' || hosts[0]?.host.startsWith('/') === true) &&
  // others would have to be prepared for SCRAM
  /^[ -~]*$/.test(password ?? '') &&
  !`${user}${database}`.includes('\0') &&
  ofDriver.every(name => process.env[name] === undefined)
