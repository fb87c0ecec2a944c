/** The bill of materials: what an installation brings on any platform, by the lockfile, and what is compiled in. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(__dirname, '..', '..')
const readJson = <T>(file: string): T => JSON.parse(readFileSync(join(root, file), 'utf8')) as T

interface Component {
  'bom-ref': string
  name: string
  scope: string
  purl: string
  licenses: { license?: { id?: string; name?: string }; expression?: string }[]
}
interface Bill {
  metadata: { component: { name: string; version: string } }
  components: Component[]
  dependencies: { ref: string; dependsOn?: string[] }[]
}
interface Lockfile {
  packages: Record<
    string,
    { version: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }
  >
}

describe('npm run sbom', () => {
  let text: string
  let bill: Bill
  beforeAll(() => {
    text = execFileSync(process.execPath, ['scripts/sbom.cjs'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
    bill = JSON.parse(text) as Bill
  })

  /** From the package's own names on, as npm installs them side by side. */
  const installed = (): string[] => {
    const { packages } = readJson<Lockfile>('package-lock.json')
    const found = new Set<string>()
    const add = (key: string): void => {
      const { dependencies, optionalDependencies } = packages[key] ?? {}
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
        const nested = `${key}/node_modules/${name}`
        const place = nested in packages ? nested : `node_modules/${name}`
        const reference = `${name}@${packages[place]!.version}`
        if (found.has(reference)) continue
        found.add(reference)
        add(place)
      }
    }
    add('')
    return [...found].sort()
  }

  it('lists the packages of an installation, and ggml, headers and runtime of the binaries', () => {
    const compiled = ['ggml', 'node-addon-api', 'node-api-headers', 'libc++']
    const listed = bill.components.filter(({ name }) => !compiled.includes(name)).map(each => each['bom-ref']).sort()
    expect(listed).toEqual(installed())
    expect(listed).toContainEqual(expect.stringMatching(/^node-gyp-build@/))
    const { ggml, commit } = readJson<{ ggml: string; commit: string }>('vendor/ggml.json')
    expect(bill.components.find(({ name }) => name === 'ggml')).toMatchObject({
      'bom-ref': `ggml@${ggml}`,
      purl: expect.stringContaining(commit) as string,
    })
    expect(bill.components.filter(({ name }) => compiled.includes(name))).toHaveLength(compiled.length)
  })

  it('knows which are optional, and the licence of each', () => {
    const { dependencies } = readJson<{ dependencies: Record<string, string> }>('package.json')
    const { name, version } = readJson<{ name: string; version: string }>('package.json')
    expect(bill.metadata.component).toMatchObject({ name, version })
    for (const component of bill.components) {
      if (component.name in dependencies) expect(component.scope).toBe('required')
      if (/^(sharp|@img\/)/.test(component.name)) expect(component.scope).toBe('optional')
      const [first] = component.licenses
      expect([component.name, first?.expression ?? first?.license?.id ?? first?.license?.name]).not.toContain(undefined)
    }
    const all = new Set(bill.components.map(each => each['bom-ref']))
    expect(bill.dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter(each => !all.has(each))).toEqual([])
  })

  it('tells nothing of the machine that made it', () => {
    expect(text).not.toContain(root)
  })
})
