/** `ggclip serve`: models over HTTP. */
import { existsSync } from 'node:fs'
import path from 'node:path'

import { type LoadOptions, weightTypes } from '../../library.js'
import { type LogLevel, Server, type ServedModel, type ServerOptions } from '../../server/index.js'
import { type Interruption, UsageError } from '../failure.js'
import { fileLines } from '../inputs.js'
import { addExamples, addJsonOption, sizeInBytes, collect, wholeNumber } from '../options.js'
import type { Verb } from '../run.js'
import type { Shell } from '../shell.js'

interface Flags
  extends
    Omit<ServerOptions, 'models' | 'apiKeys' | 'corsOrigins' | 'allowedHosts' | 'dialects' | 'remoteImages' | 'signal'>
{
  model?: string[]
  threads?: number
  sessions?: number
  device?: LoadOptions['device']
  dtype?: LoadOptions['dtype']
  precision?: LoadOptions['precision']
  towers?: LoadOptions['towers']
  decode?: LoadOptions['decode']
  maxBatch?: number
  maxMemory?: number
  maxWaitMs?: number
  dimensions?: string
  dialects?: string
  apiKeysFile?: string
  corsOrigin?: string[]
  allowedHosts?: string[]
  remoteImages?: true
  remoteHost?: string[]
  logLevel?: LogLevel
  json?: boolean
}

export const serve: Verb = (program, shell) => {
  const command = program.command('serve')
    .summary('serve models over HTTP')
    .description(
      `Serves models over HTTP: POST /v1/embeddings for OpenAI's clients, for texts and images, and classify,
similarity, rank, metrics, a web page at /. GET /docs describes the calls; docs/server.md is the operator's manual.

Ends on SIGTERM and Ctrl-C, after the running requests; a second signal ends it at once. Logs are JSON lines on stderr.
API keys come from --api-keys-file (one "name key [requests-per-minute]" per line) or from GGCLIP_API_KEYS (separated by
commas); a key in an argument would be visible to everyone on the machine.`,
    )
    .option(
      '-m, --model <[name=]path>',
      'a .gguf file, the directory of a checkpoint, hf:owner/name or a name of "ggclip models" (repeatable; the first is the default)',
      collect,
    )
  addOptions(command, [
    ['--host <address>', 'where to listen (default: 127.0.0.1; 0.0.0.0 for all)'],
    ['--port <n>', 'port; 0 for any free one (default: 8080)', wholeNumber],
    ['--preload <which>', 'models loaded before the server is ready: none, first or all (default: first)'],
    ['--unload-after-ms <n>', 'unload a model after this time without use (default: never)', wholeNumber],
    ['--no-warm-up', 'do not run an image and a text through a model once it is loaded'],
    ['--threads <n>', 'CPU threads of each session (default: all cores divided by sessions)', wholeNumber],
    ['--sessions <n>', 'batches of a model that run at the same time (default: 1)', wholeNumber],
    ['--device <name>', 'auto, cpu, cuda, metal or vulkan (default: auto)'],
    ['--dtype <type>', `convert the weights while loading: ${weightTypes.join(', ')} (default: as in the file)`],
    ['--precision <mode>', 'default, fast or exact'],
    ['--towers <which>', 'load both encoders, or only image or text (default: both)'],
    ['--decode <mode>', 'auto, or exact: decode every pixel of large images (default: auto)'],
    ['--max-batch <n>', 'most inputs of one batch (default: 32)', wholeNumber],
    ['--max-memory <size>', 'most memory of each model, such as 200MB (default: no limit)', sizeInBytes],
    ['--max-wait-ms <n>', 'longest wait for a batch to fill under load (default: 0)', wholeNumber],
    ['--dimensions <a,b>', 'lengths that requests may shorten vectors to; only for models trained for it'],
    ['--max-queue <n>', 'most inputs of a model, running or waiting (default: 1024)', wholeNumber],
    ['--max-requests <n>', 'most requests in progress (default: 512)', wholeNumber],
    ['--max-inputs <n>', 'most inputs of one request (default: 2048)', wholeNumber],
    ['--max-body-bytes <n>', 'most bytes of a request (default: 32 MiB)', wholeNumber],
    ['--max-image-bytes <n>', 'most bytes of an image file (default: 16 MiB)', wholeNumber],
    ['--max-pixels <n>', 'most pixels of an image (default: 67108864)', wholeNumber],
    ['--max-decode-ms <n>', 'longest time for decoding an image (default: 10000)', wholeNumber],
    ['--svg', 'accept SVG (default: refuse it)'],
    ['--timeout-ms <n>', 'time for a request (default: 30000)', wholeNumber],
    ['--drain-ms <n>', 'longest wait for running requests at shutdown (default: 20000)', wholeNumber],
    ['--api-keys-file <file>', 'the keys of those who may use the server (default: everyone)'],
    ['--requests-per-minute <n>', 'limit per key, or per address without keys (default: no limit)', wholeNumber],
    ['--remote-images', 'fetch images from http(s) URLs at public addresses (default: refuse URLs)'],
    ['--metrics <who>', 'access to /metrics: open, key or off (default: key if there are keys)'],
    ['--trust-proxy [n]',
      'trust this many entries of X-Forwarded-For, from its end: one per proxy of your own (default: 0; no number: 1)',
      wholeNumber],
    ['--dialects <a,b>',
      'protocols of other servers: immich, frigate, weaviate, ollama, cohere, voyage, or none (default: all)'],
    ['--index <folder>',
      'folder of the search index of --folder, or of an existing one (default: .ggclip in the first)'],
    ['--watch', 'look for changed images when the system tells of some (default: every minute)'],
    ['--no-page', 'no web page at /'],
    ['--log-level <level>', 'silent, error, warn, info or debug (default: info)'],
  ])
  command
    .option(
      '--folder <path>',
      'a folder of images that can be searched, at /gallery and on the page (repeatable)',
      collect,
    )
    .option('--remote-host <host>', 'fetch images only from this host; *.host for its subdomains (repeatable)', collect)
    .option('--cors-origin <origin>', 'web pages of this origin may use the server; * for all (repeatable)', collect)
    .option(
      '--allowed-hosts <a,b>',
      'names of this server in Host headers; *.host for subdomains, * for all (default: on a loopback address without a proxy those of this machine, else all)',
      collect,
    )
    .action((flags: Flags) => run(shell, flags))
  addJsonOption(command)
  addExamples(command, [
    ['the embedded model on port 8080', 'ggclip serve'],
    ['two models, the second loaded when asked for',
      'ggclip serve --model b32=clip-b32.gguf --model l14=clip-l14.gguf --unload-after-ms 600000'],
    ['pictures to search in the browser', 'ggclip serve --folder ~/Pictures --folder /mnt/photos'],
    ['for others, with keys', 'ggclip serve --host 0.0.0.0 --api-keys-file keys.txt --requests-per-minute 600'],
  ])
}

type Row = readonly [flags: string, text: string, parse?: (value: string) => number]

function addOptions(command: ReturnType<Parameters<Verb>[0]['command']>, rows: readonly Row[]): void {
  for (const [flags, text, parse] of rows) {
    if (parse) command.option(flags, text, parse)
    else command.option(flags, text)
  }
}

async function run(shell: Shell, flags: Flags): Promise<void> {
  const options = await optionsOf(flags)
  // it has its own time limit (drainMs), and leaves no files behind
  shell.graceMs = 2 ** 31 - 1
  shell.hurryMs = 200
  try {
    await using server = await Server.start({ ...options, signal: shell.signal })
    if (flags.json) await shell.write(`${JSON.stringify({ url: server.url, port: server.port, pid: process.pid })}\n`)
    else shell.note(
        `ggclip serves ${[...server.settings.models.keys()].join(', ')} on ${server.url} (API: ${server.url}/docs)`,
      )
    await stopped(shell.signal)
  } catch (error) {
    if (!shell.signal.aborted) throw error
  }
  // SIGTERM is the normal way to end it: not a failure
  const { signal, status } = shell.signal.reason as Interruption
  shell.exitStatus = signal === 'SIGTERM' ? 0 : status
}

async function optionsOf(flags: Flags): Promise<ServerOptions> {
  const {
    model,
    threads,
    sessions,
    device,
    dtype,
    precision,
    towers,
    decode,
    maxBatch,
    maxMemory,
    maxWaitMs,
    dimensions,
    dialects,
    apiKeysFile,
    corsOrigin,
    allowedHosts,
    remoteImages,
    remoteHost,
    json: _,
    logLevel = 'info',
    ...rest
  } = flags
  const common = {
    threads,
    sessions,
    device,
    dtype,
    precision,
    towers,
    decode,
    maxBatch,
    maxMemory,
    maxWaitMs,
    dimensions: sizesOf(dimensions),
  }
  return {
    ...rest,
    logLevel,
    dialects: dialectsOf(dialects),
    models: modelsOf(model, JSON.parse(JSON.stringify(common)) as ServedModel),
    apiKeys: await keysOf(apiKeysFile),
    corsOrigins: corsOrigin,
    allowedHosts: allowedHosts?.flatMap(list => list.split(',').map(host => host.trim())),
    remoteImages: remoteHost ? { hosts: remoteHost } : remoteImages,
  }
}

/** In the form of {@link ServerOptions.models}. */
const modelName = /^\w[\w.:/@-]{0,127}$/

/** 'name=path', or a path that provides the name. */
function modelsOf(list: readonly string[] | undefined, common: ServedModel): Record<string, ServedModel> {
  if (!list) return { 'emoji-clip': common }
  const models: Record<string, ServedModel> = {}
  for (const entry of list) {
    // an existing path wins, even one like 'runs/lr=0.1/model.gguf'
    const named = existsSync(entry) ? null : /^([\w][\w.:/@-]*)=(.+)$/.exec(entry)
    const [name, source] = named ? [named[1]!, named[2]!] : [path.basename(entry).replace(/\.gguf$/, ''), entry]
    if (!named && !modelName.test(name))
      throw new UsageError(
        `'${name}' is not a valid model name (letters, digits and . _ : / @ -): give one with --model name=path`,
      )
    if (Object.hasOwn(models, name))
      throw new UsageError(`two models are called '${name}': give names with --model name=path`)
    models[name] = { ...common, source }
  }
  return models
}

function sizesOf(list: string | undefined): number[] | undefined {
  return list?.split(',').map(size => wholeNumber(size.trim()))
}

/** The server checks the names. */
function dialectsOf(list: string | undefined): ServerOptions['dialects'] {
  if (list?.trim() === 'none') return []
  return list?.split(',').map(name => name.trim()) as ServerOptions['dialects']
}

async function keysOf(file: string | undefined): Promise<ServerOptions['apiKeys']> {
  if (file === undefined)
    return (process.env.GGCLIP_API_KEYS ?? '').split(',').map(key => key.trim()).filter(key => key !== '')
  const lines: string[] = []
  for await (const line of fileLines('keys file', file)) if (!/^\s*(?:#|$)/.test(line)) lines.push(line.trim())
  const keys = lines.map((line, i) => {
    const [name, key, limit] = line.split(/\s+/)
    // keeps the line out of the message: it may be a key
    if (key === undefined)
      throw new UsageError(`keys file '${file}': expected "name key [requests-per-minute]" in entry ${i + 1}`)
    return { name: name!, key, ...(limit === undefined ? {} : { requestsPerMinute: wholeNumber(limit) }) }
  })
  if (keys.length === 0) throw new UsageError(`keys file '${file}' has no keys`)
  return keys
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
