fetch(`http://127.0.0.1:${process.env.CLOSED_PORT}/`).catch(error =>
  console.log(error.name, error.message, error.cause.code),
)
