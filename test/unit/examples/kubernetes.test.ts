import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { options } from '../../../src/config/options.ts'
import { kubernetesSchemas } from './kubernetes-schema.ts'

const FOLDER = fileURLToPath(new URL('../../../examples/k8s/', import.meta.url))

// biome-ignore lint/suspicious/noExplicitAny: manifests are trees whose shape the schema test asserts first
type Manifest = any

const manifests: { file: string; kind: string; name: string; manifest: Manifest }[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) =>
    parseAllDocuments(readFileSync(FOLDER + file, 'utf8'), { uniqueKeys: true }).map((document) => {
      const manifest = document.toJS() as Manifest
      return { file, kind: manifest.kind, name: manifest.metadata.name, manifest }
    }),
  )

function find(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found.manifest
}

const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false })

describe('the Kubernetes examples', () => {
  it('have all the parts', () => {
    expect(manifests.map(({ kind, name }) => `${kind} ${name}`)).toEqual(
      expect.arrayContaining([
        'Deployment pgr',
        'Service pgr',
        'PodDisruptionBudget pgr',
        'StatefulSet pgr-redis',
        'Service pgr-redis',
        'CronJob backup',
        'CronJob import',
        'Deployment prometheus',
        'ConfigMap prometheus',
      ]),
    )
  })

  it.each(manifests)('$file: $kind $name keeps its schema', ({ kind, manifest }) => {
    const schema = kubernetesSchemas.get(kind)
    if (schema === undefined) throw new Error(`there is no schema for the kind ${kind}`)
    const check = ajv.compile(schema)
    check(manifest)
    expect(check.errors ?? []).toEqual([])
  })

  it('would fail the schema with a misspelt field', () => {
    const manifest = structuredClone(find('Deployment', 'pgr'))
    manifest.spec.template.spec.terminationGracePeriod = 45
    expect(ajv.compile(kubernetesSchemas.get('Deployment') ?? {})(manifest)).toBe(false)
  })

  const workloads = manifests.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))

  it.each(workloads)('$kind $name selects the pods it makes', ({ manifest }) => {
    expect(manifest.spec.selector.matchLabels).toEqual(manifest.spec.template.metadata.labels)
  })

  it.each(workloads)('$kind $name mounts only volumes it has', ({ manifest }) => {
    const { containers, volumes = [] } = manifest.spec.template.spec
    const claims = (manifest.spec.volumeClaimTemplates ?? []).map((claim: Manifest) => claim.metadata)
    const names = [...volumes, ...claims].map((volume: Manifest) => volume.name)
    const mounted = containers.flatMap((container: Manifest) => container.volumeMounts ?? [])
    expect(mounted.filter((mount: Manifest) => !names.includes(mount.name))).toEqual([])
  })

  it.each(manifests.filter(({ kind }) => kind === 'Service'))(
    'Service $name leads to a port of a pod',
    ({ manifest }) => {
      const target = workloads.find(
        ({ manifest: { spec } }) => spec.template.metadata.labels.app === manifest.spec.selector.app,
      )
      const ports = target?.manifest.spec.template.spec.containers[0].ports
      for (const { port, targetPort = port } of manifest.spec.ports) {
        expect(
          ports.some((open: Manifest) => open.name === targetPort || open.containerPort === targetPort),
        ).toBe(true)
      }
    },
  )
})

describe('the replicas on Kubernetes', () => {
  const { spec } = find('Deployment', 'pgr')
  const pod = spec.template.spec
  const [container] = pod.containers

  it('are at least two, of which a disruption leaves one', () => {
    expect(spec.replicas).toBeGreaterThanOrEqual(2)
    expect(find('PodDisruptionBudget', 'pgr').spec).toEqual({ minAvailable: 1, selector: spec.selector })
  })

  it('are probed for life without the store, and for readiness with it', () => {
    expect([container.livenessProbe.httpGet.path, container.readinessProbe.httpGet.path]).toEqual([
      '/-/healthy',
      '/-/ready',
    ])
  })

  it('are given the time they take to stop', () => {
    const neededMs = options.shutdownDrainDelay.fallback + options.shutdownTimeout.fallback
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(neededMs)
  })

  it('look away long before they stop serving', () => {
    const { periodSeconds, failureThreshold } = container.readinessProbe
    expect(periodSeconds * failureThreshold * 1000).toBeLessThan(options.shutdownDrainDelay.fallback)
  })

  it('are given flags that exist', () => {
    const known = Object.values(options).map(({ flag }) => flag as string)
    const given = container.args.map((arg: string) => arg.replace(/^--/, '').replace(/=.*/, ''))
    expect(given.filter((flag: string) => !known.includes(flag))).toEqual([])
  })
})

describe('Prometheus on Kubernetes', () => {
  const config = parse(find('ConfigMap', 'prometheus').data['prometheus.yml'])
  const [pushed, ...others] = config.scrape_configs

  it('scrapes the Service of the replicas as its only target for what was pushed, and keeps the labels', () => {
    const { metadata, spec } = find('Service', 'pgr')
    expect(pushed).toEqual({
      job_name: 'pushed',
      honor_labels: true,
      static_configs: [{ targets: [`${metadata.name}:${spec.ports[0].port}`] }],
    })
  })

  it('scrapes each replica only for what it says about itself', () => {
    const { metadata, spec } = find('Service', 'pgr-replicas')
    expect(spec.clusterIP).toBe('None')
    expect(others).toEqual([
      {
        job_name: 'pgr',
        metrics_path: options.telemetryPath.fallback,
        dns_sd_configs: [{ names: [metadata.name], type: 'A', port: spec.ports[0].port }],
      },
    ])
  })
})
