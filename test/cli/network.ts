// The command line with our own plugins, on a namespace that plays the host: containers that reach one another, and nothing left.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fakeHost, leftBehind } from '../helpers/host.js'
import { distDir, needs } from '../helpers/needs.js'
import { isAlive, until } from '../helpers/processes.js'
import { plainEnv } from '../helpers/sh.js'

const skip =
  needs('root', 'plugins', 'nsenter', 'iproute', 'nft') ||
  (existsSync(join(distDir, 'bundle/cli.cjs')) ? false : 'dist/bundle is not built')

function world(t: Test, resident: 'off' | 'auto' = 'auto') {
  const host = fakeHost(t)
  const env = {
    ...plainEnv,
    PLUMBLINE_RUN_DIR: host.runDir,
    PLUMBLINE_STATE_DIR: host.stateDir,
    PLUMBLINE_RESIDENT: resident,
  }
  // The machine's own configurations are none of the test's business.
  const words = (program: string, args: readonly string[]) => [`--net=${host.netns}`, '--', program, ...args]
  const command = join(distDir, 'bin/plumbline')
  const own = (args: readonly string[]) => ['--conf-dir', `${host.dataDir}/conf`, ...args]
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync('nsenter', words(command, own(args)), {
      env,
      encoding: 'utf8',
      timeout: 60_000,
    })
    return { code: status, stdout, stderr }
  }
  const json = (...args: string[]) => {
    const { stdout, stderr } = run('--json', ...args)
    return stdout === '' ? JSON.parse(stderr) : JSON.parse(stdout)
  }
  t.after(() => {
    const ids = run('ps', '-q').stdout.split('\n').filter(Boolean)
    if (ids.length > 0) run('rm', '--force', ...ids)
    run('resident', 'stop')
  })
  return { host, env, run, json, words, command, own }
}

/** Of what is left on the host: everything but forwarding, which stays on, and the runtime's own lock. */
function remains(host: ReturnType<typeof fakeHost>) {
  const { host: netns, leases, records } = leftBehind(host.snapshot())
  return { ...netns, sysctls: [], leases, records }
}

t.test('two containers on the built-in network', { skip: skip || needs('ping') }, async t => {
  const { host, run, json } = world(t)
  const before = remains(host)
  const [web] = [run('run', '-d', '--name', 'web', '--', 'sleep', '1000')]
  t.match(web, { code: 0, stderr: '' })
  const [{ attachments }] = json('ps')
  const addresses: string[] = attachments[0].addresses.map((address: string) => address.split('/')[0])
  t.match(addresses[0], /^10\.89\./)
  t.match(addresses[1], /^fd70:6c75:6d62:/)
  t.match(attachments[0].mac, /^[0-9a-f:]{17}$/)
  for (const address of addresses) {
    t.match(
      run('run', '--', 'ping', '-c1', '-W2', address),
      { code: 0 },
      `container to container, ${address}`,
    )
    t.match(host.trySh(`ping -c1 -W2 ${address}`), { code: 0 }, `host to container, ${address}`)
  }
  t.match(run('check'), { code: 0, stdout: /web|ok/ })
  t.match(run('status', 'plumbline'), { code: 0, stdout: /plumbline +yes/ })
  t.match(
    run('run', '--ip', '10.89.7.7', '--mac', '02:00:00:00:07:07', '--', 'ip', '-o', 'address', 'show', 'eth0')
      .stdout,
    /10\.89\.7\.7\/16/,
  )
  t.match(
    run('run', '--ip', addresses[0]!, '--', 'true'),
    { code: 125, stderr: new RegExp(addresses[0]!) },
    'an address that is taken',
  )
  t.match(json('resident', 'status'), { running: true })

  run('exec', 'web', '--', 'true')
  host.sh('ip link set plumbline0 down')
  t.match(run('check'), { code: 1, stdout: /plumbline0 is down/ })
  t.match(run('network', 'rm', 'plumbline'), { code: 1, stderr: /is in use by/ })
  run('rm', '-f', 'web')
  t.match(run('network', 'rm', 'plumbline'), {
    code: 0,
    stdout:
      /removed nftables table inet plumbline\n(.*\n)*.*removed bridge plumbline0\n.*removed lease directory/,
  })
  t.strictSame(remains(host), before)
})

t.test('ports and limits', { skip: skip || needs('iproute') }, t => {
  const { host, run, json } = world(t)
  const before = remains(host)
  const publish = ['--publish', '18080:80', '--publish', '127.0.0.1:19000-19003:19000-19003/udp']
  const rates = ['--ingress-rate', '20mbit', '--egress-rate', '5mbit']
  const web = run('run', '-d', '--name', 'web', ...publish, ...rates, '--', 'sleep', '1000')
  t.match(web, { code: 0, stderr: '' })
  const id = web.stdout.trim()
  t.match(
    run('run', '-p', '18080:80', '--', 'true'),
    { code: 125, stderr: new RegExp(`host port 18080/tcp is held by plumbline/${id}/eth0`) },
    'a port that is taken',
  )
  t.match(json('ports'), [
    {
      protocol: 'tcp',
      hostPorts: { first: 18080, last: 18080 },
      containerPort: 80,
      targets: [String, String],
    },
    { protocol: 'udp', hostIp: '127.0.0.1', hostPorts: { first: 19000, last: 19003 } },
  ])
  t.match(run('ports').stdout, /^HOST .*\n\*:18080\/tcp +10\.89\..*:80 +web +plumbline +0 packets, 0 bytes/)
  t.match(json('ps'), [{ attachments: [{ rates: { ingress: 20e6, egress: 5e6 } }] }])
  t.match(run('ps').stdout, /in 20 Mbit\/s out 5 Mbit\/s/)

  t.match(json('limit', 'web', '--ingress', '1gbit', '--egress', 'none'), [
    { container: id, ifname: 'eth0', rates: { ingress: 1e9, egress: undefined } },
  ])
  t.match(host.sh('tc qdisc show'), /tbf .* rate 1Gbit/)
  t.match(run('limit', 'web', '--ingress', 'much'), { code: 1, stderr: /--ingress "much" is no rate/ })
  t.match(run('limit', 'web'), { code: 1, stderr: /nothing to change/ })
  t.match(run('limit', 'nobody', '--egress', '1mbit'), { code: 1, stderr: /no container "nobody"/ })
  t.match(run('check'), { code: 0 })

  run('resident', 'stop')
  host.sh('nft delete table inet plumbline')
  t.match(run('repair'), { code: 0, stderr: '' })
  t.match(run('check'), { code: 0 })
  run('rm', '-f', 'web')
  run('network', 'rm', 'plumbline')
  t.strictSame(remains(host), before)
  t.end()
})

t.test('network create', { skip }, t => {
  const { run, json } = world(t, 'off')
  const made = json('network', 'create', 'db', '--internal', '--ingress-policy', 'isolated', '--ipv6')
  t.match(made, {
    name: 'db',
    path: /\/db\.conflist$/,
    config: { plugins: [{ type: 'bridge', bridge: 'pl-db', ingressPolicy: 'isolated' }] },
  })
  t.match(
    run('run', '-n', 'db', '--', 'ip', '-o', 'address').stdout,
    /10\.90\.0\.2\/24[\s\S]*fd70:6c75:6d62:100::2\/64/,
  )
  t.match(json('network', 'create', 'next').config.plugins[0].ipam.ranges, [[{ subnet: '10.90.1.0/24' }]])
  for (const [args, error] of [
    [['db'], /there is a network "db" already/],
    [['../db'], /not a name for a network/],
    [['x', '--subnet', '10.90.0.0/16'], /--subnet 10\.90\.0\.0\/16 overlaps with 10\.90\.\d\.0\/24/],
    [['x', '--subnet', '10.1.2.3/24'], /--subnet "10\.1\.2\.3\/24" is no subnet/],
    [['x', '--mtu', 'big'], /--mtu "big" is no MTU/],
    [['x', '--type', 'vlan'], /--type "vlan" is unknown/],
    [['x', '--ingress-policy', 'none'], /--ingress-policy "none" is unknown/],
    [['x', '--ingress-rate', '3 cows'], /--ingress-rate "3 cows" is no rate/],
  ] as const)
    t.match(run('network', 'create', ...args), { code: 1, stderr: error }, args.join(' '))
  t.strictSame(
    json('network', 'ls')
      .networks.map(({ name }: { name: string }) => name)
      .sort(),
    ['db', 'next', 'plumbline'],
  )
  run('network', 'rm', 'db', 'next')
  t.end()
})

t.test('killed at any time, cleaned up by gc or rm', { skip }, async t => {
  const { host, env, run, json, words, command, own } = world(t)
  const before = remains(host)
  for (const verb of ['gc', 'rm']) {
    const child = spawn('nsenter', words(command, own(['run', '--', 'sh', '-c', 'echo up; sleep 1000'])), {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise(resolve => child.stdout.once('data', resolve))
    const [{ pid, id }] = json('ps')
    child.kill('SIGKILL')
    await until(() => !isAlive(pid), 'the container to die')
    t.match(json('ps'), [{ id, status: 'dead' }])
    t.match(
      verb === 'gc' ? json('gc') : json('rm', id),
      verb === 'gc' ? { containers: [id] } : { removed: [id] },
    )
    t.strictSame(json('ps'), [])
  }
  // In the middle of it, wherever that is.
  for (const delay of [40, 80, 120]) {
    const child = spawn('nsenter', words(command, own(['run', '--', 'true'])), { env, stdio: 'ignore' })
    setTimeout(() => child.kill('SIGKILL'), delay)
    await new Promise(resolve => child.once('exit', resolve))
    t.match(run('gc'), { code: 0 }, `killed after ${delay} ms`)
    t.strictSame(json('ps'), [])
  }
  run('network', 'rm', 'plumbline')
  t.strictSame(remains(host), before)
})

t.test('network rm leaves alone what is not ours', { skip }, async t => {
  const { host, run } = world(t, 'off')
  host.sh('ip link add plumbline0 type bridge')
  t.match(run('network', 'rm', 'plumbline'), { code: 0, stdout: 'plumbline: nothing to remove\n' })
  host.sh('ip link show plumbline0 && ip link del plumbline0')
  run('run', '--', 'true')
  host.sh('ip link add port0 type veth peer name port1 && ip link set port0 master plumbline0')
  t.notMatch(run('network', 'rm', 'plumbline').stdout, /bridge plumbline0/)
  host.sh('ip link show plumbline0 && ip link del port0')
  t.match(run('network', 'rm', 'plumbline').stdout, /removed bridge plumbline0/)
})

t.test('the demo', { skip }, async t => {
  const { host, env, words } = world(t)
  const before = { ...host.snapshot(), cursors: {} }
  const { status, stdout, stderr } = spawnSync(
    'nsenter',
    words(process.execPath, [join(distDir, 'bundle/demo.cjs')]),
    { env, encoding: 'utf8', timeout: 60_000 },
  )
  t.match({ status, stderr }, { status: 0, stderr: '' })
  t.match(
    stdout,
    /reader read http:\/\/10\.89\.[\d.]+:8080\/: Hello from a container\.\nreader read http:\/\/\[fd70:.*\nhost read http:\/\/10\.89\./,
  )
  t.match(
    stdout,
    /\nCONTAINER +ADDRESS +MAC +ATTACH one-shot +ATTACH resident +DETACH one-shot +DETACH resident\nweb +10\.89\..*ms\nreader +10\.89\..* ms\n/,
  )
  t.match(stdout, /Done in \d+\.\d s\.\n$/)
  t.strictSame({ ...host.snapshot(), cursors: {} }, before, 'nothing is left, forwarding included')
  t.notOk(existsSync(host.runDir))
  t.notOk(existsSync(host.stateDir))
  t.strictSame(host.processes(), [])
})
