/** What the exporter `console` prints. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { consoleJson } from '../../src/export/encodings/console-json'
import { consoleTree, renderTraces, type TreeSpan } from '../../src/export/encodings/console-tree'
import { gathering } from '../../src/export/gather'
import { encodeWhole } from '../../src/export/pipe'
import { create } from '../../src/export/transports/stdout'
import type { SpanData } from '../../src/trace/data'
import { ROOT_FOLDER, runAgent } from '../kit/agent'
import { assertGolden } from './golden'
import { dots, makeBatch, OK } from './queue'
import { assertBalanced, pushAll, spans } from './rig'
import { anySpan, FULL, RESOURCE, span, TRACE } from './spans'

const plain = consoleTree({ colours: false })
const tree = (batch: readonly SpanData[]) => Buffer.from(encodeWhole(plain, batch, RESOURCE)).toString()
const lines = (batch: readonly SpanData[]) => tree(batch).trimEnd().split('\n')
const ESC = '\u001b'

describe('the tree of a trace', () => {
  it('is what it was', () => {
    assertGolden('console-tree.txt', tree([FULL, ...TRACE]))
    const coloured = encodeWhole(consoleTree({ colours: true }), TRACE, RESOURCE)
    assertGolden('console-tree-colours.txt', Buffer.from(coloured).toString())
  })

  it('has parents above their children, children by their start, and a header that counts', () => {
    const [header, ...rows] = lines(TRACE)
    assert.match(header!, /^trace 5b8efff798038103d269b633813fc60c · 4 spans · 1\.25 s · 2 errors$/)
    assert.deepEqual(
      rows.map(row => row.slice(0, 14).trimEnd()),
      ['GET /home   ✗', '├─ GET', '└─ GET      ✗', '   └─ sleep', '         · wok'],
    )
  })

  it('shows status codes, errors, addresses, and what the program says', () => {
    const text = tree(TRACE)
    assert.match(text, /GET \/home +✗ +SERVER +shop +1\.25 s +502/)
    assert.match(text, /CLIENT +shop +8\.00 ms +200 +http:\/\/localhost:3001\/service/)
    assert.match(text, /ECONNREFUSED connect ECONNREFUSED 127\.0\.0\.1:3002 +http:\/\/localhost:3002\/async/)
    assert.match(text, /sleep .* user\.plan=gold {2}attempt=2/)
    assert.match(text, /· woke reason=noise \+0\.01 ms/)
  })

  it('is one for each trace, with an empty line after it', () => {
    const other = span({ traceId: 'f'.repeat(32) })
    assert.equal(tree([...TRACE, other]).match(/^trace /gm)?.length, 2)
    assert.match(tree([other]), /\n\n$/)
  })

  it('has the colours of a terminal only if asked', () => {
    assert.equal(tree([FULL, ...TRACE]).includes(ESC), false)
    const coloured = Buffer.from(encodeWhole(consoleTree({ colours: true }), TRACE, RESOURCE)).toString()
    assert.ok(coloured.includes(`${ESC}[31m`))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is taken out
    assert.equal(coloured.replace(/\u001b\[\d+m/g, ''), tree(TRACE), 'and is the same text')
  })

  it('holds every span once, whatever the parents are: loops, strangers, none', () => {
    const ids = ['1', '2', '3', '4', '5', '6'].map(digit => digit.repeat(16))
    const anyTrace = fc.array(fc.tuple(fc.constantFrom(...ids), fc.constantFrom('', ...ids)), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(anyTrace, pairs => {
        const batch = pairs.map(([spanId, parentSpanId], i) => span({ spanId, parentSpanId, name: `<${i}>` }))
        const text = tree(batch)
        for (let i = 0; i < batch.length; i++) assert.equal(text.split(`<${i}>`).length, 2, text)
        assert.equal(lines(batch).length, batch.length + 1)
      }),
      { numRuns: 500 },
    )
  })

  it('of three thousand generations is printed', () => {
    const id = (i: number) => (i + 1).toString(16).padStart(16, '0')
    const batch = Array.from({ length: 3000 }, (_, i) =>
      span({ spanId: id(i), parentSpanId: i === 0 ? '' : id(i - 1) }),
    )
    assert.equal(lines(batch).length, 3001)
  })

  it('lets no stranger draw on the terminal', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { minLength: 1, maxLength: 5 }), batch => {
        const text = tree(batch)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: those must not be there
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
        const events = batch.reduce((sum, { events: list }) => sum + list.length, 0)
        const traces = new Set(batch.map(({ traceId }) => traceId)).size
        assert.equal(text.split('\n').length - 1, batch.length + events + traces * 2, 'one line for each')
      }),
      { numRuns: 300 },
    )
  })

  it('is a pure function of spans of any services', () => {
    const [client, , , root] = TRACE as [SpanData, SpanData, SpanData, SpanData]
    const remote = {
      ...client,
      spanId: '9'.repeat(16),
      parentSpanId: client.spanId,
      name: 'GET /service',
      kind: 1 as const,
    }
    const all: TreeSpan[] = [
      { ...root, service: 'gateway' },
      { ...client, service: 'gateway' },
      { ...remote, service: 'api' },
    ]
    const text = renderTraces(all, { colours: false })
    assert.match(text[3]!, /^ {3}└─ GET \/service /)
    assert.match(text[3]!, /SERVER {2}api /)
    assert.match(text[1]!, /SERVER {2}gateway /)
  })
})

describe('the lines of JSON', () => {
  it('are what they were', () => {
    assertGolden('console.jsonl', encodeWhole(consoleJson, [FULL, ...TRACE], RESOURCE))
  })

  it('are one for each span and parse, whatever is in it', () => {
    fc.assert(
      fc.property(fc.array(anySpan, { maxLength: 5 }), batch => {
        const text = Buffer.from(encodeWhole(consoleJson, batch, RESOURCE)).toString()
        const parsed = text
          .split('\n')
          .slice(0, -1)
          .map(line => JSON.parse(line))
        assert.deepEqual(
          parsed.map(({ traceId, spanId }) => traceId + spanId),
          batch.map(({ traceId, spanId }) => traceId + spanId),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('have times and durations that a person reads', () => {
    const line = JSON.parse(Buffer.from(encodeWhole(consoleJson, [span()], RESOURCE)).toString())
    assert.equal(line.start, '2023-11-14T22:13:20.123456Z')
    assert.equal(line.durationMs, 1.501)
    assert.equal(line.service, 'shop')
    assert.equal(line.kind, 'INTERNAL')
  })
})

describe('the gathering of a trace', () => {
  const setUp = (maxSpans = 1000) => {
    const { exporter } = makeBatch(async () => OK, { delayMs: 60_000 }, dots)
    const released: SpanData[] = []
    const push = exporter.push.bind(exporter)
    exporter.push = item => {
      released.push(item)
      push(item)
    }
    return { released, front: gathering(exporter, maxSpans) }
  }
  const [child] = spans(1)
  const ofTrace = (count: number) => spans(count, { traceId: child!.traceId, parentSpanId: child!.spanId })

  it('waits for the local root, then lets the whole trace through together', () => {
    const { front, released } = setUp()
    const children = ofTrace(3)
    const stranger = spans(1, { parentSpanId: child!.spanId })
    pushAll(front, [...children.slice(0, 2), ...stranger, children[2]!])
    assert.equal(released.length, 0)
    assert.equal(front.pending, 4)
    assertBalanced(front)
    const root = spans(1, { traceId: child!.traceId, parentSpanId: 'a'.repeat(16), parentIsRemote: true })
    pushAll(front, root)
    assert.deepEqual(released, [...children, ...root])
    assertBalanced(front)
  })

  it('lets through what ends after the local root', () => {
    const { front, released } = setUp()
    pushAll(front, spans(1, { traceId: child!.traceId }))
    const late = ofTrace(2)
    pushAll(front, late)
    assert.deepEqual(released.slice(1), late)
  })

  it('is bounded: the oldest trace goes first', () => {
    const { front, released } = setUp(10)
    const first = ofTrace(4)
    pushAll(front, first)
    pushAll(front, spans(6, { parentSpanId: child!.spanId }))
    assert.equal(released.length, 0)
    pushAll(front, spans(1, { parentSpanId: child!.spanId }))
    assert.deepEqual(released, first)
  })

  it('gives everything away at a flush and at the end', async () => {
    const { front } = setUp()
    pushAll(front, ofTrace(5))
    await front.flush()
    assert.equal(front.counts.sent, 5)
    pushAll(front, ofTrace(5))
    const [unsent] = front.takeUnsent()
    assert.equal(unsent?.spans, 5)
    front.settle(unsent!, OK)
    assert.equal(front.pending, 0)
    assertBalanced(front)
  })

  it('is idle only when nothing is kept', async () => {
    const { front } = setUp()
    let idle = 0
    front.onIdle = () => idle++
    pushAll(front, ofTrace(1))
    await front.flush()
    assert.equal(idle, 1)
  })
})

describe('the standard streams as a transport', () => {
  it('write all, in order, also to a reader that is slow', async () => {
    const reader = spawn(process.execPath, ['-e', 'setTimeout(() => process.stdin.pipe(process.stdout), 200)'])
    const program = spawn(
      process.execPath,
      [
        '-e',
        `const { create } = require(${JSON.stringify(join(ROOT_FOLDER, 'build/src/export/transports/stdout.js'))})
         // As Node does for pipes of its own: a write to a full one fails at once.
         process.stdout._handle.setBlocking?.(false)
         const out = create({ fd: 1 })
         const all = ['a', 'b', 'c'].map(x => out.send(Buffer.alloc(300000, x), 'text/plain', 5000))
         Promise.all(all).then(replies => { if (!replies.every(r => r.ok)) process.exitCode = 3 })
         setTimeout(() => {}, 3000).unref()
         const hold = setInterval(() => {}, 100)
         Promise.all(all).then(() => clearInterval(hold))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    program.stdout.pipe(reader.stdin)
    const text = await output(reader)
    assert.equal(text, 'a'.repeat(300000) + 'b'.repeat(300000) + 'c'.repeat(300000))
    assert.equal(program.exitCode, 0)
  })

  it('say what is wrong with a stream that is closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-'))
    const file = join(folder, 'out')
    const fd = openSync(file, 'w')
    const stream = create({ fd })
    assert.deepEqual(await stream.send(Buffer.from('one\n'), 'text/plain'), { ok: true })
    closeSync(fd)
    const reply = await stream.send(Buffer.from('two\n'), 'text/plain')
    assert.equal(reply.ok, false)
    assert.match((reply as { reason: string }).reason, /EBADF/)
    assert.equal(readFileSync(file, 'utf8'), 'one\n')
    rmSync(folder, { recursive: true })
  })
})

describe('a message that is being written when the process ends', () => {
  it('to a standard stream is written once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-'))
    const file = join(folder, 'out')
    const fd = openSync(file, 'w')
    const stream = create({ fd })
    const [first, second] = [Buffer.from('one\n'), Buffer.from('two\n')]
    void stream.send(first, 'text/plain')
    void stream.send(second, 'text/plain')
    await Promise.resolve()
    await Promise.resolve()
    assert.deepEqual(stream.recall!(first), { ok: true }, 'a thread has it')
    assert.equal(stream.recall!(second), 'withdrawn', 'it waits for the first')
    await stream.close()
    closeSync(fd)
    rmSync(folder, { recursive: true })
  })

  for (const exporter of ['console', 'otlp/stdout', 'file']) {
    it(`by ${exporter} is there once`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'tracing-agent-'))
      const file = join(folder, 'traces.jsonl')
      const env = {
        OTEL_EXPORTER: exporter,
        OTEL_BSP_SCHEDULE_DELAY: '5',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '20',
        TRACING_AGENT_CONSOLE_FORMAT: 'json',
        TRACING_AGENT_FILE: file,
      }
      const { stdout, stderr } = await runAgent('fixtures/export/busy.cjs', { env, args: ['30', 'process.exit'] })
      const text = exporter === 'file' ? readFileSync(file, 'utf8') : exporter === 'console' ? stderr : stdout
      const ids = text.match(/"spanId":"[0-9a-f]{16}"/g) ?? []
      assert.equal(ids.length, 300)
      assert.equal(new Set(ids).size, 300)
      rmSync(folder, { recursive: true })
    })
  }
})

async function output(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout!) text += chunk
  return text
}

describe('the exporter console', () => {
  const program = 'fixtures/export/main.cjs'
  const env = { OTEL_EXPORTER: 'console' }

  it('prints the tree of the tutorial on stderr, and leaves stdout to the program', async () => {
    const { stdout, stderr, code } = await runAgent(program, { env })
    assert.equal(stdout, 'done\n')
    assert.equal(code, 0)
    assert.match(stderr, /^trace [0-9a-f]{32} · 11 spans · .* · 1 error$/m)
    assert.equal(stderr.match(/[├└]─ doWork/g)?.length, 10)
    assert.match(stderr, /^main /m)
    assert.equal(stderr.includes(ESC), false, 'no colours where no terminal is')
  })

  it('prints lines of JSON if asked', async () => {
    const { stderr } = await runAgent(program, { env: { ...env, TRACING_AGENT_CONSOLE_FORMAT: 'json' } })
    const parsed = stderr
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.equal(parsed.length, 11)
    assert.equal(parsed.filter(({ status }) => status === 'ERROR').length, 1)
  })

  it('prints on stdout if asked', async () => {
    const { stdout, stderr } = await runAgent(program, { env: { ...env, TRACING_AGENT_CONSOLE_OUTPUT: 'stdout' } })
    assert.match(stdout, /11 spans/)
    assert.equal(stderr, '')
  })

  it('prints also what process.exit cuts off', async () => {
    const { stderr, code } = await runAgent(program, { env, args: ['exit'] })
    assert.match(stderr, /11 spans/)
    assert.equal(code, 3)
  })

  it('otlp/stdout writes OTLP, one message a line', async () => {
    const { stdout } = await runAgent(program, { env: { OTEL_EXPORTER: 'otlp/stdout' } })
    const [message] = stdout.split('\n').filter(line => line.startsWith('{'))
    const [resource] = JSON.parse(message!).resourceSpans
    assert.equal(resource.scopeSpans[0].spans.length, 11)
  })
})
