/** What the demo model is, for who runs it. */
import { exampleModel } from '../models/no-model.js'
import { commandForModels } from '../tether-command.js'

export function tellOfDemo(tell: (line: string) => void, asked: string | undefined): void {
  tell('this is the demo model: it only repeats words and runs simple tools, to show that everything works')
  if (asked === undefined) tell(`For a real model:\n  ${commandForModels(['pull', exampleModel])}`)
}
