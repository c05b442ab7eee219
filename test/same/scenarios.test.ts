/** The programs of the scenarios, run for what a program and its peers see of the agent, with nothing to carry. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT_FOLDER, type Running, type RunResult } from '../kit/agent'
import { talk } from '../kit/wire'
import { runTwice, type TwiceOptions } from './twice'

const PROGRAMS = join(ROOT_FOLDER, 'test/scenarios/programs')

/** Programs that run until a signal comes, which they get when they say that they are ready. */
const SIGNALS: Record<string, NodeJS.Signals> = { P02: 'SIGTERM', P03: 'SIGHUP' }

/** Programs that leave requests without an answer, and their connections open. */
const SILENT = ['S05']

/** Programs that call at once from many places. */
const ANY_WIRE = ['S15']

/** What every server gets: plain, odd, broken and pipelined requests, over one connection each. */
const TALKS: string[][] = [
  ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['GET /api/user/1/posts/2?x=1#y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: close\r\n\r\n'],
  ['HEAD /known HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ['OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  [
    'POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\nConnection: close\r\n\r\n',
    '{"a":1}',
  ],
  ['POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n'],
  ['GET / HTTP/1.0\r\n\r\n'],
  ['GET / HTTP/1.1\r\n\r\n'],
  ['nonsense\r\n\r\n'],
  ['GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'],
  [
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ],
]

async function talkAll(running: Running<RunResult>, untilMs: number): Promise<string[]> {
  const port = Number(/^port (\d+)$/m.exec(await running.output(/^port \d+$/m))![1])
  const replies: string[] = []
  for (const pieces of TALKS) {
    const reply = await talk(port, pieces, untilMs)
    replies.push(reply.replace(/^Date: .*\r\n/gim, 'Date: DATE\r\n'))
  }
  return replies
}

async function killWhenReady(running: Running<RunResult>, signal: NodeJS.Signals): Promise<void> {
  await running.output('ready')
  running.kill(signal)
}

describe('programs under the agent', () => {
  for (const file of readdirSync(PROGRAMS).filter(name => /\.[cm]js$/.test(name))) {
    const [id = ''] = file.split('.')
    it(`${id} is the same program`, async () => {
      const { traced } = await runTwice(join(PROGRAMS, file), optionsOf(file))
      assert.ok(traced.probe !== undefined || traced.signal !== null || traced.code !== 0)
    })
  }
})

function optionsOf(file: string): TwiceOptions {
  const [id = ''] = file.split('.')
  const serves = /^[ES]\d/.test(file) && id !== 'S17'
  const signal = SIGNALS[id]
  const untilMs = SILENT.includes(id) ? 1000 : 10_000
  const talkToIt = (running: Running<RunResult>) => talkAll(running, untilMs)
  return {
    how: file.endsWith('.mjs') ? 'import' : 'require',
    argsFor: url => [url],
    envFor: (_url, peer) => ({
      CLOSED_PORT: String(peer.closedPort),
      PEER_HTTPS: peer.httpsUrl,
      PEER_SOCKET: peer.socketPath,
      PROTO: join(PROGRAMS, 'grpc-tester.proto'),
    }),
    drive: signal !== undefined ? running => killWhenReady(running, signal) : serves ? talkToIt : undefined,
    anyWire: ANY_WIRE.includes(id),
    env: { OTEL_LOG_LEVEL: 'none' },
  }
}
