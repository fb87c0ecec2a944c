// What ThreadSanitizer says of a process of which only some libraries are compiled with it.
'use strict'

/**
 * The reports that concern one of `libraries` (file names): an access, a lock or a free with a frame of its code. The others
 * are about two places of the program itself, whose atomic operations the sanitizer does not see: Node's reference counts
 * and flags, of which another few are reported at every run.
 */
function reportsOf(output, libraries) {
  const reports = output.split(/^={18}$/m).filter(part => part.includes('WARNING: ThreadSanitizer'))
  return reports.filter(report => {
    // where a thread was started, and what owns the memory, is said of every report
    const accesses = report.split(/\n\n/).filter(paragraph =>
      !/^ {2}(Thread T|Location is|Mutex M\d+ (is|\(0x\w+\)) |As if synchronized)/.test(paragraph.replace(/^\n/, ''))
    )
    return accesses.some(paragraph => libraries.some(library => paragraph.includes(`(${library}+0x`)))
  })
}

module.exports = { reportsOf }
