fetch(`${process.argv[2]}/get?normal=kept&X-Goog-Signature=topsecret`).then(async res => {
  console.log((await res.json()).url)
})
