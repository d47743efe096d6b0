/** The rule of the loader for downloads: which file the tokenizer is read from. */
export { tokenizerFileAmong } from '../chat/tokenizer/files.js'
