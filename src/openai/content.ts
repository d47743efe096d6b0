/** The content of a message, and the format of an answer, as OpenAI's requests write them. */
import type { JsonObject } from '../chat/types.js'
import { readAnswerSchema } from '../turn/read-schema.js'
import { type Fields, fail, isFields, isTooDeep, readText, readTextOr, readTyped } from '../turn/request-fields.js'
import { describeUnreadable } from '../turn/unreadable.js'

/** A string, or parts of which each becomes a text. */
export function readContent(value: unknown, at: string): string[] {
  if (value === undefined || value === null) fail(at, 'Field required')
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value)) fail(at, 'Input should be a string or a list')
  return value.map((part, i) => readPart(part, `${at}[${i}]`))
}

/** The parts of chat messages, and of input and output items. */
function readPart(value: unknown, at: string): string {
  const part = readTyped(value, at)
  switch (part.type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return readString(part.text, `${at}.text`)
    case 'refusal':
      return readString(part.refusal, `${at}.refusal`)
    case 'image_url':
    case 'input_image':
      return readImage(part, at)
    case 'input_audio':
      return readAudio(part.input_audio, `${at}.input_audio`)
    case 'file':
      return readFile(part.file, `${at}.file`)
    case 'input_file':
      return readFile(part, at)
    default:
      return fail(`${at}.type`, `no content of the type ${JSON.stringify(part.type.slice(0, 80))} is known`)
  }
}

/** A string, which may be empty. */
export function readString(value: unknown, at: string): string {
  if (value === undefined || value === null) fail(at, 'Field required')
  if (typeof value !== 'string') fail(at, 'Input should be a string')
  return value
}

function readImage({ image_url: image, file_id: id }: Fields, at: string): string {
  if ((image === undefined || image === null) && typeof id === 'string' && id !== '') {
    return describeUnreadable({ kind: 'image', bytes: 0, name: id })
  }
  const [url, where] = isFields(image) ? [image.url, `${at}.image_url.url`] : [image, `${at}.image_url`]
  return describeUnreadable({ kind: 'image', ...sizeOf(readText(url, where)) })
}

function readAudio(value: unknown, at: string): string {
  if (!isFields(value)) fail(at, value === undefined ? 'Field required' : 'Input should be an object')
  const sound = readText(value.data, `${at}.data`)
  return describeUnreadable({
    kind: 'audio',
    bytes: decodedLength(sound.length),
    mediaType: readTextOr(value.format, `${at}.format`),
  })
}

function readFile(value: unknown, at: string): string {
  if (!isFields(value)) fail(at, value === undefined ? 'Field required' : 'Input should be an object')
  const name = [value.filename, value.file_url, value.file_id].find((one) => typeof one === 'string' && one !== '')
  if (value.file_data === undefined && name === undefined) fail(at, 'file_data, file_id or file_url is required')
  const held = value.file_data === undefined ? undefined : sizeOf(readText(value.file_data, `${at}.file_data`))
  return describeUnreadable({ kind: 'file', bytes: held?.bytes ?? 0, mediaType: held?.mediaType, name: name as string })
}

/** What a data URL holds; any other is only a name. */
function sizeOf(url: string): { bytes: number; mediaType?: string; name?: string } {
  if (!url.startsWith('data:')) return { bytes: 0, name: url.slice(0, 200) }
  const comma = url.indexOf(',')
  if (comma < 0 || comma > 200) return { bytes: decodedLength(url.length) }
  const mediaType = url.slice('data:'.length, comma).split(';')[0]
  return { bytes: decodedLength(url.length - comma - 1), mediaType }
}

/** Of base64. */
function decodedLength(characters: number): number {
  return Math.floor((characters * 3) / 4)
}

/** The arguments of a call: JSON of an object, in a string. */
export function readArguments(value: unknown, at: string): JsonObject {
  const text = readString(value, at)
  if (text.trim() === '') return {}
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (error) {
    fail(at, `Input should be JSON (${(error as Error).message})`)
  }
  if (!isFields(input)) fail(at, 'Input should be the JSON of an object')
  if (isTooDeep(input)) fail(at, 'Input is nested too deeply')
  return input as JsonObject
}

/** `response_format`, or `text.format`, where the schema stands in the format itself. -> undefined: the answer is text. */
export function readFormat(value: unknown, at: string): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  const format = readTyped(value, at)
  if (format.type === 'text') return undefined
  if (format.type === 'json_object') return { type: 'object' }
  if (format.type !== 'json_schema') fail(`${at}.type`, "Input should be 'text', 'json_object' or 'json_schema'")
  if (format.json_schema === undefined) return readAnswerSchema(format.schema, `${at}.schema`)
  if (!isFields(format.json_schema)) fail(`${at}.json_schema`, 'Input should be an object')
  return readAnswerSchema(format.json_schema.schema ?? {}, `${at}.json_schema.schema`)
}
