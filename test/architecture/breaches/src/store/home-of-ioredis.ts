import { Redis } from 'ioredis'

export const used = Redis
