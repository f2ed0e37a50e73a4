import { CheckConfig } from './commands/check-config.ts'
import { CheckWebConfig } from './commands/check-web-config.ts'
import { Export } from './commands/export.ts'
import { HashPassword } from './commands/hash-password.ts'
import { Import } from './commands/import.ts'
import { Push } from './commands/push.ts'
import { Serve } from './commands/serve.ts'

/** Every command, found by name: a list survives bundling and needs no look at the disk. */
export const COMMANDS = {
  serve: Serve,
  push: Push,
  export: Export,
  import: Import,
  'check:config': CheckConfig,
  'check:web-config': CheckWebConfig,
  'hash-password': HashPassword,
}
