import { Root } from 'protobufjs'

export const used = Root
