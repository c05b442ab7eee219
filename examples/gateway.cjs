// What the world sees: an Express application in front of the web server.
const express = require('express')

const app = express()
const shop = express.Router()

shop.get('/:item', async (request, response) => {
  const home = await fetch(`${process.env.WEB}/home?item=${encodeURIComponent(request.params.item)}`)
  if (home.ok) response.json(await home.json())
  else response.status(502).send(await home.text())
})
app.use('/shop', shop)

const server = app.listen(process.env.PORT ?? 0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
