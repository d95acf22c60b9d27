// The transport protocols by name. netinet/in.h: IPPROTO_*.

export const IP_PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const

export type TransportProtocol = keyof typeof IP_PROTOCOLS
