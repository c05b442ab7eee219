// Calls a gRPC server (BENCH_GRPC): on each line "go N" of standard input N unary calls, ten at a time, then "done".
const readline = require('node:readline')
const grpc = require('@grpc/grpc-js')

const Client = grpc.makeGenericClientConstructor(
  {
    Say: {
      path: '/bench.Echo/Say',
      requestStream: false,
      responseStream: false,
      requestSerialize: Buffer.from,
      requestDeserialize: String,
      responseSerialize: Buffer.from,
      responseDeserialize: String,
    },
  },
  'Echo',
)
const client = new Client(process.env.BENCH_GRPC, grpc.credentials.createInsecure())

readline.createInterface({ input: process.stdin }).on('line', line => {
  let left = Number(line.split(' ')[1])
  let open = 0
  const next = () => {
    if (left === 0) {
      if (open === 0) console.log('done')
      return
    }
    left--
    open++
    client.Say('hello', error => {
      if (error) throw error
      open--
      next()
    })
  }
  for (let i = 0; i < 10; i++) next()
})
console.log('port 0')
