fetch(`${process.argv[2]}/break`).catch(error => console.log(error.name, error.message, error.cause.code))
