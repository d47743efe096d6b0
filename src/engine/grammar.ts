/** Types of what an output is held to. */

/** What a grammar allows. */
export interface GrammarText {
  /** A structural tag of xgrammar's, as JSON. */
  source: string
  /** The same for what stands behind the model's thought, where it holds from the first token on. */
  behindThought?: string
}

/** A grammar, and when it holds. Its text is compiled once, on another thread; no token is drawn before it is ready. */
export interface HeldGrammar extends GrammarText {
  /** Holds in its place where it cannot be compiled. */
  otherwise?: GrammarText
  /** From the first token on; `begun` is then what the prompt has of its text. */
  fromStart: boolean
  begun: string
  /** After each of these ids, and after each of these texts, to the end of the grammar's text; then everything is free again. */
  afterTokens: Int32Array
  afterTexts: string[]
  /**
   * Where the output, or what comes after such an end, begins as the grammar's text does: from this text on. Unset: only
   * after the above.
   */
  opening?: string
  /** Where it does not hold the output, that fails with `invalid_request`; else the output is free. */
  required: boolean
  /** With the grammar's text the output ends. */
  toEnd: boolean
}

/** The tokens of a model as grammars need them. */
export interface GrammarVocabulary {
  bytes: Uint8Array
  /** Where the bytes of each token end, by id. A token without bytes is a control token, or none. */
  ends: Int32Array
  /** The control token that opens and closes texts, where the model has one. */
  quote?: number
  stopTokens: Int32Array
}

/** What a grammar did to an output. */
export interface Constrained {
  /** Tokens that were drawn while it held. */
  tokens: number
  /** The probability of what it did not allow, summed over these. */
  removed: number
  /** Why it did not hold, or not to the end. */
  failure?: string
}
