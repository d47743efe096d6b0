/** Texts that belong together, as one text: for protocols, which do not import the text layer. */
export { joinLines } from '../chat/templates/layout.js'
