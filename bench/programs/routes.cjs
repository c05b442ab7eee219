// An express program with as many routes as BENCH_ROUTES says.
const express = require('express')

const app = express()
for (let n = 0; n < Number(process.env.BENCH_ROUTES); n++) {
  app.get(`/r${n}/:id`, (request, response) => response.send(request.params.id))
}
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
server.keepAliveTimeout = 60_000
