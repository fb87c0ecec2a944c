/** Which files a search looks at. */
import { invalidArgument } from '../../errors.js'
import { checkNumber, checkOptions, checkString, checkStrings } from '../../validate.js'
import { globMatcher } from '../folders/walk.js'
import { type FileOfPicture, textOf } from '../storage/catalog.js'
import type { SearchFilter } from '../types.js'

/** Checks the filter. */
export function fileFilter(filter: SearchFilter): (file: FileOfPicture) => boolean {
  const { path: glob, after, before, minBytes = 0, maxBytes = Infinity, takenAfter, takenBefore, camera, near } =
    checkOptions('options.filter', filter, ['path', 'after', 'before', 'minBytes', 'maxBytes', 'takenAfter',
      'takenBefore', 'camera', 'near'])
  const matches = glob === undefined
    ? () => true
    : globMatcher(
      typeof glob === 'string'
        ? checkString('options.filter.path', glob)
        : [...checkStrings('options.filter.path', glob)],
    )
  const [from, until] = [timeOf('after', after, -Infinity), timeOf('before', before, Infinity)]
  checkNumber('options.filter.minBytes', minBytes, { min: 0 })
  checkNumber('options.filter.maxBytes', maxBytes, { min: 0, max: Infinity })
  const byFacts = factsFilter({ takenAfter, takenBefore, camera, near })
  return file =>
    file.size >= minBytes && file.size <= maxBytes && file.mtime >= from && file.mtime < until &&
    matches(textOf(file.path)) && byFacts(file)
}

/** Files whose camera wrote nothing are left out where something of it is asked for. */
function factsFilter(
  { takenAfter, takenBefore, camera, near }: Pick<SearchFilter, 'takenAfter' | 'takenBefore' | 'camera' | 'near'>,
): (file: FileOfPicture) => boolean {
  const tests: ((file: FileOfPicture) => boolean)[] = []
  if (takenAfter !== undefined || takenBefore !== undefined) {
    const from = timeOf('takenAfter', takenAfter, -Infinity)
    const until = timeOf('takenBefore', takenBefore, Infinity)
    tests.push(({ taken }) => taken !== null && taken >= from && taken < until)
  }
  if (camera !== undefined) {
    const words = checkString('options.filter.camera', camera).toLowerCase()
    tests.push(file => file.camera?.toLowerCase().includes(words) ?? false)
  }
  if (near !== undefined) {
    const given = checkOptions('options.filter.near', near, ['latitude', 'longitude', 'km'])
    const latitude = checkNumber('options.filter.near.latitude', given.latitude!, { min: -90, max: 90 })
    const longitude = checkNumber('options.filter.near.longitude', given.longitude!, { min: -180, max: 180 })
    const km = checkNumber('options.filter.near.km', given.km ?? 10, { min: 0, max: 20_100 })
    tests.push(file =>
      file.latitude !== null && file.longitude !== null &&
      distance([latitude, longitude], [file.latitude, file.longitude]) <= km
    )
  }
  return file => tests.every(test => test(file))
}

/** Kilometres between two places on a sphere (haversine). */
function distance(a: readonly [number, number], b: readonly [number, number]): number {
  const [lat1, lon1, lat2, lon2] = [...a, ...b].map(degrees => degrees * Math.PI / 180) as [
    number,
    number,
    number,
    number,
  ]
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2
  return 2 * 6371 * Math.asin(Math.sqrt(Math.min(1, h)))
}

function timeOf(name: string, value: Date | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const time = typeof value === 'object' && typeof value.getTime === 'function' ? value.getTime() : NaN
  if (Number.isNaN(time)) throw invalidArgument(`options.filter.${name}`, 'a Date', value)
  return time
}
