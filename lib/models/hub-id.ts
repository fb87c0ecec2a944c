/** Names of models on the hub: `hf:owner/name[@revision][:path]`. */
import { outOfRange } from '../errors.js'

export interface HubId {
  /** `owner/name`. */
  repo: string
  /** Branch, tag or commit. */
  revision: string
  /** A requested file or folder of the repository, or a part of a GGUF file's name. */
  wanted?: string
}

export const hubPrefix = 'hf:'

/** The form that messages suggest. */
export const hubIdForm = 'hf:owner/name[@revision][:file]'

const commitHash = /^[0-9a-f]{40}$/
// the hub's own rule: letters, digits, '-', '_', '.'; no '--' or '..', no '-' or '.' at either end; at most 96
// characters
const repoPart = /^(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?$/
const revisionName = /^(?!.*(?:\.\.|\/\/|@\{))[A-Za-z0-9_][\w./+-]{0,199}(?<![./])$/

/** Whether a revision is a commit, which never changes. */
export function isCommit(revision: string): boolean {
  return commitHash.test(revision)
}

/**
 * @param name the argument's name in errors
 * @param text with or without `hf:`
 * @throws {RangeError} ERR_CLIP_OUT_OF_RANGE
 */
export function parseHubId(name: string, text: string): HubId {
  const bare = text.startsWith(hubPrefix) ? text.slice(hubPrefix.length) : text
  const [, owner, model, revision = 'main', wanted] = /^([^/@:]+)\/([^/@:]+)(?:@([^:]+))?(?::(.+))?$/.exec(bare) ?? []
  const sound = owner !== undefined && model !== undefined && repoPart.test(owner) && repoPart.test(model)
    && revisionName.test(revision) && (wanted === undefined || isSafePath(wanted))
  if (!sound) throw outOfRange(name, `'${hubIdForm}'`, text)
  return { repo: `${owner}/${model}`, revision, wanted }
}

/** Whether a path of a repository stays inside its folder on every system. */
export function isSafePath(path: string): boolean {
  return path !== '' && !/[\\:*?"<>|\0-\x1f]/.test(path)
    && path.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
