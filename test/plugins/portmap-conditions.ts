// portmap's conditions: both syntaxes, as rules that the kernel takes and nft reads, and the refusal of everything else.
import t from 'tap'
import { listRules } from '../../kernel/nft/list-rules.js'
import { rule, ruleMessage, ruleText } from '../../kernel/nft/rule.js'
import { meta } from '../../kernel/nft/selectors/meta.js'
import { match } from '../../kernel/nft/statements/match.js'
import { NftTransaction } from '../../kernel/nft/transaction.js'
import { postroutingChain } from '../../plugins/guard/chains.js'
import { inetTable } from '../../plugins/guard/tables.js'
import { type Conditions, parseConditions } from '../../plugins/portmap/conditions.js'
import { cniErrorOf } from '../helpers/calls.js'
import { needs } from '../helpers/needs.js'
import { tempNetns } from '../helpers/netns.js'
import { random as randomFrom } from '../helpers/random.js'

type Case = readonly [tokens: string, text: string]

const mark = '0x00000001'

/** Tokens at blanks; what nft(8) says of it. */
const good: { readonly [family in 4 | 6]: readonly Case[] } = {
  4: [
    ['ip saddr 10.0.0.0/8', 'ip saddr 10.0.0.0/8'],
    ['ip saddr == 10.0.0.1', 'ip saddr 10.0.0.1'],
    ['ip saddr != 10.1.2.3/8', 'ip saddr != 10.0.0.0/8'],
    ['ip daddr 10.0.0.1-10.0.0.9', 'ip daddr 10.0.0.1-10.0.0.9'],
    ['ip daddr 10.0.0.0-10.0.0.255', 'ip daddr 10.0.0.0/24'],
    ['ip saddr {10.0.0.0/8,192.0.2.1}', 'ip saddr { 10.0.0.0/8, 192.0.2.1 }'],
    ['ip saddr { 192.0.2.1 , 10.0.0.0/8, }', 'ip saddr { 10.0.0.0/8, 192.0.2.1 }'],
    ['ip saddr != { 10.0.0.0/8, 10.1.0.0/16, 11.0.0.0/8 }', 'ip saddr != 10.0.0.0/7'],
    ['ip saddr { 10.0.0.1, 10.0.0.3 }', 'ip saddr { 10.0.0.1, 10.0.0.3 }'],
    ['ip saddr 10.0.0.0/8 ip daddr 192.0.2.1', 'ip saddr 10.0.0.0/8 ip daddr 192.0.2.1'],
    ['ip saddr 10.0.0.1 ip saddr 10.0.0.1', 'ip saddr 10.0.0.1'],
    ['iifname eth0', 'iifname "eth0"'],
    ['iifname "eth0"', 'iifname "eth0"'],
    ['meta iifname != eth*', 'iifname != "eth*"'],
    ['iif lo', 'iifname "lo"'],
    ['iifname { "eth*", "eth0", br-lan }', 'iifname { "br-lan", "eth*" }'],
    ['meta mark 1', `meta mark ${mark}`],
    ['mark != 0x1', `meta mark != ${mark}`],
    ['meta mark & 0xff == 0x1', `meta mark & 0x000000ff == ${mark}`],
    ['meta mark and 0xff != 0x1', `meta mark & 0x000000ff != ${mark}`],
    ['ct mark 0x1', `ct mark ${mark}`],
    ['ct mark & 0x3 != 0x1', `ct mark & 0x00000003 != ${mark}`],
    ['meta l4proto tcp', 'meta l4proto tcp'],
    ['meta l4proto { tcp, udp }', 'meta l4proto { tcp, udp }'],
    ['meta l4proto != sctp', 'meta l4proto != sctp'],
    ['ip protocol 17', 'meta l4proto udp'],
    ['tcp sport 1024-65535', 'tcp sport 1024-65535'],
    ['tcp dport != 80', 'tcp dport != 80'],
    ['udp dport { 53, 5353, 54-60, 55 }', 'udp dport { 53-60, 5353 }'],
    ['sctp sport 7', 'sctp sport 7'],
    ['th dport { 80, 443 }', 'th dport { 80, 443 }'],
    ['meta l4proto tcp th dport 80', 'tcp dport 80'],
    ['ip protocol tcp tcp dport 80 tcp sport != 80', 'tcp dport 80 tcp sport != 80'],
    ['ct state new,established', 'ct state established,new'],
    ['ct state { new, related }', 'ct state related,new'],
    ['ct state != invalid', 'ct state ! invalid'],

    ['-s 10.0.0.0/8', 'ip saddr 10.0.0.0/8'],
    ['-s 10.0.0.0/255.0.0.0', 'ip saddr 10.0.0.0/8'],
    ['! -s 10.0.0.0/8', 'ip saddr != 10.0.0.0/8'],
    ['-s ! 10.0.0.0/8', 'ip saddr != 10.0.0.0/8'],
    ['--source 10.0.0.0/8,192.0.2.1', 'ip saddr { 10.0.0.0/8, 192.0.2.1 }'],
    ['--src=10.0.0.1 --dst 192.0.2.1', 'ip saddr 10.0.0.1 ip daddr 192.0.2.1'],
    ['-d 192.0.2.1 -i eth0', 'ip daddr 192.0.2.1 iifname "eth0"'],
    ['! -i eth+', 'iifname != "eth*"'],
    ['-p tcp', 'meta l4proto tcp'],
    ['! -p 17', 'meta l4proto != udp'],
    ['-p tcp --dport 80', 'tcp dport 80'],
    ['-p tcp -m tcp ! --sport 1024:', 'tcp sport != 1024-65535'],
    ['-p udp --destination-port :1023', 'udp dport 0-1023'],
    ['-m sctp --sport 7', 'sctp sport 7'],
    ['-m multiport --dports 80,443,8000:8080', 'th dport { 80, 443, 8000-8080 }'],
    ['-p tcp -m multiport ! --sports 80,443', 'tcp sport != { 80, 443 }'],
    ['-m mark --mark 0x1', `meta mark ${mark}`],
    ['-m mark ! --mark 0x1/0x3', `meta mark & 0x00000003 != ${mark}`],
    ['-m mark --mark 01/0xffffffff', `meta mark ${mark}`],
    ['-m connmark --mark 1', `ct mark ${mark}`],
    ['-m iprange --src-range 10.0.0.1-10.0.0.9', 'ip saddr 10.0.0.1-10.0.0.9'],
    ['-m iprange ! --dst-range 10.0.0.1-10.0.0.9', 'ip daddr != 10.0.0.1-10.0.0.9'],
    ['-m conntrack --ctstate NEW,RELATED', 'ct state related,new'],
    ['-m state ! --state INVALID', 'ct state ! invalid'],
    ['-m comment --comment x -s 10.0.0.1', 'ip saddr 10.0.0.1'],
  ],
  6: [
    ['ip6 saddr fd00::/8', 'ip6 saddr fd00::/8'],
    ['ip6 daddr != { 2001:db8::1, 2001:db8::/64, ::1 }', 'ip6 daddr != { ::1, 2001:db8::/64 }'],
    ['ip6 nexthdr tcp', 'meta l4proto tcp'],
    ['iifname pl-lo1', 'iifname "pl-lo1"'],
    ['-s 2001:db8::/32 ! -d ::1', 'ip6 saddr 2001:db8::/32 ip6 daddr != ::1'],
    ['-m iprange --src-range fd00::1-fd00::9', 'ip6 saddr fd00::1-fd00::9'],
  ],
}

const all = ([4, 6] as const).flatMap(family => good[family].map(each => [family, ...each] as const))

const parse = (text: string, family: 4 | 6) => parseConditions(text.split(' '), family)

t.test('what is taken, in the words of nft', async t => {
  for (const [family, tokens, text] of all) t.equal(parse(tokens, family)?.text, text, tokens)
})

t.test('where the blanks are does not matter to nft', async t => {
  for (const text of ['ip saddr 10.0.0.0/8', 'ip saddr { 10.0.0.0/8 }'])
    for (const tokens of [text.split(' '), [text], text.split(' ').flatMap(word => [word, ''])])
      t.equal(parseConditions(tokens, 4)?.text, 'ip saddr 10.0.0.0/8', JSON.stringify(tokens))
  t.equal(parseConditions(['ip', 'saddr', '!=10.0.0.1'], 4)?.text, 'ip saddr != 10.0.0.1')
  t.equal(
    parseConditions(['ip', 'saddr', '{10.0.0.1,', '10.0.0.7}'], 4)?.text,
    'ip saddr { 10.0.0.1, 10.0.0.7 }',
  )
})

t.test('conditions that always hold are none', async t => {
  t.equal(parseConditions([], 4), undefined)
  for (const text of [
    'ip saddr 0.0.0.0/0',
    '-s 0.0.0.0/0',
    '-p all',
    '-i +',
    'iifname *',
    '-m comment --comment x',
  ])
    t.equal(parse(text, 4), undefined, text)
  t.equal(parse('ip6 saddr { ::/1, 8000::/1 }', 6), undefined)
})

t.test('the protocol that they are about', async t => {
  for (const [text, protocol] of [
    ['tcp dport 80', 'tcp'],
    ['-p udp', 'udp'],
    ['meta l4proto != tcp', undefined],
    ['th dport 80', undefined],
  ] as const)
    t.equal(parse(text, 4)?.protocol, protocol, text)
})

/** Tokens, family, and the token or reason that the error must name. */
const bad: readonly (readonly [string, 4 | 6, string])[] = [
  ['oifname eth0', 4, '"oifname" can not be matched: by which interface a packet leaves'],
  ['meta oif eth0', 4, '"meta oif" can not be matched'],
  ['-o eth0', 4, '"-o" can not be matched'],
  ['ip6 saddr fd00::/8', 4, '"ip6" is not the family'],
  ['ip saddr 10.0.0.0/8', 6, '"ip" is not the family'],
  ['ip saddr fd00::/8', 4, '"fd00::/8" is no IPv4 address'],
  ['-s fd00::/8', 4, '"fd00::/8" is no IPv4 address'],
  ['-s example.com', 4, '"example.com" is no IPv4 address'],
  ['ip saddr', 4, 'a value is missing'],
  ['ip saddr { 10.0.0.1', 4, 'nothing where "," or "}" is expected'],
  ['ip saddr { 10.0.0.1,', 4, 'a value is missing'],
  ['ip saddr { }', 4, '"{ }" holds nothing'],
  ['ip saddr { , }', 4, '"," is not supported here'],
  ['ip saddr 10.0.0.9-10.0.0.1', 4, '"10.0.0.9-10.0.0.1" is a range that ends before it starts'],
  ['ip saddr @mine', 4, '"@mine" is not supported: sets of other tables'],
  ['ip saddr $lan', 4, '"$lan" is not supported'],
  ['ip saddr . tcp dport { 10.0.0.1 . 80 }', 4, '"." is not supported'],
  ['ip saddr > 10.0.0.1', 4, '">" is not supported here'],
  ['ip saddr 10.0.0.1 accept', 4, '"accept" is not supported'],
  ['ip ttl 64', 4, '"ip ttl" is not supported'],
  ['ip', 4, '"ip" is not supported'],
  ['fib daddr type local', 4, '"fib" is not supported'],
  ['ct status dnat', 4, '"ct status" is not supported'],
  ['ct state broken', 4, '"broken" is no state'],
  ['meta skuid 0', 4, '"meta skuid" is not supported'],
  ['meta', 4, '"meta" is not supported'],
  ['l4proto tcp', 4, '"l4proto" is not supported'],
  ['meta l4proto icmp', 4, 'protocol "icmp" has no ports to map'],
  ['meta mark 0x1ffffffff', 4, '"0x1ffffffff" is no mark'],
  ['meta mark one', 4, '"one" is no mark'],
  ['meta mark { 1, 2 }', 4, 'a set of marks (1, 2) is not supported'],
  ['meta mark & 0x1', 4, 'nothing where == or != is expected'],
  ['meta mark & 0x1 == 0x2', 4, 'it never holds'],
  ['meta mark | 0x1', 4, '"|" is not supported here'],
  ['tcp dport http', 4, '"http" is no port number'],
  ['tcp dport 70000', 4, '"70000" is no port number'],
  ['tcp flags syn', 4, '"tcp flags" is not supported'],
  ['tcp dport 80 udp dport 53', 4, 'udp dport in a rule that matches protocol 6'],
  ['meta l4proto udp tcp dport 80', 4, 'tcp dport in a rule that matches protocol 17'],
  ['iifname averyveryverylongname', 4, '"averyveryverylongname" is no name of an interface'],
  ['iifname eth*0', 4, '"eth*0" is no name of an interface'],
  ['ip saddr != 0.0.0.0/0', 4, 'never holds'],
  ['iifname != *', 4, 'never holds'],
  ['! -p all', 4, 'never holds'],
  ['-j ACCEPT', 4, '"-j" is not supported: a condition says which connections'],
  ['-m set --match-set x src', 4, '"-m set" is not supported: sets of ipset'],
  [
    '-m addrtype --dst-type LOCAL',
    4,
    '"-m addrtype" is not supported: only connections to addresses of the host',
  ],
  ['-m owner --uid-owner 0', 4, '"-m owner" is not supported'],
  ['-f', 4, '"-f" is not supported'],
  ['! ! -s 10.0.0.1', 4, '"!" is not supported'],
  ['! -s ! 10.0.0.1', 4, '"!" twice at "-s"'],
  ['!', 4, '"!" with nothing behind it'],
  ['-s', 4, '"-s" without a value'],
  ['-s 10.0.0.1 10.0.0.2', 4, '"10.0.0.2" is not supported'],
  ['-s 10.0.0.1-10.0.0.9', 4, '"10.0.0.1-10.0.0.9" is a range, which -m iprange takes'],
  ['-s 10.0.0.0/255.0.255.0', 4, 'a mask with holes'],
  ['--dport 80', 4, '"--dport" needs -p tcp'],
  ['--mark 1', 4, '"--mark" needs -m mark or -m connmark before it'],
  ['-m mark --mark 1/2/3', 4, '"1/2/3" is no mark'],
  ['-m conntrack --ctstate DNAT', 4, '"DNAT" is no state'],
  ['-p icmp', 4, 'protocol "icmp" has no ports'],
  ['-p udp -p tcp', 4, '"-p" twice'],
  ['meta l4proto udp meta l4proto tcp tcp dport 80', 4, 'tcp dport in a rule that matches protocol 17'],
]

t.test('what is refused, by name', async t => {
  for (const [text, family, reason] of bad) {
    const { code, msg, details } = await cniErrorOf(() => parse(text, family))
    t.equal(code, 7)
    t.ok(
      msg.startsWith(`invalid value for "conditionsV${family}": `) && msg.includes(reason),
      `${text}: ${msg}`,
    )
    t.match(details, /^supported are /)
  }
})

t.test('nothing that is not understood passes', async t => {
  const { pick, below } = randomFrom(20261121)
  const strange = [
    'frobnicate',
    '--frobnicate',
    '-X',
    '@x',
    '|',
    '<',
    '}',
    '"',
    '.',
    'accept',
    '\\',
    ';',
    '#',
  ]
  for (let i = 0; i < 2000; i++) {
    const [family, text] = pick(all)
    const tokens = text.split(' ')
    tokens.splice(below(tokens.length + 1), 0, pick(strange))
    // Whatever is the value of a comment is a comment.
    if (/--comment (x )?(\S+ )?/.test(tokens.join(' '))) continue
    t.match(await cniErrorOf(() => parseConditions(tokens, family)), { code: 7 }, tokens.join(' '))
  }
  const words = [...new Set(all.flatMap(([, text]) => text.split(' ')))]
  for (let i = 0; i < 5000; i++) {
    const tokens = Array.from({ length: 1 + below(6) }, () => pick(words))
    try {
      const statements = parseConditions(tokens, 4)?.statements ?? []
      ruleMessage(
        rule({ chain: postroutingChain, statements: [match(meta('nfproto'), '==', 'ipv4'), ...statements] }),
        () => 0,
      )
    } catch (error) {
      if ((error as { code?: number }).code !== 7) t.fail(`${tokens.join(' ')}: ${error}`)
    }
  }
})

t.test('the kernel takes them, and lists them as they were', { skip: needs('root', 'nft') }, async t => {
  const { ns, run } = tempNetns(t)
  const rules = all.map(([family, tokens]) => {
    const { statements } = parse(tokens, family) as Conditions
    const ofFamily = match(meta('nfproto'), '==', family === 4 ? 'ipv4' : 'ipv6')
    const anything = match(meta('mark'), '!=', 7)
    return rule({ chain: postroutingChain, statements: [ofFamily, anything, ...statements] })
  })
  const tx = new NftTransaction().add(inetTable).add(postroutingChain)
  for (const one of rules) tx.add(one)
  ns.nft.run(tx)
  t.strictSame(listRules(ns.nft.list, inetTable).map(ruleText), rules.map(ruleText))
  const listed = run('nft list table inet plumbline')
  for (const [, , text] of all)
    t.ok(listed.includes(text.replace('ct state !', 'ct state ! ').replace('  ', ' ')), text)
})
