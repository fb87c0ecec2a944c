/** The installed package: its folder, and its package.json. */
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The package's root: the folder above `lib` in the sources, above `dist` once compiled. */
export const packageRoot = path.join(__dirname, '..')

/** The sample images. */
export const samplesFolder = path.join(packageRoot, 'models', 'samples')

export function packageFile(): { name: string; version: string; peerDependencies: Record<string, string> } {
  return JSON.parse(readFileSync(path.join(packageRoot, 'package.json'), 'utf8')) as ReturnType<typeof packageFile>
}
