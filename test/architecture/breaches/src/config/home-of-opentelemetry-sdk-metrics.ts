import * as opentelemetry from '@opentelemetry/sdk-metrics'

export const used = opentelemetry
