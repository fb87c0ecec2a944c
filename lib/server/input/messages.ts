/** vLLM's `messages`: conversations in which one text or one image is to be embedded. */
import { invalidArgument } from '../../errors.js'
import { type Input, readInput, type Uploads } from './read-inputs.js'

export interface Message {
  role: string
  content: string | unknown[]
}

/** One input for each conversation: `messages` is one conversation or a list of them. */
export function readMessages(name: string, messages: readonly (Message | Message[])[], uploads: Uploads): Input[] {
  const lists = messages.filter(message => Array.isArray(message))
  if (lists.length === 0) return [readConversation(name, messages as Message[], uploads)]
  if (lists.length < messages.length)
    throw invalidArgument(name, 'one conversation, or a list of conversations,', messages)
  return lists.map((conversation, i) => readConversation(`${name}[${i}]`, conversation, uploads))
}

/** CLIP has no chat template: a conversation with more than one text or image has no vector. */
function readConversation(name: string, messages: readonly Message[], uploads: Uploads): Input {
  const inputs = messages.flatMap(({ content }, i): Input[] => {
    const at = `${name}[${i}].content`
    // a string is a text, even one that looks like a data URI
    if (typeof content === 'string') return [readInput(at, { text: content }, undefined, uploads)]
    return content.map((part, k) => readInput(`${at}[${k}]`, part, undefined, uploads))
  })
  // vLLM wants an empty prompt beside an image, and one of the assistant after it
  const filled = inputs.filter(input => input.kind === 'image' || input.text.trim() !== '')
  const [only = inputs[0], ...others] = filled
  if (only === undefined || others.length > 0) {
    throw invalidArgument(
      name,
      'exactly one text or one image in all messages, since this model embeds each separately,',
      messages,
    )
  }
  return only
}
