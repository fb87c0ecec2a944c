/** A quantisation report for people, and for a pipe. */
import type { ModelReport, QuantizationReport, TowerReport } from '../library.js'
import { tabbed } from './output.js'
import type { Shell } from './shell.js'
import { byteSize, printable, table } from './table.js'

const headings = ['model', 'types', 'size', 'encoder', 'inputs', 'cosine', 'worst', 'max diff', 'ms']

/** One line for each model and encoder. */
export async function writeReport(shell: Shell, { models }: QuantizationReport): Promise<void> {
  const rows = models.flatMap(model => [
    ...(model.image ? [cells(model, 'image', model.image, shell.isTerminal)] : []),
    ...(model.text ? [cells(model, 'text', model.text, shell.isTerminal)] : []),
  ])
  if (!shell.isTerminal) {
    for (const row of rows) await shell.write(tabbed(row))
    return
  }
  const lines = table([headings.map(shell.paint.bold), ...rows], 'llrlrrrrr')
  await shell.write(`${lines.join('\n')}\n`)
}

function cells(model: ModelReport, encoder: string, tower: TowerReport, forPeople: boolean): string[] {
  const types = Object.entries(model.types).map(([type, count]) => `${count} ${type}`).join(', ')
  return [
    printable(model.model),
    types,
    forPeople ? byteSize(model.bytes) : String(model.bytes),
    encoder,
    String(tower.inputs),
    tower.meanCosine.toFixed(6),
    tower.minCosine.toFixed(6),
    tower.maxDifference.toExponential(1),
    tower.msPerInput.toFixed(2),
  ]
}
