// Network configurations: what is read, in which order, and how bad ones are refused.
import { join } from 'node:path'
import t from 'tap'
import { createLogger } from '../../cni/log.js'
import { confFiles, loadConfDir, loadConfFile } from '../../runtime/libcni/conf-dir.js'
import { parseConflist, parseSingleConf } from '../../runtime/libcni/network-list.js'
import { compareCniVersions } from '../../runtime/libcni/version.js'
import { findNetwork, listNetworks } from '../../runtime/networks.js'
import { fakePlugins } from '../helpers/fake-plugins.js'

const plugin = { type: 'bridge' }
const list = (more: object) =>
  JSON.stringify({ cniVersion: '1.1.0', name: 'net', plugins: [plugin], ...more })

t.test('bad lists are refused with file, key and value', async t => {
  const cases: [string, string, RegExp][] = [
    ['no JSON', '{', /^x.conflist is no JSON: /],
    ['no object', '[]', /^x.conflist must hold a JSON object$/],
    ['no name', JSON.stringify({ plugins: [plugin] }), /^x.conflist: name is missing$/],
    ['name of another type', list({ name: 7 }), /^x.conflist: name must begin .* \(it is 7\)$/],
    ['name with a path', list({ name: '../net' }), /^x.conflist: name must .* \(it is "..\/net"\)$/],
    ['name with dots', list({ name: 'a..b' }), /name must/],
    ['empty name', list({ name: '' }), /name must/],
    [
      'version of another type',
      list({ cniVersion: 1 }),
      /cniVersion must be a version such as "1.1.0" \(it is 1\)/,
    ],
    ['malformed version', list({ cniVersion: '1.x' }), /cniVersion must be a version .* \(it is "1.x"\)/],
    [
      'versions that are no list',
      list({ cniVersions: '1.0.0' }),
      /cniVersions must be a list \(it is "1.0.0"\)/,
    ],
    [
      'malformed version in a list',
      list({ cniVersions: ['1.0.0', null] }),
      /cniVersions\[1\] must be a version .* null/,
    ],
    ['plugins that are no list', list({ plugins: {} }), /plugins must be a list \(it is \{\}\)/],
    [
      'plugin that is no object',
      list({ plugins: ['bridge'] }),
      /plugins\[0\] must be an object \(it is "bridge"\)/,
    ],
    ['plugin without type', list({ plugins: [plugin, {}] }), /plugins\[1\].type is missing/],
    [
      'type of another type',
      list({ plugins: [{ type: 1 }] }),
      /plugins\[0\].type must be a string \(it is 1\)/,
    ],
    [
      'type with a path',
      list({ plugins: [{ type: '../../bin/sh' }] }),
      /plugins\[0\].type must be a plain file name/,
    ],
    ['type with dots', list({ plugins: [{ type: '..' }] }), /plugins\[0\].type must be a plain file name/],
    [
      'capabilities',
      list({ plugins: [{ type: 'a', capabilities: [] }] }),
      /plugins\[0\].capabilities must be an object/,
    ],
    [
      'capability',
      list({ plugins: [{ type: 'a', capabilities: { mac: 'yes' } }] }),
      /plugins\[0\].capabilities.mac must be true or false \(it is "yes"\)/,
    ],
    [
      'disableCheck',
      list({ disableCheck: 'perhaps' }),
      /disableCheck must be true or false \(it is "perhaps"\)/,
    ],
    ['disableGC', list({ disableGC: 1 }), /disableGC must be true or false \(it is 1\)/],
    [
      'inlined plugins only, and none',
      JSON.stringify({ name: 'net', loadOnlyInlinedPlugins: true }),
      /plugins is missing, and loadOnlyInlinedPlugins is true/,
    ],
  ]
  for (const [name, text, message] of cases)
    t.throws(() => parseConflist(text, 'x.conflist'), { message, hint: 'correct x.conflist' }, name)
  t.throws(() => parseSingleConf(list({}), 'x.conf'), {
    message: /^x.conf: plugins belongs into a file called \*.conflist/,
  })
  t.throws(() => parseSingleConf('{"name":"n"}', 'x.conf'), { message: /^x.conf: type is missing/ })
  const long = parseError(() => parseConflist(list({ name: 'x'.repeat(500) }), 'x.conflist'))
  t.ok(long.length < 300, 'a long value is shortened')
})

function parseError(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}

t.test('the version is picked as libcni picks it', async t => {
  const cases: [object, string][] = [
    [{ cniVersion: '0.4.0' }, '0.4.0'],
    [{ cniVersion: '9.0.0' }, '9.0.0'],
    [{ cniVersion: '' }, '0.1.0'],
    [{ cniVersion: undefined }, '0.1.0'],
    [{ cniVersion: '0.4.0', cniVersions: ['1.0.0', '0.3.1'] }, '1.0.0'],
    [{ cniVersion: '1.1.0', cniVersions: ['1.0.0'] }, '1.1.0'],
    [{ cniVersion: undefined, cniVersions: ['1.0.0', '1.1.0', '2.0.0'] }, '1.1.0'],
    [{ cniVersion: '0.3.1', cniVersions: ['2.0.0'] }, '0.3.1'],
    [{ cniVersion: '0.3.1', cniVersions: [] }, '0.3.1'],
  ]
  for (const [more, version] of cases)
    t.equal(parseConflist(list(more), 'x').cniVersion, version, JSON.stringify(more))
  t.strictSame(['1.10.0', '1.2.0', '0.4.0', '1.1'].sort(compareCniVersions), [
    '0.4.0',
    '1.1',
    '1.2.0',
    '1.10.0',
  ])
})

t.test('words and case that libcni accepts', async t => {
  const parsed = parseConflist(
    list({ disableCheck: 'True', disableGC: 'FALSE', loadOnlyInlinedPlugins: 'true' }),
    'x',
  )
  t.match(parsed, { disableCheck: true, disableGC: false, loadOnlyInlinedPlugins: true })
  const { plugins } = parseConflist(
    list({ plugins: [{ type: 'a', capabilities: { mac: true, ips: false } }] }),
    'x',
  )
  t.strictSame(plugins[0]?.capabilities, ['mac'])
})

t.test('a directory', async t => {
  const directory = t.testdir({
    '50-b.conf': JSON.stringify({ cniVersion: '1.0.0', name: 'single', type: 'bridge', bridge: 'br0' }),
    '20-a.json': JSON.stringify({ cniVersion: '1.0.0', name: 'json', type: 'bridge' }),
    '90-z.conflist': list({ name: 'last', plugins: [plugin, { type: 'portmap' }] }),
    '10-a.conflist': list({ name: 'extended', plugins: undefined }),
    '30-twice.conflist': list({ name: 'last' }),
    '40-closed.conflist': list({ name: 'closed', loadOnlyInlinedPlugins: true }),
    '60-broken.conflist': '{',
    '70-empty.conflist': list({ name: 'empty', plugins: [] }),
    '.hidden.conflist': list({ name: 'hidden' }),
    'readme.txt': '',
    'dir.conflist': {},
    extended: {
      '20-second.conf': '{"type":"second"}',
      '10-first.conf': '{"type":"first"}',
      'x.json': '{"type":"no"}',
    },
    closed: { '10-more.conf': '{"type":"more"}' },
  })
  t.strictSame(
    confFiles(directory).map(path => path.slice(directory.length + 1)),
    [
      '10-a.conflist',
      '30-twice.conflist',
      '40-closed.conflist',
      '60-broken.conflist',
      '70-empty.conflist',
      '90-z.conflist',
      '20-a.json',
      '50-b.conf',
    ],
    'lists first, then single configurations, each by name',
  )
  const { networks, problems } = loadConfDir(directory)
  t.strictSame(
    networks.map(({ name, plugins }) => `${name}: ${plugins.map(({ type }) => type).join(' ')}`),
    ['extended: first second', 'last: bridge', 'closed: bridge', 'json: bridge', 'single: bridge'],
  )
  t.match(networks.at(-1), { cniVersion: '1.0.0', raw: { name: 'single', plugins: [{ bridge: 'br0' }] } })
  t.strictSame((networks[0]!.raw.plugins as unknown[]).length, 2, 'added plugins are part of the document')
  t.match(
    problems.map(({ message }) => message.replaceAll(`${directory}/`, '')),
    [
      /^60-broken.conflist is no JSON/,
      /^70-empty.conflist: plugins is empty/,
      /^90-z.conflist: name is the name of the network in 30-twice.conflist already \(it is "last"\)/,
    ],
  )
  t.throws(() => loadConfFile(join(directory, 'nothing.conflist')), { message: /no such file/ })
  t.strictSame(loadConfDir(join(directory, 'nothing')), { networks: [], problems: [] })
})

t.test('the built-in network', async t => {
  const directory = t.testdir({
    conf: {},
    'own.conf.d': { 'p.conflist': list({ name: 'plumbline' }), 'x.conflist': '[]' },
  })
  const settings = {
    runDir: '/nonexistent/run',
    stateDir: '/nonexistent/state',
    confDir: join(directory, 'conf'),
    cniPath: [fakePlugins(directory).directory],
    env: {},
    log: createLogger({}, () => {}),
  }
  const network = findNetwork(settings, 'plumbline')
  t.match(network, {
    cniVersion: '1.1.0',
    source: 'built in',
    plugins: [
      {
        type: 'bridge',
        raw: {
          bridge: 'plumbline0',
          isGateway: true,
          isDefaultGateway: true,
          ipMasq: true,
          macspoofchk: true,
          hairpinMode: false,
          ipam: { type: 'host-local', dataDir: '/nonexistent/state/leases' },
        },
      },
    ],
  })
  const own = { ...settings, confDir: join(directory, 'own.conf.d') }
  t.equal(findNetwork(own, 'plumbline').source, join(own.confDir, 'p.conflist'), 'a file takes its place')
  t.equal(listNetworks(own).networks.length, 1)
  t.throws(() => findNetwork(own, 'other'), {
    message: /there is no network "other" in .*; .*x.conflist must hold a JSON object/,
    hint: /correct .*x.conflist/,
  })
  t.throws(() => findNetwork(settings, 'other'), { message: /there is no/, hint: 'use one of: plumbline' })
  for (const name of ['../x', 'a/b', '', '-x', 'a..b', 'x'.repeat(129)])
    t.throws(() => findNetwork(settings, name), { message: /not a name for a network/ })
})
