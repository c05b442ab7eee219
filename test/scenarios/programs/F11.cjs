const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
fetch(`${process.argv[2]}/mine`, { headers: { traceparent, 'x-a': '1' } }).then(async res => {
  console.log(res.status, (await res.json()).headers['x-a'])
})
