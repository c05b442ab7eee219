import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Ajv from 'ajv-draft-04'
import { xrayApi, xrayDaemon } from '../../src/export/encodings/xray'
import { parseStack } from '../../src/export/encodings/xray-cause'
import type { Resource, SpanData } from '../../src/trace/data'
import { ROOT_FOLDER } from '../kit/agent'
import { encodeAll, RESOURCE, SPANS, span, TRACE_ID } from '../kit/spans'

const SCHEMA = JSON.parse(readFileSync(join(ROOT_FOLDER, 'test/specs/xray-segmentdocument-schema-v1.0.0.json'), 'utf8'))
const validate = new Ajv({ strict: false, validateFormats: false }).compile(SCHEMA)
const warnings: string[] = []

interface Options {
  annotations?: string[]
  serviceName?: string
  resource?: Resource
}

/** The document in the datagram of a span, after a look at its header line and at the official schema. */
function document(of: SpanData, { annotations = [], serviceName = '', resource = RESOURCE }: Options = {}): any {
  const encoding = xrayDaemon({ annotations, serviceName, warn: message => warnings.push(message) })
  const datagram = Buffer.from(encodeAll(encoding, [of], resource)).toString()
  const line = datagram.indexOf('\n')
  assert.deepEqual(JSON.parse(datagram.slice(0, line)), { format: 'json', version: 1 })
  const parsed = JSON.parse(datagram.slice(line + 1))
  assert.ok(validate(parsed), `${JSON.stringify(validate.errors)} in ${JSON.stringify(parsed).slice(0, 2000)}`)
  return parsed
}

const withResource = (...attributes: (string | string[])[]): Resource => ({
  attributes: ['service.name', 'shop', ...attributes],
})

describe('the encoding X-Ray segment documents', () => {
  beforeEach(() => {
    warnings.length = 0
  })

  it('makes a document that the official schema accepts of every span', () => {
    assert.equal(validate({ name: 'no id' }), false, 'the validator refuses what is wrong')
    for (const name of Object.keys(SPANS)) document(SPANS[name]!)
    for (const name of Object.keys(SPANS)) document(SPANS[name]!, { annotations: ['*'] })
  })

  it('makes a segment of a server span, named after the service', () => {
    const segment = document(SPANS['http server']!)
    assert.equal(segment.name, 'shop')
    assert.equal(segment.id, 'f000000000000001')
    assert.equal(segment.trace_id, `1-${TRACE_ID.slice(0, 8)}-${TRACE_ID.slice(8)}`)
    assert.equal(segment.parent_id, '00000000000000aa')
    assert.equal(segment.type, undefined)
    assert.equal(segment.namespace, undefined)
    assert.equal(segment.start_time, 1_780_480_800.123456)
    assert.equal(segment.end_time, 1_780_480_800.124956)
    assert.deepEqual(segment.service, { version: '1.2.3' })
    assert.equal(segment.metadata.default['span.name'], 'GET /orders/:id')
    assert.equal(segment.metadata.default['otel.resource.service.namespace'], 'retail')
    assert.deepEqual(segment.aws.xray, {
      sdk: 'tracing-agent for nodejs',
      sdk_version: '0.1.0',
      auto_instrumentation: true,
    })
  })

  it('names the service as AWS_XRAY_TRACING_NAME says', () => {
    assert.equal(document(SPANS['http server']!, { serviceName: 'storefront' }).name, 'storefront')
  })

  it('has the request and the response of a server', () => {
    const { http } = document(SPANS['http server']!)
    assert.deepEqual(http, {
      request: {
        method: 'GET',
        url: 'https://shop.example/orders/7?q=1',
        user_agent: 'curl/8.0',
        client_ip: '203.0.113.9',
        x_forwarded_for: true,
      },
      response: { status: 200 },
    })
  })

  it('makes a subsegment of a call below another span, named after the address and never GET', () => {
    const call = document(SPANS['http client that failed']!)
    assert.equal(call.type, 'subsegment')
    assert.equal(call.name, 'stock.example')
    assert.equal(call.namespace, 'remote')
    assert.equal(call.parent_id, 'f000000000000001')
    assert.equal(call.http.request.url, 'http://stock.example:8080/items?id=1')
    assert.equal(
      call.metadata.default['otel.resource.service.name'],
      undefined,
      'resource data stands on segments only',
    )
  })

  it('says error and throttle of 429, error of 4xx, fault of 5xx and of a failure without a status', () => {
    const flags = (attributes: (string | number)[], failed = true) => {
      const status = { code: failed ? 2 : 0 } as const
      const { error, throttle, fault } = document(span({ kind: 1, attributes, status }))
      return { error, throttle, fault }
    }
    const none = { error: undefined, throttle: undefined, fault: undefined }
    assert.deepEqual(flags(['http.response.status_code', 429]), { ...none, error: true, throttle: true })
    assert.deepEqual(flags(['http.response.status_code', 404], false), { ...none, error: true })
    assert.deepEqual(flags(['http.response.status_code', 503]), { ...none, fault: true })
    assert.deepEqual(flags(['http.response.status_code', 200], false), none)
    assert.deepEqual(flags([]), { ...none, fault: true })
    assert.deepEqual(flags(['rpc.status_code', 'NOT_FOUND']), { ...none, error: true })
    assert.deepEqual(flags(['rpc.status_code', 'RESOURCE_EXHAUSTED']), { ...none, error: true, throttle: true })
    assert.deepEqual(flags(['rpc.status_code', 'INTERNAL']), { ...none, fault: true })
    assert.deepEqual(flags(['rpc.status_code', 'NOT_FOUND'], false), none)
  })

  it('puts a call that nothing stands above into a segment of its service, and keeps the id for the call', () => {
    const segment = document({ ...SPANS['http client that failed']!, parentSpanId: '' })
    assert.equal(segment.name, 'shop')
    assert.notEqual(segment.id, 'f000000000000001')
    assert.equal(segment.http, undefined)
    assert.equal(segment.throttle, true)
    const [call] = segment.subsegments
    assert.equal(call.id, 'f000000000000001')
    assert.equal(call.name, 'stock.example')
    assert.equal(call.namespace, 'remote')
    const again = document({ ...SPANS['http client that failed']!, parentSpanId: '' })
    assert.equal(again.id, segment.id, 'the same span makes the same document')
  })

  it('has the exceptions with their stacks parsed', () => {
    const { cause } = document(SPANS['exception']!)
    assert.equal(cause.exceptions.length, 1)
    const [exception] = cause.exceptions
    assert.match(exception.id, /^[0-9a-f]{16}$/)
    assert.equal(exception.type, 'TypeError')
    assert.equal(exception.message, 'Cannot read properties of undefined')
    assert.equal(exception.remote, undefined)
    assert.deepEqual(exception.stack, [
      { path: '/srv/shop/cart.js', line: 10, label: 'Cart.total' },
      { path: '/srv/shop/app.js', line: 31 },
      { path: '<anonymous>', label: 'new Promise' },
      { path: 'node:internal/main/run_main_module', line: 23 },
    ])
  })

  it('makes the cause of the status where no exception was recorded, and says that it happened elsewhere', () => {
    const { cause } = document(SPANS['grpc client']!)
    assert.equal(cause.exceptions[0].type, 'NOT_FOUND')
    assert.equal(cause.exceptions[0].message, 'no such item')
    assert.equal(cause.exceptions[0].remote, true)
    assert.equal(document(SPANS['http client that failed']!).cause, undefined, 'a status code explains itself')
  })

  it('makes annotations of the attributes in the list, with keys that X-Ray indexes, and metadata of the others', () => {
    const attributes = ['order.id', 'A-1', 'order.total', 12.5, 'paid', true, 'items', ['a'], 'note', 'x']
    const listed = document(span({ attributes }), { annotations: ['order.*', 'paid', 'items'] })
    assert.deepEqual(listed.annotations, { order_id: 'A-1', order_total: 12.5, paid: true })
    assert.deepEqual(listed.metadata.default['items'], ['a'], 'a list cannot be an annotation')
    assert.equal(listed.metadata.default['note'], 'x')
    assert.equal(document(span({ attributes })).annotations, undefined)
    assert.equal(document(span({ attributes }), { annotations: ['*'] }).annotations['note'], 'x')
  })

  it('gives aws.xray.metadata.<namespace> a namespace of its own, and keeps it as text when it is not an object', () => {
    const attributes = ['aws.xray.metadata.cart', '{"items":2}', 'aws.xray.metadata.bad', '[1']
    const { metadata } = document(span({ attributes }))
    assert.deepEqual(metadata.cart, { items: 2 })
    assert.equal(metadata.default['aws.xray.metadata.bad'], '[1')
  })

  it('tells the origin and the AWS block from the resource', () => {
    const ecs = withResource('cloud.provider', 'aws', 'cloud.platform', 'aws_ecs', 'aws.ecs.launchtype', 'fargate')
    const onEcs = document(SPANS['http server']!, {
      resource: {
        attributes: [...ecs.attributes, 'container.id', 'c1', 'cloud.account.id', '123', 'aws.log.group.names', ['g']],
      },
    })
    assert.equal(onEcs.origin, 'AWS::ECS::Fargate')
    assert.equal(onEcs.aws.ecs.container_id, 'c1')
    assert.equal(onEcs.aws.account_id, '123')
    assert.deepEqual(onEcs.aws.cloudwatch_logs, [{ log_group: 'g' }])
    const platforms: [string, string][] = [
      ['aws_ec2', 'AWS::EC2::Instance'],
      ['aws_eks', 'AWS::EKS::Container'],
      ['aws_elastic_beanstalk', 'AWS::ElasticBeanstalk::Environment'],
      ['aws_app_runner', 'AWS::AppRunner::Service'],
    ]
    for (const [platform, origin] of platforms) {
      assert.equal(document(span(), { resource: withResource('cloud.platform', platform) }).origin, origin)
    }
    assert.equal(document(span()).origin, undefined)
  })

  it('tells the operation and the table of a call to an AWS service', () => {
    const attributes = ['rpc.system', 'aws-api', 'rpc.method', 'GetItem', 'aws.remote.service', 'AWS::DynamoDB']
    const call = document(
      span({
        kind: 2,
        parentSpanId: 'a'.repeat(16),
        attributes: [...attributes, 'aws.dynamodb.table_names', ['orders']],
      }),
    )
    assert.equal(call.namespace, 'aws')
    assert.equal(call.name, 'DynamoDB')
    assert.deepEqual(call.aws, { operation: 'GetItem', table_name: 'orders' })
  })

  it('links to other traces in the form of X-Ray', () => {
    const [call] = document(SPANS['events and links']!).subsegments
    assert.deepEqual(call.links, [{ trace_id: `1-aaaaaaaa-${'a'.repeat(24)}`, id: 'b'.repeat(16) }])
  })

  it('removes from names what X-Ray does not take, cuts them at 200 characters, and never leaves one empty', () => {
    const named = (name: string) => document(span({ name, parentSpanId: 'a'.repeat(16) })).name
    assert.equal(named('cart <b>"total"</b>'), 'cart btotal/b')
    assert.equal(named('é日'.repeat(200)).length, 200)
    assert.equal(named('<>"'), 'span')
  })

  it('drops metadata first when a document does not fit into a datagram, then stack frames, and says so', () => {
    const large = document(span({ name: 'large', attributes: ['blob', 'x'.repeat(70_000)] }))
    assert.equal(large.metadata, undefined)
    assert.deepEqual(warnings, ['a segment document larger than 65477 bytes was sent without metadata'])
    const frames = Array.from({ length: 3000 }, (_, i) => `    at f${i} (/srv/app/file.js:${i + 1}:1)`).join('\n')
    const attributes = [
      'exception.type',
      'Error',
      'exception.message',
      'deep',
      'exception.stacktrace',
      `Error: deep\n${frames}`,
    ]
    const deep = document(
      span({
        attributes: ['blob', 'x'.repeat(1000)],
        events: [{ name: 'exception', timeMicros: 1, attributes, droppedAttributes: 0 }],
      }),
    )
    assert.equal(deep.cause.exceptions[0].stack.length, 10)
    assert.equal(deep.cause.exceptions[0].truncated, 2990)
    assert.match(warnings[1]!, /without metadata, most stack frames$/)
  })

  it('packs documents for PutTraceSegments as strings, and reads which were not processed', () => {
    const encoding = xrayApi({ annotations: [], serviceName: '', warn: () => {} })
    assert.equal(encoding.maxSpans, 50)
    const body = JSON.parse(Buffer.from(encodeAll(encoding, [SPANS['http server']!, SPANS['empty']!])).toString())
    assert.equal(body.TraceSegmentDocuments.length, 2)
    for (const text of body.TraceSegmentDocuments) assert.ok(validate(JSON.parse(text)))
    const reply = (text: string) => encoding.readReply!(Buffer.from(text), 'application/json')
    assert.deepEqual(reply('{"UnprocessedTraceSegments":[]}'), { rejectedSpans: 0, message: '' })
    assert.deepEqual(
      reply('{"UnprocessedTraceSegments":[{"Id":"1","ErrorCode":"InvalidSegment","Message":"no end"}]}'),
      {
        rejectedSpans: 1,
        message: 'InvalidSegment: no end',
      },
    )
    assert.equal(reply('<html>'), undefined)
  })

  it('parses stacks of all forms that V8 writes, and never throws on others', () => {
    assert.deepEqual(parseStack('Error: at the door\n    at file:///srv/a.mjs:3:9'), [
      { path: 'file:///srv/a.mjs', line: 3 },
    ])
    assert.deepEqual(parseStack('    at Object.<anonymous> (C:\\srv\\a.js:1:2)'), [
      { path: 'C:\\srv\\a.js', line: 1, label: 'Object.<anonymous>' },
    ])
    assert.deepEqual(parseStack('    at eval (eval at f (/a.js:1:1), <anonymous>:1:1)').length, 1)
    for (const hostile of ['', 'at ', '    at ()', '    at (', ')', '    at :::', '\n\n\n']) parseStack(hostile)
  })
})
