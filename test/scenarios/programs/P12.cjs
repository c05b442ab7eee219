const http = require('node:http')

console.log(process.getActiveResourcesInfo().join())
const agent = new http.Agent({ keepAlive: false })
http.get(`${process.argv[2]}/x`, { agent }, res => {
  res.resume()
  res.on('close', () =>
    setTimeout(
      () =>
        console.log(
          process
            .getActiveResourcesInfo()
            .filter(x => x !== 'Timeout')
            .join(),
        ),
      50,
    ),
  )
})
