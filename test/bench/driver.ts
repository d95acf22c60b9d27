// The bench's driver calls plugins as libcni does, one or a chain of them, and measures from outside.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { Driver } from '../../bench/driver.js'
import { buildNatives, noNatives as skip } from '../helpers/bench-natives.js'

/** A driver of plugins that write down what they were given. `conf`: by plugin. */
function recorders(t: Test, conf: Readonly<Record<string, string>>): { dir: string; driver: Driver } {
  const dir = mkdtempSync(`${tmpdir()}/plumbline-test-driver-`)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const plugins = Object.entries(conf).map(([name, text]) => {
    const path = `${dir}/${name}`
    // ADD answers with plugin and container; DEL of container 2 fails.
    writeFileSync(
      path,
      `#!/bin/sh
cat > ${dir}/$CNI_COMMAND.$CNI_CONTAINERID.${name}
echo "$CNI_NETNS $CNI_IFNAME $CNI_PATH $GIVEN" >> ${dir}/$CNI_COMMAND.$CNI_CONTAINERID.${name}
echo ${name} >> ${dir}/order.$CNI_COMMAND.$CNI_CONTAINERID
[ $CNI_COMMAND = ADD ] && echo '{"by":"${name}","me":"'$CNI_CONTAINERID'"}'
[ $CNI_COMMAND.$CNI_CONTAINERID = DEL.bench2 ] && echo '{"code":7,"msg":"a \\"quoted\\" failure"}' && exit 1
exit 0
`,
    )
    chmodSync(path, 0o755)
    writeFileSync(`${path}.json`, text)
    return { path, confFile: `${path}.json` }
  })
  const driver = new Driver({
    driver: `${process.cwd()}/dist/bench/driver`,
    hostNetns: '/proc/self/ns/net',
    plugins,
    netnsPrefix: `${dir}/c`,
    env: { PATH: process.env.PATH ?? '', CNI_PATH: '/a:/b', GIVEN: 'given' },
  })
  t.after(() => driver.close())
  return { dir, driver }
}

if (skip === false) buildNatives()

t.test('one plugin', { skip }, async t => {
  const { dir, driver } = recorders(t, { one: '{"name":"x", "ipam":{}}\n' })
  await driver.makeNetns(0, 3)
  t.after(() => driver.removeNetns(0, 3))
  t.match(readFileSync('/proc/self/mountinfo', 'utf8'), `${dir}/c2`, 'namespaces are there')
  const added = await driver.run('ADD', 0, 3, 2)
  t.equal(added.latencyNs.length, 3)
  t.ok(
    added.latencyNs.every(ns => ns > 0 && ns <= added.wallNs),
    'latencies lie within the whole',
  )
  t.equal(
    readFileSync(`${dir}/ADD.bench1.one`, 'utf8'),
    `{"name":"x", "ipam":{}}${dir}/c1 eth0 /a:/b given\n`,
  )
  await driver.run('DEL', 0, 1)
  t.match(
    readFileSync(`${dir}/DEL.bench0.one`, 'utf8'),
    '{"name":"x", "ipam":{},"prevResult":{"by":"one","me":"bench0"}\n}',
  )
  await t.rejects(driver.run('DEL', 1, 3), /1 of 2 DEL failed: .*a \\+"quoted\\+" failure/)
  t.equal((await driver.noop(`${process.cwd()}/dist/bench/noop`, 5, 2)).failed, 0)
  await t.rejects(driver.makeNetns(0, 1), /errno 17/)
})

t.test('a chain', { skip }, async t => {
  const ports = '{"ports":[{"hostPort":"{i*10+2000}"},{"hostPort":"{i*10+2001}"}],"text":"{i*"}'
  const { dir, driver } = recorders(t, { first: '{"a":1}', second: ports, third: '{"c":"{i*0+5}"}' })
  const given = (call: string) => readFileSync(`${dir}/${call}`, 'utf8').split(`${dir}/c`)[0]
  const added = await driver.run('ADD', 0, 4, 2)
  t.equal(given('ADD.bench3.first'), '{"a":1}')
  t.equal(
    given('ADD.bench3.second'),
    '{"ports":[{"hostPort":2030},{"hostPort":2031}],"text":"{i*","prevResult":{"by":"first","me":"bench3"}\n}',
    'numbers of its own, and the result of the plugin before',
  )
  t.equal(given('ADD.bench3.third'), '{"c":5,"prevResult":{"by":"second","me":"bench3"}\n}')
  t.equal(readFileSync(`${dir}/order.ADD.bench3`, 'utf8'), 'first\nsecond\nthird\n')
  t.equal(added.pluginNs.length, 3)
  for (const [i, whole] of added.latencyNs.entries()) {
    const parts = added.pluginNs.map(plugin => plugin[i]!)
    t.ok(parts.every(ns => ns > 0) && parts.reduce((a, b) => a + b) <= whole, 'the whole holds its parts')
  }

  await driver.run('CHECK', 0, 1)
  t.equal(readFileSync(`${dir}/order.CHECK.bench0`, 'utf8'), 'first\nsecond\nthird\n')
  await driver.run('DEL', 0, 1)
  t.equal(readFileSync(`${dir}/order.DEL.bench0`, 'utf8'), 'third\nsecond\nfirst\n')
  for (const plugin of ['first', 'second', 'third'])
    t.match(given(`DEL.bench0.${plugin}`), '"prevResult":{"by":"third","me":"bench0"}\n}', 'the final result')
  await t.rejects(driver.run('DEL', 2, 3), /1 of 1 DEL failed: .*third.*quoted/)
  t.notOk(existsSync(`${dir}/DEL.bench2.second`), 'the first failure ends it')
})
