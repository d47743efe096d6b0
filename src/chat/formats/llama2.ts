/** Llama 2's answers: it knows no tools, and answers in the format that our prompt teaches. */
import type { OutputFormat } from '../types.js'
import { taught } from './taught.js'

export const llama2Format: OutputFormat = taught('llama2', ['</s>'])
