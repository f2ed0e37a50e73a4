import { Cardinality } from './commands/cardinality.ts'
import { CheckConfig } from './commands/check-config.ts'
import { CheckHealthy } from './commands/check-healthy.ts'
import { CheckMetrics } from './commands/check-metrics.ts'
import { CheckReady } from './commands/check-ready.ts'
import { CheckRedis } from './commands/check-redis.ts'
import { CheckWebConfig } from './commands/check-web-config.ts'
import { Completion } from './commands/completion.ts'
import { ConfigSchema } from './commands/config-schema.ts'
import { ConfigShow } from './commands/config-show.ts'
import { Delete } from './commands/delete.ts'
import { Export } from './commands/export.ts'
import { GroupsList } from './commands/groups-list.ts'
import { GroupsShow } from './commands/groups-show.ts'
import { GroupsWatch } from './commands/groups-watch.ts'
import { HashPassword } from './commands/hash-password.ts'
import { Import } from './commands/import.ts'
import { Push } from './commands/push.ts'
import { Serve } from './commands/serve.ts'
import { Status } from './commands/status.ts'
import { Top } from './commands/top.ts'
import { Wipe } from './commands/wipe.ts'

/** Every command, found by name: a list survives bundling and needs no look at the disk. */
export const COMMANDS = {
  serve: Serve,
  push: Push,
  export: Export,
  import: Import,
  'groups:list': GroupsList,
  'groups:show': GroupsShow,
  'groups:watch': GroupsWatch,
  delete: Delete,
  wipe: Wipe,
  status: Status,
  top: Top,
  cardinality: Cardinality,
  'check:metrics': CheckMetrics,
  'check:ready': CheckReady,
  'check:healthy': CheckHealthy,
  'check:redis': CheckRedis,
  'check:config': CheckConfig,
  'check:web-config': CheckWebConfig,
  'config:show': ConfigShow,
  'config:schema': ConfigSchema,
  'hash-password': HashPassword,
  completion: Completion,
}
