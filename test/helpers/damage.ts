// What nft shows of a ruleset, taken to pieces: one removed or altered at a time, by nft itself.
import type { Json } from './netns.js'

/** As much of a namespace as is needed here. */
export interface Damaged {
  sh(script: string): string
}

/** An object that is damaged in one way after the other. The last of them may leave another's element behind. */
export interface Damage {
  /** For the name of the test. */
  readonly name: string
  /** The same for elements of one set, and for equal rules. */
  readonly sort: string
  /** True where the next ADD makes the object anew, whatever GC does. */
  readonly isElement: boolean
  readonly ways: readonly Way[]
  /** What a complaint of it must name. */
  readonly names: readonly string[]
}

export interface Way {
  readonly name: string
  do(where: Damaged): void
}

/** One for every element, rule and base chain of our tables, and for the tables. */
export function nftDamages(where: Damaged): Damage[] {
  const objects = listed(where).filter(object => tableOf(object) === 'plumbline')
  return objects.flatMap((object, i): Damage[] => {
    const [[kind, one]] = Object.entries(object) as [[string, Json]]
    if (kind === 'set' || kind === 'map')
      return (one.elem ?? []).map((elem: Json, n: number) => ofElement(one, elem, n % 2 === 0))
    if (kind === 'rule') return [ofRule(one, rulesBefore(objects, i))]
    if (kind === 'chain') return one.hook ? [ofChain(one)] : []
    return ofTable(one)
  })
}

function listed(where: Damaged): Json[] {
  return (JSON.parse(where.sh('nft -j list ruleset')).nftables as Json[]).filter(object => !object.metainfo)
}

function tableOf(object: Json): string | undefined {
  const [[kind, one]] = Object.entries(object) as [[string, Json]]
  return kind === 'table' ? one.name : one.table
}

/** Values and owners in turn are what is altered last: DEL meets either. */
function ofElement({ family, table, name }: Json, elem: Json, valueLast: boolean): Damage {
  const [entry, value] = Array.isArray(elem) ? elem : [elem, undefined]
  const key = entry.elem?.val ?? entry
  const comment = entry.elem?.comment
  const at = (one: Json) => ({ element: { family, table, name, elem: [one] } })
  const present = value === undefined ? key : [key, value]
  const put = (newComment: string, newValue: Json) => {
    const one = { elem: { val: key, comment: newComment } }
    return { add: at(value === undefined ? one : [one, newValue]) }
  }
  const altered: { name: string; put: Json }[] = [
    ...(comment === 'shared' ? [] : [{ name: "somebody else's", put: put(stranger(comment), value) }]),
    ...(value === undefined ? [] : [{ name: 'with another value', put: put(comment, other(value)) }]),
  ]
  if (valueLast) altered.reverse()
  const removal = { delete: at(present) }
  return {
    name: `element ${family} ${name} { ${atoms(key).join(' . ')} }`,
    sort: `element ${family} ${name}`,
    isElement: true,
    names: [name, ...atoms(key)],
    ways: [
      { name: 'removed', do: run(removal) },
      ...altered.map(({ name, put }, i) => ({ name, do: run(...(i > 0 ? [removal] : []), put) })),
    ],
  }
}

/** Of the same network, so that its GC finds the element. */
function stranger(owner: string): string {
  return `${owner.slice(0, 7)}aaaaaaaa`
}

/** How many rules of the same chain come before. */
function rulesBefore(objects: readonly Json[], i: number): number {
  const { rule } = objects[i]
  return objects.slice(0, i).filter(({ rule: one }) => one && isSameChain(one, rule)).length
}

function isSameChain(a: Json, b: Json): boolean {
  return a.family === b.family && a.table === b.table && a.chain === b.chain
}

function ofRule(rule: Json, before: number): Damage {
  const { family, table, chain, comment, expr } = rule
  const text = `rule ${family} ${chain}: ${comment}: ${JSON.stringify(expr)}`
  return {
    name: text.slice(0, 160),
    sort: text,
    isElement: false,
    names: [comment, chain],
    ways: [
      {
        name: 'removed',
        do(where) {
          // Handles are others with every ADD.
          const inChain = listed(where).filter(({ rule: one }) => one && isSameChain(one, rule))
          const { handle } = inChain[before]!.rule
          run({ delete: { rule: { family, table, chain, handle } } })(where)
        },
      },
      {
        name: 'saying something else',
        do: run({ add: { rule: { family, table, chain, comment, expr: [{ accept: null }] } } }),
      },
    ],
  }
}

function ofChain({ family, table, name }: Json): Damage {
  return {
    name: `chain ${family} ${name}`,
    sort: `chain ${family} ${name}`,
    isElement: false,
    names: [name, 'policy drop'],
    ways: [
      {
        name: 'with another policy',
        do: where => void where.sh(`nft 'chain ${family} ${table} ${name} { policy drop; }'`),
      },
    ],
  }
}

function ofTable({ family, name }: Json): Damage[] {
  return [
    {
      name: `table ${family}`,
      sort: `table ${family}`,
      isElement: false,
      names: [family, name, 'dormant'],
      ways: [
        {
          name: 'dormant',
          do: where => void where.sh(`nft 'table ${family} ${name} { flags dormant; }'`),
        },
      ],
    },
    {
      name: `table ${family}`,
      sort: `table ${family}`,
      isElement: false,
      names: [family, name],
      ways: [{ name: 'removed', do: where => void where.sh(`nft delete table ${family} ${name}`) }],
    },
  ]
}

function run(...commands: Json[]): Way['do'] {
  return where => void where.sh(`nft -j -f - <<'END'\n${JSON.stringify({ nftables: commands })}\nEND`)
}

/** The words and numbers that a key is made of. */
function atoms(key: Json): string[] {
  if (typeof key !== 'object') return [String(key)]
  if (key.concat) return key.concat.flatMap(atoms)
  if (key.range) return key.range.flatMap(atoms)
  return [`${key.prefix.addr}/${key.prefix.len}`]
}

/** Another address, with the same port. */
function other(value: Json): Json {
  if (typeof value === 'object') return { concat: [other(value.concat[0]), ...value.concat.slice(1)] }
  return String(value).includes(':') ? 'fd00:99::1' : '10.99.0.1'
}
