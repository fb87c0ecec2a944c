/** Light, dark, or as the system: the choice is kept in this browser. theme.js applies it before the page is painted. */
import { forGood } from './kept.js'

const name = 'ggclip-theme'

export function listenForTheme() {
  const kept = forGood.read(name) ?? 'auto'
  for (const input of document.querySelectorAll('input[name=theme]')) {
    input.checked = input.value === kept
    input.addEventListener('change', () => {
      const theme = input.value === 'auto' ? undefined : input.value
      forGood.write(name, theme)
      if (theme === undefined) delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = theme
    })
  }
}
