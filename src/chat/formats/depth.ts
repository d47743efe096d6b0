/** The deepest nesting of what a model writes: deeper than any tool's input, and shallow enough for recursion. */
export const MAX_DEPTH = 200
