/** What is read of an answer does not depend on how the network cuts it. */
import assert from 'node:assert/strict'
import { AnswerReader, headerOf } from '../../src/net/http-answer'
import { MAX_REPLY_BYTES } from '../../src/net/sizes'

interface Read {
  code: number | undefined
  words: string | undefined
  type: string | undefined
  body: string
  complete: boolean
  keeps: boolean
  error: string | undefined
}

/** @param ends the connection ends after the last piece */
function read(pieces: readonly string[], ends = false): Read {
  const reader = new AnswerReader()
  let error: string | undefined
  for (const piece of pieces) {
    if (error === undefined && piece !== '') error = reader.read(Buffer.from(piece, 'latin1'))?.message
  }
  if (ends && error === undefined) reader.end()
  const { answer, isComplete, keeps } = reader
  const result = {
    code: answer?.code,
    words: answer?.words,
    type: answer && headerOf(answer, 'content-type'),
    body: Buffer.from(reader.body).toString('latin1'),
    complete: isComplete,
    keeps: keeps && isComplete,
    error,
  }
  reader.free()
  return result
}

const YES = { code: 200, words: 'OK', type: 'a/b', body: 'hello', complete: true, keeps: true, error: undefined }
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n'
const MANY = Array.from({ length: 150 }, (_, i) => `x-${i}: y\r\n`).join('')

const answers: [title: string, text: string, expected: Read, ends?: boolean][] = [
  ['with a length', `${HEAD}Content-Length: 5\r\n\r\nhello`, YES],
  ['in chunks', `${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\nhell\r\n1;a=b\r\no\r\n0\r\n\r\n`, YES],
  [
    'in chunks with trailers',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCONTENT-TYPE: a/b\r\n\r\n5\r\nhello\r\n0\r\ncontent-type: c/d\r\n\r\n`,
    YES,
  ],
  ['up to the end of the connection', `${HEAD}\r\nhello`, { ...YES, keeps: false }, true],
  [
    'behind others that only announce it',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Type: x/y\r\n\r\n${HEAD}Content-Length: 5\r\n\r\nhello`,
    YES,
  ],
  [
    'with more headers than are told at once',
    `HTTP/1.1 200 OK\r\n${MANY}content-type: a/b\r\ncontent-length: 5\r\n\r\nhello`,
    YES,
  ],
  [
    'without a body',
    'HTTP/1.1 204 No Content\r\n\r\n',
    { ...YES, code: 204, words: 'No Content', type: undefined, body: '' },
  ],
  ['that is the last one', `${HEAD}Connection: close\r\nContent-Length: 5\r\n\r\nhello`, { ...YES, keeps: false }],
  ['of HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello', { ...YES, keeps: false }],
  [
    'that changes the protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    { ...YES, code: 101, words: 'Switching Protocols', type: undefined, body: '', keeps: false },
  ],
  ['that breaks off', `${HEAD}Content-Length: 9\r\n\r\nhello`, { ...YES, complete: false, keeps: false }, true],
]

describe('an answer', () => {
  for (const [title, text, expected, ends] of answers) {
    it(`${title} is the same wherever it is cut`, () => {
      assert.deepEqual(read([text], ends), expected)
      assert.deepEqual(read([...text], ends), expected)
      for (let at = 1; at < text.length; at++) {
        assert.deepEqual(read([text.slice(0, at), text.slice(at)], ends), expected, `cut at ${at}`)
      }
    })
  }

  const odd: [title: string, text: string, words: RegExp][] = [
    ['another protocol', '220 mail.example ESMTP\r\n', /^Parse Error: Expected HTTP\//],
    [
      'a length that is none',
      'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
      /^Parse Error: Invalid character in Content-Length/,
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^Parse Error: Duplicate Content-Length/,
    ],
  ]
  for (const [title, text, words] of odd) {
    it(`that is ${title} is refused in the words of Node wherever it is cut`, () => {
      for (let at = 0; at < text.length; at++) {
        const { error, complete } = read([text.slice(0, at), text.slice(at)])
        assert.match(error ?? '', words, `cut at ${at}`)
        assert.equal(complete, false)
      }
    })
  }

  it('that another one follows is the answer, and the connection is not used again', () => {
    const forged = 'HTTP/1.1 500 Forged\r\nContent-Length: 3\r\n\r\nbad'
    for (const rest of [forged, 'nonsense', '\r\n\r\nHTTP/1.1']) {
      const { code, body, keeps } = read([`${HEAD}Content-Length: 5\r\n\r\nhello${rest}`])
      assert.deepEqual({ code, body, keeps }, { code: 200, body: 'hello', keeps: false })
    }
  })

  it('may follow one to an earlier message, of which nothing is left', () => {
    const reader = new AnswerReader()
    for (const body of ['one', 'two', 'three']) {
      reader.read(
        Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${body.length}\r\n${body}\r\n0\r\na: b\r\n\r\n`),
      )
      assert.equal(reader.isComplete, true)
      assert.equal(reader.keeps, true)
      assert.equal(String(reader.body), body)
      assert.deepEqual(reader.answer!.headers, ['Content-Type', 'a/b', 'Transfer-Encoding', 'chunked'])
      reader.reset()
      assert.equal(reader.answer, undefined)
    }
    reader.free()
  })

  it('is kept up to its limit, and no further', () => {
    const reader = new AnswerReader()
    reader.read(Buffer.from(`${HEAD}\r\n`))
    reader.read(Buffer.alloc(MAX_REPLY_BYTES))
    assert.equal(reader.isExcessive, false)
    reader.read(Buffer.alloc(1))
    assert.equal(reader.isExcessive, true)
    assert.equal(reader.body.length, MAX_REPLY_BYTES)
    reader.free()
  })
})
