/** Usual names of start and end tokens if no file names them, in the order in which they are tried. */
export const usualBos: readonly string[] = ['<|startoftext|>', '<start_of_text>', '<s>', '<bos>', '[CLS]']
export const usualEos: readonly string[] = ['<|endoftext|>', '<end_of_text>', '</s>', '<eos>', '[SEP]']

export function hasUsualNames(tokens: readonly string[]): boolean {
  return usualBos.some(name => tokens.includes(name)) && usualEos.some(name => tokens.includes(name))
}
