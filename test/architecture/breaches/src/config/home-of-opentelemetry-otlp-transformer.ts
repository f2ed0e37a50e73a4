import * as opentelemetry from '@opentelemetry/otlp-transformer'

export const used = opentelemetry
