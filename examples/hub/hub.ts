/**
 * A hub of one page (GET /) and a few calls in JSON: what a homelab monitor does with the volume once the migrator has made it ready.
 * DATABASE_URL, MIGRATOR_READY_FILE, MIGRATOR_MIGRATIONS and PORT (8080) are its settings. It refuses to start without a true ready marker,
 * or on a server with migrations that are pending: container engines restart a hub after a reboot without running the migrator again.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { Status } from 'homelab-migrator'
import { initModels, Metric, Server } from 'homelab-migrator/models'
import { openReady } from 'homelab-migrator/ready'
import { Op, type Sequelize, TimeoutError, Transaction, ValidationError } from 'sequelize'
import { askMigrator, isServer, toLine } from './migrator.ts'
import { policy, renderPage } from './page.ts'
import { portOf, whyNotListening } from './port.ts'
import { metricFields, Refusal, readBody, serverFields, toTime } from './read-body.ts'
import { readFleet } from './read-fleet.ts'

const findServer = async (id: string, transaction: Transaction | null = null): Promise<Server> => {
  const server = await Server.findByPk(id, { transaction })
  if (server === null) throw new Refusal(404, `no server ${id}`)
  return server
}

/** Milliseconds that a write waits for another writer of a file. */
const lockPatience = 300_000

let last: Promise<unknown> = Promise.resolve()

/**
 * Runs writes to a file one after the other, each in a transaction: of those that wait for its one writer, the first is done first. A
 * transaction has a connection of its own, so that what only reads does not wait with it.
 */
const inTurn = <T>(write: (transaction: Transaction | null) => Promise<T>): Promise<T> => {
  const { sequelize } = Server
  if (sequelize?.getDialect() !== 'sqlite') return write(null)
  const work = () => whenFree(() => sequelize.transaction({ type: Transaction.TYPES.IMMEDIATE }, write))
  const turn = last.then(work, work)
  last = turn.catch(() => undefined)
  return turn
}

/** The migrator is the one writer of a file for as long as its migrations take. */
const whenFree = async <T>(work: () => Promise<T>): Promise<T> => {
  const end = Date.now() + lockPatience
  for (;;) {
    try {
      return await work()
    } catch (error) {
      // Sequelize has tried five times, a second each
      if (!(error instanceof TimeoutError) || Date.now() > end) throw error
    }
  }
}

const putServer = async (id: string, request: IncomingMessage) => {
  const fields = await readBody(request, serverFields)
  return inTurn(transaction => writeServer(id, fields, transaction))
}

const writeServer = async (id: string, fields: Partial<Server>, transaction: Transaction | null) => {
  const server = (await Server.findByPk(id, { transaction })) ?? Server.build({ id, hostname: '' })
  server.set(fields)
  if (server.hostname === '') throw new Refusal(400, 'hostname is missing')
  await server.save({ transaction })
  return server.reload({ transaction })
}

/** A metric says that its server is online, from its time on: what is told late makes no server younger, nor is it from the future. */
const postMetric = async (id: string, request: IncomingMessage) => {
  const fields = await readBody(request, metricFields)
  const now = new Date()
  return inTurn(transaction => writeMetric(id, fields, now, transaction))
}

const writeMetric = async (id: string, fields: Partial<Metric>, now: Date, transaction: Transaction | null) => {
  const server = await findServer(id, transaction)
  const metric = await Metric.build({ server_id: server.id, timestamp: now }).set(fields).save({ transaction })
  const last_seen = metric.timestamp < now ? metric.timestamp : now
  // by its condition, so that of two that come at once the later one counts
  const where = { id: server.id, last_seen: { [Op.or]: [null, { [Op.lt]: last_seen }] } }
  await Server.update({ last_seen, status: 'online' }, { where, transaction })
  // what was not measured is null, which SQLite does not tell and a server does
  return metric.reload({ transaction })
}

const getMetrics = async (id: string, query: URLSearchParams) => {
  const server = await findServer(id)
  const from = toTime(query.get('from') ?? '1970-01-01', 'from')
  const to = toTime(query.get('to') ?? '9999-12-31', 'to')
  return Metric.findAll({
    where: { server_id: server.id, timestamp: { [Op.gte]: from, [Op.lt]: to } },
    order: ['timestamp'],
  })
}

const toUrl = ({ url = '/' }: IncomingMessage): URL => {
  const found = URL.parse(url, 'http://hub')
  if (found === null) throw new Refusal(400, 'the address makes no sense')
  return found
}

const answer = async (request: IncomingMessage): Promise<unknown> => {
  const { pathname, searchParams } = toUrl(request)
  const [, collection, id = '', part] = pathname.split('/').map(decodeURIComponent)
  if (/\p{Cc}/u.test(id)) throw new Refusal(400, 'the id of a server has control characters')
  const route = `${request.method} /${collection}${id && '/:id'}${part ? `/${part}` : ''}`
  if (route === 'GET /healthz') return { status: 'ok', servers: await Server.count() }
  if (route === 'GET /servers') return Server.findAll({ order: ['id'] })
  if (route === 'PUT /servers/:id') return putServer(id, request)
  if (route === 'POST /servers/:id/metrics') return postMetric(id, request)
  if (route === 'GET /servers/:id/metrics') return getMetrics(id, searchParams)
  throw new Refusal(404, `no ${request.method} ${pathname} here`)
}

const asJson = (value: unknown) => ({ status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` })

type Volume = Readonly<{ sequelize: Sequelize; migrator: () => Promise<Status | undefined> }>

const page = async (request: IncomingMessage, { sequelize, migrator }: Volume): Promise<string> => {
  const now = Date.now()
  return renderPage(await readFleet(sequelize, now), await migrator(), now, addressOf(request))
}

/** The address that the browser has, if it can be pasted into a shell. */
const addressOf = ({ headers: { host = '' }, socket }: IncomingMessage): string =>
  `http://${/^(?:[\w.-]+|\[[\da-f:]+\])(?::\d+)?$/i.test(host) ? host : `localhost:${socket.localPort}`}`

const respond = async (request: IncomingMessage, volume: Volume) =>
  request.method === 'GET' && request.url === '/'
    ? { status: 200, type: 'text/html; charset=utf-8', body: await page(request, volume) }
    : asJson(await answer(request))

/** What is wrong with a request is told; what is wrong here goes to the log: it may have SQL in it, and paths. */
const refuse = (error: unknown) => {
  if (error instanceof Refusal) return { ...asJson({ error: error.message }), status: error.status }
  if (error instanceof ValidationError || error instanceof URIError)
    return { ...asJson({ error: error.message }), status: 400 }
  console.error(toLine(error))
  return { ...asJson({ error: 'the hub could not do that; its log says why' }), status: 500 }
}

/** Milliseconds that a request may take until it is here, and how often that is looked at. */
const limits = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 }

try {
  const { DATABASE_URL, MIGRATOR_READY_FILE, MIGRATOR_MIGRATIONS, PORT } = process.env
  const port = portOf(PORT)
  const url = DATABASE_URL || 'sqlite:data/homelab.db'
  // a server has no marker: its history is held against the migrations
  const { sequelize, close } = await openReady(url, isServer(url) ? MIGRATOR_MIGRATIONS : MIGRATOR_READY_FILE)
  initModels(sequelize)
  const volume = { sequelize, migrator: askMigrator(url, process.env) }
  const server = createServer(limits, async (request, response) => {
    const { status, type, body } = await respond(request, volume).catch(refuse)
    // what is left of a body that was refused is not waited for
    if (!request.complete) response.setHeader('connection', 'close')
    const headers = { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-store' }
    response.writeHead(status, headers).end(body)
  })
  server.on('error', async error => {
    console.error(`the hub does not start: ${whyNotListening(error, port)}`)
    process.exitCode = 1
    await close()
  })
  server.listen(port, () => {
    const address = server.address()
    console.log(`the hub listens on http://localhost:${typeof address === 'object' ? address?.port : port}`)
  })
  const stop = () => server.close(close).closeAllConnections()
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  console.error(`the hub does not start: ${toLine(error)}`)
  process.exitCode = 1
}
