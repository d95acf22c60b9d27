// CPU time of everything a plugin starts, helpers that outlive the call and the resident included: a cgroup of its own.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'

export class CpuMeter implements Disposable {
  readonly #directory: string
  readonly #v2: boolean

  /** Undefined where no cgroup can be made; then there is only rusage, which misses what nobody waits for. */
  static make(name: string): CpuMeter | undefined {
    for (const [root, v2] of roots) {
      const directory = `${root}/plumbline-bench-${process.pid}-${name}`
      try {
        if (!existsSync(`${root}/cgroup.procs`)) continue
        mkdirSync(directory)
        const meter = new CpuMeter(directory, v2)
        meter.microseconds()
        return meter
      } catch {
        // read-only, or not ours to use
      }
    }
    return undefined
  }

  private constructor(directory: string, v2: boolean) {
    this.#directory = directory
    this.#v2 = v2
  }

  add(pid: number): void {
    writeFileSync(`${this.#directory}/cgroup.procs`, String(pid))
  }

  /** User and system time so far. */
  microseconds(): number {
    if (!this.#v2) return Number(readFileSync(`${this.#directory}/cpuacct.usage`, 'utf8')) / 1000
    return Number(/^usage_usec (\d+)/m.exec(readFileSync(`${this.#directory}/cpu.stat`, 'utf8'))?.[1])
  }

  [Symbol.dispose](): void {
    try {
      rmdirSync(this.#directory)
    } catch {
      // somebody is still in it: an empty cgroup more does no harm
    }
  }
}

const roots: readonly (readonly [string, boolean])[] = [
  ['/sys/fs/cgroup/cpuacct', false],
  ['/sys/fs/cgroup/cpu,cpuacct', false],
  ['/sys/fs/cgroup', true],
]
