/** The region of the instance on which the program runs. */
import type * as http from 'node:http'
import type { Socket } from 'node:net'
import { guard, notUnderstood } from '../../guard'

/** As Node has it: what `http` exports the program may have replaced. */
const { ClientRequest } = require('node:_http_client') as typeof http

const METADATA_HOST = '169.254.169.254'
/** The metadata service answers within milliseconds, or it is not there. */
const METADATA_TIMEOUT_MS = 1000

/** The region in which this instance runs, asked from its metadata service (version 2: with a token). */
export async function regionOfInstance(): Promise<string> {
  const token = await metadata('PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '60' })
  return metadata('GET', '/latest/meta-data/placement/region', { 'x-aws-ec2-metadata-token': token })
}

function metadata(method: string, path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: METADATA_HOST, method, path, headers, timeout: METADATA_TIMEOUT_MS, agent: false as const }
    const guarded = guard(error => {
      reject(notUnderstood(error))
      call.destroy()
    })
    const onResponse = (response: http.IncomingMessage) => {
      let text = ''
      response.setEncoding('utf8')
      const onData = (chunk: string) => {
        text += chunk
      }
      const onEnd = () => {
        if (response.statusCode === 200 && text !== '') resolve(text.trim())
        else reject(new Error(`the metadata service of the instance answered ${response.statusCode}`))
      }
      response.on('data', guarded(onData))
      response.on('end', guarded(onEnd))
    }
    const onSocket = (socket: Socket) => void socket.unref()
    const onTimeout = () => void call.destroy(new Error('there is no metadata service of an instance'))
    const call = new ClientRequest(options)
    call.on('response', guarded(onResponse))
    call.on('socket', guarded(onSocket))
    call.on('timeout', guarded(onTimeout))
    call.on('error', reject)
    call.end()
  })
}
