/** Circles of imports: files that import each other, directly or through others. */
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** Each file, and the files that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/**
 * The shortest circle through each file that is in one, each circle once: `['a', 'b']` if a imports b and b imports a.
 * A circle begins with the file that comes first in the alphabet.
 */
export function importCircles(graph: ImportGraph): string[][] {
  const circles = new Map<string, string[]>()
  for (const file of [...graph.keys()].sort()) {
    const circle = shortestWayBack(file, graph)
    if (!circle) continue
    const first = circle.indexOf([...circle].sort()[0] as string)
    const turned = [...circle.slice(first), ...circle.slice(0, first)]
    circles.set(turned.join(' '), turned)
  }
  return [...circles.values()]
}

/** Breadth first. */
function shortestWayBack(start: string, graph: ImportGraph): string[] | undefined {
  const ways = [[start]]
  const seen = new Set<string>()
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) as string) ?? []) {
      if (next === start) return way
      if (seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return undefined
}

/** The files that a TypeScript file imports by a relative path, types included. */
export function importsOfTypeScript(file: string, text: string): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    const target = importedPath(node)
    if (target?.startsWith('.')) found.push(join(dirname(file), target).replace(/\.([cm]?)js$/, '.$1ts'))
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

/** import … from, export … from, import(), and import() in a type. */
function importedPath(node: ts.Node): string | undefined {
  let target: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) target = node.moduleSpecifier
  else if (ts.isExternalModuleReference(node)) target = node.expression
  else if (ts.isImportTypeNode(node)) target = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) target = node.arguments[0]
  return target && ts.isStringLiteralLike(target) ? target.text : undefined
}

/** The files of `all` that a C++ file includes: by a path from `includeFolder`, or from the folder of the file itself. */
export function includesOfCpp(file: string, text: string, includeFolder: string, all: readonly string[]): string[] {
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].flatMap(([, target = '']) => {
    const places = [join(dirname(file), target), join(includeFolder, target)]
    return places.filter((path) => all.includes(path)).slice(0, 1)
  })
}
