/** What is sent to real Postfix's cleanup and to ours. */
import type { CleanupCase } from "./case.ts";
import { randomNumbers } from "../random.ts";

const RECEIVED = "Received: by mx.example.com (Postfix, from userid 0)\n\tid 12345; Sat, 21 Nov 2026 02:39:36 +0000 (UTC)\n";
const LOCAL = ["Arewrite_context=local", "FAl Ice", "Salice"];
const REMOTE = ["Alog_ident=12345", "Arewrite_context=remote", "Salice@a.example"];
/** flags: checks, BCC and mapping, as pickup asks without bouncing. */
const ALL = 0x72;

/** A local message with the given headers and body, to bob. */
function local(name: string, headers: string, more: Partial<CleanupCase> = {}): CleanupCase {
  return {
    name,
    flags: ALL,
    envelope: [...LOCAL, "Rbob"],
    content: RECEIVED + headers + "\nbody\n",
    ...more,
  };
}

const ACTIONS: readonly string[] = [
  "REJECT", "REJECT no way", "REJECT 4.2.1 later", "REJECT 2.2.1 later", "REJECT 550 5.9.9 foo bar",
  "WARN", "WARN the text", "INFO", "INFO  two  blanks ", "FILTER", "FILTER foo", "FILTER smtp:[127.0.0.1]:9", "PASS", "PASS on",
  "DISCARD", "DISCARD bye", "HOLD", "HOLD held it", "PREPEND", "PREPEND foo bar", "PREPEND X-Foo: bar", "REPLACE",
  "REPLACE foo bar", "REPLACE Subject: replaced", "REPLACE To: jane", "REPLACE  X:y", "REDIRECT", "REDIRECT foo",
  "REDIRECT foo@bar.example", "BCC", "BCC foo", "BCC foo@bar.example", "STRIP", "STRIP gone", "IGNORE", "IGNORE text",
  "DUNNO", "DUNNO text", "OK", "OK text", "FNORD text", "warn\ttabbed",
];

/** Every action once, chosen by a header or body line `actNN`; one table set for all, so that one reload does. */
const actionTables = {
  header: ACTIONS.map((action, n) => `/^Subject: act${n}$/ ${action}\n`).join(""),
  body: ACTIONS.map((action, n) => `/^act${n}$/ ${action}\n`).join(""),
};
const actionConfig = { header_checks: "regexp:@DIR@/header", body_checks: "regexp:@DIR@/body" };

function actionCases(): CleanupCase[] {
  return ACTIONS.flatMap((action, n): CleanupCase[] => [
    local(`header ${n} ${action}`, `To: bob\nSubject: act${n}\nX-After: y\n`, { config: actionConfig, tables: actionTables }),
    {
      name: `body ${n} ${action}`,
      flags: ALL,
      config: actionConfig,
      tables: actionTables,
      envelope: [
        ...REMOTE, "Alog_message_origin=host.example[192.0.2.1]", "Alog_helo_name=helo.example", "Alog_protocol_name=ESMTP",
        "Rbob@b.example", "Rcarol@b.example",
      ],
      content: RECEIVED + `To: bob\n\nfirst\nact${n}\nlast\n`,
    },
  ]);
}

const seenConfig = {
  header_checks: "regexp:{{/./ WARN primary}}",
  mime_header_checks: "regexp:{{/./ WARN mime}}",
  nested_header_checks: "regexp:{{/./ WARN nested}}",
  body_checks: "regexp:{{/./ WARN body}}",
  strict_mime_encoding_domain: "yes",
  mime_nesting_limit: "3",
};

/** Messages put together at random (fixed seed) from lines that matter to a MIME parser; the log tells how each was seen. */
function mimeCases(): CleanupCase[] {
  const random = randomNumbers(20261123);
  const lines = [
    "Content-Type: multipart/mixed; boundary=a", 'Content-Type: multipart/digest; boundary="b b"', "Content-Type: message/rfc822",
    "Content-Type: message/partial", "content-type : multipart/alternative;\n boundary=c;\n boundary=a", "Content-Type: text/plain; boundary=a",
    "Content-Type: (comment) multipart/(x)mixed ; Boundary = a", "Content-Type: multipart/x; boundary=\"a\\b\"", "Content-Type: multipart/mixed",
    "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 8bit", "Content-Transfer-Encoding: BINARY (x)", "Content-Type:",
    "Subject: s", "X: y", "X: y\n folded", "--a", "--a", "--b b", "--c", "--a--", "--b b--", "--abc", "--", "---", "--ab", "", "", "", "text", " indented",
    "text with: colon", "not-a header:", "To:", "Content-Disposition: x", "MIME-Version: 1.0", "From x y", "ä: b", "X:",
  ];
  return Array.from({ length: 90 }, (_, n) => {
    const count = 3 + random(25);
    let content = RECEIVED;
    for (let i = 0; i < count; i++) content += lines[random(lines.length)] + "\n";
    return { name: `mime ${n}`, flags: ALL, config: seenConfig, envelope: ["Salice", "Rbob"], content };
  });
}

const written: readonly CleanupCase[] = [
  local("plain local", "Subject: hi\nTo: bob@example.org\n"),
  local("complete", "Message-ID: <1@x>\nDate: now\nFrom: me\nTo: bob\nSubject: x\n"),
  local("message-id odd", "message-id :   <a@b>  \nTo: bob\n"),
  local("message-id folded", "Message-Id:\n <a@b>\n  \nTo: bob\n"),
  local("no recipients headers", "Subject: hi\n"),
  local("undisclosed", "Subject: hi\n", { config: { undisclosed_recipients_header: "To: undisclosed-recipients:;" } }),
  local("drop headers", "Bcc: x\nReturn-Path: <y>\nContent-Length: 3\nResent-Bcc: z\n\tmore\nTo: bob\nX: y\n"),
  local("resent", "Resent-From: joe\nTo: bob\nFrom: x\nDate: y\nMessage-Id: <z>\n"),
  local("resent sender only", "Resent-Sender: joe\nTo: bob\nFrom: x\n"),
  local("blanks before colon", "Subject : hi\nTo\t: bob\nX-Foo   : bar\n"),
  local("header addresses", "From: joe\nTo: bob, carol@b, Dave <dave@example.org>, \"x y\"@c (comment), group: a, b;\nCc: <@route:x@y>\nReply-To: me@here\nSender: s\nErrors-To: e\n"),
  local("header addresses odd", "From: joe@\nTo: bob,, carol ,\nCc:\nReply-To: <>\nSender: \"unterminated\nMail-Followup-To: a b c\n"),
  local("header addresses more", "From: =?utf-8?q?J=C3=B6rg?= <joerg>\nTo: a!b, c%d, e%f@mx.example.com, \"g h\" <g>, i <j>, k (l), m\nDisposition-Notification-To: n\nReturn-Receipt-To: o\nApparently-To: p\nResent-Reply-To: q\n"),
  local("long address list", "To: " + Array.from({ length: 40 }, (_, n) => `user${n}`).join(", ") + "\n"),
  local("long address list unchanged", "To: " + Array.from({ length: 40 }, (_, n) => `user${n}@x.example`).join(", ") + "\n"),
  local("folded to", "To: bob,\n\tcarol,\n  Dave <dave>\n"),
  local("empty header values", "Subject:\nTo:\nX:\n"),
  local("no body", "", { content: RECEIVED + "Subject: x\nTo: bob\n" }),
  local("no final newline", "", { content: RECEIVED + "Subject: x\nTo: bob\n\nbody" }),
  local("no final newline in header", "", { content: RECEIVED + "Subject: x" }),
  local("headers end without blank", "", { content: RECEIVED + "Subject: x\nnot a header\nmore\n" }),
  local("body first", "", { content: RECEIVED + "\nSubject: x\n\nbody\n" }),
  local("continuation first", "", { content: RECEIVED.trimEnd() + "\n\n leading blank\n" }),
  local("no received", "", { content: "Subject: x\n\nbody\n" }),
  local("empty content", "", { content: "" }),
  local("long lines", "X-Long: " + "a".repeat(5000) + "\nTo: bob\nX-2048: " + "b".repeat(2040) + "\n", {}),
  local("long body", "To: bob\n", { content: RECEIVED + "To: bob\n\n" + "x".repeat(5000) + "\n" + "y".repeat(2048) + "\n" + "z".repeat(2047) + "\n" }),
  local("header size limit", "X-Long: " + "a".repeat(300) + "\n " + "b".repeat(200) + "\n " + "c".repeat(200) + "\n d\nTo: bob\n", { config: { header_size_limit: "400" } }),
  local("header size limit at a line", "X-Long: " + "a".repeat(370) + "\n " + "b".repeat(30) + "\n c\nTo: bob\n", { config: { header_size_limit: "400" } }),
  local("header size limit, many lines", "X-Long: a\n" + (" " + "b".repeat(22) + "\n").repeat(40) + "To: bob\n", { config: { header_size_limit: "400" } }),
  local("header size limit, one line", "X-Long: " + "a".repeat(5000) + "\nTo: bob\n", { config: { header_size_limit: "400" } }),
  local("header size limit, rewritten", "To: " + Array.from({ length: 40 }, (_, n) => `user${n}`).join(", ") + "\nSubject: x\n", { config: { header_size_limit: "400" } }),
  local("header size limit, checked", "X-Long: " + "a".repeat(370) + "\n " + "b".repeat(300) + "\n c\nTo: bob\n", { config: { header_size_limit: "400", header_checks: "regexp:{{/bbb/ WARN}}" } }),
  local("hop count", "Received: a\n".repeat(48) + "To: bob\n"),
  local("hop count at limit", "Received: a\n".repeat(49) + "To: bob\n"),
  local("full name odd", "Subject: x\n", { envelope: ["Arewrite_context=local", "FJoe (the) \"Q\" Public, Jr.", "Salice", "Rbob"] }),
  local("full name empty", "Subject: x\n", { envelope: ["Arewrite_context=local", "F", "Salice", "Rbob"] }),
  local("full name 8bit", "Subject: x\n", { envelope: ["Arewrite_context=local", "FJörg Müller", "Salice", "Rbob"] }),
  local("full name special", "Subject: x\n", { envelope: ["Arewrite_context=local", "FJ. R. @ (x\\", "Salice", "Rbob"] }),
  local("from obsolete", "Subject: x\n", { config: { header_from_format: "obsolete" } }),
  local("from obsolete odd", "Subject: x\n", { config: { header_from_format: "obsolete" }, envelope: ["Arewrite_context=local", "FJoe (the) Q", "Salice", "Rbob"] }),
  local("null sender", "Subject: x\n", { envelope: ["Arewrite_context=local", "FAl", "S", "Rbob"] }),
  local("odd sender", "Subject: x\n", { envelope: ["Arewrite_context=local", "Sa b@c d", "R", "Rx y", "R@", "Ra@", "R@b", "Rc..d@e", "R\"q\"@r"] }),
  local("duplicates", "Subject: x\n", { envelope: [...LOCAL, "Rbob", "Rbob@example.com", "RBOB", "Rbob"] }),
  local("duplicates without original", "Subject: x\n", { envelope: [...LOCAL, "Rbob", "Rbob@example.com", "RBOB"], config: { enable_original_recipient: "no" } }),
  local("dsn records", "Subject: x\n", { envelope: ["Aenvelope_id=ENV", "Aret_flags=1", ...LOCAL, "Anotify_flags=10", "Adsn_orig_rcpt=rfc822;x@y", "Oorig", "Rbob", "Anotify_flags=1", "Rcarol", "Anotify_flags=3", "Rdave", "Anotify_flags=x", "Reve", "Anotify_flags=8", "Anotify_flags=4", "Rfay"] }),
  local("mixed records", "Subject: x\n", { envelope: [...LOCAL, "Rbob", "Aencoding=8bit", "Rcarol", "Lsmtp:[x]", ">r@s.example"] }),
  local("done recipients", "Subject: x\n", { envelope: [...LOCAL, "Anotify_flags=4", "Oold", "Dbob", "Rcarol", "Oo", "/x", "Ry"] }),
  local("extracted recipients", "Subject: x\n", { envelope: LOCAL, extracted: ["Anotify_flags=2", "Rbob", "Aencoding=8bit", "rreceipt", "eerrors", "Pprio", "Ldiscard:"] }),
  local("no recipients", "Subject: x\n", { envelope: LOCAL }),
  local("verp", "Subject: x\n", { envelope: [...LOCAL, "V+=", "V--", "Rbob"] }),
  local("verp bad", "Subject: x\n", { envelope: [...LOCAL, "Vxy", "Rbob"] }),
  local("verp null sender", "Subject: x\n", { envelope: ["S", "V+=", "Rbob"] }),
  local("warn record", "Subject: x\n", { envelope: [...LOCAL, "Rbob"], config: { delay_warning_time: "4h" } }),
  local("warn record no recipients in envelope", "Subject: x\n", { envelope: LOCAL, extracted: ["Rbob"], config: { delay_warning_time: "4h" } }),
  local("warn given", "Subject: x\n", { envelope: [...LOCAL, "W     1795229041", "Rbob"], config: { delay_warning_time: "4h" } }),
  local("always bcc", "Subject: x\n", { config: { always_bcc: "archive" } }),
  local("always bcc not allowed", "Subject: x\n", { flags: 0x62, config: { always_bcc: "archive" } }),
  local("bcc maps", "Subject: x\n", { envelope: [...LOCAL, "Alog_client_name=x", "Rbob", "Rcarol+x", "Rdave@d.example"], config: { sender_bcc_maps: "inline:{alice@example.com=sent}", recipient_bcc_maps: "inline:{bob@example.com=rcvd, carol@example.com=car, d.example=no, @d.example=dee}" } }),
  local("canonical", "From: alice\nTo: bob, x@old.example, Eve <eve+z@old.example>\n", { envelope: [...LOCAL, "Rbob", "Reve+z@old.example"], config: { canonical_maps: "inline:{alice=alice.ice@c.example, @old.example=@new.example, eve@old.example=adam@new.example}" } }),
  local("canonical classes", "From: alice\nTo: bob\n", { config: { canonical_maps: "inline:{alice=alice2, bob=bob2}", canonical_classes: "envelope_sender, header_recipient" } }),
  local("sender and recipient canonical", "From: alice\nTo: alice, bob\nReply-To: bob\n", { config: { sender_canonical_maps: "inline:{alice=alice.s, bob=bob.s}", recipient_canonical_maps: "inline:{bob=bob.r, alice=alice.r}" } }),
  local("mapping off", "From: alice\nTo: bob\n", { flags: 0x42, config: { canonical_maps: "inline:{alice=alice2, bob=bob2}", virtual_alias_maps: "inline:{bob@example.com=carol}", masquerade_domains: "example.com" } }),
  local("virtual", "To: bob\n", { envelope: [...LOCAL, "Rbob", "Rlist+ext", "Anotify_flags=2", "Rone", "Anotify_flags=10", "Rlist"], config: { virtual_alias_maps: "inline:{bob@example.com=carol, {list@example.com=bob, dave@d.example eve}, one=two@t.example}" } }),
  local("virtual loop", "To: bob\n", { envelope: [...LOCAL, "Rloop1"], config: { virtual_alias_maps: "inline:{loop1=loop2, loop2=loop1}" } }),
  local("virtual self", "To: bob\n", { envelope: [...LOCAL, "Rbob"], config: { virtual_alias_maps: "inline:{{bob@example.com=bob, archive@a.example}}" } }),
  local("virtual expansion limit", "To: bob\n", { envelope: [...LOCAL, "Rbob"], config: { virtual_alias_expansion_limit: "2", virtual_alias_maps: "inline:{{bob@example.com=a@x b@x c@x}}" } }),
  local("virtual recursion limit", "To: bob\n", { envelope: [...LOCAL, "Rb1"], config: { virtual_alias_recursion_limit: "2", virtual_alias_maps: "inline:{b1=b2, b2=b3, b3=b4, b4=b5}" } }),
  local("virtual length limit", "To: bob\n", { envelope: [...LOCAL, "Rb"], config: { virtual_alias_address_length_limit: "20", virtual_alias_maps: "inline:{b=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}" } }),
  local("masquerade", "From: alice@h.m.example\nTo: bob@h.m.example, root@h.m.example, x@keep.m.example\n", { envelope: ["Arewrite_context=local", "Salice@h.m.example", "Rbob@h.m.example"], config: { masquerade_domains: "!keep.m.example m.example", masquerade_exceptions: "root" } }),
  local("masquerade recipients", "From: alice@h.m.example\nTo: bob@h.m.example\n", { envelope: ["Arewrite_context=local", "Salice@h.m.example", "Rbob@h.m.example"], config: { masquerade_domains: "m.example", masquerade_classes: "envelope_recipient, header_sender" } }),
  { name: "remote", flags: ALL, envelope: [...REMOTE, "Rbob@b.example"], content: RECEIVED + "From: joe\nTo: bob\n\nbody\n" },
  { name: "remote without anything", flags: ALL, envelope: [...REMOTE, "Rbob@b.example"], content: RECEIVED + "\nbody\n" },
  { name: "remote add missing", flags: ALL, config: { always_add_missing_headers: "yes", undisclosed_recipients_header: "To: undisclosed-recipients:;" }, envelope: [...REMOTE, "Rbob@b.example"], content: RECEIVED + "Subject: joe\n\nbody\n" },
  { name: "remote rewrite domain", flags: ALL, config: { remote_header_rewrite_domain: "domain.invalid" }, envelope: [...REMOTE, "Rbob@b.example", "Rcarol"], content: RECEIVED + "From: joe\nTo: bob, x@y\n\nbody\n" },
  { name: "no context", flags: ALL, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "From: joe\nTo: bob, x@y\n\nbody\n" },
  { name: "too big", flags: ALL, config: { message_size_limit: "4000" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "To: bob\n\n" + "line of text\n".repeat(400) },
  { name: "encoding header", flags: ALL, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nb\n" },
  { name: "encoding binary part", flags: ALL, envelope: [...LOCAL, "Aencoding=7bit", "Rbob"], content: RECEIVED + "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Transfer-Encoding: binary\n\nb\n--x--\n" },
  { name: "encoding known", flags: ALL, envelope: [...LOCAL, "Aencoding=7bit", "Rbob"], content: RECEIVED + "Content-Transfer-Encoding: base64\n\nb\n" },
  { name: "encoding detection off", flags: ALL, config: { detect_8bit_encoding_header: "no" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Content-Transfer-Encoding: 8bit\n\nb\n" },
  { name: "strict 7bit headers", flags: ALL, config: { strict_7bit_headers: "yes" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: ä\n\nb\n" },
  { name: "strict 8bit body", flags: ALL, config: { strict_8bitmime_body: "yes" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: a\n\nä\n" },
  { name: "strict 8bit body declared", flags: ALL, config: { strict_8bitmime_body: "yes" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Content-Transfer-Encoding: 8bit\n\nä\n" },
  { name: "strict encoding domain", flags: ALL, config: { strict_mime_encoding_domain: "yes" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nä\n" },
  { name: "nesting limit", flags: ALL, config: { mime_nesting_limit: "1", header_checks: "regexp:{{/zz/ WARN}}" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n" },
  { name: "utf8 requested", flags: ALL | 0x100, envelope: ["Sälice@ä.example", "Rbob@b.example", "Rjörg@ö.example"], content: RECEIVED + "Subject: ä\n\nb\n" },
  { name: "utf8 requested header only", flags: ALL | 0x100, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Subject: ä\n\nb\n" },
  { name: "utf8 autodetect header", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Subject: ä\n\nb\n" },
  { name: "utf8 autodetect recipient", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rböb@b.example"], content: RECEIVED + "Subject: a\n\nb\n" },
  { name: "utf8 autodetect body", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Subject: a\n\nä\n" },
  { name: "utf8 autodetect invalid", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Subject: a\udcff\n\nb\n" },
  { name: "utf8 autodetect recipient domain", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@ö.example"], content: RECEIVED + "Subject: a\n\nb\n" },
  { name: "stray cr lf", flags: ALL, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: a\rb\n\nbo\rdy\r\n.\r\n" },
  { name: "nul", flags: ALL, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: a\0b\n c\0d\nTo: x\0y\n\nbo\0dy\n" },
  { name: "nul and rewriting", flags: ALL, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "To: x\0y, z\n\nb\n" },
  { name: "reject characters", flags: ALL, config: { message_reject_characters: "\\0" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: x\n\nbo\0dy\n" },
  { name: "strip characters", flags: ALL, config: { message_strip_characters: "\\0x\\177" }, envelope: [...LOCAL, "Rbob"], content: RECEIVED + "Subject: axb\n\nbo\0dxy\x7f\n" },
  { name: "flags record", flags: ALL, envelope: ["f4", "f1", ...LOCAL, "Rbob"], content: RECEIVED + "\nb\n" },
  { name: "discard flag", flags: ALL, envelope: ["f8", ...LOCAL, "Rbob"], content: RECEIVED + "\nb\n" },
  { name: "pickup reject bounces", flags: 0x73, config: { header_checks: "regexp:{{/^Subject: x/ REJECT go away}}" }, envelope: ["S", "Rbob"], content: RECEIVED + "Subject: x\n\nb\n" },
  ...[
    ["no sender", ["T1795229040 1", "Rbob", "M", "X", "E"]],
    ["no time", ["Salice", "Rbob", "M", "X", "E"]],
    ["two senders", ["T1795229040 1", "Salice", "Sbob", "Rbob", "M", "X", "E"]],
    ["two times", ["T1795229040 1", "T5 5", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["bad attribute", ["T1795229040 1", "Afoo", "Salice", "Rbob", "M", "X", "E"]],
    ["attribute without name", ["T1795229040 1", "A=foo", "Salice", "Rbob", "M", "X", "E"]],
    ["attribute blanks", ["T1795229040 1", "A foo = bar ", "A create_time=5", "Aempty=", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["attributes too many", ["T1795229040 1", ...Array.from({ length: 101 }, (_, n) => `Aa${n}=b`), "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["content type in envelope", ["T1795229040 1", "Salice", "Nx", "Rbob", "M", "X", "E"]],
    ["pointer", ["T1795229040 1", "Salice", "p              0", "Rbob", "M", "X", "E"]],
    ["envelope type in content", ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "Rcarol", "X", "E"]],
    ["padding in content", ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "wpad", "X", "E"]],
    ["bad type in extracted", ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "X", "T1", "E"]],
    ["sender in extracted", ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "X", "Sx", "E"]],
    ["end in envelope", ["T1795229040 1", "Salice", "Rbob", "E"]],
    ["no end", ["T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "X"]],
    ["nothing", []],
    ["end only", ["E"]],
    ["bad context", ["T1795229040 1", "Arewrite_context=foo", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["bad ret", ["T1795229040 1", "Aret_flags=7", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["two ret", ["T1795229040 1", "Aret_flags=1", "Aret_flags=2", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["two envid", ["T1795229040 1", "Aenvelope_id=1", "Aenvelope_id=2", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["bad envid", ["T1795229040 1", "Aenvelope_id=ä", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["dsn pseudo types", ["T1795229040 1", "c5", "<1", "iENV", "Salice", "n2", "orfc822;x", "Rbob", "M", "NReceived: x", "X", "n4", "Rcarol", "E"]],
    ["inspector", ["T1795229040 1", "Ifoo:bar", "K", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
    ["size and ctime given", ["C 1 2 3", "T1795229040 1", "Salice", "Rbob", "M", "NReceived: x", "X", "E"]],
  ].map(([name, envelope]): CleanupCase => ({ name: name as string, flags: ALL, envelope: envelope as string[], content: "", raw: true })),
  { name: "bounce reject", flags: 0x73, config: { header_checks: "regexp:{{/^Subject: x/ REJECT go away}}" }, envelope: ["Salice", "Rbob", "Anotify_flags=1", "Rcarol", "Anotify_flags=4", "Oorig", "Rdave"], content: RECEIVED + "Subject: x\n\nb\n" },
  { name: "bounce hops", flags: 0x73, envelope: ["Salice", "Rbob"], content: RECEIVED + "Received: a\n".repeat(60) + "\nb\n" },
  { name: "bounce hops null sender", flags: 0x73, envelope: ["S", "Rbob"], content: RECEIVED + "Received: a\n".repeat(60) + "\nb\n" },
  { name: "bounce no recipients", flags: 0x73, envelope: ["Salice"], content: RECEIVED + "\nb\n" },
  { name: "bounce defer", flags: 0x73, config: { header_checks: "regexp:{{/^Subject: x/ REJECT 4.0.0 go away}}" }, envelope: ["Salice", "Rbob"], content: RECEIVED + "Subject: x\n\nb\n" },
  { name: "bounce protocol", flags: 0x73, envelope: ["Salice", "Rbob"], content: "x" },
  { name: "bounce mime", flags: 0x73, config: { strict_7bit_headers: "yes" }, envelope: ["Salice", "Rbob"], content: RECEIVED + "Subject: ä\n\nb\n" },
  { name: "body checks size", flags: ALL, config: { body_checks: "regexp:{{/./ WARN}}", body_checks_size_limit: "20" }, envelope: ["Salice", "Rbob"], content: RECEIVED + "Content-Type: multipart/mixed; boundary=x\n\n1234567\n12345678\nabcdefgh\nqwertzui\n--x\n\nsecond\n" },
  { name: "checks with long lines", flags: ALL, config: { header_checks: "regexp:{{/./ WARN}}", body_checks: "regexp:{{/./ WARN}}" }, envelope: ["Salice", "Rbob"], content: RECEIVED + "Subject: " + "long ".repeat(500) + "\n\n" + "line ".repeat(500) + "\n" },
  local("warn given narrow", "Subject: x\n", { envelope: [...LOCAL, "W1795229041", "Rbob"] }),
  local("sender with two at signs", "From: joe@@x\n", { envelope: ["Arewrite_context=local", "Sjoe@@x", "Rjoe@@x"] }),
  { name: "utf8 autodetect sender", flags: ALL | 0x200, envelope: ["Sälice@a.example", "Rbob@b.example"], content: RECEIVED + "Subject: a\n\nb\n" },
  { name: "utf8 autodetect nested header", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Content-Type: message/rfc822\n\nSubject: ä\n\nb\n" },
  { name: "utf8 autodetect part header", flags: ALL | 0x200, envelope: ["Salice@a.example", "Rbob@b.example"], content: RECEIVED + "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Disposition: ä\n\nb\n--x--\n" },
  { name: "utf8 not requested", flags: ALL, envelope: ["Sälice@a.example", "Rböb@b.example"], content: RECEIVED + "Subject: ä\n\nb\n" },
  local("full name with a dot", "Subject: x\n", { envelope: ["Arewrite_context=local", "FDr. Smith", "Salice", "Rbob"] }),
  local("full name with quotes", "Subject: x\n", { envelope: ["Arewrite_context=local", "F\"Al\" \\ Ice", "Salice", "Rbob"] }),
  local("full name obsolete parentheses", "Subject: x\n", { config: { header_from_format: "obsolete" }, envelope: ["Arewrite_context=local", "FAl ) ( Ice \\ x", "Salice", "Rbob"] }),
  local("resent headers without block", "Resent-Date: x\nTo: bob\n"),
  local("two message ids", "Message-Id: <1@x>\nMessage-Id: <2@x>\nTo: bob\n"),
  local("message id without brackets", "Message-Id: foo bar\nTo: bob\n"),
  local("drop headers of our own choice", "Subject: x\nX-Foo: y\nBcc: z\n", { config: { message_drop_headers: "x-foo subject" } }),
  local("no mime processing", "Content-Type: multipart/mixed; boundary=x\n", { config: { disable_mime_input_processing: "yes", header_checks: "regexp:{{/./ WARN h}}", body_checks: "regexp:{{/./ WARN b}}" }, content: RECEIVED + "Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 8bit\n\n--x\nSubject: y\n\nz\n" }),
  local("checks off by flag", "Subject: act0\n", { flags: 0x70, config: { header_checks: "regexp:{{/./ REJECT}}" } }),
  local("prepend in part header", "Content-Type: multipart/mixed; boundary=x\n", { config: { mime_header_checks: "regexp:{{/^Content-Disp/ PREPEND X-Pre: y}}" }, content: RECEIVED + "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Disposition: y\n\nz\n" }),
  local("pass stops checks", "Subject: a\nX-Bad: y\n", { config: { header_checks: "regexp:{{/^Subject/ PASS ok}}", body_checks: "regexp:{{/./ REJECT}}" } }),
  local("reject keeps first reason", "Subject: a\nX-Bad: y\n", { config: { header_checks: "regexp:{{/^Subject/ REJECT one}}", body_checks: "regexp:{{/./ REJECT two}}" }, flags: 0x73 }),
  local("redirect and filter twice", "X-A: 1\nX-B: 2\n", { config: { header_checks: "regexp:{{/^X-A/ REDIRECT a@x}}", body_checks: "regexp:{{/./ REDIRECT b@x}}" } }),
  local("address list: words that blanks separate inside brackets", "From: x <a b@host>\nTo: y <\"quoted user\"a b>, z <a(c)b@d.example>, u\n"),
  local("address list: colons that start no group", "From: joe:x <al>\nTo: \"Q\" User: a b: ;, Joe: G: c@d.example;, one: two:<u>\nCc: 'J': \"G x\":;\n"),
  local("address list: lines are as wide as octets", "To: Jürg <jürg>, Änne <änne@äääääää.example>, Ö <ö@öööööö.example>, u\n"),
  local("recipient behind a route with a literal", "To: bob\n", { envelope: ["Arewrite_context=local", "Salice", "R@a.example:@[IPv6:::1]:a b"] }),
  ...mimeCases(),
  ...actionCases(),
];


/** A rule in braces becomes a table file, which every release understands. */
function withFiles(test: CleanupCase): CleanupCase {
  const config: Record<string, string> = {};
  const tables: Record<string, string> = { ...test.tables };
  for (const [name, value] of Object.entries(test.config ?? {})) {
    const rule = /^regexp:\{\{(.*)\}\}$/.exec(value)?.[1];
    config[name] = rule === undefined ? value : `regexp:@DIR@/${name}`;
    if (rule !== undefined) tables[name] = rule + "\n";
  }
  return { ...test, config, tables };
}

export const cases: readonly CleanupCase[] = written.map(withFiles);
