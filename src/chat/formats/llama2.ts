/** Llama 2's answers: it has no tool format of its own, so our prompt gives it one. */
import type { OutputFormat } from '../types.js'
import { promptedToolsFormat } from './prompted-tools.js'

export const llama2Format: OutputFormat = promptedToolsFormat('llama2', ['</s>'])
