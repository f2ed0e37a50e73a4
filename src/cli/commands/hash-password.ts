import { Command } from '@oclif/core/command'
import * as Flags from '@oclif/core/flags'
import { jsonFlag } from '../gateway-flags.ts'
import { writeJson, writeLine } from '../output.ts'
import { readNewPassword } from '../password.ts'

const USUAL_COST = 10
const LEAST_COST = 4
const MOST_COST = 20

export class HashPassword extends Command {
  static override summary = 'Hash a password for a web configuration file.'
  static override description =
    'Asks for a password at a terminal, without showing it, or reads one line of piped input, and prints its bcrypt hash: with --user as the line that goes below basic_auth_users in the file of --web.config.file. A password is never taken from the command line, which other users of a machine can see.'
  static override examples = [
    {
      description: 'Type a password',
      command: '<%= config.bin %> <%= command.id %> --user=alice',
    },
    {
      description: 'Hash a secret that is in a file',
      command: '<%= config.bin %> <%= command.id %> --user=alice < password.txt',
    },
  ]
  static override flags = {
    user: Flags.string({ char: 'u', summary: 'Print the line for this user.', helpValue: '<name>' }),
    cost: Flags.integer({
      summary: 'Each more doubles the time that checking the password takes.',
      default: USUAL_COST,
      min: LEAST_COST,
      max: MOST_COST,
      helpValue: '<number>',
    }),
    ...jsonFlag,
  }

  async run(): Promise<void> {
    const { flags } = await this.parse(HashPassword)
    const password = await readNewPassword({ input: process.stdin, output: process.stderr })
    const { hash: makeHash } = await import('bcryptjs')
    const hash = await makeHash(password, flags.cost)
    const { user } = flags
    if (flags.json) writeJson({ ...(user === undefined ? {} : { user }), hash })
    else writeLine(process.stdout, user === undefined ? hash : `${yamlKey(user)}: ${hash}`)
  }
}

/** Quoted unless it is a word for certain. */
function yamlKey(user: string): string {
  return /^[a-z_][a-z0-9_.-]+$/i.test(user) && !/^(?:true|false|yes|no|on|off|null)$/i.test(user)
    ? user
    : JSON.stringify(user)
}
