/**
 * What postmap and postalias are asked in the comparison with real Postfix. Each case runs in a new directory that is
 * also the configuration directory; its steps run in order.
 */

export interface Step {
  /** Words of the command line; the first is the command. */
  readonly run: readonly string[];
  readonly stdin?: string;
  /** Why this program answers otherwise on purpose; then only that it does not crash is compared. */
  readonly differs?: string;
}

export interface Case {
  readonly name: string;
  /** Files to begin with; `\x00` and Latin-1 characters stand for octets. */
  readonly files?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

function differing(line: string, differs: string): Step {
  return { ...step(line), differs };
}

function step(line: string, stdin?: string): Step {
  return { run: line.split(" ").map((word) => word === "''" ? "" : word), ...(stdin === undefined ? {} : { stdin }) };
}

const SOURCE = `# a comment
alice@example.com  bob
Carol\tdave  smith

  # an indented comment
two lines
  go on
   here
"a b"c quoted key
sp\\ ace escaped
key: colon
alice@example.com again
only
 "x" v
q"open v
`;

const OCTETS = " \x00more than thirty octets on this line\ncaf\xc3\xa9 latin\nSTRA\xc3\x9fE\xc3\x84 fold\nbad\xff key\ngood v\xfe\n\xe2\x84\xaa kelvin\nk\x00x v\nn v\x00w\n" +
  "\x00bad\xff\n\xc3\xa9 after\x00\xff\nascii after\x00\xff\n";

const ALIASES = `# aliases
postmaster: root
x: a,b , c,d
y:   spaced   out
list: :include:/etc/list,
  "|/usr/bin/prog arg",
\tanother
"quoted user": bob
esc\\:colon: v
"colon:in": v
"at@in": v
bs: a\\@b
key:v1:v2
null: ""
comm (comment): (hi) dest (yo)
q2: "unterminated
end:a ,
UPPERval: MixedCase@Example.COM
a@b: v
a%b: v
a,b: v
: v
nothing:
no colon
t1: a . b @ c , d ; e < f > g
t2: a "b" c(d)e [x y] z
t4: a\\ b c\\\\d \\"q
t6: group: a, b;
postmaster: twice
`;

const REGEXP = `# patterns
/^(a|ab)(c|bcd)(d*)$/i  1=$1 2=$2 3=$3 $$
!/foo/m neg
/x(.)?y/ $1
if /z/
/zz/ in $0
endif
/[/ bad
/a/q flag
/b
foo bar
/c/
/p/ $$x$
/q(.)/ \${1}$(1)-$1a
if /k/ extra
/k/i kk
endif foo
if !/zz/
/^m/im M
|foo/bar| pipe
"quo" Q
endif
endif
`;

const CIDR = `!1.2.3.0/24 negated
1.2.3.4 exact
if 10.0.0.0/8
10.1.1.1 ten
endif
2001:db8::/32 six
[::1]/128 bracket
[::2] bracket2
[fe80::/10] b3
1.2.3.4/24 bits
1.2.3/24 short
300.1.1.1 large
1.2.3.0/33 mask
1.1.1.1
endif
if foo
if !2001:db8:1::/48 text
2001:db8::1 one
endif more
if 1.2.3.4
`;

const indexed = ["hash", "btree", "lmdb"];
const all = [...indexed, "cdb"];

export const cases: readonly Case[] = [
  ...all.flatMap((type): Case[] => [
    {
      name: `${type}: create and query`,
      files: { map: SOURCE },
      steps: [
        step(`postmap ${type}:map`),
        step(`postmap -q alice@example.com ${type}:map`),
        step(`postmap -q CAROL ${type}:map`),
        step(`postmap -f -q Carol ${type}:map`),
        step(`postmap -q nobody ${type}:map`),
        step(`postmap -q two ${type}:map`),
        type === "lmdb"
          ? differing(`postmap -q '' ${type}:map`, "an empty key is not found, where LMDB makes it a fatal error")
          : step(`postmap -q '' ${type}:map`),
        step(`postmap -q - ${type}:map`, "ALICE@example.com\nnobody\n\ntwo\n\"a b\"c\nsp\\ ace\nkey:\nonly"),
        step(`postmap -n -q two ${type}:map`),
        step(`postmap -N -q two ${type}:map`),
        step(`postmap -f ${type}:map`),
        step(`postmap -f -q Carol ${type}:map`),
        step(`postmap -w -n ${type}:map`),
        step(`postmap -q carol ${type}:map`),
        step(`postmap -r -N ${type}:map`),
        step(`postmap -q alice@example.com ${type}:map`),
        step(`postmap ${type}:missing`),
        step(`postmap -q a ${type}:missing`),
      ],
    },
    {
      name: `${type}: octets`,
      files: { map: OCTETS },
      steps: [
        step(`postmap ${type}:map`),
        step(`postmap -q - ${type}:map`, "caf\xc3\xa9\nCAF\xc3\x89\nstrassE\xc3\xa4\nbad\xff\ngood\nk\nn\n"),
        step(`postmap -u ${type}:map`),
        step(`postmap -u -q - ${type}:map`, "caf\xc3\xa9\nCAF\xc3\x89\nbad\xff\ngood\n"),
        step(`postmap -q good ${type}:map`),
      ],
    },
  ]),
  ...indexed.flatMap((type): Case[] => [
    {
      name: `${type}: change`,
      files: { map: "a 1\nb 2\nc 3\n" },
      steps: [
        step(`postmap -i ${type}:map`, "n 9\n"),
        step(`postmap ${type}:map`),
        step(`postmap -i ${type}:map`, "d 4\nA other\nbad\n lead x\n"),
        step(`postmap -q - ${type}:map`, "a\nb\nc\nd\n"),
        step(`postmap -ri ${type}:map`, "a other\n"),
        step(`postmap -wi ${type}:map`, "a third\n"),
        step(`postmap -q a ${type}:map`),
        step(`postmap -d A ${type}:map`),
        step(`postmap -d A ${type}:map`),
        step(`postmap -d - ${type}:map`, "b\nzz\n"),
        step(`postmap -d - ${type}:map`, "zz\n"),
        step(`postmap -q - ${type}:map`, "a\nb\nc\nd\n"),
        type === "lmdb"
          ? differing(`postmap -d a ${type}:missing`, "says that the table is missing and makes no empty one")
          : step(`postmap -d a ${type}:missing`),
      ],
    },
  ]),
  {
    name: "options that exclude each other",
    files: { map: "a 1\n" },
    steps: [
      step("postmap map"),
      step("postmap -q a map"),
      step("postmap -s map"),
      step("postmap -q a -d a map"),
      step("postmap -s -q a map"),
      step("postmap -q a -s map"),
      step("postmap -h -q a map"),
      step("postmap -m map"),
      step("postmap -m -q - map", "a\n"),
      step("postmap -x map"),
      step("postmap -q"),
      step("postmap"),
      step("postmap -s"),
      differing("postmap :x", "says what is wrong with the name"),
      step("postmap -q a :x"),
      differing("postmap x:", "says what is wrong with the name"),
      step("postmap nosuch:map"),
      step("postmap -q a nosuch:map"),
      step("postmap regexp:map"),
      step("postmap -q a missing map"),
      step("postmap -q a map missing"),
      step("postmap -d b map missing"),
      step("postalias -b map"),
      step("postalias"),
    ],
  },
  {
    name: "files in values",
    files: { map: "one f1\ntwo f1, f2\nthree f1,missing\nfour ,\n", f1: "first\n", f2: "second", plain: "a notbase64!\n" },
    steps: [
      step("postmap -F hash:map"),
      step("postmap -q one hash:map"),
      step("postmap -F -q two hash:map"),
      step("postmap -F -q - hash:map", "one\nthree\n"),
      step("postmap hash:plain"),
      step("postmap -F -q a hash:plain"),
      step("postmap -F -q - hash:plain", "a\n"),
      step("postmap -F -s hash:plain"),
    ],
  },
  {
    name: "parts of a message",
    files: {
      heads: "subject: 1\nreceived: 2\ncontent-type: 3\n",
      checks: "/^Subject: (.*)/ S $1\n/^Content-Type: /  T\n/fold/ F\n/body/ B\n/^--/ dashes\n/^$/ empty\n",
    },
    steps: ["-h", "-b", "-hb", "-hm", "-bm", "-hbm"].map((options) =>
      step(
        `postmap ${options} -q - regexp:checks`,
        'Subject: Hi there\nTo: x\n fold\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\npre body\n' +
          "--b\nContent-Type: text/plain\nSubject: part\n\nbody one\nSubject: no header\n--b\n" +
          "Content-Type: message/rfc822\n\nSubject: nested\n\nbody two\n--b--\npost body\n",
      )
    ),
  },
  {
    name: "aliases",
    files: { al: ALIASES },
    steps: [
      step("postalias al"),
      step(
        "postalias -q - al",
        "postmaster\nx\ny\nlist\nquoted user\nesc:colon\ncolon:in\nat@in\nbs\nkey\nnull\ncomm (comment)\nq2\nend\n" +
          "upperval\na@b\na%b\nt1\nt2\nt4\nt6\n@\nYP_MASTER_NAME\n",
      ),
      step("postalias -q x al"),
      step("postalias -i al", "new: entry\nx: other\n"),
      step("postalias -q - al", "new\nx\n"),
      step("postalias -d x al"),
      step("postalias -q x al"),
    ],
  },
  {
    name: "aliases with operators and backslashes",
    files: {
      aliases: "k1: | a\nk2: a | \"b\"\nk3: ! \"a b\"\nk4: a % b\nk5: \\x\nk6: a\\%b\nk7: a\\!b \\y\nk8: |\\x\n" +
        "k9: a\\ b\na|b: v\na ! b: v\na%b: v\na\\%b: w\n\\c\\d: v\n",
    },
    steps: [
      step("postalias aliases"),
      step(
        "postmap -q - hash:aliases",
        ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "a|b", "a!b", "a%b", "cd"].map((key) => `${key}\n`).join(""),
      ),
    ],
  },
  {
    name: "files as values of tables that are not made",
    files: {
      one: "first\n",
      two: "second\n",
      text: "a one\nb missing\nc one, two\n",
      cidr: "10.0.0.0/8 one\n11.0.0.0/8 missing\n",
      pattern: "/^a(.)/ one\n/b/ missing\n/c/ $1\n",
    },
    steps: [
      "-F -q a texthash:text",
      "-F -q c texthash:text",
      "-F -q 10.1.1.1 cidr:cidr",
      "-F -q 11.1.1.1 cidr:cidr",
      "-F -q ab regexp:pattern",
      "-F -q b regexp:pattern",
      "-F -q ab pcre:pattern",
      "-F -q a inline:{a=one}",
      "-F -s inline:{a=one}",
      "-F -q a inline:{a=missing}",
      "-F -q a static:one",
      "-F -q a static:missing",
      "-F -q a randmap:{one}",
      "-F -q a unionmap:{static:one}",
    ].map((line) =>
      line.includes("texthash")
        ? differing(`postmap ${line}`, "warns once about each line, not seven times")
        : step(`postmap ${line}`)
    ),
  },
  {
    name: "operations that a type has not",
    steps: [
      ...["static:x", "cidr:none", "texthash:none", "inline:{a=b}", "unix:passwd.byname", "tcp:127.0.0.1:1", "sqlite:/x"]
        .map((table) => step(`postmap -d a ${table}`)),
      ...["static:x", "unix:passwd.byname", "tcp:127.0.0.1:1", "socketmap:inet:127.0.0.1:1:x"]
        .map((table) => step(`postmap -s ${table}`)),
      ...["static:none", "nosuch:none", "inline:{a=b}"].map((table) => step(`postmap ${table}`)),
      step("postmap -b -q a"),
      step("postmap -m -q a"),
      ...["environ:x", "fail:x"].map((table) => step(`postmap -d a ${table}`)),
      step("postmap -d - fail:x", ""),
    ],
  },
  {
    name: "directories where tables should be",
    files: { map: "a b\n", "map.db/x": "", "map.lmdb/x": "" },
    steps: ["hash", "btree", "lmdb"].flatMap((type) => [
      step(`postmap -d a ${type}:map`),
      step(`postmap -i ${type}:map`, "c d\n"),
      step(`postmap ${type}:map`),
    ]),
  },
  {
    name: "texthash",
    files: { map: SOURCE },
    steps: [
      step("postmap -q - texthash:map", "alice@example.com\ncarol\ntwo\nkey:\nonly\n"),
    ],
  },
  ...["regexp", "pcre"].map((type): Case => ({
    name: type,
    files: { map: REGEXP },
    steps: [
      step(`postmap -q - ${type}:map`, "abcd\nfoo\nfoozz\nxy\nxay\nfoozz\nfook\nfooK\nfoom\nfoo/bar\nfooquo\nfoop\nfooq1\n"),
    ],
  })),
  {
    name: "cidr",
    files: { map: CIDR },
    steps: [
      step(
        "postmap -q - cidr:map",
        "1.2.3.4\n1.2.3.5\n10.1.1.1\n9.9.9.9\n::1\n::2\nfe80::1\n2001:db8::1\n2001:db8:1::1\nfoo\n010.1.1.1\n1.2.3\n",
      ),
    ],
  },
  {
    name: "tables without a file",
    steps: [
      "inline:x",
      "inline:{a=b",
      "inline:{a}",
      "inline:{=b}",
      "inline:{a=}",
      "inline:{a=b,a=c}",
      "inline:{}",
      "static:x",
      "static:{a",
      "randmap:x",
      "randmap:{}",
      "randmap:{one}",
      "unionmap:x",
      "unionmap:{}",
      "unionmap:{static:a,static:b}",
      "unionmap:{static:a,inline:{q=b}}",
      "unionmap:{inline:{q=b}}",
      "unionmap:{hash:missing}",
      "pipemap:{static:a,inline:{a=c}}",
      "pipemap:{static:a,inline:{b=c}}",
      "pipemap:x",
      "fail:x",
      "texthash:missing",
      "cidr:missing",
      "regexp:missing",
      "unix:passwd.byname",
      "unix:nothing",
    ].map((table) => step(`postmap -q a ${table}`)),
  },
  {
    name: "braces and quotes in the names of tables",
    steps: [
      'inline:{{"a=b"=c} { a = d e }}',
      'inline:{{a"=b}}',
      "inline:{{a b=c}}",
      "inline:{{}}",
      "inline:{a=b}{",
      "inline:{ , }",
      "static:{ a } ",
      "unionmap:{a}",
      "unionmap:{fail:x}",
      "regexp:{{/a/ b} {/./ c}}",
      "regexp:{}",
      "regexp:{/a/ b}",
      "pcre:{{/a/ b}x}",
      "cidr:{{10.0.0.0/8 x}",
    ].map((table) => ({ run: ["postmap", "-q", "a", table] })),
  },
  {
    name: "system users",
    steps: [
      step("postmap -q root unix:passwd.byname"),
      step("postmap -q root unix:group.byname"),
      step("postmap -q daemon unix:passwd.byname"),
      step("postmap -q nosuchuser unix:group.byname"),
    ],
  },
];
