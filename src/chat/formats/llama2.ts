/** Llama 2's answers: it knows no tools, and answers in the format that our prompt teaches. */
import type { OutputFormat } from '../types.js'
import { promptedToolsFormat } from './prompted-tools.js'

export const llama2Format: OutputFormat = promptedToolsFormat('llama2', ['</s>'])
