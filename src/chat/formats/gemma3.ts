/** Gemma 3's and Gemma 2's answers: they have no tool format of their own, so our prompt gives them one. */
import type { OutputFormat } from '../types.js'
import { promptedToolsFormat } from './prompted-tools.js'

const ENDS = ['<end_of_turn>', '<eos>']

export const gemma3Format: OutputFormat = promptedToolsFormat('gemma3', ENDS)
export const gemma2Format: OutputFormat = promptedToolsFormat('gemma2', ENDS)
