/** Hosts of several addresses, the first of which does not answer: IPv6 on a line that has none, as a rule. */
import { type ChildProcess, spawn } from 'node:child_process'
import dns from 'node:dns'
import net, { type AddressInfo } from 'node:net'
import { createServer, request } from 'node:http'
import { networkInterfaces } from 'node:os'

import { proxyChoice } from '../../lib/models/proxy'
import { where } from '../helpers/skips'
import { Bench, checkpoint } from './support'

const bench = new Bench()
const silentAddress = Object.values(networkInterfaces()).flat().some(one => one?.address === '::1')
  ? '::1'
  : '127.0.0.2'

/** A port that is listened to and never accepts: Linux then answers no connection that its queue has no room for. */
async function silence(port: number): Promise<{ end: () => void }> {
  const script =
    `require('node:net').createServer().listen({ port: ${port}, host: '${silentAddress}', backlog: 1 }, () => console.log('listening'))`
  const child: ChildProcess = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => child.stdout!.once('data', resolve))
  child.kill('SIGSTOP')
  const sockets = Array.from({ length: 6 }, () => net.connect(port, silentAddress).on('error', () => undefined))
  await new Promise(resolve => setTimeout(resolve, 300))
  namesLeadNowhereFirst()
  return {
    end: () => {
      for (const socket of sockets) socket.destroy()
      child.kill('SIGKILL')
    },
  }
}

/** Every name stands for an address that does not answer, and then for 127.0.0.1. */
function namesLeadNowhereFirst(): void {
  const answer = [{ address: silentAddress, family: net.isIP(silentAddress) }, { address: '127.0.0.1', family: 4 }]
  jest.spyOn(dns, 'lookup').mockImplementation(
    ((_: string, { all }: dns.LookupOptions, done: (...values: unknown[]) => void) => {
      if (all) done(null, answer)
      else done(null, answer[0]!.address, answer[0]!.family)
    }) as unknown as typeof dns.lookup,
  )
}

where('linux', describe)('the first address of a host does not answer', () => {
  beforeEach(() => bench.hub.add('owner/model', checkpoint))
  afterEach(() => jest.restoreAllMocks())

  test('the next one is asked', async () => {
    const port = Number(new URL(bench.hub.endpoint).port)
    const silent = await silence(port)
    try {
      const pulled = await bench.fetch('owner/model', {}, { endpoint: `http://hub.test:${port}`, idleMs: 8000 })
      expect(pulled.downloadedBytes).toBe(pulled.bytes)
    } finally {
      silent.end()
    }
  })

  test('nor that of a proxy: its next one is asked', async () => {
    const proxy = createServer((asked, response) => {
      const { host: _, ...headers } = asked.headers
      request(asked.url!.replace('http://hub.test', bench.hub.endpoint), { headers }, answer => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      }).end()
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const silent = await silence(port)
    try {
      const proxyOf = proxyChoice({ http_proxy: `http://proxy.test:${port}` })
      const pulled = await bench.fetch('owner/model', {}, { endpoint: 'http://hub.test', proxyOf, idleMs: 8000 })
      expect(pulled.downloadedBytes).toBe(pulled.bytes)
    } finally {
      silent.end()
      proxy.close()
      proxy.closeAllConnections()
    }
  })
})
