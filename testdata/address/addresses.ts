/** Addresses that are asked about: chosen ones, and random ones made of pieces that parsers stumble over. */

export const CHOSEN: readonly string[] = [
  ..."joe joe@remote.org joe@a.remote.org a+ext@remote.org a+b@remote.org a@x.org a-foo@x.org b@x.org c@x.org d@x.org e@x.org"
    .split(" "),
  ..."z@x.org z@y.x.org x@relay.org x@sub.relay.org x@a.sub.relay.org x@relay.orgx gone@example.com gone+x@example.com".split(" "),
  ..."gone@mail.example.com gone gone@localhost any@gone.org ext+foo@x.org ext@x.org w1@x.org part@x.org JOE@VIRT.ORG".split(" "),
  ..."Joe@Remote.Org x@virt2.org x@vmail.org x@virt.org joe@virt.org old@virt.org x@1.2.3.4 -x@x.org x@[IPv6:::1]".split(" "),
  ..."x@[ipv6:2001:db8::1] x@[::1] x@[127.0.0.1] x@[10.0.0.1] x@[300.0.0.1] x@localhost x@host x@é.de x@bücher.example".split(" "),
  ..."é@x.org x@x..org x@_ x@- x@a- postmaster owner-x@x.org x@x.org. x@x.org.. x@.x.org @ @x.org x@1.2 x@1 x@1.2.3.4.".split(" "),
  ..."x@0x1.2.3.4 x@com x@* a@b a!b a%b a%b@example.com a!b@example.com a@b@example.com a%b@remote.org x@example.com.".split(" "),
  "x@[a b]",
  '"gone"',
  '"q q"@x.org',
  "q q@x.org",
  '""',
  '"a@b"@example.com',
  "@a,@b:c@d.e",
  "a b@c.d",
  "a(c)b@c.d",
  "a@b.c (hi there)",
  "a\\,b@c",
  ".a@b.c",
  "a..b@c.d",
  "Joe <a@b.c>",
  `x@${"a".repeat(63)}.org`,
  `x@${"a".repeat(64)}.org`,
  `x@${"a.".repeat(125)}org`,
  `x@${"a.".repeat(127)}org`,
];

const PIECES = [
  ...'joe a b.c @ @ @ % ! . . .. , ; : < > ( ) (c) " "" \\ \\" [ ] [1.2.3.4] [127.0.0.1] [IPv6:::1] 1.2.3.4'.split(" "),
  ..."example.com Example.COM mail.example.com localhost remote.org virt.org vmail.org relay.org sub.relay.org".split(" "),
  ..."- _ +ext | / x-y -bad.org owner- postmaster é = ' # { ~ x.org".split(" "),
  '"x y"',
  '"a@b"',
  '"a%b"',
  '"a!b"',
  " ",
  "\t",
  "\x01",
];

/** Numbers below `below`, always the same ones for the same seed. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Random addresses; the same ones for the same seed. */
export function hostile(count: number, seed: number): string[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    let text = "";
    for (let pieces = 1 + random(7); pieces > 0; pieces--) text += PIECES[random(PIECES.length)];
    return text;
  }).filter((text) => text.trim() !== "");
}

/** Envelope addresses for the rewriting of cleanup. */
export const ENVELOPES: readonly string[] = [
  ..."old@example.com old@EXAMPLE.com old+x@example.com user user@example.com user+ext@example.com user-e-f@mail.example.com".split(" "),
  ..."user@other.org x@wild.org x+y@wild.org x@fixed.org x+y@fixed.org multi@x.org self@x.org chain1@x.org chain1+e@x.org".split(" "),
  ..."loop1@x.org ext+a+b@x.org toq@x.org toq+e@x.org bang@x.org noat only-sender@x.org only-rcpt@x.org both@x.org".split(" "),
  ..."u@host.masq.org u@masq.org u@a.b.masq.org u@a.keep.masq.org u@keep.masq.org root@host.masq.org U@Host.Masq2.ORG u@notmasq.org".split(" "),
  ..."info@virt.org info+e@virt.org list@virt.org list+e@virt.org any@catch.org any+e@catch.org any@moved.org any+e@moved.org".split(" "),
  ..."nest1@virt.org selfish@virt.org selfish+e@virt.org loopa@virt.org localuser localuser+e@mail.example.com ext+e@virt.org".split(" "),
  ..."+weird@virt.org root dev@virt.org dev+e@virt.org both-ext@virt.org both-ext+e@virt.org many@virt.org deep1@virt.org".split(" "),
  ..."long@virt.org null@virt.org group@virt.org unknown@virt.org s@x.org s+e@x.org any@y.org r@x.org r+e@x.org MAILER-DAEMON".split(" "),
  ..."a%b@example.com a!b x@host x@host. owner-list postmaster+x@example.com mailer-daemon+x double-bounce+x owner-l-request".split(" "),
  ..."x-request@x.org joe+@x.org +@x.org -x@x.org joe-+x@virt.org deep3@virt.org".split(" "),
  "quoted user@x.org",
  "quoted user+e@x.org",
  "plain quoted@x.org",
  "quoted user@h.masq.org",
  "a@b@x.org",
  "",
];

/** Values of address headers. */
export const HEADERS: readonly string[] = [
  "joe",
  "joe@host",
  "joe@x.org",
  "Joe User <joe>",
  "Joe User <old@example.com>, other@x.org",
  "old@example.com (with a comment)",
  "(before) old@example.com (after (nested))",
  "Joe (middle) User <old@example.com>",
  '"Joe User" <old@example.com>',
  '"Joe \\"Q\\" User, Jr." <user@example.com>',
  "Friends: user, old@example.com, x@x.org;",
  "Friends: user, old@example.com;, Enemies: joe, both@x.org;",
  "undisclosed-recipients:;",
  "Friends:user;, last",
  "<user>",
  "<>",
  "user <>",
  "<@a.org,@b.org:user@example.com>",
  "@a.org,@b.org:user@example.com",
  "a!b!user",
  "user%host",
  "user%host@example.com",
  "user@[1.2.3.4], user@[ 1.2.3.4 ]",
  '"quoted user"@x.org',
  "quoted user@x.org",
  "plain quoted@x.org, toq@x.org",
  "one two three",
  "a@x.org b@x.org",
  "a@x.org, b",
  "a,b,c,user",
  ",,user,,",
  "user;",
  "user:",
  "user,",
  "user@",
  "@host",
  "=?utf-8?Q?J=C3=BCrgen?= <user@host>",
  "=?utf-8?Q?a=2C_b?= <user>",
  "Jürgen <user@host>",
  "jürgen@host",
  "user@host (comment \\) with) more",
  "user (unterminated",
  'user "unterminated',
  "user [unterminated",
  "<user",
  "user>",
  "<<user>>",
  "Joe <user> trailing",
  "Joe <user>, trailing words, <other>",
  "Joe . User <user@host>",
  "Joe Q. Public <user@host>",
  "john.q.public@host",
  "john . q . public @ host",
  "user @ example . com",
  "user@example.com.",
  "User <user@ host > (x) , z",
  "first@x.org,\n\tsecond@host,\n third",
  "Very Long Display Name Number One <user@example.com>, Very Long Display Name Number Two <old@example.com>",
  "only-sender@x.org, only-rcpt@x.org, both@x.org",
  "u@host.masq.org, U <root@host.masq.org>",
  "multi@x.org",
  "loop1@x.org",
  "chain1+e@x.org",
  "null@virt.org",
  'a@x.org, "b" <b@host> (c), d',
  "a\\@b@host",
  "tab\there@host",
];
