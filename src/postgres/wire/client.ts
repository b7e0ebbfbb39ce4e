import type { ServerAddress } from '../../server.ts'
import type { Source } from '../connect.ts'
import { type Link, openLink } from './link.ts'
import { md5Answer, mechanism, type Scram, scram } from './login.ts'
import { answer, beginSasl, type Column, startup, statement, terminate } from './messages.ts'

/** Milliseconds for the whole of it: whoever is slower is left to the driver, which has a patience of its own. */
const patience = 5000

/**
 * Runs `work` on a connection without the driver, which closes when that is done.
 * @throws the server's errors with their SQLSTATE, as the driver does; some Error for anything else that is not expected
 */
export const withWire = async <T>(address: ServerAddress, work: (source: Source) => Promise<T>): Promise<T> => {
  const [{ host, port } = { host: '', port: 0 }] = address.hosts
  const link = await openLink(host, port, patience, address.sslMode === 'prefer' && !host.startsWith('/'))
  try {
    await login(link, address)
    const done = await work({ address, rows: asker(link) })
    link.end(terminate)
    return done
  } catch (error) {
    link.destroy()
    throw error
  }
}

const saidBy = ({ state, text }: Readonly<{ state: string; text: string }>): Error =>
  Object.assign(new Error(text), { code: state })

const unexpected = (what: string): Error => new Error(`the short way does not expect ${what}`)

const login = async (link: Link, { user, password, database }: ServerAddress): Promise<void> => {
  link.send(startup(user, database))
  // until the server has shown that it knows the password, too
  let exchange: Scram | undefined
  let verdict: string | undefined
  for (;;) {
    const message = await link.next()
    if (message.is === 'error') throw saidBy(message)
    if (message.is === 'ready' && exchange === undefined) return
    if (message.is !== 'login') throw unexpected(`${message.is} in a login`)
    const { step, data } = message
    if (step === 0) continue
    if (!password) throw unexpected('to be asked for a password')
    if (step === 3) link.send(answer(password, '\0'))
    else if (step === 5) link.send(answer(md5Answer(user, password, data), '\0'))
    else if (step === 10 && data.toString().split('\0').includes(mechanism)) {
      exchange = scram(password)
      link.send(beginSasl(mechanism, exchange.first))
    } else if (step === 11) {
      const last = exchange?.last(data.toString())
      if (last === undefined) throw unexpected('such a challenge')
      verdict = last.verdict
      link.send(answer(last.proof))
    } else if (step === 12 && data.toString() === verdict) exchange = undefined
    else throw unexpected(`step ${step} of a login`)
  }
}

/** Sends each statement at once, and takes the answers in the same order. */
const asker = (link: Link): Source['rows'] => {
  let last: Promise<unknown> = Promise.resolve()
  return (sql, values = []) => {
    link.send(statement(sql, values.map(String)))
    const answered = last.then(() => takeRows<never>(link))
    last = answered
    return answered
  }
}

const takeRows = async <Row>(link: Link): Promise<readonly Row[]> => {
  const rows: Row[] = []
  let columns: readonly Column[] = []
  let isDone = false
  for (;;) {
    const message = await link.next()
    if (message.is === 'columns') columns = message.columns
    else if (message.is === 'row' && message.values.length === columns.length) rows.push(toRow(columns, message.values))
    else if (message.is === 'done') isDone = true
    else if (message.is === 'ready' && isDone) return rows
    else if (message.is === 'error') throw saidBy(message)
    else throw unexpected(`${message.is} in an answer`)
  }
}

const toRow = <Row>(columns: readonly Column[], values: readonly (string | null)[]): Row =>
  Object.fromEntries(columns.map(({ name, type }, index) => [name, toValue(type, values[index] ?? null)])) as Row

/** Stands for a value of any other type: neither a text nor a number, so whoever looks at it gives up. */
const unread = {}

/** As the driver reads it: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat has the numbers. */
const toValue = (type: number, text: string | null): unknown => {
  if (text === null) return null
  // "char", name, text, bpchar, varchar
  if (type === 25 || type === 18 || type === 19 || type === 1042 || type === 1043) return text
  // int2, int4
  if (type === 21 || type === 23) return Number(text)
  if (type === 16) return text === 't'
  return unread
}
