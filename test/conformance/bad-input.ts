// Everything that can be wrong with a call, over every executable, warm and cold: the right code, the right text on
// stdout, exit code 1, and a world that has not changed. CNI SPEC 1.1.0, sections 2 and 5; the texts are those of Go's
// skel package, on which runtimes and users have come to rely.
import t, { type Test } from 'tap'
import { badCalls, badNamespaces, type Case } from '../helpers/bad-calls.js'
import { badKeys } from '../helpers/bad-keys.js'
import { changes } from '../helpers/difference.js'
import { type Container, type FakeHost, fakeHost, type Verb } from '../helpers/host.js'
import { needs } from '../helpers/needs.js'
import type { Outcome } from '../helpers/outcome.js'
import { Runtime } from '../helpers/runtime.js'
import { type Conf, modes, type Subject, subjects, testsReference } from '../helpers/subjects.js'

/** Snapshots are dear: the files, which every ADD writes first, are compared after each call, the rest after a few. */
const callsPerSnapshot = 12

for (const mode of modes)
  t.test(
    `bad input, resident ${mode}`,
    { skip: needs('root', 'plugins', 'nsenter', 'iproute', 'nft') },
    async t => {
      const host = fakeHost(t, { resident: mode })
      const cases = [...badCalls, ...badNamespaces(host), ...badKeys]
      for (const [number, subject] of subjects.entries())
        t.test(subject.type, async t => {
          const mine = cases.filter(each => each.of?.includes(subject.type) ?? true)
          const asked = testsReference ? mine.filter(each => !each.ours) : mine
          refusesAll(t, host, subject, mode === 'off' ? oneInSix(asked, number) : asked)
        })
    },
  )

/** A process for each call costs much, and behind the launcher is the same code: of all subjects together every case is met. */
function oneInSix(cases: Case[], number: number): Case[] {
  return testsReference ? cases : cases.filter((each, i) => each.of?.length === 1 || i % 6 === number % 6)
}

function refusesAll(t: Test, host: FakeHost, subject: Subject, cases: Case[]): void {
  const container = host.container()
  const conf = workingConf(t, host, container, subject)
  let before = host.snapshot()
  let files = host.files()
  const names: string[] = []
  for (const [index, wrong] of cases.entries()) {
    const outcome = run(host, container, subject, conf, wrong, index)
    const said = `${wrong.name}: ${outcome.stdout.trim()} ${outcome.stderr.trim()}`.slice(0, 300)
    t.equal(outcome.code, 1, `exit code of ${said}`)
    t.match(outcome.error, { code: wrong.code, msg: wrong.msg }, said)
    if (wrong.details) t.match(outcome.error?.details, wrong.details, `details of ${wrong.name}`)
    const found = host.files()
    t.strictSame(changes(files, found), [], `${wrong.name}: no file has changed`)
    files = found
    names.push(wrong.name)
    if (names.length < callsPerSnapshot && index < cases.length - 1) continue
    const after = host.snapshot()
    t.strictSame(changes(before, after), [], `nothing has changed by: ${names.splice(0).join(', ')}`)
    before = after
  }
  container.remove()
}

/** That of a chained plugin works behind an interface only. */
function workingConf(t: Test, host: FakeHost, container: Container, subject: Subject): Conf {
  const prevResult = new Runtime(t, host, subject).previous(container)
  return { ...subject.conf(host), ...(prevResult && { prevResult }) }
}

/** Every case is a container of its own, so that one which leaves something does not spoil the next. */
function run(
  host: FakeHost,
  { id, netns }: Container,
  subject: Subject,
  conf: Conf,
  wrong: Case,
  number: number,
): Outcome {
  return host.exec(subject.type, (wrong.verb ?? 'ADD') as Verb, {
    id: `${id}-${number}`,
    netns,
    ifname: subject.ifname,
    ...wrong.call,
    conf: wrong.conf ? wrong.conf(conf) : conf,
  })
}
