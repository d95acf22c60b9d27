// Containers: made, looked at, taken down, after every kind of failure. The plugins only keep a diary, so no network is touched.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLogger } from '../../cni/log.js'
import { RecordStore } from '../../cni/record.js'
import { createNetns, netnsIdentity, removeNetns } from '../../kernel/netns.js'
import { readHierarchies } from '../../runtime/container/cgroup-mounts.js'
import { type ContainerOptions, createContainer } from '../../runtime/container/create.js'
import { execIn } from '../../runtime/container/exec.js'
import { exitStatus, isDead, statusOf } from '../../runtime/container/liveness.js'
import { isAlive } from '../../runtime/container/process.js'
import { type ContainerState, ContainerStore } from '../../runtime/container/state.js'
import { requireEnded, takeDown } from '../../runtime/container/take-down.js'
import { collectGarbage } from '../../runtime/gc.js'
import { attachNamespace, detachNamespace, namespaceId } from '../../runtime/namespaces.js'
import { findNetwork } from '../../runtime/networks.js'
import { planAttachments, type Wishes } from '../../runtime/plan.js'
import type { Settings } from '../../runtime/settings.js'
import { checkContainer, networkTrouble } from '../../runtime/verify.js'
import { fakePlugins } from '../helpers/fake-plugins.js'
import { distDir, needs } from '../helpers/needs.js'
import { until } from '../helpers/processes.js'
import { plainEnv } from '../helpers/sh.js'

const skip =
  needs('root') || (existsSync(join(distDir, 'bin/plumbline-init')) ? false : 'plumbline-init is not built')

const result = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', sandbox: 'x' }],
  ips: [{ address: '10.0.0.9/24', interface: 0 }],
  dns: { nameservers: ['192.0.2.53'], search: ['test'] },
}

function world(t: Test) {
  // Not a testdir of tap's, which goes before mounts in it could be taken off.
  const root = mkdtempSync(join(tmpdir(), `plumbline-test-${process.pid}-`))
  mkdirSync(join(root, 'conf'))
  const plugins = fakePlugins(root)
  plugins.add('dummy', result)
  plugins.add('other', result)
  const conflist = (name: string, ...types: string[]) =>
    JSON.stringify({ cniVersion: '1.1.0', name, plugins: types.map(type => ({ type })) })
  writeFileSync(join(root, 'conf/one.conflist'), conflist('one', 'dummy'))
  writeFileSync(join(root, 'conf/two.conflist'), conflist('two', 'dummy', 'other'))
  // The built-in one would be asked to collect garbage, and is no business of these tests.
  writeFileSync(join(root, 'conf/plumbline.conflist'), conflist('plumbline', 'dummy'))
  const settings: Settings = {
    runDir: join(root, 'run'),
    stateDir: join(root, 'state'),
    confDir: join(root, 'conf'),
    cniPath: [plugins.directory],
    env: plainEnv,
    log: createLogger({}, () => {}),
  }
  const store = new ContainerStore(settings.runDir)
  const plan = (names: string[], wishes: Wishes = {}) =>
    planAttachments(
      names.map(name => findNetwork(settings, name)),
      wishes,
    )
  const create = (options: Partial<ContainerOptions> & { networks?: string[] }, signal?: AbortSignal) =>
    createContainer(
      settings,
      {
        command: ['sleep', '1000'],
        detach: true,
        attachments: plan(options.networks ?? ['one']),
        ...options,
      },
      signal,
    )
  const read = (id: string) => store.read(id)!
  t.after(async () => {
    for (const { id } of store.list()) await takeDown(settings, id)
    const netns = join(settings.runDir, 'netns')
    const left = existsSync(netns) ? readdirSync(netns).map(name => join(netns, name)) : []
    for (const path of [...left, ...['blue', 'green', 'foreign'].map(name => join(root, name))])
      removeNetns(path)
    rmSync(root, { recursive: true })
  })
  return { root, plugins, settings, store, plan, create, read }
}

/** Everything below the run and state directories that is not merely a lock. */
function files({ runDir, stateDir }: Settings): string[] {
  const list = (directory: string) =>
    existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : []
  const dull = ['containers', 'netns', 'results', 'runtime.lock']
  return [...list(runDir), ...list(stateDir)].filter(name => !dull.includes(name))
}

/** What a script prints inside a container. */
async function inside(settings: Settings, state: ContainerState, script: string): Promise<string> {
  const path = join(settings.runDir, '..', 'output')
  const { exited } = await execIn(settings, state, { command: ['sh', '-c', `{ ${script}; } > ${path} 2>&1`] })
  await exited
  return readFileSync(path, 'utf8')
}

t.test('a detached container from beginning to end', { skip }, async t => {
  const { plugins, settings, store, create, read } = world(t)
  const { state } = await create({ networks: ['one', 'two'], name: 'web' })
  t.match(state, { phase: 'running', kind: 'container', name: 'web', detached: true, id: /^[0-9a-f]{12}$/ })
  t.strictSame(read(state.id), JSON.parse(JSON.stringify(state)), 'what is written is what was returned')
  t.match(state.attachments, [
    { network: 'one', ifname: 'eth0', result, attachMs: Number },
    { network: 'two', ifname: 'eth1', result },
  ])
  t.strictSame(plugins.calls(), ['dummy ADD', 'dummy ADD', 'other ADD'])
  t.match(plugins.last('other', 'ADD').env, {
    CNI_CONTAINERID: state.id,
    CNI_NETNS: state.netns.path,
    CNI_IFNAME: 'eth1',
  })
  t.ok(isAlive(state.process))
  t.equal(statusOf(state, store), 'running')

  const text = await inside(
    settings,
    state,
    `cat /etc/resolv.conf /etc/hosts; uname -n; ls ${settings.runDir}; cat /sys/class/net/lo/operstate`,
  )
  t.match(
    text,
    /^search test\nnameserver 192.0.2.53\n127.0.0.1\tlocalhost\n.*\n10.0.0.9\tweb\n10.0.0.9\tweb\nweb\n/,
  )
  t.match(text, /\n(unknown|up)\n$/, 'loopback is up, and the run directory is hidden')

  t.equal(store.find('web').id, state.id)
  t.equal(store.find(state.id.slice(0, 4)).id, state.id)
  for (const reference of ['we', state.id.slice(0, 2), 'nobody', '../x'])
    t.throws(() => store.find(reference), { message: /there is no container/ })
  await t.rejects(create({ name: 'web' }), {
    message: /the name "web" belongs to container/,
    hint: /plumbline rm web/,
  })
  await t.rejects(create({ name: '../x' }), { message: /not a name for a container/ })
  t.throws(() => requireEnded(state), { message: 'container web is running', hint: /--force/ })

  plugins.reset()
  t.strictSame(
    (await checkContainer(settings, state)).map(({ network, error }) => [network, error]),
    [
      ['one', undefined],
      ['two', undefined],
    ],
  )
  plugins.fail('other', 'CHECK', { code: 100, msg: 'it is gone' })
  t.match(await checkContainer(settings, state), [
    { network: 'one' },
    { network: 'two', error: { message: /it is gone/ } },
  ])

  plugins.reset()
  t.ok(await takeDown(settings, state.id))
  t.strictSame(plugins.calls(), ['other DEL', 'dummy DEL', 'dummy DEL'], 'last attached, first detached')
  t.strictSame(files(settings), [])
  t.notOk(isAlive(state.process))
  t.notOk(await takeDown(settings, state.id), 'nothing is left to take down')
  t.strictSame(files(settings), [])
})

t.test('the command ends in the background', { skip }, async t => {
  const { plugins, settings, store, create, read } = world(t)
  const { state } = await create({ command: ['sh', '-c', 'echo output; exit 6'] })
  await until(() => !isAlive(state.process), 'the command to end')
  t.equal(statusOf(state, store), 'exited')
  t.equal(exitStatus(state, store), 6)
  t.equal(readFileSync(store.logFile(state.id), 'utf8'), 'output\n')
  t.doesNotThrow(() => requireEnded(state))
  await t.rejects(execIn(settings, state, { command: ['true'] }), { message: /is not running/ })

  plugins.reset()
  const report = await collectGarbage(settings)
  t.match(report, { containers: [state.id], errors: [] })
  t.strictSame(plugins.calls(), ['dummy DEL', 'dummy GC', 'dummy GC', 'dummy GC', 'other GC'])
  t.match(read(state.id), { phase: 'released', attachments: [] })
  t.equal(exitStatus(read(state.id), store), 6, 'its exit code stays')
  t.strictSame(
    files(settings).sort(),
    ['exit', 'json', 'lock', 'log'].map(suffix => `containers/${state.id}.${suffix}`),
  )
  t.strictSame((await collectGarbage(settings)).containers, [])
  await takeDown(settings, state.id)
  t.strictSame(files(settings), [])
})

t.test('what fails halfway leaves nothing', { skip }, async t => {
  const { root, plugins, settings, create } = world(t)
  plugins.fail('other', 'ADD', { code: 101, msg: 'no addresses', details: 'free some' })
  await t.rejects(create({ networks: ['one', 'two'] }), {
    code: 101,
    message: 'network two: other failed at ADD: no addresses',
    details: 'free some',
  })
  t.strictSame(
    plugins.calls(),
    ['dummy ADD', 'dummy ADD', 'other ADD', 'other DEL', 'dummy DEL', 'dummy DEL'],
    'DEL follows for all',
  )
  t.strictSame(files(settings), [])
  plugins.heal('other', 'ADD')

  await t.rejects(create({ command: ['/nonexistent'] }), {
    status: 127,
    message: /cannot execute: \/nonexistent/,
  })
  await t.rejects(create({ rootfs: '/nonexistent' }), { message: /--rootfs \/nonexistent/ })
  await t.rejects(create({ rootfs: '/' }), { message: /the root of this machine/ })
  await t.rejects(create({ rootfs: root }), { status: 127, message: /sleep/ })
  t.strictSame(files(settings), [])

  const interrupted = new AbortController()
  interrupted.abort('SIGINT')
  await t.rejects(create({}, interrupted.signal))
  t.strictSame(files(settings), [])
})

t.test('a DEL that fails is repeated', { skip }, async t => {
  const { plugins, settings, create, read } = world(t)
  const { state } = await create({ networks: ['two', 'one'] })
  plugins.fail('other', 'DEL', { code: 11, msg: 'later' })
  await t.rejects(takeDown(settings, state.id), { code: 11, message: /other failed at DEL: later/ })
  t.match(
    read(state.id),
    { phase: 'removing', attachments: [{ network: 'two' }] },
    'the other network is gone already',
  )
  t.notOk(isAlive(state.process))
  t.ok(existsSync(state.netns.path), 'the namespace stays for the next attempt')
  plugins.heal('other', 'DEL')
  await takeDown(settings, state.id)
  t.strictSame(files(settings), [])

  plugins.fail('dummy', 'ADD', { code: 5, msg: 'broken' })
  plugins.fail('dummy', 'DEL', { code: 5, msg: 'broken, too' })
  await t.rejects(create({}), {
    message: /dummy failed at ADD: broken; and taking it down again failed: .*broken, too/,
    hint: /plumbline rm --force [0-9a-f]{12}/,
  })
  plugins.heal('dummy', 'ADD')
  plugins.heal('dummy', 'DEL')
})

t.test(
  'limits',
  { skip: skip || (readHierarchies().v1.size + (readHierarchies().v2 ? 1 : 0) > 0 ? false : 'no cgroups') },
  async t => {
    const { settings, create } = world(t)
    const { state } = await create({ limits: { memory: 32 * 2 ** 20, cpus: 0.5 } })
    const groups = [...state.cgroups]
    t.ok(groups.length > 0)
    const value = (...names: string[]) =>
      groups
        .flatMap(group => names.map(name => join(group, name)))
        .filter(path => existsSync(path))
        .map(path => readFileSync(path, 'utf8').trim())[0]
    t.equal(value('memory.limit_in_bytes', 'memory.max'), `${32 * 2 ** 20}`)
    t.match(value('cpu.cfs_quota_us', 'cpu.max'), /^50000/)
    for (const group of groups)
      t.match(readFileSync(join(group, 'cgroup.procs'), 'utf8'), `${state.process?.pid}\n`)
    t.match(
      await inside(settings, state, 'cat /proc/self/cgroup'),
      new RegExp(`/plumbline/${state.id}`),
      'exec joins them',
    )
    await takeDown(settings, state.id)
    for (const group of groups) t.notOk(existsSync(group))

    const greedy = await create({
      limits: { memory: 16 * 2 ** 20 },
      detach: false,
      command: ['sh', '-c', 'tail /dev/zero'],
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    t.equal(await greedy.exited, 137, 'who takes more memory than that is killed')
    await takeDown(settings, greedy.state.id)
    t.strictSame(files(settings), [])
  },
)

t.test('an attached container belongs to its runtime', { skip }, async t => {
  const { settings, store, create } = world(t)
  const container = await create({
    detach: false,
    command: ['sh', '-c', 'echo hello; exit 4'],
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  container.stdout?.on('data', chunk => {
    text += chunk
  })
  t.equal(await container.exited, 4)
  await until(() => text === 'hello\n', 'the output')
  t.notOk(isDead(container.state), 'its runtime is about to take it down')
  t.strictSame((await collectGarbage(settings)).containers, [])
  const orphan = { ...container.state, owner: { pid: 1, startTime: '-1' } }
  t.ok(isDead(orphan))
  t.equal(statusOf(orphan, store), 'exited')
  store.write(orphan)
  t.strictSame((await collectGarbage(settings)).containers, [container.state.id])
  t.strictSame(files(settings), [], 'nobody will ask for its exit code')
})

t.test('namespaces are attached without a container', { skip }, async t => {
  const { root, plugins, settings, store, plan, read } = world(t)
  const path = join(root, 'blue')
  const id = namespaceId(path)
  await t.rejects(attachNamespace(settings, path, { attachments: plan(['one']) }), {
    message: /there is no network namespace/,
    hint: /--create/,
  })
  await t.rejects(attachNamespace(settings, '/proc/self/ns/net', { attachments: plan(['one']) }), {
    message: /of this machine itself/,
  })
  await t.rejects(attachNamespace(settings, '/etc/passwd', { attachments: plan(['one']) }), {
    message: /this is no network namespace/,
  })
  t.strictSame([files(settings), plugins.calls()], [[], []])

  const state = await attachNamespace(settings, path, { attachments: plan(['one']), create: true })
  t.match(state, { id, kind: 'namespace', phase: 'running', netns: { path, ours: true } })
  t.equal(statusOf(state, store), 'attached')
  await t.rejects(attachNamespace(settings, path, { attachments: plan(['one']) }), {
    message: /attached to network "one" as eth0 already/,
  })
  await attachNamespace(settings, path, { attachments: plan(['two'], { ifname: 'eth1' }) })
  plugins.fail('other', 'ADD', { code: 5, msg: 'broken' })
  await t.rejects(
    attachNamespace(settings, path, { attachments: plan(['one', 'two'], { ifname: 'eth2' }) }),
    { message: /broken/ },
  )
  plugins.heal('other', 'ADD')
  const names = () => read(id).attachments.map(({ network, ifname }) => `${network} ${ifname}`)
  t.strictSame(names(), ['one eth0', 'two eth1'], 'what was attached before stays')
  t.equal(read(id).phase, 'running')
  t.throws(() => requireEnded({ ...state, kind: 'container', process: state.owner }), {
    message: /is running/,
  })
  await t.rejects(execIn(settings, read(id), { command: ['true'] }), {
    message: /without a container/,
    hint: /nsenter --net=/,
  })

  await t.rejects(detachNamespace(settings, path, ['three']), {
    message: /not attached to network "three"/,
    hint: /one, two/,
  })
  t.match(await detachNamespace(settings, path, ['one']), [{ network: 'one', ifname: 'eth0' }])
  t.strictSame(names(), ['two eth1'])
  t.ok(existsSync(path))
  await detachNamespace(settings, path, [])
  t.notOk(existsSync(path), 'a namespace that was made for it goes with the last attachment')
  t.strictSame(files(settings), [])
  await t.rejects(detachNamespace(settings, path, []), { message: /is not attached to any network/ })
  t.strictSame(files(settings), [])
})

t.test('a namespace that is gone, or replaced, or half attached', { skip }, async t => {
  const { root, plugins, settings, store, plan, read } = world(t)
  const path = join(root, 'green')
  const id = namespaceId(path)
  createNetns(path)
  await attachNamespace(settings, path, { attachments: plan(['one']) })
  removeNetns(path)
  const inode = netnsIdentityOfNew(path)
  t.equal(statusOf(read(id), store), inode === read(id).netns.identity?.ino ? 'attached' : 'dead')
  plugins.reset()
  store.write({ ...read(id), netns: { path, ours: false, identity: { dev: 1, ino: 1 } } })
  t.match(await collectGarbage(settings), { containers: [id] })
  t.equal(
    plugins.last('dummy', 'DEL').env.CNI_NETNS,
    '',
    'DEL is not let loose on the namespace that took its place',
  )
  t.ok(existsSync(path))

  const state = await attachNamespace(settings, path, { attachments: plan(['one']) })
  const dead = { pid: 1, startTime: '-1' }
  const half = { ...plan(['two'], { ifname: 'eth1' })[0]! }
  store.write({ ...state, phase: 'creating', owner: dead, attachments: [...state.attachments, half] })
  plugins.reset()
  t.strictSame((await collectGarbage(settings)).containers, [])
  t.strictSame(plugins.calls().slice(0, 2), ['other DEL', 'dummy DEL'])
  t.match(read(id), { phase: 'running', attachments: [{ network: 'one' }] })
  await detachNamespace(settings, path, [])
})

function netnsIdentityOfNew(path: string): number {
  createNetns(path)
  return netnsIdentity(path).ino
}

t.test('GC hands out the true list of attachments', { skip }, async t => {
  const { root, plugins, settings, create } = world(t)
  const { state } = await create({ networks: ['one'] })
  const foreign = join(root, 'foreign')
  createNetns(foreign)
  const records = new RecordStore(settings.runDir)
  const record = (
    containerId: string,
    netns: { path: string; dev: number; ino: number },
    phase: 'attached' | 'adding' = 'attached',
    createdAt = new Date().toISOString(),
  ) =>
    records.write({
      format: 1,
      network: 'one',
      containerId,
      ifname: 'eth0',
      plugin: 'dummy',
      state: phase,
      netns,
      config: {},
      args: '',
      steps: [],
      facts: {},
      createdAt,
    })
  const identity = { path: foreign, ...netnsIdentity(foreign) }
  record('podman', identity)
  record('gone', { ...identity, path: join(root, 'nowhere') })
  record('replaced', { ...identity, ino: 1 })
  record('killed', identity, 'adding', '2020-01-01T00:00:00Z')
  record('now', identity, 'adding')
  // A namespace that nobody knows of any more.
  createNetns(join(settings.runDir, 'netns', 'feedfeedfeed'))

  const report = await collectGarbage(settings)
  t.match(report.leftovers, [/feedfeedfeed$/])
  t.match(report.networks, [
    { name: 'one', valid: 3 },
    { name: 'plumbline', valid: 0 },
    { name: 'two', valid: 0 },
  ])
  t.strictSame(
    plugins.last('dummy', 'GC').config['cni.dev/valid-attachments'],
    [],
    'the last network has none',
  )
  t.notOk(existsSync(join(settings.runDir, 'netns', 'feedfeedfeed')))

  plugins.fail('dummy', 'GC', { code: 5, msg: 'broken' })
  const failed = await collectGarbage(settings)
  t.equal(failed.errors.length, 3)
  t.match(failed.networks, [], 'the other networks are tried')
  t.match(await networkTrouble(settings, findNetwork(settings, 'one')), undefined)
  plugins.fail('dummy', 'STATUS', { code: 50, msg: 'full' })
  t.match(await networkTrouble(settings, findNetwork(settings, 'one')), { code: 50 })
  await takeDown(settings, state.id)
})
