/**
 * Jinja templates, rendered as Python's jinja2 does in the environment that Hugging Face's transformers gives to chat
 * templates: a sandbox with trim_blocks, lstrip_blocks, loop controls, tojson without HTML escapes, raise_exception,
 * strftime_now and generation blocks. A template can reach nothing but its variables, and its work is bounded.
 */
import { compileBody, type Run } from './compile-statements.js'
import { globals, RaisedError } from './globals.js'
import { deeper, metered, sharing, TemplateError } from './limits.js'
import { parseTemplate } from './parse-statements.js'
import { Page, Scope } from './scope.js'
import { Fn, fromJson, Thing, type Value } from './values.js'

export { sharing, TemplateError }

export interface RenderOptions {
  /** The time of strftime_now(). */
  now: Date
  /** A character that repr() and the like do not escape. */
  verbatim?: string
}

export class Template {
  private readonly run: Run
  private readonly blocks = new Map<string, Run>()

  /** Throws TemplateError if the template cannot be parsed. */
  constructor(source: string) {
    this.run = metered('', () => {
      const { body, blocks } = parseTemplate(source)
      for (const [name, statements] of blocks) this.blocks.set(name, compileBody(statements))
      return compileBody(body)
    })
  }

  /** Throws TemplateError, with the line, if the template fails or takes too much; `variables` are JSON. */
  render(variables: Record<string, unknown>, { now, verbatim = '' }: RenderOptions): string {
    const page = new Page()
    try {
      return metered(verbatim, () => {
        const root = new Scope(page)
        for (const [name, value] of globals(now)) root.set(name, value)
        for (const [name, value] of Object.entries(variables)) root.set(name, fromJson(value))
        const top = new Scope(page, root)
        root.set('self', new Self(this.blocks, top))
        this.run(top)
        return page.text
      })
    } catch (error) {
      if (error instanceof RaisedError || !(error instanceof TemplateError)) throw error
      throw error.line === undefined ? new TemplateError(error.message, page.line) : error
    }
  }
}

/** The variable `self`: its attributes render the template's blocks. */
class Self extends Thing {
  readonly type = 'TemplateReference'
  constructor(
    private readonly blocks: ReadonlyMap<string, Run>,
    private readonly top: Scope,
  ) {
    super()
  }
  override attribute(name: string): Value | undefined {
    const run = this.blocks.get(name)
    const { page } = this.top
    return run && new Fn(name, () => deeper(() => page.capture(() => run(this.top.inner()))))
  }
  override repr(): string {
    return '<TemplateReference None>'
  }
}
