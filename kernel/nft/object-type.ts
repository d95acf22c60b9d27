// Types of stateful objects, by nft's names.
import {
  NFT_OBJECT_CONNLIMIT,
  NFT_OBJECT_COUNTER,
  NFT_OBJECT_LIMIT,
  NFT_OBJECT_QUOTA,
} from '../../wire/nft/constants.js'

const numbers = {
  counter: NFT_OBJECT_COUNTER,
  quota: NFT_OBJECT_QUOTA,
  limit: NFT_OBJECT_LIMIT,
  'ct count': NFT_OBJECT_CONNLIMIT,
} as const

export type ObjectType = keyof typeof numbers

/** NFT_OBJECT_*; undefined for what is no type of an object. */
export function objectNumber(type: string): number | undefined {
  return Object.hasOwn(numbers, type) ? numbers[type as ObjectType] : undefined
}

/** Undefined for types that we do not know. */
export function objectTypeOf(number: number | undefined): ObjectType | undefined {
  return (Object.keys(numbers) as ObjectType[]).find(type => numbers[type] === number)
}
