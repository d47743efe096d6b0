/** Finds the functions of a TypeScript file that are too long. */
import ts from 'typescript'

export interface LongFunction {
  name: string
  /** Where it begins. */
  line: number
  lines: number
}

/** From a function's first line to its last one, functions inside of it included. */
export function longFunctions(text: string, most: number): LongFunction[] {
  const found: LongFunction[] = []
  const source = ts.createSourceFile('file.ts', text, ts.ScriptTarget.Latest, true)
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
      const lines = source.getLineAndCharacterOfPosition(node.end).line + 2 - line
      if (lines > most) found.push({ name: nameOf(node), line, lines })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Its own name, or that of the variable or property that holds it. */
function nameOf(node: ts.SignatureDeclaration): string {
  const holder = node.name ? node : node.parent
  const named = ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder) || ts.isFunctionLike(holder)
  return (named && holder.name?.getText()) || 'a function without a name'
}
