/** The dialog that asks for an API key. */
import { session } from '../calls/http.js'
import { byId } from './dom.js'

let wanted = () => undefined

/** Calls `then` when a key is given. */
export function askForKey(then) {
  wanted = then
  const dialog = byId('key-dialog')
  dialog.returnValue = ''
  dialog.showModal()
}

export function listenForKey() {
  const dialog = byId('key-dialog')
  byId('key-cancel').addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => {
    const key = byId('key').value.trim()
    byId('key').value = ''
    if (dialog.returnValue !== 'use' || key === '') return
    session.key = key
    wanted()
  })
}
