/** `ggclip pull`: downloads a model of the hub into the cache. */
import { pull as pullModel, type PullResult } from '../../../library.js'
import { addExamples, addHubOptions, addJsonOption, type HubFlags } from '../../options.js'
import { showProgress } from '../../progress.js'
import type { Verb } from '../../run.js'
import type { Shell } from '../../shell.js'
import { byteSize } from '../../table.js'

interface Flags extends HubFlags {
  json?: boolean
}

export const pull: Verb = (program, shell) => {
  const command = program.command('pull')
    .summary('download a model of the hub')
    .description(
      `Downloads the missing files of a model into the hub's own cache folder: configuration, tokenizer and one
form of the weights, each checked against its size and hash. A broken download resumes where it stopped.

A pipe gets the path of the model, for --model. JSON is { "id", "revision", "path", "files": [{ "path", "bytes",
"cached" }], "bytes", "downloadedBytes", "stale" }.`,
    )
    .argument('<model>', 'hf:owner/name[@revision][:file], with or without hf:, or a name that "ggclip models" lists')
    .action((model: string, flags: Flags) => run(shell, model, flags))
  addHubOptions(addJsonOption(command))
  addExamples(command, [
    ['by its short name', 'ggclip pull clip-vit-b-32'],
    ['by its name on the hub, at a revision', 'ggclip pull hf:openai/clip-vit-large-patch14@main'],
    ['one file of several', 'ggclip pull hf:owner/name-gguf:q8_0'],
  ])
}

async function run(shell: Shell, model: string, { cacheDir, offline, json }: Flags): Promise<void> {
  const result = await pullModel(model, {
    cacheDir,
    offline,
    onProgress: showProgress(shell, model),
    signal: shell.signal,
  })
  await shell.write(json ? `${JSON.stringify(result, undefined, 2)}\n` : `${result.path}\n`)
  shell.note(summary(result))
}

function summary({ id, revision, files, bytes, downloadedBytes, stale }: PullResult): string {
  const what = `${id} at ${revision.slice(0, 12)}: ${files.length} files, ${byteSize(bytes)}`
  if (stale) return `${what}, as the cache has it: the hub could not be reached`
  return downloadedBytes === 0
    ? `${what}, all in the cache`
    : `${what}, of which ${byteSize(downloadedBytes)} downloaded`
}
