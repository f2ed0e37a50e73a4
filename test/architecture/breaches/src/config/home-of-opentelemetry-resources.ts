import * as opentelemetry from '@opentelemetry/resources'

export const used = opentelemetry
