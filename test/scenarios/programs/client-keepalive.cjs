const http = require('node:http')

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
let socket
let left = 3
function next() {
  const req = http.get(`${process.argv[2]}/again/${left}`, { agent }, res => {
    console.log(res.statusCode, req.reusedSocket, socket === undefined || socket === req.socket)
    socket = req.socket
    const counts = ['close', 'data', 'error', 'end', 'timeout'].map(name => socket.listenerCount(name))
    console.log(counts.join())
    res.resume().on('end', () => (--left > 0 ? setImmediate(next) : agent.destroy()))
  })
}
next()
