// The verbs over a chain of plugins, against plugins that keep a diary.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { JsonObject } from '../../cni/call.js'
import { createLogger } from '../../cni/log.js'
import { ResultCache } from '../../runtime/libcni/cache.js'
import { PluginFailure } from '../../runtime/libcni/exec.js'
import {
  addNetworkList,
  checkNetworkList,
  delNetworkList,
  gcNetworkList,
  type Libcni,
  type RuntimeConf,
  statusNetworkList,
  validateNetworkList,
} from '../../runtime/libcni/network.js'
import { parseConflist } from '../../runtime/libcni/network-list.js'
import { fakePlugins } from '../helpers/fake-plugins.js'
import { plainEnv } from '../helpers/sh.js'

const rt: RuntimeConf = {
  containerId: 'c1',
  netns: '/run/netns/c1',
  ifname: 'eth0',
  args: [
    ['IgnoreUnknown', '1'],
    ['IP', '10.0.0.9'],
  ],
  capabilityArgs: {
    portMappings: [{ hostPort: 80, containerPort: 80, protocol: 'tcp' }],
    mac: '02:00:00:00:00:01',
  },
}

function world(t: Test, list: JsonObject = {}) {
  const root = t.testdir()
  const plugins = fakePlugins(root)
  const result = (name: string) => ({
    cniVersion: '1.1.0',
    interfaces: [{ name }],
    ips: [{ address: '10.0.0.9/24' }],
  })
  for (const type of ['first', 'second', 'third']) plugins.add(type, result(type))
  const log: string[] = []
  const cni: Libcni = {
    cniPath: [join(root, 'nothing'), plugins.directory],
    env: { ...plainEnv, TRACEPARENT: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    log: createLogger({}, line => log.push(line)),
    cache: new ResultCache(join(root, 'state')),
  }
  const network = parseConflist(
    JSON.stringify({
      cniVersion: '1.1.0',
      name: 'net',
      plugins: [
        { type: 'first', key: 1, capabilities: { mac: true, portMappings: false } },
        { type: 'second', capabilities: { portMappings: true } },
        { type: 'third', args: { cni: { ips: [] } } },
      ],
      ...list,
    }),
    'net.conflist',
  )
  return { root, plugins, cni, network, log, cacheFile: join(root, 'state/results/net-c1-eth0') }
}

t.test('ADD runs the chain in order, each with the result of the one before', async t => {
  const { plugins, cni, network } = world(t)
  const result = await addNetworkList(cni, network, rt)
  t.strictSame(plugins.calls(), ['first ADD', 'second ADD', 'third ADD'])
  t.match(result, { interfaces: [{ name: 'third' }] }, 'the last result is the result')

  const first = plugins.last('first', 'ADD')
  t.strictSame(first.config, {
    type: 'first',
    key: 1,
    capabilities: { mac: true, portMappings: false },
    name: 'net',
    cniVersion: '1.1.0',
    runtimeConfig: { mac: '02:00:00:00:00:01' },
  })
  t.match(first.env, {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/c1',
    CNI_IFNAME: 'eth0',
    CNI_ARGS: 'IgnoreUnknown=1;IP=10.0.0.9',
    CNI_PATH: cni.cniPath.join(':'),
    TRACEPARENT: cni.env.TRACEPARENT!,
  })
  t.match(plugins.last('second', 'ADD').config, {
    runtimeConfig: { portMappings: rt.capabilityArgs.portMappings },
    prevResult: { cniVersion: '1.1.0', interfaces: [{ name: 'first' }] },
  })
  t.notOk(
    'runtimeConfig' in plugins.last('third', 'ADD').config,
    'nothing for a plugin that declares no capability',
  )
})

t.test('the result is cached as libcni caches it', async t => {
  const { cni, network, cacheFile, root } = world(t)
  const result = await addNetworkList(cni, network, rt)
  const document = JSON.parse(readFileSync(cacheFile, 'utf8'))
  t.strictSame(JSON.parse(Buffer.from(document.config, 'base64').toString()), network.raw)
  delete document.config
  t.strictSame(document, {
    kind: 'cniCacheV1',
    containerId: 'c1',
    ifName: 'eth0',
    networkName: 'net',
    netns: '/run/netns/c1',
    cniArgs: rt.args,
    capabilityArgs: rt.capabilityArgs,
    result,
  })
  t.equal(statSync(cacheFile).mode & 0o777, 0o600)
  t.equal(statSync(join(root, 'state/results')).mode & 0o777, 0o700)
  t.match(cni.cache.list('net'), [{ network: 'net', containerId: 'c1', ifname: 'eth0', result }])
  t.strictSame(cni.cache.list('ne'), [], 'a prefix of a name is another network')
})

t.test('DEL runs in reverse with the cached result, then forgets it', async t => {
  const { plugins, cni, network, root } = world(t)
  const result = await addNetworkList(cni, network, rt)
  plugins.reset()
  await delNetworkList(cni, network, { ...rt, netns: '' })
  t.strictSame(plugins.calls(), ['third DEL', 'second DEL', 'first DEL'])
  for (const type of ['first', 'second', 'third'])
    t.strictSame(plugins.last(type, 'DEL').config.prevResult, result)
  t.equal(plugins.last('first', 'DEL').env.CNI_NETNS, '')
  t.strictSame(readdirSync(join(root, 'state/results')), [])

  await delNetworkList(cni, network, rt)
  t.notOk('prevResult' in plugins.last('first', 'DEL').config, 'a second DEL has no result to give')
})

t.test('DEL without use for a result, or with a broken one', async t => {
  const { plugins, cni, network, cacheFile } = world(t)
  await addNetworkList(cni, network, rt)
  await delNetworkList(cni, { ...network, cniVersion: '0.3.1' }, rt)
  t.notOk('prevResult' in plugins.last('first', 'DEL').config, 'before 0.4.0 DEL gets none')

  await addNetworkList(cni, network, rt)
  writeFileSync(cacheFile, '{')
  t.strictSame(cni.cache.list(), [])
  await t.rejects(checkNetworkList(cni, network, rt), 'CHECK cannot do without')
  await delNetworkList(cni, network, rt)
  t.notOk('prevResult' in plugins.last('first', 'DEL').config)
})

t.test('DEL stops at the first failure and keeps the result', async t => {
  const { plugins, cni, network, cacheFile } = world(t)
  await addNetworkList(cni, network, rt)
  plugins.reset()
  plugins.fail('second', 'DEL', { code: 11, msg: 'not now', details: 'try again' })
  const error = await delNetworkList(cni, network, rt).catch(e => e)
  t.match(error, {
    code: 11,
    message: 'network net: second failed at DEL: not now',
    details: 'try again',
    plugin: 'second',
  })
  t.ok(error instanceof PluginFailure)
  t.strictSame(plugins.calls(), ['third DEL', 'second DEL'])
  t.ok(statSync(cacheFile))
})

t.test('a failed ADD caches nothing; a chain with a missing plugin is not begun', async t => {
  const { plugins, cni, network, root } = world(t)
  plugins.fail('second', 'ADD', 'this is no JSON')
  await t.rejects(addNetworkList(cni, network, rt), {
    code: 104,
    message: /second failed at ADD: .*exited with 1/,
  })
  t.strictSame(plugins.calls(), ['first ADD', 'second ADD'])
  t.throws(() => statSync(join(root, 'state/results')))

  plugins.reset()
  rmSync(join(plugins.directory, 'third'))
  await t.rejects(addNetworkList(cni, network, rt), {
    message: `network net: there is no plugin "third" in ${cni.cniPath.join(', ')}`,
    hint: /--cni-path/,
  })
  t.strictSame(plugins.calls(), [])
})

t.test('results are read strictly enough to be handed on', async t => {
  const cases: [string, string | object, RegExp][] = [
    ['nothing', '', /printed no JSON object but ""/],
    ['a list', [], /printed no JSON object but "\[\]"/],
    ['an unknown version', { cniVersion: '9.9.9' }, /no converter for CNI result version 9.9.9/],
    ['a bad address', { cniVersion: '1.1.0', ips: [{ address: 'x' }] }, /"result.ips\[0\].address"/],
  ]
  for (const [name, result, message] of cases)
    await t.test(name, async t => {
      const { plugins, cni, network } = world(t)
      plugins.add('first', result)
      await t.rejects(addNetworkList(cni, network, rt), { message })
      t.strictSame(plugins.calls(), ['first ADD'])
    })
  const { plugins, cni, network } = world(t)
  plugins.add('first', { interfaces: [] })
  await addNetworkList(cni, network, rt)
  t.equal(
    plugins.last('second', 'ADD').config.prevResult.cniVersion,
    '1.1.0',
    "one without a version is of the network's",
  )
})

t.test('CHECK', async t => {
  const { plugins, cni, network } = world(t)
  await t.rejects(checkNetworkList(cni, network, rt), { message: /no result is kept for c1 eth0/ })
  const result = await addNetworkList(cni, network, rt)
  plugins.reset()
  await checkNetworkList(cni, network, rt)
  t.strictSame(plugins.calls(), ['first CHECK', 'second CHECK', 'third CHECK'])
  t.strictSame(plugins.last('third', 'CHECK').config.prevResult, result)
  await t.rejects(checkNetworkList(cni, { ...network, cniVersion: '0.3.1' }, rt), {
    message: /does not have CHECK/,
  })
  plugins.reset()
  await checkNetworkList(cni, { ...network, disableCheck: true }, rt)
  t.strictSame(plugins.calls(), [], 'disabled')
})

t.test('GC deletes what is cached and not valid, then has every plugin collect', async t => {
  const { plugins, cni, network } = world(t)
  for (const containerId of ['keep', 'stale']) await addNetworkList(cni, network, { ...rt, containerId })
  await addNetworkList(cni, network, { ...rt, containerId: 'keep', ifname: 'eth1' })
  plugins.reset()
  const valid = [{ containerID: 'keep', ifname: 'eth0' }]
  const removed = await gcNetworkList(cni, network, valid)
  t.strictSame(
    removed.map(({ containerId, ifname }) => `${containerId} ${ifname}`),
    ['keep eth1', 'stale eth0'],
  )
  const dels = ['third DEL', 'second DEL', 'first DEL']
  t.strictSame(plugins.calls(), [...dels, ...dels, 'first GC', 'second GC', 'third GC'])
  t.match(
    plugins.last('first', 'DEL').config,
    { runtimeConfig: { mac: '02:00:00:00:00:01' } },
    'as it was added',
  )
  const { config, env } = plugins.last('second', 'GC')
  t.strictSame(config, {
    type: 'second',
    capabilities: { portMappings: true },
    name: 'net',
    cniVersion: '1.1.0',
    'cni.dev/valid-attachments': valid,
    'cni.dev/attachments': valid,
  })
  t.equal(env.CNI_CONTAINERID, '')

  plugins.reset()
  plugins.fail('first', 'GC', { code: 5, msg: 'disk' })
  plugins.fail('third', 'GC', { code: 5, msg: 'full' })
  await t.rejects(gcNetworkList(cni, network, valid), {
    message: /first failed at GC: disk; .*third failed at GC: full/,
  })
  t.strictSame(plugins.calls(), ['first GC', 'second GC', 'third GC'], 'everything is tried')

  plugins.reset()
  await gcNetworkList(cni, { ...network, disableGC: true }, [])
  await gcNetworkList(cni, { ...network, cniVersion: '1.0.0' }, valid)
  t.strictSame(plugins.calls(), [], 'disabled, or of a version without GC')
})

t.test('STATUS stops at the first refusal; VERSION must cover the network', async t => {
  const { plugins, cni, network } = world(t)
  await statusNetworkList(cni, network)
  t.strictSame(plugins.calls(), ['first STATUS', 'second STATUS', 'third STATUS'])
  plugins.reset()
  plugins.fail('second', 'STATUS', { code: 50, msg: 'no addresses left' })
  await t.rejects(statusNetworkList(cni, network), { code: 50, message: /second failed at STATUS/ })
  t.strictSame(plugins.calls(), ['first STATUS', 'second STATUS'])
  plugins.reset()
  await statusNetworkList(cni, { ...network, cniVersion: '1.0.0' })
  t.strictSame(plugins.calls(), [])

  await validateNetworkList(cni, network)
  t.strictSame(plugins.calls(), ['first VERSION', 'second VERSION', 'third VERSION'])
  await t.rejects(validateNetworkList(cni, { ...network, cniVersion: '0.2.0' }), {
    message: /first does not speak CNI 0.2.0, only \["0.3.1"/,
    hint: /net.conflist/,
  })
})
