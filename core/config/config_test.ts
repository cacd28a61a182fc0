import assert from "node:assert/strict";
import {
  type Config,
  ConfigError,
  configFromText,
  loadConfig,
  masterEntriesFromText,
  parameterTable,
  readMasterFile,
  serviceConfig,
} from "./mod.ts";

function fails(action: () => unknown, message: string): void {
  assert.throws(action, (error: Error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, message);
    return true;
  });
}

const config = configFromText(`# comment
myhostname = mail.example.com
relayhost = a,
	b
# in between

  c
mydestination = $myhostname localhost.$mydomain, { x y }
biff = maybe
hopcount_limit = 5x
default_process_limit = 0
queue_run_delay = 5y
maximal_queue_lifetime = 2
minimal_backoff_time = 0
smtp_destination_recipient_limit = 7
2bounce_notice_recipient =
forward_path = $home/$x
relayhost_too = $relayhost_too
`);

Deno.test("Config: values of all types", () => {
  assert.equal(config.string("relayhost"), "a,\tb  c");
  assert.deepEqual(config.list("relayhost"), ["a", "b", "c"]);
  assert.deepEqual(config.list("mydestination"), ["mail.example.com", "localhost.example.com", "{ x y }"]);
  assert.equal(config.string("mydomain"), "example.com");
  assert.equal(config.seconds("maximal_queue_lifetime"), 2 * 86400);
  assert.equal(config.seconds("bounce_queue_lifetime"), 5 * 86400);
  assert.equal(config.int("smtp_destination_recipient_limit"), 7);
  assert.equal(config.int("other_destination_recipient_limit"), 50);
  assert.equal(config.bool("append_at_myorigin"), true);
  assert.equal(config.string("forward_path"), "$home/$x");
  assert.equal(config.string("mail_name"), "Postel");
  assert.equal(config.string("postel_log_format"), "classic");
  assert.equal(config.string("config_directory"), "/etc/postfix");
  assert.equal(config.int("process_id"), Deno.pid);
  assert.equal(config.raw("nosuch"), undefined);
  assert.ok(config.isSet("relayhost") && !config.isSet("mydomain"));
  assert.deepEqual(config.origin("mydestination"), { file: "/etc/postfix/main.cf", line: 8 });
  assert.equal(config.names()[0], "myhostname");
});

Deno.test("Config: wrong values are told with file, line and what is allowed", () => {
  const place = (line: number) => `(/etc/postfix/main.cf, line ${line})`;
  fails(() => config.bool("biff"), `bad boolean configuration: biff = maybe: specify yes or no ${place(9)}`);
  fails(
    () => config.int("hopcount_limit"),
    `bad numerical configuration: hopcount_limit = 5x: specify a whole number ${place(10)}`,
  );
  fails(
    () => config.int("default_process_limit"),
    `invalid default_process_limit parameter value 0 < 1 ${place(11)}`,
  );
  fails(
    () => config.seconds("queue_run_delay"),
    `parameter queue_run_delay: bad time value or unit: 5y: specify a number and s, m, h, d or w ${
      place(12)
    }`,
  );
  fails(() => config.seconds("minimal_backoff_time"), `invalid minimal_backoff_time: 0 (min 1) ${place(14)}`);
  fails(
    () => config.string("2bounce_notice_recipient"),
    `bad string length 0 < 1: 2bounce_notice_recipient =  ${place(16)}`,
  );
  fails(
    () => config.string("relayhost_too"),
    `unreasonable macro call nesting: "relayhost_too" ${place(18)}`,
  );
  fails(() => config.string("nosuch"), "unknown parameter: nosuch");
});

Deno.test("Config: with() and expand()", () => {
  const other = config.with([["relayhost", "$myhostname:25"], ["user_defined", "x"]]);
  assert.equal(other.string("relayhost"), "mail.example.com:25");
  assert.equal(other.expand("<$user_defined>"), "<x>");
  assert.equal(config.expand("<$user_defined>"), "<>");
});

Deno.test("Config: defaults follow compatibility_level", () => {
  const level = (value: string) => configFromText(`compatibility_level = ${value}\nmyhostname = a.b\n`);
  assert.equal(level("0").bool("smtputf8_enable"), false);
  assert.equal(level("3.6").bool("smtputf8_enable"), true);
  assert.equal(level("3.6").string("mynetworks_style"), "host");
  assert.equal(level("0").string("mynetworks_style"), "subnet");
});

Deno.test("Config: computed defaults", () => {
  const computed = (text: string) => configFromText(text);
  assert.equal(
    computed("mydomain = x.y\n").string("myhostname").split(".")[0],
    Deno.hostname().split(".")[0],
  );
  assert.equal(computed("myhostname = single\n").string("mydomain"), "localdomain");
  const networks = (text: string) => computed(`myhostname = a.b\n${text}`).string("mynetworks");
  assert.equal(networks("inet_interfaces = 127.0.0.1\nmynetworks_style = subnet\n"), "127.0.0.0/8");
  assert.equal(networks("inet_interfaces = 127.0.0.1\nmynetworks_style = host\n"), "127.0.0.1/32");
  fails(
    () => networks("mynetworks_style = big\n"),
    'unknown mynetworks mask style value "big" in "big" (default value of mynetworks)',
  );
});

Deno.test("main.cf: a line that is no setting", () => {
  fails(
    () => configFromText("\n# c\nrelayhost\n"),
    `/etc/postfix/main.cf, line 3: missing '=' after attribute name: "relayhost"`,
  );
  fails(() => configFromText("= x\n"), `/etc/postfix/main.cf, line 1: missing attribute name: "= x"`);
  const warnings: string[] = [];
  const odd = configFromText(" stray = 1\r\nrelayhost = x\r\nrelayhost = y", {
    warn: (text) => warnings.push(text),
  });
  assert.equal(odd.string("relayhost"), "y");
  assert.deepEqual(warnings.map((text) => text.replace("/etc/postfix/", "")), [
    'main.cf: logical line must not start with whitespace: " stray = 1\r"',
    "main.cf, line 3: overriding earlier entry: relayhost=x",
  ]);
});

Deno.test("loadConfig: a missing directory", () => {
  fails(
    () => loadConfig({ directory: "/nonexistent" }),
    "open /nonexistent/main.cf: No such file or directory",
  );
});

Deno.test("loadConfig: a main.cf of 1 MB", () => {
  const directory = Deno.makeTempDirSync();
  const long = Array.from(
    { length: 20_000 },
    (_, index) => `  10.0.${index >> 8}.${index & 255}/32, # no comment`,
  );
  Deno.writeTextFileSync(`${directory}/main.cf`, `mynetworks =\n${long.join("\n")}\nrelayhost = end`);
  const big = loadConfig({ directory });
  assert.equal(big.string("relayhost"), "end");
  assert.equal(big.list("mynetworks").length, 80_000);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("parameterTable: knows Postfix 3.11", () => {
  assert.equal(parameterTable.all.filter(({ class: kind }) => kind === "builtin").length >= 871, true);
  assert.equal(parameterTable.find("tls_dane_digest_agility"), undefined);
  assert.equal(parameterTable.findRemoved("tls_dane_digest_agility")?.removed, "3.4");
  assert.equal(
    parameterTable.findDerived("a_destination_recipient_limit")?.suffix,
    "_destination_recipient_limit",
  );
  const ours: Config = configFromText("myhostname = a.b\ninet_interfaces = 127.0.0.1\n");
  for (const { name, type, class: kind } of parameterTable.all) {
    if (kind === "legacy") continue;
    if (type === "bool" || type === "nbool") ours.bool(name);
    else if (type === "int" || type === "nint" || type === "long") ours.int(name);
    else if (type === "time") ours.seconds(name);
    else ours.string(name);
  }
});

const MASTER = `# comment
smtp      inet  n       -       n       -       -       smtpd -v
  -o syslog_name=postfix/$service_name/x
# inside
  -o { smtpd_client_restrictions = permit_mynetworks, reject }
pickup    unix  n       -       y       60?     1       pickup
log       unix-dgram n  -       n       300     0       postlogd
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail { argv=/usr/bin/maildrop -d } -o not=option
`;

Deno.test("master.cf: columns and options", () => {
  const master = configFromText("compatibility_level = 3.6\ndefault_process_limit = 42\n");
  const [smtp, pickup, log, maildrop] = masterEntriesFromText(MASTER, "m", master);
  assert.deepEqual(smtp, {
    name: "smtp",
    type: "inet",
    private: false,
    unprivileged: true,
    chroot: false,
    wakeup: 0,
    wakeupIfUsed: false,
    processLimit: 42,
    processLimitIsDefault: true,
    command: "smtpd",
    arguments: ["-v"],
    overrides: [["syslog_name", "postfix/$service_name/x"], [
      "smtpd_client_restrictions",
      "permit_mynetworks, reject",
    ]],
    origin: { file: "m", line: 2 },
  });
  assert.deepEqual([pickup!.wakeup, pickup!.wakeupIfUsed, pickup!.processLimit, pickup!.chroot], [
    60,
    true,
    1,
    true,
  ]);
  assert.deepEqual([log!.type, log!.wakeup, log!.processLimit], ["unix-dgram", 300, 0]);
  assert.deepEqual(maildrop!.arguments, [
    "flags=DRXhu",
    "user=vmail",
    "argv=/usr/bin/maildrop -d",
    "-o",
    "not=option",
  ]);
  assert.deepEqual(maildrop!.overrides, []);
  const service = serviceConfig(master, smtp!);
  assert.equal(service.string("syslog_name"), "postfix/smtp/x");
  assert.equal(service.string("process_name"), "smtpd");
  assert.deepEqual(service.origin("syslog_name"), { file: "m", line: 2 });
  assert.equal(master.string("syslog_name"), "postfix");
});

Deno.test("master.cf: master_service_disable and repeated entries", () => {
  const names = (text: string) =>
    masterEntriesFromText(MASTER, "m", configFromText(text)).map((entry) => entry.name).join(" ");
  assert.equal(names("master_service_disable = inet\n"), "pickup log maildrop");
  assert.equal(names("master_service_disable = maildrop/unix, smtp/inet\n"), "pickup log");
  assert.equal(names("master_service_disable = !pickup/unix, all\n"), "pickup");
  const warnings: string[] = [];
  const line = "smtp inet n - n - - smtpd";
  const entries = masterEntriesFromText(
    `${line}\n${line} -v\n`,
    "m",
    configFromText(""),
    (text) => warnings.push(text),
  );
  assert.deepEqual(entries.map((entry) => entry.arguments), [["-v"]]);
  assert.deepEqual(warnings, ['duplicate master.cf entry for service "smtp" (inet) -- using the last entry']);
});

Deno.test("master.cf: mistakes, with file and line", () => {
  const wrong = (line: string, message: string) =>
    fails(() => masterEntriesFromText(`# c\n${line}\n`, "m", configFromText("")), `m: line 2: ${message}`);
  wrong("smtp inet n - n -", 'missing "process_limit" field');
  wrong("smtp foo n - n - - x", "bad transport type: foo: specify one of inet, unix, unix-dgram, fifo, pass");
  wrong("smtp unix x - n - - x", 'field "private": bad value: "x": specify y, n or -');
  wrong("smtp unix - - n 60x - x", 'field "wakeup": bad value: "60x": specify a number or -');
  wrong("smtp unix - - n - -1 x", 'field "process_limit": bad value: "-1": specify a number or -');
  wrong("smtp inet - - n - - x", "inet service cannot be private: put n in the third column");
  wrong("smtp unix - - n - - x -o", "option -o requires an argument: specify -o name=value");
  wrong("smtp unix - - n - - x -o a", `-o: missing '=' after attribute name: "a"`);
  wrong("smtp unix - - n - - x -o { a = b", `missing '}' in "{ a = b"`);
  wrong("smtp unix - - n - - x {a}b", `syntax error after '}' in "{a}b"`);
  fails(
    () => readMasterFile(configFromText("", { directory: "/nonexistent" })),
    "open /nonexistent/master.cf: No such file or directory",
  );
});

Deno.test("main.cf and master.cf: hostile bytes end in a result or a ConfigError", () => {
  let seed = 4711;
  const random = (limit: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % limit;
  };
  const parts = [
    "\n",
    "\n ",
    "#",
    "=",
    " = ",
    "relayhost",
    "mydomain",
    "$mydomain",
    "${relayhost?{a}:{b}}",
    "{",
    "}",
    "\t",
    "\r",
  ]
    .concat([
      "smtp inet n - n - - smtpd",
      " -o ",
      "-",
      "60?",
      "\udcff",
      "\0",
      "unix - - y - - x",
      "99999999999",
      "é",
      "-v",
    ]);
  for (let round = 0; round < 4000; round++) {
    const text = Array.from({ length: random(20) }, () => parts[random(parts.length)]).join("");
    for (
      const read of [
        () => configFromText(text).string("relayhost"),
        () => masterEntriesFromText(text, "m", config),
      ]
    ) {
      try {
        read();
      } catch (error) {
        assert.ok(error instanceof ConfigError, `${JSON.stringify(text)}: ${error}`);
      }
    }
  }
});
