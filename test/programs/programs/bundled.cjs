const http = require('node:http')
const grpc = require('@grpc/grpc-js')
const express = require('express')

require('./exchange.cjs')(http, grpc, express)
