// Ports as one is asked for them: one, or from one to another.

/** Both ends included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

export type Ports = number | PortRange

export function portRange(ports: Ports): PortRange {
  return typeof ports === 'number' ? { from: ports, to: ports } : ports
}

export function hasPort(ports: Ports, port: number): boolean {
  return typeof ports === 'number' ? port === ports : port >= ports.from && port <= ports.to
}
