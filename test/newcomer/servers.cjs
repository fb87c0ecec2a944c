// Servers that a project starts, and what their page loads.
'use strict'

/**
 * Starts a server and waits until its port answers.
 *
 * @returns {Promise<{ url: string, said(): string, stop(): Promise<number | null> }>}
 */
async function startServer(project, [command, ...args], port, env) {
  const child = project.start(command, args, env)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
  const ended = new Promise(resolve => child.on('close', resolve))
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + 120_000
  for (;;) {
    const isUp = await fetch(url).then(() => true, () => false)
    if (isUp) break
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${command} ${args.join(' ')}:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const stop = () => {
    process.kill(-child.pid, 'SIGTERM')
    return ended
  }
  return { url, said: () => said, stop }
}

/** What a file of the page refers to: of HTML its attributes, of JavaScript its imports, of the list of samples its pictures. */
function references(type, text) {
  if (type.startsWith('application/json')) return JSON.parse(text).map(({ name }) => `samples/${name}`)
  const pattern = type.startsWith('text/html')
    ? /\b(?:src|href)="([^"#]+)"/g
    : type.startsWith('text/javascript')
    ? /\bfrom '([^']+)'/g
    : type.startsWith('text/css')
    ? /\burl\(["']?([^"')]+)/g
    : undefined
  return pattern === undefined ? [] : [...text.matchAll(pattern)].map(([, reference]) => reference)
}

/** Loads the page and all that it refers to, as a browser does. @returns {Promise<number>} how many files @throws {Error} not 200 */
async function loadPage(url) {
  const found = [`${url}/`, `${url}/page/samples.json`]
  for (const address of found) {
    const answer = await fetch(address)
    if (answer.status !== 200) throw new Error(`${address}: HTTP status ${answer.status}`)
    const more = references(answer.headers.get('content-type'), await answer.text())
    for (const { href } of more.map(reference => new URL(reference, address)))
      if (!found.includes(href)) found.push(href)
  }
  return found.length
}

module.exports = { startServer, loadPage }
