import type { Model } from '../../src/load-model.js'

export function scripted(model: Model): Model
