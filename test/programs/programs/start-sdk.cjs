'use strict'
// Starts the SDK of OpenTelemetry, as a program does that traces itself.
const { createRequire } = require('node:module')
const { NodeSDK } = createRequire(`${process.env.PACKAGES}/`)('@opentelemetry/sdk-node')
new NodeSDK().start()
