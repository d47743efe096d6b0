/** A chat family with a minimal format: `<turn>role text`, `<think>…</think>`, `<call>{"name":…,"input":…}</call>`. */
import type { ChatFamily, ChatMessage, ChatPart, OutputReader, Part, PromptPiece } from '../../src/chat/types.js'

export const fakeFamily: ChatFamily = {
  name: 'fake',
  stopTokens: ['<end>'],
  markers: [],
  thought: { open: '<think>', close: [{ control: '</think>' }] },
  render: ({ messages, tools }) => [
    ...tools.map((tool) => `tool ${tool.name}\n`),
    ...messages.flatMap(renderMessage),
    { control: '<turn>' },
    'assistant ',
  ],
  reader: () => fakeReader(),
  callStart: (tool) => [
    { control: '<call>' },
    tool === undefined ? '{"name":"' : `{"name":${JSON.stringify(tool)},"input":`,
  ],
}

function renderMessage({ role, parts, generated }: ChatMessage): PromptPiece[] {
  if (generated) return [{ control: '<turn>' }, `${role} `, { tokens: generated.tokens }, { control: '<end>' }]
  return [{ control: '<turn>' }, `${role} `, ...parts.map(renderPart), { control: '<end>' }]
}

function renderPart(part: ChatPart): string {
  if (part.type === 'tool_call') return `[call ${part.name} ${JSON.stringify(part.input)}]`
  if (part.type === 'tool_result') return `[${part.isError ? 'error' : 'result'} ${part.text}]`
  return part.text
}

function fakeReader(): OutputReader {
  let inside: 'text' | 'thinking' | 'call' = 'text'
  let call = ''
  return {
    push(piece): Part[] {
      if (typeof piece === 'string') {
        if (inside !== 'call') return [{ type: inside, text: piece }]
        call += piece
        return []
      }
      const was = inside
      inside = piece.control === '<think>' ? 'thinking' : piece.control === '<call>' ? 'call' : 'text'
      if (was !== 'call') return []
      const text = call
      call = ''
      return [{ type: 'tool_call', ...JSON.parse(text) }]
    },
    end: () => (call ? [{ type: 'text', text: call }] : []),
  }
}
