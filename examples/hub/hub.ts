/**
 * A hub of one page (GET /) and a few calls in JSON: what a homelab monitor does with the volume once the migrator has made it ready.
 * DATABASE_URL, MIGRATOR_READY_FILE and PORT (8080) are its settings. It refuses to start without a true ready marker: container engines
 * restart a hub after a reboot without running the migrator again.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { initModels, Metric, Server } from 'homelab-migrator/models'
import { openReady } from 'homelab-migrator/ready'
import { Op, type Sequelize, ValidationError } from 'sequelize'
import { renderPage } from './page.ts'
import { readFleet } from './read-fleet.ts'

/** An answer that is not 200, and why. */
class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const body = async (request: IncomingMessage): Promise<Record<string, unknown>> => {
  const value = await json(request).catch(() => undefined)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Refusal(400, 'the body is not a JSON object')
}

const time = (value: unknown, name: string): Date => {
  const date = new Date(String(value))
  if (Number.isNaN(date.getTime())) throw new Refusal(400, `${name} is not a time: ${value}`)
  return date
}

const findServer = async (id: string): Promise<Server> => {
  const server = await Server.findByPk(id)
  if (server === null) throw new Refusal(404, `no server ${id}`)
  return server
}

const putServer = async (id: string, request: IncomingMessage) => {
  const { id: _, created_at, updated_at, os_info, last_seen, ...rest } = await body(request)
  const server = (await Server.findByPk(id)) ?? Server.build({ id, hostname: '' })
  server.set(rest)
  if (last_seen !== undefined) server.last_seen = last_seen === null ? null : time(last_seen, 'last_seen')
  if (server.hostname === '') throw new Refusal(400, 'hostname is missing')
  await server.save()
  return server.reload()
}

const postMetric = async (id: string, request: IncomingMessage) => {
  const { id: _, server_id, timestamp = new Date().toISOString(), ...rest } = await body(request)
  const server = await findServer(id)
  const metric = Metric.build({ server_id: server.id, timestamp: time(timestamp, 'timestamp') })
  return metric.set(rest).save()
}

const getMetrics = async (id: string, query: URLSearchParams) => {
  const server = await findServer(id)
  const from = time(query.get('from') ?? 0, 'from')
  const to = time(query.get('to') ?? '9999-12-31', 'to')
  return Metric.findAll({
    where: { server_id: server.id, timestamp: { [Op.gte]: from, [Op.lt]: to } },
    order: ['timestamp'],
  })
}

const answer = async (request: IncomingMessage): Promise<unknown> => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://hub')
  const [, collection, id = '', part] = pathname.split('/').map(decodeURIComponent)
  const route = `${request.method} /${collection}${id && '/:id'}${part ? `/${part}` : ''}`
  if (route === 'GET /healthz') return { status: 'ok', servers: await Server.count() }
  if (route === 'GET /servers') return Server.findAll({ order: ['id'] })
  if (route === 'PUT /servers/:id') return putServer(id, request)
  if (route === 'POST /servers/:id/metrics') return postMetric(id, request)
  if (route === 'GET /servers/:id/metrics') return getMetrics(id, searchParams)
  throw new Refusal(404, `no ${request.method} ${pathname} here`)
}

const asJson = (value: unknown) => ({ status: 200, type: 'application/json', body: `${JSON.stringify(value)}\n` })

const respond = async (request: IncomingMessage, sequelize: Sequelize) =>
  request.method === 'GET' && request.url === '/'
    ? { status: 200, type: 'text/html; charset=utf-8', body: renderPage(await readFleet(sequelize), Date.now()) }
    : asJson(await answer(request))

const statusOf = (error: unknown): number => {
  if (error instanceof Refusal) return error.status
  return error instanceof ValidationError || error instanceof URIError ? 400 : 500
}

try {
  const { DATABASE_URL, MIGRATOR_READY_FILE } = process.env
  const { sequelize, close } = await openReady(DATABASE_URL || 'sqlite:data/homelab.db', MIGRATOR_READY_FILE)
  initModels(sequelize)
  const server = createServer(async (request, response) => {
    const { status, type, body } = await respond(request, sequelize).catch(error => ({
      ...asJson({ error: error.message }),
      status: statusOf(error),
    }))
    const policy = "default-src 'none'; style-src 'unsafe-inline'"
    response.writeHead(status, { 'content-type': type, 'content-security-policy': policy }).end(body)
  })
  server.listen(Number(process.env.PORT ?? 8080), () => console.log(`listening on ${JSON.stringify(server.address())}`))
  const stop = () => server.close(close).closeAllConnections()
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  console.error(`the hub does not start: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
