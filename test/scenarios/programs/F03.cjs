fetch(`${process.argv[2]}/redirect/final`).then(async res => {
  console.log(res.status, res.redirected, new URL(res.url).pathname)
  await res.text()
})
