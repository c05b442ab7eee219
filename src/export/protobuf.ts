/**
 * The Protocol Buffers wire format, by hand: only what OTLP needs.
 * https://protobuf.dev/programming-guides/encoding/
 */

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

/** Up to this length a loop over the characters beats a call into native code (measured on Node 20 to 26). */
const SHORT_STRING = 48

const TWO_32 = 0x1_0000_0000
const MAX_UINT64 = 2 ** 64

const float = new Float64Array(1)
const floatBytes = new Uint8Array(float.buffer)

/** Value of a hex digit by character code; 0xff for all else. */
const HEX = new Uint8Array(128).fill(0xff)
for (let i = 0; i < 16; i++) {
  HEX['0123456789abcdef'.charCodeAt(i)] = i
  HEX['0123456789ABCDEF'.charCodeAt(i)] = i
}

/**
 * Writes a message from its end to its start. So the length of every inner message is known when its header is written:
 * no pass that only measures, nothing moved. Fields and repeated items are therefore written last first.
 *
 * A field method writes even a default value; the caller leaves those out.
 */
export class ReverseWriter {
  private buffer: Buffer
  /** Index of the first written byte. */
  private start: number

  /** @param memory of a message that nobody reads any more */
  constructor(capacity: number, memory?: ArrayBuffer) {
    // Not from Buffer's pool: the bytes outlive this call while they wait for a reply.
    this.buffer = memory === undefined ? Buffer.allocUnsafeSlow(capacity) : Buffer.from(memory)
    this.start = this.buffer.length
  }

  /** Bytes written so far; the difference of two marks is the length of what was written between them. */
  mark(): number {
    return this.buffer.length - this.start
  }

  /** Takes back what was written since `mark`. */
  rewind(mark: number): void {
    this.start = this.buffer.length - mark
  }

  finish(): Uint8Array {
    return this.buffer.subarray(this.start)
  }

  /** The header of an inner message, after its fields have been written since `mark`. */
  message(field: number, mark: number): void {
    this.reserve(10)
    this.varint(this.mark() - mark)
    this.varint((field << 3) | BYTES)
  }

  uint32(field: number, value: number): void {
    this.reserve(10)
    this.varint(value >>> 0)
    this.varint((field << 3) | VARINT)
  }

  bool(field: number, value: boolean): void {
    this.uint32(field, value ? 1 : 0)
  }

  /** @param value an integer; negative ones take ten bytes, as `int64` does */
  int64(field: number, value: number): void {
    this.reserve(15)
    if (value >= 0 && value < TWO_32) this.varint(value)
    else {
      // Two's complement in two halves, exact for every integer that a double can hold.
      const high = Math.floor(value / TWO_32)
      this.varint64(high >>> 0, (value - high * TWO_32) >>> 0)
    }
    this.varint((field << 3) | VARINT)
  }

  double(field: number, value: number): void {
    this.reserve(13)
    float[0] = value
    this.start -= 8
    const at = this.start
    for (let i = 0; i < 8; i++) this.buffer[at + i] = floatBytes[i]!
    this.varint((field << 3) | FIXED64)
  }

  fixed32(field: number, value: number): void {
    this.reserve(9)
    this.start -= 4
    this.little32(this.start, value)
    this.varint((field << 3) | FIXED32)
  }

  /**
   * Microseconds (with a fraction) as `fixed64` nanoseconds. They exceed what a double holds exactly, so the halves are
   * computed apart; what `fixed64` cannot hold becomes the nearest value that it can.
   */
  nanos(field: number, micros: number): void {
    this.reserve(13)
    let high = 0
    let low = 0
    if (micros * 1000 >= MAX_UINT64) high = low = 0xffff_ffff
    else if (micros > 0) {
      const whole = Math.floor(micros)
      const upper = Math.floor(whole / TWO_32)
      const lower = (whole - upper * TWO_32) * 1000 + Math.round((micros - whole) * 1000)
      high = upper * 1000 + Math.floor(lower / TWO_32)
      low = lower % TWO_32
    }
    this.start -= 8
    this.little32(this.start, low)
    this.little32(this.start + 4, high)
    this.varint((field << 3) | FIXED64)
  }

  /** A trace or span id of `digits` hex digits as bytes; anything else, which only a program's own links hold, as none. */
  hex(field: number, id: string, digits: number): void {
    this.reserve(26)
    const { buffer } = this
    const length = digits >> 1
    const at = this.start - length
    let valid = typeof id === 'string' && id.length === digits
    for (let i = 0; valid && i < length; i++) {
      const upper = HEX[id.charCodeAt(i * 2)] ?? 0xff
      const lower = HEX[id.charCodeAt(i * 2 + 1)] ?? 0xff
      buffer[at + i] = (upper << 4) | lower
      valid = (upper | lower) < 16
    }
    if (valid) this.start = at
    this.varint(valid ? length : 0)
    this.varint((field << 3) | BYTES)
  }

  /** UTF-8; half a surrogate pair becomes U+FFFD. */
  string(field: number, text: string): void {
    const { length } = text
    if (length > SHORT_STRING || !this.ascii(text, length)) {
      const bytes = Buffer.byteLength(text)
      this.reserve(bytes + 15)
      this.start -= bytes
      this.buffer.write(text, this.start, bytes, 'utf8')
      this.varint(bytes)
    } else this.varint(length)
    this.varint((field << 3) | BYTES)
  }

  bytes(field: number, value: Uint8Array): void {
    this.reserve(value.length + 15)
    this.start -= value.length
    this.buffer.set(value, this.start)
    this.varint(value.length)
    this.varint((field << 3) | BYTES)
  }

  /** Writes once more what was written between two marks. */
  copy(from: number, to: number): void {
    const length = to - from
    this.reserve(length)
    const { buffer } = this
    const source = buffer.length - to
    this.start -= length
    buffer.copyWithin(this.start, source, source + length)
  }

  private ascii(text: string, length: number): boolean {
    this.reserve(length + 15)
    const { buffer } = this
    const at = this.start - length
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return false
      buffer[at + i] = code
    }
    this.start = at
    return true
  }

  private little32(at: number, value: number): void {
    const { buffer } = this
    buffer[at] = value
    buffer[at + 1] = value >>> 8
    buffer[at + 2] = value >>> 16
    buffer[at + 3] = value >>> 24
  }

  /** @param value 0 to 2³²−1 */
  private varint(value: number): void {
    const { buffer } = this
    if (value < 0x80) buffer[--this.start] = value
    else if (value < 0x4000) {
      buffer[--this.start] = value >>> 7
      buffer[--this.start] = value | 0x80
    } else {
      this.start -= value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
      let at = this.start
      for (; value > 0x7f; value >>>= 7) buffer[at++] = value | 0x80
      buffer[at] = value
    }
  }

  private varint64(high: number, low: number): void {
    const bytes: number[] = []
    while (high > 0 || low > 0x7f) {
      bytes.push((low & 0x7f) | 0x80)
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    bytes.push(low)
    this.start -= bytes.length
    this.buffer.set(bytes, this.start)
  }

  private reserve(bytes: number): void {
    if (this.start >= bytes) return
    const written = this.mark()
    const larger = Buffer.allocUnsafeSlow((this.buffer.length + bytes) * 2)
    this.buffer.copy(larger, larger.length - written, this.start)
    this.buffer = larger
    this.start = larger.length - written
  }
}

/** One field of a message: `value` for varints and fixed numbers (exact up to 2⁵³), `bytes` for the rest. */
export interface Field {
  readonly number: number
  readonly value: number
  readonly bytes: Uint8Array | undefined
}

/**
 * The fields of a message in the order in which they stand.
 *
 * @throws RangeError when the bytes are not a message
 */
export function readFields(message: Uint8Array): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = message[at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value >= MAX_UINT64 / 2 ? value - MAX_UINT64 : value
      scale *= 128
    }
    throw new RangeError('not a protobuf message')
  }
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > message.length) throw new RangeError('not a protobuf message')
    at += length
    return message.subarray(at - length, at)
  }
  while (at < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    if (number === 0) throw new RangeError('not a protobuf message')
    const type = tag % 8
    if (type === VARINT) fields.push({ number, value: varint(), bytes: undefined })
    else if (type === BYTES) fields.push({ number, value: 0, bytes: take(varint()) })
    else if (type === FIXED32 || type === FIXED64) {
      let value = 0
      const bytes = take(type === FIXED32 ? 4 : 8)
      for (let i = bytes.length - 1; i >= 0; i--) value = value * 256 + bytes[i]!
      fields.push({ number, value, bytes: undefined })
    } else throw new RangeError('not a protobuf message')
  }
  return fields
}
