/** The region of the instance on which the program runs. */
import type { HttpClient } from '../../net/http-client'

const METADATA_SERVICE = 'http://169.254.169.254'
/** The metadata service answers within milliseconds, or it is not there. */
const METADATA_TIMEOUT_MS = 1000

/** The region in which this instance runs, asked from its metadata service (version 2: with a token). */
export async function regionOfInstance(): Promise<string> {
  const { HttpClient } = require('../../net/http-client') as typeof import('../../net/http-client')
  const client = new HttpClient(new URL(METADATA_SERVICE), METADATA_TIMEOUT_MS)
  const token = await metadata(client, 'PUT', '/latest/api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': '60' })
  return metadata(client, 'GET', '/latest/meta-data/placement/region', { 'x-aws-ec2-metadata-token': token })
}

async function metadata(
  client: HttpClient,
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<string> {
  const { answer, body } = await client.ask(method, path, headers).catch(explain)
  if (answer.code === 200 && body.length > 0) return String(body).trim()
  throw new Error(`the metadata service of the instance answered ${answer.code}`)
}

function explain(error: NodeJS.ErrnoException | undefined): never {
  throw error?.code === 'ETIMEDOUT' ? new Error('there is no metadata service of an instance') : error
}
