/**
 * The two wire forms of Apache Thrift, as far as Jaeger's structures need them
 * (thrift-binary-protocol.md and thrift-compact-protocol.md of the Apache Thrift specification).
 */

/** Thrift types, by the numbers of the binary protocol. */
export const BOOL = 2
export const DOUBLE = 4
export const I32 = 8
export const I64 = 10
export const STRING = 11
export const STRUCT = 12
export const LIST = 15
export type ThriftType = 2 | 4 | 8 | 10 | 11 | 12 | 15

/** Call of a service method without an answer (`oneway`). */
const ONEWAY = 4

/** Writes values in one of the protocols. Fields of a struct are written in ascending order of their ids. */
export interface ThriftWriter {
  message(name: string): void
  structBegin(): void
  structEnd(): void
  /** Announces a field; its value follows. A bool has its value in here and nothing follows. */
  field(id: number, type: ThriftType, bool?: boolean): void
  list(type: ThriftType, size: number): void
  i32(value: number): void
  /** An integer that a double holds exactly. */
  i64(value: number): void
  /** 64 bits from 16 hex digits, read as a signed integer. */
  hex64(digits: string): void
  double(value: number): void
  string(value: string): void
  bytes(): Uint8Array
}

/** A growing buffer. */
class Output {
  buffer = Buffer.allocUnsafe(4096)
  length = 0

  reserve(size: number): void {
    if (this.length + size <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + size))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value & 0xff
  }

  text(value: string, size: number): void {
    this.reserve(size)
    this.buffer.write(value, this.length, size, 'utf8')
    this.length += size
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}

/** The binary protocol: big-endian numbers of fixed size. */
export class BinaryWriter implements ThriftWriter {
  private readonly out = new Output()

  message(name: string): void {
    this.i32(0x80010000 | ONEWAY)
    this.string(name)
    this.i32(0)
  }

  structBegin(): void {}

  structEnd(): void {
    this.out.byte(0)
  }

  field(id: number, type: ThriftType, bool?: boolean): void {
    this.out.byte(type)
    this.out.byte(id >> 8)
    this.out.byte(id)
    if (type === BOOL) this.out.byte(bool ? 1 : 0)
  }

  list(type: ThriftType, size: number): void {
    this.out.byte(type)
    this.i32(size)
  }

  i32(value: number): void {
    this.out.reserve(4)
    this.out.length = this.out.buffer.writeInt32BE(value | 0, this.out.length)
  }

  i64(value: number): void {
    this.out.reserve(8)
    this.out.length = this.out.buffer.writeBigInt64BE(BigInt(value), this.out.length)
  }

  hex64(digits: string): void {
    this.out.reserve(8)
    this.out.length += this.out.buffer.write(digits, this.out.length, 8, 'hex')
  }

  double(value: number): void {
    this.out.reserve(8)
    this.out.length = this.out.buffer.writeDoubleBE(value, this.out.length)
  }

  string(value: string): void {
    const size = Buffer.byteLength(value)
    this.i32(size)
    this.out.text(value, size)
  }

  bytes(): Uint8Array {
    return this.out.bytes()
  }
}

/** Types of the compact protocol. A bool field has its value in the type: 1 true, 2 false. */
const COMPACT: Record<ThriftType, number> = { 2: 2, 4: 7, 8: 5, 10: 6, 11: 8, 12: 12, 15: 9 }

/** The compact protocol: zigzag varints, field ids as differences, lengths in the type byte. */
export class CompactWriter implements ThriftWriter {
  private readonly out = new Output()
  private readonly outer: number[] = []
  private lastField = 0

  message(name: string): void {
    this.out.byte(0x82)
    this.out.byte((ONEWAY << 5) | 1)
    this.varint(0n)
    this.string(name)
  }

  structBegin(): void {
    this.outer.push(this.lastField)
    this.lastField = 0
  }

  structEnd(): void {
    this.out.byte(0)
    this.lastField = this.outer.pop()!
  }

  field(id: number, type: ThriftType, bool?: boolean): void {
    const wire = type === BOOL && bool ? 1 : COMPACT[type]
    const step = id - this.lastField
    if (step > 0 && step <= 15) this.out.byte((step << 4) | wire)
    else {
      this.out.byte(wire)
      this.i32(id)
    }
    this.lastField = id
  }

  list(type: ThriftType, size: number): void {
    if (size < 15) this.out.byte((size << 4) | COMPACT[type])
    else {
      this.out.byte(0xf0 | COMPACT[type])
      this.varint(BigInt(size))
    }
  }

  i32(value: number): void {
    this.varint(zigzag(BigInt(value | 0)))
  }

  i64(value: number): void {
    this.varint(zigzag(BigInt(value)))
  }

  hex64(digits: string): void {
    this.varint(zigzag(BigInt.asIntN(64, BigInt(`0x${digits}`))))
  }

  /** Little-endian, as all implementations write it. */
  double(value: number): void {
    this.out.reserve(8)
    this.out.length = this.out.buffer.writeDoubleLE(value, this.out.length)
  }

  string(value: string): void {
    const size = Buffer.byteLength(value)
    this.varint(BigInt(size))
    this.out.text(value, size)
  }

  bytes(): Uint8Array {
    return this.out.bytes()
  }

  private varint(value: bigint): void {
    while (value > 0x7fn) {
      this.out.byte(Number(value & 0x7fn) | 0x80)
      value >>= 7n
    }
    this.out.byte(Number(value))
  }
}

function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
}
