/** The sampling options that a request sets, by the names that servers share. */
import { namesOf, optionFault, type RequestSampling, requestOptions } from '../options.js'
import { type Fields, fail } from './request-fields.js'

/** `min_p`, `repetition_penalty` and `seed` are not fields of every protocol; other servers take them by these names. */
export function readSampling(fields: Fields): RequestSampling {
  const sampling: RequestSampling = {}
  for (const name of namesOf(requestOptions)) {
    const { key } = requestOptions[name]
    const value = fields[key]
    if (value === undefined || value === null) continue
    const fault = optionFault(requestOptions[name], value)
    if (fault) fail(key, `Input should be ${fault}`)
    sampling[name] = value as number
  }
  return sampling
}
