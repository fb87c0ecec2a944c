/** The one way to skip: by a name of test/skips.cjs, which says what is missing and which tests may go without it. */

const { needs } = require('../skips.cjs') as { needs: Record<Need, { absent(): string | false }> }
export type Need = 'chromium' | 'systemd' | 'terminal' | 'twoCores' | 'linux' | 'mounts' | 'posix' | 'python'
  | 'readelf' | 'prebuilt' | 'qemuX64' | 'engines' | 'redis' | 'prometheus'

/** `run`, or its `skip` where this machine lacks what is needed. */
export function where<T extends { skip: unknown }>(need: Need, run: T): T {
  return needs[need].absent() === false ? run : (run.skip as T)
}
