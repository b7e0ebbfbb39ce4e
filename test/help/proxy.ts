/** A proxy before a real server, which cuts its connections at a moment that a test chooses. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * @param cutAt called with what a client sends: `before` cuts the connection without passing it on, `after` passes it on and cuts
 *   it when the server answers
 */
export const startProxy = async (port: number, cutAt: (sent: Buffer) => 'before' | 'after' | undefined) => {
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    let answers = true
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (sent: Buffer) => {
      const cut = cutAt(sent)
      if (cut === 'before') client.destroy()
      else upstream.write(sent)
      if (cut === 'after') answers = false
    })
    upstream.on('data', answer => {
      if (answers) client.write(answer)
      else client.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
  return { port: address.port, stop }
}

/** A door with TLS before a real server that has none. @param pair a key and its certificate, in PEM */
export const startTls = async (port: number, pair: Readonly<{ key: Buffer; cert: Buffer }>) => {
  const front = createServer(socket => {
    // what comes first is the wish for TLS
    socket.once('data', () => {
      socket.write('S')
      const behind = connect(port, '127.0.0.1')
      const secure = new TLSSocket(socket, { isServer: true, ...pair })
      for (const end of [behind, secure]) end.on('error', () => undefined)
      secure.pipe(behind).pipe(secure)
    })
    socket.on('error', () => undefined)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return { port: Number(Object(front.address()).port), stop: () => void front.close() }
}
