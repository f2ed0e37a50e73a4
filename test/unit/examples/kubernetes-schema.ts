/**
 * The part of the Kubernetes API that the examples use, strictly: a field not listed here is refused, as an API server
 * with strict field validation would refuse a misspelt one. https://kubernetes.io/docs/reference/kubernetes-api/
 */
type Schema = Readonly<Record<string, unknown>>

const text: Schema = { type: 'string', minLength: 1 }
const flag: Schema = { type: 'boolean' }
const natural: Schema = { type: 'integer', minimum: 0 }
const positive: Schema = { type: 'integer', minimum: 1 }
const portNumber: Schema = { type: 'integer', minimum: 1, maximum: 65_535 }
/** An IANA service name. */
const portName: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$' }
const dnsName: Schema = { type: 'string', pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' }
const port: Schema = { anyOf: [portNumber, portName] }
const quantity: Schema = { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$' }
const texts = list(text)

function list(items: Schema): Schema {
  return { type: 'array', items, minItems: 1 }
}

/** Exactly these fields; a name with `?` at its end may be missing. */
function record(fields: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(fields)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace('?', ''), schema])),
    required: entries.map(([name]) => name).filter((name) => !name.endsWith('?')),
    additionalProperties: false,
  }
}

function mapOf(values: Schema): Schema {
  return { type: 'object', additionalProperties: values, minProperties: 1 }
}

const labels = mapOf({ type: 'string', pattern: '^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$' })
const selector = record({ matchLabels: labels })
const amounts = record({ 'cpu?': quantity, 'memory?': quantity, 'storage?': quantity })
const probe: Schema = {
  ...record({
    'httpGet?': record({ path: { type: 'string', pattern: '^/' }, port }),
    'exec?': record({ command: texts }),
    'periodSeconds?': positive,
    'failureThreshold?': positive,
    'timeoutSeconds?': positive,
  }),
  oneOf: [{ required: ['httpGet'] }, { required: ['exec'] }],
}

const container = record({
  name: dnsName,
  // A tag or digest always: what runs must not change by itself.
  image: { type: 'string', pattern: '(:[\\w.-]+|@sha256:[0-9a-f]{64})$', not: { pattern: ':latest$' } },
  'command?': texts,
  'args?': texts,
  'ports?': list(record({ name: portName, containerPort: portNumber })),
  'livenessProbe?': probe,
  'readinessProbe?': probe,
  resources: record({ requests: amounts, limits: amounts }),
  'securityContext?': record({
    allowPrivilegeEscalation: { const: false },
    readOnlyRootFilesystem: flag,
    capabilities: record({ drop: texts }),
  }),
  'volumeMounts?': list(record({ name: dnsName, mountPath: { type: 'string', pattern: '^/' } })),
})

const podSpec = record({
  containers: list(container),
  'restartPolicy?': { enum: ['Always', 'OnFailure', 'Never'] },
  'terminationGracePeriodSeconds?': natural,
  'automountServiceAccountToken?': flag,
  'securityContext?': record({
    runAsNonRoot: flag,
    runAsUser: positive,
    seccompProfile: record({ type: { enum: ['RuntimeDefault'] } }),
  }),
  'topologySpreadConstraints?': list(
    record({
      maxSkew: positive,
      topologyKey: text,
      whenUnsatisfiable: { enum: ['DoNotSchedule', 'ScheduleAnyway'] },
      labelSelector: selector,
    }),
  ),
  'volumes?': list(
    record({
      name: dnsName,
      'configMap?': record({ name: dnsName }),
      'emptyDir?': { type: 'object', maxProperties: 0 },
    }),
  ),
})
const podTemplate = record({ metadata: record({ labels }), spec: podSpec })
const metadata = record({ name: dnsName, labels })

function kind(apiVersion: string, name: string, fields: Readonly<Record<string, Schema>>): Schema {
  return record({ apiVersion: { const: apiVersion }, kind: { const: name }, metadata, ...fields })
}

/** By kind. */
export const kubernetesSchemas: ReadonlyMap<string, Schema> = new Map([
  [
    'Service',
    kind('v1', 'Service', {
      spec: record({
        'clusterIP?': { const: 'None' },
        'publishNotReadyAddresses?': flag,
        selector: labels,
        ports: list(record({ name: portName, port: portNumber, 'targetPort?': port })),
      }),
    }),
  ],
  [
    'Deployment',
    kind('apps/v1', 'Deployment', {
      spec: record({
        replicas: natural,
        selector,
        'strategy?': record({
          type: { const: 'RollingUpdate' },
          rollingUpdate: record({ maxSurge: natural, maxUnavailable: natural }),
        }),
        template: podTemplate,
      }),
    }),
  ],
  [
    'StatefulSet',
    kind('apps/v1', 'StatefulSet', {
      spec: record({
        serviceName: dnsName,
        replicas: natural,
        selector,
        template: podTemplate,
        volumeClaimTemplates: list(
          record({
            metadata: record({ name: dnsName }),
            spec: record({
              accessModes: list({ enum: ['ReadWriteOnce', 'ReadWriteOncePod'] }),
              resources: record({ requests: amounts }),
            }),
          }),
        ),
      }),
    }),
  ],
  [
    'PodDisruptionBudget',
    kind('policy/v1', 'PodDisruptionBudget', { spec: record({ minAvailable: positive, selector }) }),
  ],
  [
    'CronJob',
    kind('batch/v1', 'CronJob', {
      spec: record({
        schedule: { type: 'string', pattern: '^\\S+( \\S+){4}$' },
        'concurrencyPolicy?': { enum: ['Allow', 'Forbid', 'Replace'] },
        jobTemplate: record({ spec: record({ 'backoffLimit?': natural, template: podTemplate }) }),
      }),
    }),
  ],
  ['ConfigMap', kind('v1', 'ConfigMap', { data: mapOf(text) })],
])
