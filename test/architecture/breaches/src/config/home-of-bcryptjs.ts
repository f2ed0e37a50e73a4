import { compare } from 'bcryptjs'

export const used = compare
