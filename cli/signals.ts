// Signals that are meant for the command and not for us.

export interface SignalTarget {
  signal(name: NodeJS.Signals): void
}

const forwarded: readonly NodeJS.Signals[] = [
  'SIGINT',
  'SIGTERM',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
]
const endings: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM']
const patience = 3

/** Calls `forward` for every signal until disposed. Whoever asks for the end the third time gets it: SIGKILL. */
export function forwardSignals(forward: (signal: NodeJS.Signals) => void): Disposable {
  let asked = 0
  const listen = (signal: NodeJS.Signals) => {
    if (endings.includes(signal)) asked++
    forward(asked >= patience ? 'SIGKILL' : signal)
  }
  for (const signal of forwarded) process.on(signal, listen)
  return {
    [Symbol.dispose]() {
      for (const signal of forwarded) process.off(signal, listen)
    },
  }
}
