/** The deployment files: they parse, and what they name exists. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

import { parse } from 'yaml'

import { where } from '../helpers/skips'
import { get, post, root, start, until } from './support'

const deploy = path.join(root, 'deploy')
const text = (file: string): string => readFileSync(path.join(deploy, file), 'utf8')
const main = path.join(root, 'dist', 'cli', 'main.js')

/** Options that `ggclip serve` knows. */
const knownOptions = (): string[] => {
  const help = execFileSync(process.execPath, [main, 'serve', '--help'], { encoding: 'utf8' })
  return [...help.matchAll(/^\s+(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name!)
}
const optionsIn = (line: string): string[] => [...line.matchAll(/(?<=[\s"'])--[a-z][\w-]*/g)].map(([name]) => name)

describe('Dockerfile', () => {
  const lines = text('Dockerfile').replace(/\\\n/g, ' ').split('\n').map(line => line.trim()).filter(line =>
    line !== '' && !line.startsWith('#')
  )
  const steps = lines.map(line => /^([A-Z]+)\s+(.*)$/.exec(line)?.slice(1) as [string, string])
  const stages = lines.join('\n').split(/^FROM /m).slice(1)

  test('has known instructions, stages that build, install and run, and runs as somebody who is not root', () => {
    const known = ['FROM', 'RUN', 'COPY', 'WORKDIR', 'ENV', 'USER', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'CMD',
      'ENTRYPOINT']
    for (const step of steps) expect(known).toContain(step?.[0])
    const [build, installed, parts, minimal, last] = stages as [string, string, string, string, string]
    expect(stages).toHaveLength(5)
    // nothing is written after the user was changed, and nothing of the compiler is there
    for (const [stage, user] of [[last, 'node'], [minimal, '1000:1000']] as const) {
      expect(/^USER (.+)$/m.exec(stage)?.[1]).toBe(user)
      expect(stage.slice(stage.indexOf('USER'))).not.toMatch(/^(RUN|COPY)/m)
    }
    for (const stage of [installed, parts, minimal, last]) expect(stage).not.toMatch(/apt-get|g\+\+|cmake/)
    for (const stage of [build, installed]) expect(stage).toMatch(/^node:\d+-[\w-]+ AS \w+\n/)
    // both are started, looked at and stopped in the same way
    const ways = (stage: string): string => stage.slice(stage.indexOf('EXPOSE')).trim()
    expect(ways(minimal)).toBe(ways(last))
  })

  test('copies what exists; commands are JSON lists; there is a health check that works', async () => {
    for (const [word, rest] of steps) {
      if (word === 'COPY' && !rest.startsWith('--from')) {
        for (const file of rest.split(/\s+/).slice(0, -1))
          expect([file, existsSync(path.join(root, file))]).toEqual([file, true])
      }
      if (word === 'ENTRYPOINT' || word === 'CMD') expect(Array.isArray(JSON.parse(rest))).toBe(true)
    }
    const check = steps.find(([word]) => word === 'HEALTHCHECK')![1]
    const [command, flag, script] = JSON.parse(check.slice(check.indexOf('CMD') + 3)) as string[]
    expect([command, flag]).toEqual(['node', '-e'])
    const run = (port: number): Promise<number | null> =>
      new Promise(resolve => {
        spawn(process.execPath, ['-e', script!.replace('8080', String(port))]).on('close', resolve)
      })
    const server = await start()
    expect(await run(server.port)).toBe(0)
    expect(await run(1)).toBe(1)
  })

  test('Alpine has the same server, installed from packages, without a compiler', () => {
    const alpine = text('alpine.Dockerfile')
    const stage = alpine.slice(alpine.lastIndexOf('\nFROM '))
    expect(stage).toMatch(/^\nFROM node:\d+-alpine\n/)
    expect(stage).not.toMatch(/apk |g\+\+|cmake/)
    const way = (file: string): string => /^USER node\n[^]*$/m.exec(file.slice(file.lastIndexOf('\nFROM ')))![0]
    expect(way(alpine)).toBe(way(text('Dockerfile')))
    expect(text('alpine.Dockerfile.dockerignore')).toBe(text('Dockerfile.dockerignore'))
  })

  test('what the package is made of is not ignored', () => {
    const patterns = text('Dockerfile.dockerignore').split('\n').filter(line => line !== '' && !line.startsWith('#'))
    const ignored = (file: string): boolean =>
      patterns.some(pattern => {
        const words = pattern.replace(/\/$/, '').split('/').map(
          word => (word === '**' ? '(?:.*)' : word.replace(/[.+]/g, '\\$&').replaceAll('*', '[^/]*')),
        )
        return new RegExp(`^${words.join('/').replace('(?:.*)/', '(?:.*/)?')}(?:/|$)`).test(file)
      })
    expect(
      ['node_modules/a.js', 'bench/peers/node_modules/a', 'build/x', '.env.local', 'a.tgz',
        'prebuilds/linux-x64/a.node'].map(ignored),
    ).toEqual(Array(6).fill(true))
    const { files } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { files: string[] }
    // made by the build itself
    const sources = files.filter(file =>
      !['dist', 'prebuilds', 'vendor/source.json.br'].includes(file) && !file.startsWith('!')
    )
    for (
      const file of [...sources, 'lib/index.ts', 'tsconfig.build.json', 'scripts/setup.cjs', 'models/emoji-clip.gguf']
    ) {
      expect([file, existsSync(path.join(root, file)), ignored(file)]).toEqual([file, true, false])
    }
  })

  test('options are known', () => {
    const known = knownOptions()
    const entry = steps.find(([word]) => word === 'ENTRYPOINT')![1]
    expect(optionsIn(entry).length).toBeGreaterThan(0)
    for (const option of optionsIn(entry)) expect(known).toContain(option)
    expect(entry).toContain('/dist/cli/main.js')
  })
})

describe('compose', () => {
  const compose = parse(text('docker-compose.yml'))

  test('three services; files that are mounted exist; the server is hardened', () => {
    expect(Object.keys(compose.services)).toEqual(['ggclip', 'prometheus', 'grafana'])
    const { build, read_only: readOnly, cap_drop: dropped } = compose.services.ggclip
    expect(existsSync(path.join(deploy, build.context, build.dockerfile))).toBe(true)
    expect([readOnly, dropped]).toEqual([true, ['ALL']])
    const mounts = Object.values<any>(compose.services).flatMap(({ volumes = [] }) => volumes as string[])
    for (const file of mounts.map(mount => mount.split(':')[0]!).filter(name => name.startsWith('./'))) {
      expect([file, existsSync(path.join(deploy, file))]).toEqual([file, true])
    }
    for (const name of mounts.map(mount => mount.split(':')[0]!).filter(name => /^\w+$/.test(name)))
      expect(compose.volumes).toHaveProperty(name)
    for (const { depends_on: needed = [] } of Object.values<any>(compose.services)) {
      for (const name of Array.isArray(needed) ? needed : Object.keys(needed))
        expect(compose.services).toHaveProperty(name)
    }
    // only to this machine
    for (const { ports = [] } of Object.values<any>(compose.services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test('distributed work: files that are mounted exist, services and stages that are named exist, workers may be scaled', () => {
    const { services, volumes } = parse(text('scale-out.yml'))
    expect(Object.keys(services)).toEqual(['redis', 'postgres', 'work', 'prometheus', 'grafana'])
    const { build, deploy: { replicas }, ports } = services.work
    const dockerfile = text(build.dockerfile.replace('deploy/', ''))
    expect(dockerfile).toMatch(/^USER node$/m)
    // packed as the server's image packs it, whose steps are executed by npm run test:image
    const packing = (file: string): string => /^FROM [^]*?npm pack.*$/m.exec(file)![0]
    expect(packing(dockerfile)).toBe(packing(text('Dockerfile')))
    expect([replicas, ports]).toEqual([3, undefined])
    const mounts = Object.values<any>(services).flatMap(({ volumes: of = [] }) => of as string[])
    for (const file of mounts.map(mount => mount.split(':')[0]!)) {
      if (file.startsWith('./')) expect([file, existsSync(path.join(deploy, file))]).toEqual([file, true])
      else if (/^\w+$/.test(file)) expect(volumes).toHaveProperty(file)
    }
    for (const { depends_on: needed = [] } of Object.values<any>(services))
      for (const name of Array.isArray(needed) ? needed : Object.keys(needed)) expect(services).toHaveProperty(name)
    const { panels } = JSON.parse(text('scale-out/work.json'))
    const metrics = readFileSync(path.join(deploy, '..', 'lib', 'work', 'metrics.ts'), 'utf8')
    for (const { targets } of panels) {
      for (const { expr } of targets) {
        for (const [name] of (expr as string).matchAll(/ggclip_\w+/g))
          expect(metrics).toContain(`'${name.replace(/_(?:sum|count)$/, '')}'`)
      }
    }
  })

  test('both may run beside each other; every variable has a value or is asked for', () => {
    const files = ['docker-compose.yml', 'scale-out.yml'].map(text)
    expect(files.map(file => parse(file).name)).toEqual(['ggclip', 'ggclip-work'])
    for (const file of files) {
      const used = [...file.replace(/^\s*#.*$/gm, '').matchAll(/\$\{(\w+)(:[-?])?/g)]
      for (const [, name] of used) expect(used.some(([, other, way]) => other === name && way !== undefined)).toBe(true)
    }
  })

  test('options of the server are known', () => {
    for (const option of (compose.services.ggclip.command as string[]).filter(word => word.startsWith('--')))
      expect(knownOptions()).toContain(option)
  })

  test('Prometheus scrapes the service; Grafana finds Prometheus and the dashboard', () => {
    const { scrape_configs: [job] } = parse(text('prometheus.yml'))
    expect([job.metrics_path, job.static_configs[0].targets]).toEqual(['/metrics', ['ggclip:8080']])
    const { datasources: [source] } = parse(text('grafana/datasource.yml'))
    expect(source.url).toBe('http://prometheus:9090')
    const { providers: [provider] } = parse(text('grafana/dashboards.yml'))
    expect((compose.services.grafana.volumes as string[]).some(mount => mount.includes(`:${provider.options.path}/`)))
      .toBe(true)
  })
})

describe('dashboard', () => {
  const dashboard = JSON.parse(text('grafana/ggclip.json'))

  test('every metric and label that it asks for is there', async () => {
    const server = await start()
    await post(server, '/v1/embeddings', { input: 'a' })
    await post(server, '/v1/embeddings', { input: 1 })
    const metrics = (await get(server, '/metrics')).body as string
    const names = new Set([...metrics.matchAll(/^([a-z]\w*)(?:\{| )/gm)].map(([, name]) => name))
    const queries = dashboard.panels.flatMap(({ targets }: any) =>
      targets.map(({ expr }: any) => expr as string)
    ) as string[]
    expect(queries.length).toBeGreaterThan(12)
    for (const query of queries) {
      for (const [name] of query.matchAll(/\b(?:ggclip|process|nodejs)_\w+/g)) expect([...names]).toContain(name)
      const [metric] = /\b(?:ggclip|process|nodejs)_\w+/.exec(query)!
      for (const [, labels] of query.matchAll(/by \(([^)]*)\)/g)) {
        for (const label of labels!.split(', '))
          expect(metrics).toMatch(new RegExp(`^${metric}\\{[^}]*\\b${label}="`, 'm'))
      }
    }
  })

  test('panels have a title, a unit and a place of their own', () => {
    const places = dashboard.panels.map(({ gridPos: { x, y } }: any) => `${x} ${y}`)
    expect(new Set(places).size).toBe(places.length)
    expect(new Set(dashboard.panels.map(({ id }: any) => id)).size).toBe(places.length)
    for (const { title, fieldConfig } of dashboard.panels)
      expect([typeof title, typeof fieldConfig.defaults.unit]).toEqual(['string', 'string'])
  })
})

describe('systemd unit', () => {
  const sections = new Map<string, [string, string][]>()
  let section: [string, string][] = []
  for (const line of text('ggclip.service').split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const head = /^\[(\w+)\]$/.exec(line)
    if (head) sections.set(head[1]!, section = [])
    else section.push(/^(\w+)=(.*)$/.exec(line)!.slice(1) as [string, string])
  }
  const service = new Map(sections.get('Service'))

  test('has its sections, restarts, stops by SIGTERM, is not root', () => {
    expect([...sections.keys()]).toEqual(['Unit', 'Service', 'Install'])
    expect(service.get('DynamicUser')).toBe('yes')
    expect(service.get('KillSignal')).toBe('SIGTERM')
    expect(service.get('Restart')).toBe('on-failure')
    // longer than the server takes for its last requests
    expect(Number(service.get('TimeoutStopSec')) * 1000).toBeGreaterThan(20_000)
    expect(service.get('ExecStart')).toMatch(/^\/usr\/bin\/env ggclip serve /)
  })

  where('systemd', test)('systemd finds nothing wrong with it', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path.join(deploy, 'ggclip.service')], {
      encoding: 'utf8',
    })
    expect([status, stdout, stderr]).toEqual([0, '', ''])
  })

  test('options are known, in comments too', () => {
    const known = knownOptions()
    for (const option of optionsIn(text('ggclip.service').replace(/npm install.*|systemctl.*/g, '')))
      expect(known).toContain(option)
  })
})

describe('examples', () => {
  const children = new Set<ChildProcess>()
  afterAll(() => children.forEach(child => child.kill('SIGKILL')))

  function run(file: string, args: string[]) {
    const child = spawn(process.execPath, [path.join(deploy, file), ...args], {
      env: { ...process.env, GGCLIP_SERVER: path.join(root, 'dist', 'server', 'index.js') },
    })
    children.add(child)
    let [out, err] = ['', '']
    child.stdout.on('data', chunk => {
      out += chunk
    })
    child.stderr.on('data', chunk => {
      err += chunk
    })
    const ended = new Promise<number | null>(resolve => void child.on('close', resolve))
    return { child, ended, out: () => out, err: () => err }
  }
  const embed = async (url: string) =>
    (await fetch(`${url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"input":"a pizza"}',
    })).status

  test('cluster: one port, a process that dies is replaced, SIGTERM ends all', async () => {
    const { child, ended, out } = run('cluster.cjs', ['--workers', '2', '--port', '0'])
    const pids = (): number[] => [...out().matchAll(/process (\d+) serves/g)].map(([, pid]) => Number(pid))
    await until(() => pids().length === 2, 20_000)
    const url = /serves (\S+)/.exec(out())![1]!
    for (let i = 0; i < 6; i++) expect(await embed(url)).toBe(200)
    process.kill(pids()[0]!, 'SIGKILL')
    await until(() => pids().length === 3, 20_000)
    expect(await embed(url)).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    await expect(fetch(url)).rejects.toThrow()
  })

  test('worker thread: serves, and ends by itself', async () => {
    const { child, ended, out } = run('worker-threads.cjs', ['--port', '0'])
    await until(() => out().includes('serves'), 20_000)
    expect(await embed(/serves (\S+)/.exec(out())![1]!)).toBe(200)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})
