import { encode } from '@msgpack/msgpack'

export const used = encode
