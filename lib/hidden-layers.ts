/** Which layers a call of hiddenStates names. */
import { outOfRange } from './errors.js'
import { checkInteger, checkNonEmptyArray } from './validate.js'

/**
 * Layers counted from the front, 0 to `layers`.
 *
 * @param given `layer`: one, or several, negative ones from the back; `skip`: that many of the last blocks left out
 * @throws {TypeError|RangeError} not integers, out of range, none, or both
 */
export function checkLayers(
  { layer, skip }: { layer?: number | readonly number[]; skip?: number }, layers: number,
): { numbers: number[]; several: boolean } {
  if (skip !== undefined) {
    if (layer !== undefined) throw outOfRange('skip', 'nothing beside layer', skip)
    return { numbers: [layers - checkInteger('skip', skip, { min: 0, max: layers })], several: false }
  }
  const several = Array.isArray(layer)
  const list: readonly unknown[] = several ? checkNonEmptyArray('layer', layer as readonly number[]) : [layer ?? -1]
  const numbers = list.map((value, i) => {
    const number = checkInteger(several ? `layer[${i}]` : 'layer', value, { min: -1 - layers, max: layers })
    return number < 0 ? layers + 1 + number : number
  })
  return { numbers, several }
}
