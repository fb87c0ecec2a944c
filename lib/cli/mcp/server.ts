/** The Model Context Protocol over stdin and stdout, by its official SDK. */
import type * as serverModule from '@modelcontextprotocol/sdk/server/index.js'
import type * as stdioModule from '@modelcontextprotocol/sdk/server/stdio.js'
import type * as typesModule from '@modelcontextprotocol/sdk/types.js'

import { loadPeer } from '../../peer.js'
import type { Tool } from './tools.js'

interface Sdk {
  Server: typeof serverModule.Server
  StdioServerTransport: typeof stdioModule.StdioServerTransport
  types: typeof typesModule
}

/** @throws {ClipError} ERR_CLIP_MCP_PARTS: it is not installed */
export function loadSdk(): Sdk {
  const sdk = '@modelcontextprotocol/sdk'
  const load = <T>(part: string): T => loadPeer<T>(`${sdk}/${part}`, 'ERR_CLIP_MCP_PARTS', '"ggclip mcp"', sdk)
  const { Server } = load<typeof serverModule>('server/index.js')
  const { StdioServerTransport } = load<typeof stdioModule>('server/stdio.js')
  return { Server, StdioServerTransport, types: load<typeof typesModule>('types.js') }
}

/** Answers until the client closes stdin, or the signal aborts. */
export async function serveTools(
  { Server, StdioServerTransport, types }: Sdk,
  tools: readonly Tool[],
  { version, signal }: { version: string; signal: AbortSignal },
): Promise<void> {
  const server = new Server({ name: 'ggclip', version }, { capabilities: { tools: {} } })
  server.setRequestHandler(types.ListToolsRequestSchema, () => ({
    tools: tools.map(({ name, description, inputSchema }) => ({
      name,
      description,
      inputSchema,
      annotations: { readOnlyHint: true, openWorldHint: false },
    })),
  }))
  server.setRequestHandler(types.CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools.find(({ name }) => name === params.name)
    if (!tool) throw new types.McpError(types.ErrorCode.InvalidParams, `there is no tool '${params.name}'`)
    try {
      const args = params.arguments ?? {}
      const unknown = Object.keys(args).find(name => !(name in tool.inputSchema.properties))
      if (unknown !== undefined) throw new TypeError(`there is no argument '${unknown}'`)
      for (const name of tool.inputSchema.required ?? [])
        if (!(name in args)) throw new TypeError(`the argument '${name}' is missing`)
      return { content: [{ type: 'text', text: JSON.stringify(await tool.call(args, extra.signal)) }] }
    } catch (error) {
      extra.signal.throwIfAborted()
      // a failed tool is an answer, which the model reads; the protocol's own errors are for clients
      const { message, code } = error as NodeJS.ErrnoException
      return { isError: true, content: [{ type: 'text', text: code ? `${message} (${code})` : message }] }
    }
  })
  const closed = new Promise<void>(resolve => {
    server.onclose = resolve
    process.stdin.once('end', resolve) // the SDK's transport takes no notice of it
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await server.connect(new StdioServerTransport())
  await closed
  await server.close()
}
