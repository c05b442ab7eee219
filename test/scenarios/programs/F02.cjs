const request = new Request(`${process.argv[2]}/post`, {
  method: 'POST',
  headers: { 'x-a': 'kept', 'content-type': 'text/plain' },
  body: 'hello',
})
fetch(request)
  .then(res => res.json())
  .then(({ method, headers, body }) => {
    console.log(method, headers['x-a'], body)
    console.log([...request.headers.keys()].join())
  })
