/** A process that ends in every way, with work in every state: never a crash, never a hang. */
import { runChild, tinyModel } from './support'

const crash = /assert|SIGSEGV|terminate called|double free|corrupt|FATAL/i

describe('the end of a process', () => {
  // [way, its last words, exit code, signal]
  it.each<[string, string, number | null, string | null]>([
    ['idle', 'idle', 0, null],
    ['pending', '40 vectors', 0, null],
    ['exitRunning', 'running', 7, null],
    ['exitQueued', 'queued', 7, null],
    ['exitLoading', 'loading', 7, null],
    ['exitSearching', 'searching', 7, null],
    ['exitHandler', 'running', 7, null],
    ['uncaught', 'running', 1, null],
    ['rejected', 'running', 1, null],
    ['disposing', 'disposing', 7, null],
    ['terminated', 'running', null, 'SIGTERM'],
  ])('%s', async (way, words, code, signal) => {
    const ended = await runChild('lifecycle/exits.cjs', [tinyModel, way], { timeoutMs: 40_000 })
    expect([ended.stdout.trim(), ended.code, ended.signal]).toEqual([words, code, signal])
    expect(ended.stderr).not.toMatch(crash)
  })
})
