import http from 'node:http'
import * as grpc from '@grpc/grpc-js'
import express from 'express'
import exchange from './exchange.cjs'

exchange(http, grpc, express)
