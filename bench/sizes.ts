// How much is measured: in a whole run, and in a quick one.

export interface Sizes {
  readonly warmUp: number
  readonly rounds: number
  readonly perRound: number
  readonly noops: number
  readonly throughputRounds: number
  readonly throughputCount: number
  readonly few: number
  readonly many: number
  /** 0: the reference's growth is not measured. */
  readonly referenceMany: number
  readonly pairs: number
  /** Rounds of ours before anything is measured: a resident's first calls run through code that V8 has not compiled yet. */
  readonly chainWarmUp: number
  readonly chainRounds: number
  readonly chainThroughputRounds: number
  readonly chainThroughputCount: number
  readonly portGrowthRounds: number
  /** Attachments, and host ports of each, on the host with many mappings. */
  readonly mappings: { readonly attachments: number; readonly each: number }
  readonly referenceMappings: { readonly attachments: number; readonly each: number }
  /** Fresh connections to each of the two hosts. */
  readonly connections: number
  /** Fresh attachments whose first second is measured. */
  readonly firstSeconds: number
  /** Bits per second. */
  readonly shapedRates: readonly number[]
  readonly shapedMs: number
}

/** One bridge takes 1023 ports: 1000 attachments and the probes beside them. */
export const full: Sizes = {
  warmUp: 4,
  rounds: 30,
  perRound: 10,
  noops: 2000,
  throughputRounds: 4,
  throughputCount: 128,
  few: 10,
  many: 1000,
  referenceMany: 1000,
  pairs: 10_000,
  chainWarmUp: 40,
  chainRounds: 12,
  chainThroughputRounds: 2,
  chainThroughputCount: 64,
  portGrowthRounds: 16,
  mappings: { attachments: 10, each: 1000 },
  referenceMappings: { attachments: 10, each: 100 },
  connections: 600,
  firstSeconds: 3,
  shapedRates: [1e6, 10e6, 100e6, 1e9, 5e9],
  shapedMs: 5000,
}

export const quick: Sizes = {
  ...full,
  warmUp: 2,
  rounds: 6,
  noops: 500,
  throughputRounds: 1,
  throughputCount: 64,
  many: 300,
  referenceMany: 0,
  pairs: 1000,
  chainWarmUp: 6,
  chainRounds: 3,
  chainThroughputRounds: 1,
  chainThroughputCount: 32,
  portGrowthRounds: 6,
  referenceMappings: { attachments: 10, each: 20 },
  connections: 200,
  firstSeconds: 1,
  shapedRates: [10e6, 1e9],
  shapedMs: 2000,
}
