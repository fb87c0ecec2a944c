// Servers that a project starts.
'use strict'

/** Starts a server and waits until its port answers. @returns {Promise<{ url: string, stop(): Promise<number | null> }>} */
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
  return { url, stop }
}

module.exports = { startServer }
