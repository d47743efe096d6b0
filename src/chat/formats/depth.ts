/** How deep what a model writes may be nested: deeper than any tool's input, and shallow enough for recursion. */
export const MAX_DEPTH = 200
