import { type FamilyType, fittingUnit } from '../../model/family.ts'
import type { Budget } from '../budget.ts'
import type { ReadOptions } from '../format.ts'
import { eachField, type ProtobufReader, skipField } from '../protobuf.ts'
import { isMetricName, readText } from './label-set.ts'
import { METADATA_1, METADATA_2, TYPES } from './layout.ts'
import type { RemoteMetadata } from './remote-write.ts'
import type { Symbols } from './symbols.ts'

/** Metadata of one body by the name of the family. */
export class MetadataOfBody {
  private readonly byName = new Map<string, RemoteMetadata>()
  private readonly options: ReadOptions
  private readonly budget: Budget

  constructor(options: ReadOptions, budget: Budget) {
    this.options = options
    this.budget = budget
  }

  get all(): RemoteMetadata[] {
    return [...this.byName.values()]
  }

  /** Passes over what says nothing and what no family may be called. */
  take(name: string, type: FamilyType, help: string, unit: string): void {
    if (type === 'unknown' && help === '' && unit === '') return
    if (!isMetricName(name, this.options)) return
    this.budget.take(1)
    this.byName.set(name, { name, type, help, unit: fittingUnit(name, type, unit) })
  }
}

/** Reads a MetricMetadata of version 1; text that is not UTF-8 makes it say nothing. */
export function readMetadata(reader: ProtobufReader, into: MetadataOfBody): void {
  let type = 0
  let name: string | undefined = ''
  let help: string | undefined = ''
  let unit: string | undefined = ''
  eachField(reader, (tag) => {
    if (tag === METADATA_1.type) type = reader.uint32()
    else if (tag === METADATA_1.name) name = readText(reader)
    else if (tag === METADATA_1.help) help = readText(reader)
    else if (tag === METADATA_1.unit) unit = readText(reader)
    else skipField(reader, tag)
  })
  if (name === undefined || help === undefined || unit === undefined) return
  into.take(name, typeOf(type), help, unit)
}

/** A type that is not known yet says nothing. */
function typeOf(number: number): FamilyType {
  return TYPES[number] ?? 'unknown'
}

/** What a series of version 2 says of its family. */
export interface MetadataRefs {
  readonly type: number
  readonly help: number
  readonly unit: number
}

export function readMetadataRefs(reader: ProtobufReader): MetadataRefs {
  const refs = { type: 0, help: 0, unit: 0 }
  eachField(reader, (tag) => {
    if (tag === METADATA_2.type) refs.type = reader.uint32()
    else if (tag === METADATA_2.helpRef) refs.help = reader.uint32()
    else if (tag === METADATA_2.unitRef) refs.unit = reader.uint32()
    else skipField(reader, tag)
  })
  return refs
}

/** Gathers what series say of their families: mostly the same for all of one, so that no text is made of it before the end. */
export class MetadataOfSeries {
  private readonly byName = new Map<string, MetadataRefs>()
  private readonly symbols: Symbols

  constructor(symbols: Symbols) {
    this.symbols = symbols
  }

  take(seriesName: string, refs: MetadataRefs): void {
    // Prometheus sends metadata with every series, and mostly with nothing in it.
    if (refs.type === 0 && refs.help === 0 && refs.unit === 0) return
    this.byName.set(familyName(seriesName, typeOf(refs.type)), refs)
  }

  putInto(metadata: MetadataOfBody): void {
    const { symbols } = this
    for (const [name, { type, help, unit }] of this.byName) {
      const helpText = symbols.textOf(help)
      const unitText = symbols.textOf(unit)
      if (helpText !== undefined && unitText !== undefined)
        metadata.take(name, typeOf(type), helpText, unitText)
    }
  }
}

const SUFFIXES: Partial<Record<FamilyType, RegExp>> = {
  histogram: /_(?:bucket|sum|count)$/,
  gaugehistogram: /_(?:bucket|g?sum|g?count)$/,
  summary: /_(?:sum|count)$/,
}

function familyName(seriesName: string, type: FamilyType): string {
  const suffix = SUFFIXES[type]
  return suffix === undefined ? seriesName : seriesName.replace(suffix, '')
}
