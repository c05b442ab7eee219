/** The official detector of Google Cloud against a metadata server of our own. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runAgent } from '../kit/agent'
import { installGroup } from './packages'

/** What the metadata server of an instance knows (Compute Engine, "About VM metadata"). */
const METADATA: Readonly<Record<string, string>> = {
  'project/project-id': 'shop-1',
  'instance/id': '1234567890123456789',
  'instance/name': 'vm-1',
  'instance/zone': 'projects/1/zones/europe-west1-b',
  'instance/machine-type': 'projects/1/machineTypes/e2-small',
  instance: 'attributes/',
}

/** Answers one request, and lives long enough for the metadata to come. */
const PROGRAM = `const http = require('node:http')
const server = http.createServer((_request, response) => response.end('ok'))
server.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, host: '127.0.0.1' }, response => {
    response.resume().on('end', () => setTimeout(() => server.close(), 4000))
  })
})`

describe('a program on Google Cloud', function () {
  this.timeout(60_000)
  let folder = ''
  let server: Server
  let requests: { path: string; traceparent: string | undefined }[] = []

  before(async function () {
    const found = installGroup('gcp')
    if ('missing' in found) {
      console.log(`    skipped: ${found.missing}`)
      return this.skip()
    }
    folder = mkdtempSync(join(tmpdir(), 'tracing-agent-gcp-'))
    symlinkSync(join(found.path, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'program.cjs'), PROGRAM)
    server = createServer(({ headers, url = '' }, response) => {
      const path = url
        .replace(/^\/computeMetadata\/v1\//, '')
        .replace(/[/?].*$|\/$/, match => (match === '/' ? '' : match))
      requests.push({ path, traceparent: headers['traceparent'] as string | undefined })
      response.setHeader('Metadata-Flavor', 'Google')
      response.setHeader('Content-Type', 'application/text')
      const value = METADATA[path]
      response.statusCode = value === undefined ? 404 : 200
      response.end(value)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  })

  after(() => {
    server?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('says on which instance it runs, and asks for it untraced', async () => {
    requests = []
    const { spans, stderr } = await runAgent(join(folder, 'program.cjs'), {
      env: {
        GCE_METADATA_HOST: `127.0.0.1:${(server.address() as AddressInfo).port}`,
        OTEL_NODE_RESOURCE_DETECTORS: 'gcp',
        TRACING_AGENT_RESOURCE_TIMEOUT: '8000',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    })
    assert.equal(stderr, '')
    assert.equal(spans.length, 2)
    for (const { resource } of spans) {
      assert.equal(resource['cloud.provider'], 'gcp')
      assert.equal(resource['cloud.platform'], 'gcp_compute_engine')
      assert.equal(resource['cloud.account.id'], 'shop-1')
      assert.equal(resource['cloud.region'], 'europe-west1')
      assert.equal(resource['cloud.availability_zone'], 'europe-west1-b')
      assert.equal(resource['host.id'], '1234567890123456789')
      assert.equal(resource['host.name'], 'vm-1')
    }
    assert.ok(requests.length >= 5)
    for (const { traceparent } of requests) assert.equal(traceparent, undefined)
  })

  it('is not held up where the metadata server is somewhere else', async () => {
    const { spans, stderr } = await runAgent(join(folder, 'program.cjs'), {
      env: {
        GCE_METADATA_HOST: '127.0.0.1:9',
        OTEL_NODE_RESOURCE_DETECTORS: 'gcp',
        TRACING_AGENT_RESOURCE_TIMEOUT: '300',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
    })
    assert.equal(spans.length, 2)
    assert.equal(spans[0]!.resource['cloud.provider'], undefined)
    for (const line of stderr.trim().split('\n'))
      assert.match(line, /^$|gcp: no metadata service answered within 300 ms/)
  })
})
