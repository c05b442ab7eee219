const http = require('node:http')
const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')

if (isMainThread) {
  const worker = new Worker(__filename, { workerData: process.argv[2] })
  worker.on('message', message => console.log('message', message))
  worker.on('exit', code => console.log('exit', code))
} else {
  http.get(`${workerData}/from-a-worker`, res => res.resume().on('end', () => parentPort.postMessage(res.statusCode)))
}
