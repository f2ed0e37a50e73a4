/** How a name outside the legacy character set is spelled for readers that know only that set. */
export type EscapingScheme = 'allow-utf-8' | 'underscores' | 'dots' | 'values'
