const res = await fetch(`${process.argv[2]}/top-level`)
const { url } = await res.json()
console.log(res.status, url)

export {}
