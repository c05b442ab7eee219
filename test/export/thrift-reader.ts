/** Jaeger's Thrift messages, read by the library of the Apache Thrift project. */
import assert from 'node:assert/strict'

const thrift = require('thrift')
const { Type } = thrift.Thrift

/** A struct by field ids; 64 bits as 16 hex digits. */
export type Struct = Record<number, any>

export type Protocol = 'binary' | 'compact'

function open(bytes: Uint8Array, protocol: Protocol): any {
  const Protocol = protocol === 'binary' ? thrift.TBinaryProtocol : thrift.TCompactProtocol
  let input: any
  thrift.TBufferedTransport.receiver((transport: any) => {
    input = new Protocol(transport)
  })(Buffer.from(bytes))
  return input
}

function readValue(input: any, type: number): any {
  switch (type) {
    case Type.STRUCT:
      return readStruct(input)
    case Type.LIST: {
      const { etype, size } = input.readListBegin()
      const list = Array.from({ length: size }, () => readValue(input, etype))
      input.readListEnd()
      return list
    }
    case Type.I64:
      return input.readI64().buffer.toString('hex')
    case Type.I32:
      return input.readI32()
    case Type.DOUBLE:
      return input.readDouble()
    case Type.BOOL:
      return input.readBool()
    case Type.STRING:
      return input.readString()
    default:
      throw new Error(`type ${type} is not in jaeger.thrift`)
  }
}

function readStruct(input: any): Struct {
  const struct: Struct = {}
  input.readStructBegin()
  for (;;) {
    const { ftype, fid } = input.readFieldBegin()
    if (ftype === Type.STOP) break
    struct[fid] = readValue(input, ftype)
    input.readFieldEnd()
  }
  input.readStructEnd()
  return struct
}

/** `Batch` as the body of an HTTP request. */
export function readBatch(bytes: Uint8Array): Struct {
  return readStruct(open(bytes, 'binary'))
}

/** `Batch` as the argument of the call `emitBatch`. */
export function readCall(bytes: Uint8Array, protocol: Protocol): Struct {
  const input = open(bytes, protocol)
  const { fname, mtype } = input.readMessageBegin()
  assert.equal(fname, 'emitBatch')
  assert.equal(mtype, thrift.Thrift.MessageType.ONEWAY)
  const call = readStruct(input)
  input.readMessageEnd()
  return call[1]
}

const spanIds = (batch: Struct): string[] => batch[2].map((span: Struct) => span[3])

export function spanIdsOfBatch(body: Uint8Array): string[] {
  return spanIds(readBatch(body))
}

export function spanIdsOfCall(datagram: Uint8Array, isCompact: boolean): string[] {
  return spanIds(readCall(datagram, isCompact ? 'compact' : 'binary'))
}
