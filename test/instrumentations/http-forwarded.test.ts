import assert from 'node:assert/strict'
import fc from 'fast-check'
import { NOT_FORWARDED, parsePort, readForwarded, splitHost } from '../../instrumentations/_http-forwarded'
import { Given } from '../../instrumentations/_note'
import { Listed, OpenList } from '../../instrumentations/_open-list'
import { headerIn } from '../../instrumentations/http-head'

describe('what the first proxy was asked for', () => {
  it('is nothing without a header of a proxy', () => {
    assert.equal(readForwarded({ host: 'a', via: '1.1 b' }), NOT_FORWARDED)
  })

  it('is read from Forwarded: first of each parameter, in any case, quoted or not', () => {
    const cases: [header: string, proto?: string, host?: string, client?: string][] = [
      ['for=192.0.2.60;proto=http;by=203.0.113.43', 'http', undefined, '192.0.2.60'],
      ['For="[2001:db8:cafe::17]:4711"', undefined, undefined, '2001:db8:cafe::17'],
      ['for=192.0.2.43, for=198.51.100.17;proto=HTTPS;host=a.example', 'https', 'a.example', '192.0.2.43'],
      ['proto="https" ; host="b,c;d.example:8080" , host=e', 'https', 'b,c;d.example:8080', undefined],
      ['host="a\\"b"', undefined, 'a"b', undefined],
      ['for=unknown;proto=1x;host=', undefined, undefined, undefined],
      ['for=_gazonk', undefined, undefined, undefined],
      ['for="_gazonk:80"', undefined, undefined, undefined],
      [';;,,==', undefined, undefined, undefined],
    ]
    for (const [forwarded, proto, host, client] of cases) {
      assert.deepEqual(readForwarded({ forwarded }), { proto, host, client }, forwarded)
    }
  })

  it('is read from X-Forwarded-* where Forwarded does not say it', () => {
    const headers = {
      'x-forwarded-proto': 'https, http',
      'x-forwarded-host': 'a.example:444, b.example',
      'x-forwarded-for': ' 192.0.2.1:1234, 10.0.0.1',
    }
    assert.deepEqual(readForwarded(headers), { proto: 'https', host: 'a.example:444', client: '192.0.2.1' })
    assert.deepEqual(readForwarded({ ...headers, forwarded: 'proto=http;for=192.0.2.2' }), {
      proto: 'http',
      host: 'a.example:444',
      client: '192.0.2.2',
    })
  })

  it('no header makes it throw, or slow', () => {
    const text = fc.string({
      unit: fc.constantFrom('for=', 'host=', '"', '\\', ';', ',', '[', ']', ':', ' ', 'a', '1'),
    })
    fc.assert(
      fc.property(text, text, (forwarded, other) => {
        const { client, proto } = readForwarded({ forwarded, 'x-forwarded-for': other, 'x-forwarded-proto': other })
        assert.notEqual(client, '')
        if (proto !== undefined) assert.match(proto, /^[a-z]/)
      }),
    )
    const start = performance.now()
    for (const piece of ['a', '"', '\\', 'for=', '; ', 'for="']) readForwarded({ forwarded: piece.repeat(16_384) })
    assert.ok(performance.now() - start < 500)
  })

  it('a host is split from its port, with brackets and without', () => {
    const cases: [host: string, name: string, port?: number][] = [
      ['a.example', 'a.example'],
      ['a.example:80', 'a.example', 80],
      ['[::1]:8080', '::1', 8080],
      ['[::1]', '::1'],
      ['::1', '::1'],
      ['a:', 'a'],
      ['a:0', 'a'],
      ['a:65536', 'a'],
      ['a:80x', 'a'],
      [':80', '', 80],
      ['[', '['],
    ]
    for (const [host, name, port] of cases) {
      assert.deepEqual(splitHost(host), { name, port }, host)
      // A second time, from memory.
      assert.deepEqual(splitHost(host), { name, port }, host)
    }
    assert.equal(parsePort('1e3'), undefined)
    assert.equal(parsePort(' 80'), undefined)
  })
})

describe('a rendered head', () => {
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nX-Multi: one\r\nx-multi:two \r\nX-Empty:\r\n\r\n'

  it('gives all values of a header, in any case, and those of no other', () => {
    assert.deepEqual(headerIn(head, 'host'), ['a'])
    assert.deepEqual(headerIn(head, 'x-multi'), ['one', 'two'])
    assert.deepEqual(headerIn(head, 'x-empty'), [''])
    assert.equal(headerIn(head, 'multi'), undefined)
    assert.equal(headerIn(head, 'get / http/1.1'), undefined)
  })
})

describe('a note on an object of somebody else', () => {
  it('is read back, can be replaced, and is seen by nobody', () => {
    const target = Object.freeze({ own: 1 })
    assert.equal(FirstNote.read(target), undefined)
    FirstNote.write(target, 'first')
    FirstNote.write(target, 'second')
    SecondNote.write(target, 'of another')
    assert.equal(FirstNote.read(target), 'second')
    assert.equal(SecondNote.read(target), 'of another')
    assert.deepEqual(Reflect.ownKeys(target), ['own'])
    assert.equal(JSON.stringify(structuredClone(target)), '{"own":1}')
  })
})

class FirstNote extends Given {
  #text: string

  constructor(target: object, text: string) {
    super(target)
    this.#text = text
  }

  static read(target: object): string | undefined {
    return #text in target ? target.#text : undefined
  }

  static write(target: object, text: string): void {
    if (#text in target) target.#text = text
    else new FirstNote(target, text)
  }
}

class SecondNote extends Given {
  #text: string

  constructor(target: object, text: string) {
    super(target)
    this.#text = text
  }

  static read(target: object): string | undefined {
    return #text in target ? target.#text : undefined
  }

  static write(target: object, text: string): void {
    if (#text in target) target.#text = text
    else new SecondNote(target, text)
  }
}

describe('a list of what is open', () => {
  class Member extends Listed {
    constructor(readonly name: number) {
      super()
    }
  }

  it('holds what a Set would hold, in the same order, whatever is added, taken out and cleared', () => {
    const step = fc.record({ name: fc.nat(9), what: fc.constantFrom('add', 'delete', 'clear') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const members = Array.from({ length: 10 }, (_, name) => new Member(name))
        const list = new OpenList<Member>()
        const set = new Set<Member>()
        for (const { name, what } of steps) {
          const member = members[name]!
          if (what === 'clear') {
            list.clear()
            set.clear()
          } else if (what === 'delete') {
            list.delete(member)
            set.delete(member)
          } else if (!set.has(member)) {
            list.add(member)
            set.add(member)
          }
          assert.deepEqual(
            [...list].map(each => each.name),
            [...set].map(each => each.name),
          )
          assert.equal(list.isEmpty, set.size === 0)
        }
      }),
    )
  })

  it('may lose the member that is visited', () => {
    const list = new OpenList<Member>()
    for (let name = 0; name < 3; name++) list.add(new Member(name))
    const seen: number[] = []
    for (const member of list) {
      seen.push(member.name)
      list.delete(member)
    }
    assert.deepEqual(seen, [0, 1, 2])
    assert.ok(list.isEmpty)
  })
})
