const { fork } = require('node:child_process')
const http = require('node:http')

if (process.argv[3] === 'child') {
  http.get(`${process.argv[2]}/from-the-child`, res => res.resume().on('end', () => process.send('done')))
  process.on('message', () => process.disconnect())
} else {
  const child = fork(__filename, [process.argv[2], 'child'])
  child.on('message', message => {
    console.log(message)
    child.send('bye')
  })
  child.on('exit', (code, signal) => console.log('exit', code, signal))
}
