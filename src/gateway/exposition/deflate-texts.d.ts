/** Compresses a text into `room` from `at` on, where there is `roomFor` its length, and returns where that ends. */
export type Deflate = (text: Uint8Array, room: Uint8Array, at: number) => number

export function makeDeflate(engine?: object): Deflate

export function roomFor(length: number): number
