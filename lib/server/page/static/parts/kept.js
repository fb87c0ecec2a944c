/** What the browser keeps: choices for good, drafts and the key for this tab. A browser that keeps nothing is no failure. */

const reach = kind => ({
  read(name) {
    try {
      return globalThis[kind].getItem(name) ?? undefined
    } catch {
      return undefined
    }
  },
  write(name, value) {
    try {
      if (value === undefined || value === '') globalThis[kind].removeItem(name)
      else globalThis[kind].setItem(name, value)
    } catch { /* storage is full or forbidden: the value lives as long as the page */ }
  },
})

export const forGood = reach('localStorage')
export const forTab = reach('sessionStorage')

/** What is typed outlives a reload and a crash of the tab; fields are known by their ids. */
export function keepDrafts(fields) {
  for (const field of fields) {
    const name = `ggclip-draft-${field.id}`
    const key = field.type === 'checkbox' ? 'checked' : 'value'
    const initial = field[key]
    const kept = forTab.read(name)
    if (kept !== undefined) field[key] = JSON.parse(kept)
    for (const type of ['input', 'change']) {
      field.addEventListener(
        type,
        () => forTab.write(name, field[key] === initial ? undefined : JSON.stringify(field[key])),
      )
    }
  }
}
