// podman (CNI backend, runc) runs containers on a Plumbline conflist: they reach each other, and leave nothing.
// Everything of it is the test's own: storage, configuration, and a host namespace in which the bridge is made.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { leftovers } from '../helpers/difference.js'
import { type FakeHost, fakeHost } from '../helpers/host.js'
import { findInPath, needs, pluginDir, referenceDir } from '../helpers/needs.js'
import { until } from '../helpers/processes.js'
import { modes, testsReference } from '../helpers/subjects.js'

const skip = needs('root', 'plugins', 'podman', 'busybox', 'nsenter', 'iproute', 'nft', 'reference-plugins')

/** podman's libcni and runc use these, wherever everything else is. */
const sharedDirectories = ['/var/lib/cni/results', '/var/lib/cni', '/run/runc']

/** Runs podman inside the host's namespace; throws when it fails. */
type Podman = (command: string) => string

for (const mode of modes)
  t.test(`podman, resident ${mode}`, { skip }, async t => {
    const host = fakeHost(t, { resident: mode })
    const network = `plumbline-${process.pid}-${mode}`
    const podman = preparePodman(host, network)
    const given = sharedDirectories.filter(existsSync)
    t.after(() => {
      host.trySh(`${podmanCommand(host)} rm -f -a -t 0; ${podmanCommand(host)} system reset -f`)
      removeCgroups(network)
      removeEmpty(...sharedDirectories.filter(directory => !given.includes(directory)))
    })

    const rootfs = makeRootfs(`${dirname(host.dataDir)}/rootfs`)
    const run = `run --network ${network} --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --no-hosts --cgroup-parent /${network}`
    podman(`${run} --rm --rootfs ${rootfs} true`)
    const before = host.snapshot()

    podman(`${run} -d --name web --rootfs ${rootfs} httpd -f -p 80 -h /www`)
    podman(`${run} -d --name idle --rootfs ${rootfs} sleep 1000`)
    const { leases, records } = host.snapshot()
    t.equal(Object.keys(leases).length, 4, 'two leases for each')
    if (!testsReference) t.equal(Object.keys(records).length, 2, 'and a record')

    const inspected = JSON.parse(podman('inspect web'))[0].NetworkSettings.Networks[network]
    t.match(
      inspected,
      { IPAddress: /^10\.4\.0\./, GlobalIPv6Address: /^fd00:4::/, MacAddress: /:/ },
      'podman knows the result',
    )
    const { IPAddress: v4, GlobalIPv6Address: v6, Gateway: gateway } = inspected
    t.equal(podman(`exec idle wget -q -O - http://${v4}/`), 'hello\n', 'container to container, IPv4')
    t.equal(podman(`exec idle wget -q -O - http://[${v6}]/`), 'hello\n', 'container to container, IPv6')
    t.match(podman('exec idle ip route'), new RegExp(`default via ${gateway}`), 'the default route')
    t.equal(host.trySh(`ping -n -q -c 1 -W 2 ${v4}`).code, 0, 'from the host')
    t.match(
      podman(`${run} --rm --rootfs ${rootfs} wget -q -O - http://${v4}/`),
      'hello',
      'and from a third, which goes at once',
    )

    podman('rm -f -t 0 web')
    podman('rm -f -t 0 idle')
    await until(() => Object.keys(host.snapshot().leases).length === 0, 'the last lease to go')
    t.strictSame(leftovers(before, host.snapshot()), [], 'nothing is left')
  })

function podmanCommand(host: FakeHost): string {
  const root = dirname(host.dataDir)
  return [
    `CONTAINERS_CONF=${root}/containers.conf CONTAINERS_STORAGE_CONF=${root}/storage.conf`,
    `podman --tmpdir ${root}/libpod --runtime runc --cgroup-manager cgroupfs --events-backend none`,
  ].join(' ')
}

function preparePodman(host: FakeHost, network: string): Podman {
  const root = dirname(host.dataDir)
  for (const directory of ['plugins', 'net.d', 'storage', 'runroot', 'libpod'])
    mkdirSync(`${root}/${directory}`)
  // podman's clean-up process starts from an empty environment: what isolates the plugin is put before it.
  const script = `#!/bin/sh\nexport PLUMBLINE_RUN_DIR=${host.runDir} PLUMBLINE_STATE_DIR=${host.stateDir} PLUMBLINE_RESIDENT=${host.resident}\nexec ${pluginDir}/bridge\n`
  writeFileSync(`${root}/plugins/bridge`, script, { mode: 0o755 })
  writeFileSync(
    `${root}/containers.conf`,
    `[network]
network_backend = "cni"
cni_plugin_dirs = ["${root}/plugins", "${pluginDir}", "${referenceDir}"]
network_config_dir = "${root}/net.d"
default_network = "${network}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
`,
  )
  writeFileSync(
    `${root}/storage.conf`,
    `[storage]\ndriver = "vfs"\ngraphroot = "${root}/storage"\nrunroot = "${root}/runroot"\n`,
  )
  writeFileSync(
    `${root}/net.d/${network}.conflist`,
    JSON.stringify({
      cniVersion: '1.0.0',
      name: network,
      plugins: [
        {
          type: 'bridge',
          bridge: 'brpodman',
          isGateway: true,
          ipMasq: true,
          ipam: {
            type: 'host-local',
            dataDir: host.dataDir,
            ranges: [[{ subnet: '10.4.0.0/24' }], [{ subnet: 'fd00:4::/64' }]],
            routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
          },
        },
      ],
    }),
  )
  return command => host.sh(`${podmanCommand(host)} ${command}`)
}

/** What podman and runc made for the containers in every cgroup hierarchy, and did not take away. */
function removeCgroups(name: string): void {
  const root = '/sys/fs/cgroup'
  for (const hierarchy of ['', ...readdirSync(root)]) {
    const parent = `${root}/${hierarchy}/${name}`
    if (!existsSync(parent)) continue
    const below = readdirSync(parent, { withFileTypes: true }).filter(entry => entry.isDirectory())
    removeEmpty(...below.map(entry => `${parent}/${entry.name}`), parent)
  }
}

function removeEmpty(...directories: readonly string[]): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory)
    } catch {
      // not there, or of use to somebody
    }
  }
}

/** busybox under the names that are used here, and a page to serve. */
function makeRootfs(path: string): string {
  for (const directory of ['bin', 'www', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'var'])
    mkdirSync(`${path}/${directory}`, { recursive: true })
  copyFileSync(findInPath('busybox')!, `${path}/bin/busybox`)
  chmodSync(`${path}/bin/busybox`, 0o755)
  for (const applet of ['sh', 'true', 'sleep', 'httpd', 'wget', 'ip'])
    symlinkSync('busybox', `${path}/bin/${applet}`)
  writeFileSync(`${path}/www/index.html`, 'hello\n')
  return path
}
