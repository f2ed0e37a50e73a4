import * as Flags from '@oclif/core/flags'

export const DEFAULT_URL = 'http://127.0.0.1:9753'

/** Where a gateway is and who asks it: the same for every command that talks to one. */
export const gatewayFlags = {
  url: Flags.string({
    char: 'u',
    summary: `Address of the gateway. [default: ${DEFAULT_URL}]`,
    env: 'PGR_URL',
    helpValue: '<url>',
    helpGroup: 'GLOBAL',
  }),
  user: Flags.string({
    summary: 'User for basic authentication.',
    env: 'PGR_USER',
    helpValue: '<name>',
    helpGroup: 'GLOBAL',
  }),
  'password-file': Flags.string({
    summary: 'File that holds the password.',
    env: 'PGR_PASSWORD_FILE',
    helpValue: '<path>',
    helpGroup: 'GLOBAL',
  }),
  'token-file': Flags.string({
    summary: 'File that holds a bearer token.',
    env: 'PGR_TOKEN_FILE',
    helpValue: '<path>',
    helpGroup: 'GLOBAL',
  }),
  timeout: Flags.string({
    summary: 'Longest wait for one answer.',
    default: '10s',
    helpValue: '<duration>',
    helpGroup: 'GLOBAL',
  }),
}

/** For commands that print data; a failure is JSON then, too. */
export const jsonFlag = {
  json: Flags.boolean({ summary: 'Print JSON, also when it is an error.', helpGroup: 'GLOBAL' }),
}

/** For commands that remove what nobody can bring back. */
export const destroyFlags = {
  yes: Flags.boolean({ char: 'y', summary: 'Do not ask; needed where nobody can be asked.' }),
  'dry-run': Flags.boolean({ summary: 'Tell what would go, and remove nothing.' }),
}

/** For commands that print for people as well. */
export const noColorFlag = {
  'no-color': Flags.boolean({
    summary: 'No colours, as with NO_COLOR; CLICOLOR_FORCE=1 keeps them in a pipe.',
    helpGroup: 'GLOBAL',
  }),
}

/** The flags above, as they were parsed. */
export interface GatewayFlags {
  readonly url?: string | undefined
  readonly user?: string | undefined
  readonly 'password-file'?: string | undefined
  readonly 'token-file'?: string | undefined
}
