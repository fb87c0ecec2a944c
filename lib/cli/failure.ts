/** Exit statuses and messages of the command line for errors. */
import { CommanderError } from 'commander'

import type { ClipErrorCode } from '../library.js'

/** The combination of arguments makes no sense. */
export class UsageError extends Error {
  readonly code: ClipErrorCode = 'ERR_CLIP_INVALID_ARGUMENT'
}

const usageCodes: readonly string[] = ['ERR_CLIP_INVALID_ARGUMENT', 'ERR_CLIP_OUT_OF_RANGE', 'ERR_CLIP_UNKNOWN_OPTION']

/** The command was ended by a signal. Its status is 128 plus the signal's number, as in shells. */
export class Interruption extends Error {
  constructor(readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super('interrupted')
  }

  get status(): number {
    return { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[this.signal]
  }
}

interface FailureContext {
  readonly signal: AbortSignal
  readonly debug: boolean
}

export function exitStatus(error: unknown, { signal }: FailureContext): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0
  if (signal.aborted) return (signal.reason as Interruption).status
  return isUsage(error) ? 2 : 1
}

/** Lines for stderr: `ggclip: message (CODE)`, then a hint for wrong usage. `verb`: the failed command. */
export function describeFailure(error: unknown, { signal, debug }: FailureContext, verb?: string): string[] {
  const first = signal.aborted ? 'ggclip: interrupted' : `ggclip: ${messageOf(error)} (${codeOf(error)})`
  if (debug && error instanceof Error) return [first, ...stackOf(error)]
  if (signal.aborted || !isUsage(error)) return [first]
  return [first, `run "ggclip ${verb === undefined ? '' : `${verb} `}--help" for help`]
}

/** Whether only this input failed: an image that cannot be read or decoded. The next one may succeed. */
export function isInputFailure(error: unknown): boolean {
  return /^ERR_CLIP_(?:FILE|IMAGE)_/.test(codeOf(error))
}

function isUsage(error: unknown): boolean {
  return usageCodes.includes(codeOf(error))
}

function codeOf(error: unknown): string {
  if (error instanceof CommanderError) {
    return error.code === 'commander.unknownOption' ? 'ERR_CLIP_UNKNOWN_OPTION' : 'ERR_CLIP_INVALID_ARGUMENT'
  }
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : 'ERR_CLIP_INTERNAL'
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (!(error instanceof CommanderError)) return error.message
  // commander puts "error: " before and its suggestion on a second line
  return error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')
}

function stackOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n')
  return error.cause instanceof Error ? [...lines, `caused by: ${error.cause.message}`, ...stackOf(error.cause)] : lines
}
