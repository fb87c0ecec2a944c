// Runs before the page is painted, so that a chosen theme never flashes. The choice stays in this browser.
const theme = localStorage.getItem('ggclip-theme')
if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
