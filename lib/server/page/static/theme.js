// Runs before the page is painted, so that a chosen theme never flashes.
try {
  const theme = localStorage.getItem('ggclip-theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch { /* a browser that keeps nothing has no choice to apply */ }
