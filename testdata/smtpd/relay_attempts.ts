/** What a stranger may try to have relayed to elsewhere.test through example.com. UTF-8 stands as text here. */
export const RECIPIENTS: readonly string[] = [
  "x@elsewhere.test",
  "X@ELSEWHERE.TEST",
  "x@elsewhere.test.",
  // The percent hack.
  "x%elsewhere.test@example.com",
  "x%elsewhere.test@localhost",
  "x%elsewhere.test@[127.0.0.1]",
  "x%elsewhere.test@mx.example.com",
  "x%elsewhere.test",
  "x%elsewhere.test%example.com@example.com",
  "x%elsewhere.test@example.com@example.com",
  "x%elsewhere.test@",
  "x@example.com%elsewhere.test",
  "postmaster%elsewhere.test@example.com",
  // Bang paths.
  "elsewhere.test!x",
  "elsewhere.test!x@example.com",
  "example.com!elsewhere.test!x",
  "example.com!elsewhere.test!x@example.com",
  "elsewhere.test!x%example.com",
  "!elsewhere.test!x@example.com",
  // Source routes.
  "@example.com:x@elsewhere.test",
  "@example.com,@localhost:x@elsewhere.test",
  "@elsewhere.test:x@example.com@elsewhere.test",
  "@localhost:x%elsewhere.test@example.com",
  "@[127.0.0.1]:x@elsewhere.test",
  "@example.com:elsewhere.test!x",
  "@example.com:@elsewhere.test:x@elsewhere.test",
  // Quoted and escaped at signs.
  '"x@elsewhere.test"',
  '"x@elsewhere.test"@example.com',
  '"x@elsewhere.test"@[127.0.0.1]',
  '"x%elsewhere.test"@example.com',
  '"elsewhere.test!x"@example.com',
  '"@example.com:x@elsewhere.test"@example.com',
  '"x"@elsewhere.test',
  '"x@example.com"@elsewhere.test',
  "x\\@elsewhere.test@example.com",
  "x@elsewhere.test\\@example.com",
  // More than one at sign, or none.
  "x@elsewhere.test@example.com",
  "x@elsewhere.test@",
  "x@elsewhere.test@[127.0.0.1]",
  "alice@example.com@elsewhere.test",
  "x@",
  "@elsewhere.test",
  "x",
  // Domain literals.
  "x@[192.0.2.1]",
  "x@[IPv6:2001:db8::1]",
  "x@[127.0.0.1].elsewhere.test",
  "x@[elsewhere.test]",
  "x@192.0.2.1",
  "x@#3221225985",
  // Names that look like ours.
  "x@example.com.elsewhere.test",
  "x@sub.elsewhere.test",
  "postmaster@elsewhere.test",
  "alice+x@elsewhere.test",
  "x@example.com ",
  // Comments, lists and brackets.
  "x@elsewhere.test(@example.com)",
  "(@example.com)x@elsewhere.test",
  "x@elsewhere.test,x@example.com",
  "x@elsewhere.test x@example.com",
  "<x@elsewhere.test>",
  "x@elsewhere.test>,<alice@example.com",
  "x@elsewhere.test;alice@example.com",
  "friends:x@elsewhere.test;",
  // Zero octets and other control characters.
  "x@example.com\0@elsewhere.test",
  "x@elsewhere.test\0@example.com",
  "x@elsewhere.test\t@example.com",
  "x@elsewhere.test\x0b",
  // Look-alikes of letters, dots and at signs.
  "x@\uff45xample.com",
  "x@ex\u0430mple.com",
  "x@elsewhere\u3002test",
  "x@elsewhere\uff0etest",
  "x\uff20elsewhere.test",
  "x\ufe6belsewhere.test@example.com",
  "x@example.com\u200b",
  "x@xn--lsewhere-4ya.test",
];

/** How the stranger presents itself: HELO or EHLO, sender, parameters of MAIL and RCPT. */
export const DISGUISES: readonly {
  readonly name: string;
  readonly hello: string;
  readonly mail: string;
  readonly rcptParameters?: string;
}[] = [
  { name: "stranger", hello: "EHLO x.test", mail: "<a@a.test>" },
  { name: "as one of ours", hello: "EHLO mx.example.com", mail: "<alice@example.com>" },
  { name: "as a bounce", hello: "HELO [127.0.0.1]", mail: "<>" },
  { name: "as localhost", hello: "HELO localhost", mail: "<root@localhost> SIZE=10", rcptParameters: "" },
  {
    name: "with parameters",
    hello: "EHLO x.test",
    mail: "<alice@example.com> SMTPUTF8 AUTH=<> RET=HDRS ENVID=x",
    rcptParameters: " NOTIFY=NEVER ORCPT=rfc822;alice@example.com",
  },
];

/** Commands that ask for rights that the stranger has not. */
export const CLAIMS: readonly string[] = [
  "XCLIENT ADDR=192.0.2.1 NAME=trusted.example.com",
  "XCLIENT LOGIN=alice",
  "XFORWARD ADDR=192.0.2.1 SOURCE=LOCAL",
  "AUTH PLAIN AGFsaWNlAHNlY3JldA==",
  "AUTH EXTERNAL =",
  "ETRN elsewhere.test",
  "VRFY x@elsewhere.test",
];

/** A relay attempt's commands as octets; behind them mail for us still gets in. */
export function relayCommands(disguise: (typeof DISGUISES)[number]): string[] {
  const octets = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
  return [
    disguise.hello,
    ...CLAIMS,
    `MAIL FROM:${disguise.mail}`,
    ...RECIPIENTS.map((recipient) => octets(`RCPT TO:<${recipient}>${disguise.rcptParameters ?? ""}`)),
    "RCPT TO:<alice@example.com>",
    "QUIT",
  ];
}
