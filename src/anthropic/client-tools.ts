/**
 * Tools of Anthropic's that the client runs itself. A request names them by a dated type and has no schema, since
 * Anthropic's models know it; other models have to be told. Fields as in Anthropic's documentation of each tool.
 */
import type { JsonObject } from '../chat/types.js'

export interface ClientTool {
  description: string
  input_schema: JsonObject
}

/** -> undefined for any other type. `type`: such as `bash_20250124`. */
export function clientTool(type: string): ClientTool | undefined {
  const kind = /^([a-z_]+?)_20\d{6}$/.exec(type)?.[1]
  return kind !== undefined && Object.hasOwn(tools, kind) ? tools[kind] : undefined
}

const text = (description: string): JsonObject => ({ type: 'string', description })
const whole = (description: string): JsonObject => ({ type: 'integer', description })
const point = (description: string): JsonObject => ({ type: 'array', items: { type: 'integer' }, description })

function schema(properties: JsonObject, required: string[]): JsonObject {
  return { type: 'object', properties, required }
}

const file: JsonObject = {
  path: text('Absolute path of the file or folder'),
  file_text: text('With create: the whole text of the file'),
  old_str: text('With str_replace: the text to replace, which must occur exactly once'),
  new_str: text('With str_replace: the text that takes its place; with insert: the text to insert'),
  insert_line: whole('With insert: the line after which the text goes; 0 is the beginning'),
  insert_text: text('With insert: the text to insert'),
  view_range: point('With view: the first and the last line to show; -1 is the end'),
}

const tools: Record<string, ClientTool> = {
  bash: {
    description: 'Runs a command in a bash session that stays open between calls, and returns what it prints.',
    input_schema: schema(
      {
        command: text('The command to run'),
        restart: { type: 'boolean', description: 'true: start the session anew instead of running a command' },
      },
      [],
    ),
  },
  text_editor: {
    description: 'Views, creates and edits text files.',
    input_schema: schema(
      { command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'undo_edit'] }, ...file },
      ['command', 'path'],
    ),
  },
  memory: {
    description:
      'Keeps notes as files in the folder /memories, which is there in later conversations too: views, creates, edits, renames and deletes them.',
    input_schema: schema(
      {
        command: { type: 'string', enum: ['view', 'create', 'str_replace', 'insert', 'delete', 'rename'] },
        ...file,
        old_path: text('With rename: the path now'),
        new_path: text('With rename: the path to be'),
      },
      ['command'],
    ),
  },
  computer: {
    description: 'Uses the screen, the mouse and the keyboard of a computer.',
    input_schema: schema(
      {
        action: text('What to do, such as screenshot, left_click, type, key, mouse_move, scroll, wait'),
        coordinate: point('x and y in pixels'),
        start_coordinate: point('With a drag: where it begins'),
        text: text('With type and key: what to type'),
        scroll_direction: { type: 'string', enum: ['up', 'down', 'left', 'right'] },
        scroll_amount: whole('With scroll: how many steps'),
        duration: { type: 'number', description: 'With wait and hold_key: seconds' },
      },
      ['action'],
    ),
  },
}
