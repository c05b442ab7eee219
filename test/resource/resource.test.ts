/** What spans say of the process that made them. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load'
import { kubernetesVariables, lambdaVariables } from '../../src/config/surroundings'
import { createLog } from '../../src/log'
import { createResource } from '../../src/resource'
import { containerId, detectContainer, detectKubernetes } from '../../src/resource/container'
import { findProgram } from '../../src/resource/program'
import { toObject } from '../../src/trace/data'
import { ROOT_FOLDER, runBare } from '../kit/agent'

const DOCKER_ID = 'a4d00c9dd675d67f866c786181419e1b44832d4696780152e61afd44a3e02856'

function resourceOf(env: Record<string, string>, lines: string[] = []) {
  const { config } = loadConfig(env, {}, { path: '', variables: {} })
  return createResource(
    config,
    createLog('warn', line => lines.push(line)),
    '9.8.7',
  )
}

const attributesOf = (env: Record<string, string>) => toObject(resourceOf(env).attributes)

describe('the resource', () => {
  it('names this SDK and not another', () => {
    const attributes = attributesOf({})
    assert.equal(attributes['telemetry.sdk.name'], 'tracing-agent')
    assert.equal(attributes['telemetry.sdk.language'], 'nodejs')
    assert.equal(attributes['telemetry.sdk.version'], '9.8.7')
  })

  it('tells host, operating system, process and runtime', () => {
    const attributes = attributesOf({})
    assert.equal(attributes['host.name'], hostname())
    assert.equal(attributes['host.arch'], process.arch === 'x64' ? 'amd64' : process.arch)
    assert.equal(attributes['os.type'], process.platform)
    assert.equal(attributes['process.pid'], process.pid)
    assert.equal(attributes['process.runtime.name'], 'nodejs')
    assert.equal(attributes['process.runtime.version'], process.versions.node)
    assert.equal(attributes['process.executable.path'], process.execPath)
    assert.match(attributes['service.instance.id'] as string, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
  })

  it('is one list, made when it is first read', () => {
    const resource = resourceOf({})
    assert.equal(resource.attributes, resource.attributes)
    assert.equal(resource.ready(), undefined)
  })

  it('has each key once, and what variables say wins over what was found', () => {
    const resource = resourceOf({
      OTEL_RESOURCE_ATTRIBUTES: 'host.name=mine,service.instance.id=7,service.name=listed,a=b',
    })
    const keys = resource.attributes.filter((_, i) => i % 2 === 0)
    assert.equal(new Set(keys).size, keys.length)
    const attributes = toObject(resource.attributes)
    assert.equal(attributes['host.name'], 'mine')
    assert.equal(attributes['service.instance.id'], '7')
    assert.equal(attributes['service.name'], 'listed')
    assert.equal(attributes['a'], 'b')
  })

  it('asks only the detectors that are named', () => {
    const attributes = attributesOf({ OTEL_NODE_RESOURCE_DETECTORS: 'os', OTEL_RESOURCE_ATTRIBUTES: 'a=b' })
    assert.ok('os.type' in attributes)
    assert.ok(!('host.name' in attributes))
    assert.equal(attributes['a'], 'b')
  })

  it('takes the service name from its variable before the attribute list', () => {
    const env = { OTEL_SERVICE_NAME: 'own', OTEL_RESOURCE_ATTRIBUTES: 'service.name=listed' }
    assert.equal(resourceOf(env).serviceName, 'own')
    assert.equal(attributesOf(env)['service.name'], 'own')
  })
})

describe('the name of the program', () => {
  let folder: string

  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'tracing-agent-program-')))
    const put = (path: string, text: string) => {
      mkdirSync(join(folder, path, '..'), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    put('app/package.json', '{"name":"@shop/checkout","version":"1.2.3"}')
    put('app/dist/package.json', '{"type":"module"}')
    put('app/dist/main.js', '')
    put('app/broken/package.json', '{"name":')
    put('app/broken/main.js', '')
    put('tool/package.json', '{"name":"tool"}')
    put('tool/bin.js', '')
    put('alone/main.js', '')
    mkdirSync(join(folder, 'bin'))
    symlinkSync('../tool/bin.js', join(folder, 'bin/tool'))
  })

  after(() => rmSync(folder, { recursive: true }))

  it('is that of the nearest package.json that has one', () => {
    const shop = { name: '@shop/checkout', version: '1.2.3' }
    assert.deepEqual(findProgram(join(folder, 'app/dist/main.js')), shop)
    assert.deepEqual(findProgram(join(folder, 'app/broken/main.js')), shop)
  })

  it('is found through a symbolic link and without the extension of the file', () => {
    assert.deepEqual(findProgram(join(folder, 'bin/tool')), { name: 'tool', version: '' })
    assert.deepEqual(findProgram(join(folder, 'tool/bin')), { name: 'tool', version: '' })
  })

  it('is none where there is no package.json', () =>
    assert.equal(findProgram(join(folder, 'alone/main.js')), undefined))

  const script = `
    const { createLog } = require('${ROOT_FOLDER}/build/src/log.js')
    const { createResource } = require('${ROOT_FOLDER}/build/src/resource.js')
    const { loadConfig } = require('${ROOT_FOLDER}/build/src/config/load.js')
    const resource = createResource(loadConfig().config, createLog('warn'), '1')
    const { toObject } = require('${ROOT_FOLDER}/build/src/trace/data.js')
    const { 'service.name': name, 'service.version': version } = toObject(resource.attributes)
    console.log(JSON.stringify([name, version, resource.serviceName]))`

  it('becomes the service name and version when nothing else is said', async () => {
    writeFileSync(join(folder, 'app/dist/main.cjs'), script)
    const { stdout, stderr } = await runBare(join(folder, 'app/dist/main.cjs'))
    assert.equal(stdout, '["@shop/checkout","1.2.3","@shop/checkout"]\n')
    assert.equal(stderr, '')
  })

  it('is unknown_service:node otherwise, with one warning', async () => {
    writeFileSync(join(folder, 'alone/main.cjs'), script)
    const { stdout, stderr } = await runBare(join(folder, 'alone/main.cjs'))
    assert.equal(stdout, '["unknown_service:node",null,"unknown_service:node"]\n')
    assert.equal(
      stderr,
      'tracing-agent: OTEL_SERVICE_NAME is not set and no package.json tells a name; using unknown_service:node\n',
    )
  })

  it('is that of the function on Lambda', async () => {
    writeFileSync(join(folder, 'alone/main.cjs'), script)
    const env = { AWS_LAMBDA_FUNCTION_NAME: 'resize' }
    const { stdout, stderr } = await runBare(join(folder, 'alone/main.cjs'), { env })
    assert.equal(stdout, '["resize",null,"resize"]\n')
    assert.equal(stderr, '')
  })
})

describe('the container', () => {
  it('is read from the control groups of version 1', () => {
    for (const [line, id] of [
      [`11:memory:/docker/${DOCKER_ID}`, DOCKER_ID],
      [`1:name=systemd:/system.slice/docker-${DOCKER_ID}.scope`, DOCKER_ID],
      [`5:cpu:/kubepods.slice/kubepods-pod2c48913c.slice/cri-containerd-${DOCKER_ID}.scope`, DOCKER_ID],
      [`5:cpu:/kubepods/burstable/pod2c48913c-b29f-11e7-9350-020968147796/${DOCKER_ID}`, DOCKER_ID],
      [
        '9:perf_event:/ecs/34dc0b5e626f2c5c4c5170e34b10e765/34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
        '34dc0b5e626f2c5c4c5170e34b10e765-1234567890',
      ],
      ['0::/', undefined],
      ['11:memory:/user.slice', undefined],
      [`11:memory:/docker/${DOCKER_ID}f`, undefined],
    ] as const) {
      assert.equal(containerId(`12:hugetlb:/\n${line}\n`, ''), id, line)
    }
  })

  it('is read from the mounts where the control groups are of version 2', () => {
    const mounts = [
      '456 375 0:143 / / rw,relatime master:175 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AAA',
      `519 456 254:1 /docker/volumes/${'b'.repeat(64)}/_data /data rw - ext4 /dev/vda1 rw`,
      `472 456 254:1 /docker/containers/${DOCKER_ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw`,
      `473 456 254:1 /docker/containers/${DOCKER_ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw`,
    ].join('\n')
    assert.equal(containerId('0::/', mounts), DOCKER_ID)
    assert.equal(containerId('0::/', mounts.split('\n').slice(0, 2).join('\n')), undefined)
  })

  it('is none where these files do not exist', () => {
    assert.deepEqual(detectContainer({ cgroup: '/no/such/file', mountinfo: '/no/such/file' }), [])
  })
})

describe('Kubernetes and Lambda', () => {
  it('tell a pod by the variables of the operator and of the downward API', () => {
    const env = {
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      OTEL_RESOURCE_ATTRIBUTES_POD_NAME: 'shop-1',
      NODE_NAME: 'node-a',
      POD_NAMESPACE: ' prod ',
      POD_UID: '',
      OTEL_POD_IP: '10.1.1.1',
    }
    assert.deepEqual(Object.fromEntries(kubernetesVariables(env)), {
      'k8s.namespace.name': 'prod',
      'k8s.node.name': 'node-a',
      'k8s.pod.name': 'shop-1',
      'k8s.pod.ip': '10.1.1.1',
    })
  })

  it('take the host name for that of the pod inside a cluster only', () => {
    assert.deepEqual(kubernetesVariables({ HOSTNAME: 'h', NODE_NAME: 'jenkins' }), [])
    assert.deepEqual(kubernetesVariables({ HOSTNAME: 'h', KUBERNETES_SERVICE_HOST: 'x' }), [['k8s.pod.name', 'h']])
  })

  it('tell the uid of the pod from its control group', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-cgroup-'))
    const before = process.env['KUBERNETES_SERVICE_HOST']
    try {
      const cgroup = join(folder, 'cgroup')
      writeFileSync(cgroup, '0::/kubepods-burstable-pod2c48913c_b29f_11e7_9350_020968147796.slice/x')
      process.env['KUBERNETES_SERVICE_HOST'] = '10.0.0.1'
      const found = Object.fromEntries(detectKubernetes({ cgroup, mountinfo: '/no/such/file' }))
      assert.equal(found['k8s.pod.uid'], '2c48913c-b29f-11e7-9350-020968147796')
    } finally {
      if (before === undefined) delete process.env['KUBERNETES_SERVICE_HOST']
      else process.env['KUBERNETES_SERVICE_HOST'] = before
      rmSync(folder, { recursive: true })
    }
  })

  it('tell a Lambda function, and nothing elsewhere', () => {
    const env = {
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'resize',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/resize',
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/20/[$LATEST]x',
    }
    assert.deepEqual(Object.fromEntries(lambdaVariables(env)), {
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_lambda',
      'cloud.region': 'eu-central-1',
      'faas.name': 'resize',
      'faas.version': '$LATEST',
      'faas.instance': '2026/11/20/[$LATEST]x',
      'faas.max_memory': 134217728,
      'aws.log.group.names': ['/aws/lambda/resize'],
    })
    assert.deepEqual(lambdaVariables({ AWS_REGION: 'eu-central-1' }), [])
  })
})

describe('cloud metadata', () => {
  let server: Server
  let uri: string
  let requests: string[] = []

  before(done => {
    server = createServer((request, response) => {
      requests.push(`${request.headers['traceparent'] ?? ''}${request.url}`)
      const arn = 'arn:aws:ecs:us-west-2:111122223333:container/05966557-f16c-49cb-9352-24b3a0dcd0e1'
      const task = 'arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c'
      const body = request.url!.endsWith('/task')
        ? { Cluster: 'default', TaskARN: task, Family: 'curltest', Revision: '26', LaunchType: 'FARGATE' }
        : { ContainerARN: arn, LogDriver: 'none' }
      response.end(JSON.stringify(body))
    })
    server.listen(0, '127.0.0.1', () => {
      uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v4/x`
      done()
    })
  })

  beforeEach(() => {
    requests = []
    delete process.env['ECS_CONTAINER_METADATA_URI_V4']
  })

  after(done => {
    delete process.env['ECS_CONTAINER_METADATA_URI_V4']
    server.close(done)
  })

  it('is not asked for unless a detector is named', () => {
    process.env['ECS_CONTAINER_METADATA_URI_V4'] = uri
    const resource = resourceOf({})
    assert.equal(resource.ready(), undefined)
    assert.ok(!('cloud.provider' in toObject(resource.attributes)))
    assert.deepEqual(requests, [])
  })

  it('comes from the official detectors, once the first export asks', async () => {
    process.env['ECS_CONTAINER_METADATA_URI_V4'] = uri
    const lines: string[] = []
    const resource = resourceOf(
      { OTEL_NODE_RESOURCE_DETECTORS: 'host,aws', TRACING_AGENT_RESOURCE_TIMEOUT: '8000' },
      lines,
    )
    assert.deepEqual(requests, [])
    await resource.ready()
    const attributes = toObject(resource.attributes)
    assert.equal(attributes['cloud.platform'], 'aws_ecs')
    assert.equal(attributes['aws.ecs.task.family'], 'curltest')
    assert.equal(attributes['host.name'], hostname())
    assert.equal(resource.ready(), undefined)
    assert.deepEqual(lines, [])
  }).timeout(15_000)

  it('is waited for no longer than the limit, and what came until then is used', async () => {
    process.env['ECS_CONTAINER_METADATA_URI_V4'] = uri
    const started = performance.now()
    const resource = resourceOf({ OTEL_NODE_RESOURCE_DETECTORS: 'aws', TRACING_AGENT_RESOURCE_TIMEOUT: '900' })
    await resource.ready()
    assert.ok(performance.now() - started < 3000)
    assert.equal(toObject(resource.attributes)['cloud.platform'], 'aws_ecs')
  })

  it('that nobody answers is said once', async () => {
    const silent = createServer(() => {})
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    process.env['ECS_CONTAINER_METADATA_URI_V4'] = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v4/x`
    const lines: string[] = []
    const resource = resourceOf({ OTEL_NODE_RESOURCE_DETECTORS: 'aws', TRACING_AGENT_RESOURCE_TIMEOUT: '400' }, lines)
    await resource.ready()
    silent.closeAllConnections()
    silent.close()
    assert.deepEqual(lines, [
      'tracing-agent: OTEL_NODE_RESOURCE_DETECTORS, aws: no metadata service answered within 400 ms ' +
        '(TRACING_AGENT_RESOURCE_TIMEOUT); spans go without its attributes\n',
    ])
  })

  it('names the package that is missing', async () => {
    const lines: string[] = []
    const resource = resourceOf(
      { OTEL_NODE_RESOURCE_DETECTORS: 'gcp,azure', TRACING_AGENT_RESOURCE_TIMEOUT: '8000' },
      lines,
    )
    await resource.ready()
    assert.deepEqual(
      lines.filter(line => line.includes('gcp')),
      [
        'tracing-agent: OTEL_NODE_RESOURCE_DETECTORS, gcp: the package @opentelemetry/resource-detector-gcp is not ' +
          'installed: npm install @opentelemetry/resource-detector-gcp\n',
      ],
    )
    assert.ok('host.name' in toObject(resource.attributes) === false)
  }).timeout(15_000)

  it('does not keep a finished program alive', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-cloud-'))
    const file = join(folder, 'main.js')
    writeFileSync(
      file,
      `const { createResource } = require('${ROOT_FOLDER}/build/src/resource.js')
       const { loadConfig } = require('${ROOT_FOLDER}/build/src/config/load.js')
       createResource(loadConfig().config, require('${ROOT_FOLDER}/build/src/log.js').createLog('warn'), '1').ready()`,
    )
    const env = { OTEL_NODE_RESOURCE_DETECTORS: 'aws', TRACING_AGENT_RESOURCE_TIMEOUT: '20000' }
    const { code, durationMs } = await runBare(file, { env })
    rmSync(folder, { recursive: true })
    assert.equal(code, 0)
    assert.ok(durationMs < 12_000, `${durationMs} ms`)
  })
})
