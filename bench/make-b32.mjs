// The name under which bench/server asks for its model.
import { makeModel } from './make-model.mjs'

export const makeB32 = () => makeModel('vit-b-32').directory
