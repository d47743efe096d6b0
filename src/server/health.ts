/** GET /health: whether requests will be answered, and by what. */
import { json } from './body.js'
import { type LoadState, seenModel } from './loading.js'

export function health(load: LoadState): Response {
  if (load.state === 'failed') return json({ status: 'failed', message: load.message }, 500)
  if (load.state === 'loading') {
    const response = json({ status: 'loading', progress: load.progress, message: load.message }, 503)
    response.headers.set('retry-after', '1')
    return response
  }
  const model = seenModel(load)
  const { name, family, window, quantization, device } = model.info
  const { queued, live } = model.stats()
  return json({ status: 'ok', model: name, family, window, quantization, device, queued, live })
}
