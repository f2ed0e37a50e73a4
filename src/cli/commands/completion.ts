import * as Args from '@oclif/core/args'
import { Command } from '@oclif/core/command'

export class Completion extends Command {
  static override summary = 'Print a script that completes commands and flags in a shell.'
  static override description =
    'The script knows every command, flag and choice of this version and asks nobody; print it again after an upgrade.'
  static override examples = [
    {
      description: 'In bash, for this shell alone',
      command: 'source <(<%= config.bin %> <%= command.id %> bash)',
    },
    {
      description: 'In bash, for every shell from now on',
      command:
        'mkdir -p ~/.local/share/bash-completion/completions && <%= config.bin %> <%= command.id %> bash > ~/.local/share/bash-completion/completions/pgr',
    },
    {
      description: 'In fish',
      command:
        'mkdir -p ~/.config/fish/completions && <%= config.bin %> <%= command.id %> fish > ~/.config/fish/completions/pgr.fish',
    },
  ]
  static override args = {
    shell: Args.string({
      description: 'The shell that is to complete.',
      options: ['bash', 'zsh', 'fish'],
      required: true,
      // Standard input is no shell.
      ignoreStdin: true,
    }),
  }

  async run(): Promise<void> {
    const { args } = await this.parse(Completion)
    const { completionScript } = await import('../completion/script.ts')
    process.stdout.write(completionScript(args.shell, this.config.commands))
  }
}
