import assert from "node:assert/strict";
import { loadConfig } from "../../core/config/mod.ts";
import { explainRecipient, type Explanation, formatExplanation, type Question } from "./mod.ts";

const MAIN = (dir: string) =>
  `compatibility_level = 3.11
queue_directory = ${dir}/spool
myhostname = mx.example.com
mydestination = example.com, localhost
inet_interfaces = 127.0.0.1
mynetworks = 10.0.0.0/8
virtual_alias_domains = alias.example
virtual_alias_maps = texthash:${dir}/virtual
virtual_mailbox_domains = texthash:${dir}/vdomains
virtual_mailbox_maps = regexp:${dir}/vmbox
virtual_mailbox_base = /var/vmail
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
canonical_maps = texthash:${dir}/canonical
relay_domains = relay.example
transport_maps = texthash:${dir}/transport
relayhost = [smart.example]:587
local_recipient_maps =
alias_maps = texthash:${dir}/aliases
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = check_client_access cidr:${dir}/clients,
  check_policy_service unix:private/policy, stop
smtpd_restriction_classes = stop
stop = check_recipient_access texthash:${dir}/recipients
`;

const FILES: Readonly<Record<string, string>> = {
  "master.cf": "smtp inet n - n - - smtpd\nlocal unix - n n - - local\nvirtual unix - n n - - virtual\n" +
    "smtp unix - - n - - smtp\nrelay unix - - n - - smtp\nlmtp unix - - n - - lmtp\n",
  virtual: "# comment\nteam@alias.example bob@example.com,\n  x@vbox.example, remote@outside.example\n",
  vdomains: "vbox.example x\n",
  vmbox: "# rules\n/^y@/ y/\n/^x@/ xbox/\n",
  canonical: "old@example.com new@example.com\n",
  transport: "relay.example lmtp:unix:private/lmtp\n",
  clients: "192.0.2.99 OK\n198.51.100.0/24 REJECT go away\n",
  recipients: "closed@example.com REJECT closed for the season\n",
  aliases: "bob bob, carol\n",
};

async function explain(question: Partial<Question>, files = FILES): Promise<Explanation> {
  const dir = Deno.makeTempDirSync({ prefix: "postel-explain-" });
  try {
    Deno.writeTextFileSync(`${dir}/main.cf`, MAIN(dir));
    for (const [name, text] of Object.entries(files)) {
      Deno.writeTextFileSync(`${dir}/${name}`, text.replaceAll("HERE/", `${dir}/`));
    }
    const explanation = await explainRecipient(loadConfig({ directory: dir }), {
      recipient: "bob@example.com",
      sender: "someone@outside.example",
      clientAddress: "192.0.2.1",
      clientName: "unknown",
      helo: "client.example",
      ...question,
    });
    return JSON.parse(JSON.stringify(explanation).replaceAll(dir, "@")) as Explanation;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const decisions = ({ steps }: Explanation) =>
  steps.filter(({ stage, decides }) => stage === "access" && decides).map(({ what, result }) =>
    `${what} -> ${result}`
  );

Deno.test("a stranger may not relay, and the explanation names the restriction", async () => {
  const explanation = await explain({ recipient: "joe@outside.example" });
  assert.equal(explanation.accepted, false);
  assert.equal(explanation.refusal?.command, "RCPT");
  assert.equal(explanation.refusal?.reply, "554 5.7.1 <joe@outside.example>: Relay access denied");
  assert.deepEqual(decisions(explanation), [
    "smtpd_relay_restrictions: reject_unauth_destination -> " +
    "reject: 554 5.7.1 <joe@outside.example>: Relay access denied",
  ]);
});

Deno.test("a trusted client may, and mail goes by relayhost", async () => {
  const explanation = await explain({ recipient: "joe@outside.example", clientAddress: "10.1.2.3" });
  assert.equal(explanation.accepted, true);
  assert.equal(decisions(explanation)[0], "smtpd_relay_restrictions: permit_mynetworks -> permit");
  const [only] = explanation.destinations;
  assert.equal(
    `${only?.addressClass} ${only?.transport}:${only?.nexthop}`,
    "default smtp:[smart.example]:587",
  );
  const causes = only?.steps.find(({ stage }) => stage === "route")?.causes ?? [];
  assert.deepEqual(causes.find(({ parameter }) => parameter === "relayhost")?.place, {
    file: "@/main.cf",
    line: 17,
  });
});

Deno.test("table lines are named: access table, restriction class, pattern table, alias", async () => {
  const refused = await explain({ clientAddress: "198.51.100.7" });
  const client = refused.steps.find(({ what }) => what.includes("check_client_access"));
  assert.deepEqual(client?.causes[0]?.place, { file: "@/clients", line: 2 });
  const closed = await explain({ recipient: "closed@example.com" });
  assert.match(closed.refusal?.reply ?? "", /closed for the season/);
  const recipient = closed.steps.find(({ what }) => what.includes("check_recipient_access"));
  assert.deepEqual(recipient?.causes[0]?.place, { file: "@/recipients", line: 1 });
  const team = await explain({ recipient: "team@alias.example" });
  const alias = team.steps.find(({ what }) => what === "virtual aliases");
  assert.deepEqual(alias?.causes[0]?.place, { file: "@/virtual", line: 2 });
  assert.deepEqual(team.destinations.map(({ address, addressClass }) => `${address} ${addressClass}`), [
    "bob@example.com local",
    "x@vbox.example virtual mailbox",
    "remote@outside.example default",
  ]);
  const mailbox = team.destinations[1]?.steps.find(({ what }) => what === "virtual_mailbox_maps");
  assert.equal(mailbox?.result, "/var/vmail/xbox/");
  assert.deepEqual(mailbox?.causes[0]?.place, { file: "@/vmbox", line: 3 });
});

Deno.test("policy services are left out and said to be", async () => {
  const explanation = await explain({});
  assert.equal(explanation.accepted, true);
  assert.match(explanation.notes.join("\n"), /check_policy_service .*not asked/);
});

Deno.test("canonical tables and transport tables", async () => {
  const canonical = await explain({ recipient: "old@example.com" });
  const step = canonical.steps.find(({ what }) => what === "recipient tables");
  assert.equal(step?.result, "<new@example.com>");
  assert.deepEqual(step?.causes[0]?.place, { file: "@/canonical", line: 1 });
  const relayed = await explain({ recipient: "u@relay.example" });
  assert.equal(relayed.destinations[0]?.transport, "lmtp");
  assert.equal(relayed.destinations[0]?.nexthop, "unix:private/lmtp");
  assert.equal(relayed.destinations[0]?.addressClass, "relay");
});

Deno.test("an unknown virtual alias is refused and printed", async () => {
  const explanation = await explain({ recipient: "nobody@alias.example" });
  assert.equal(explanation.accepted, false);
  const text = formatExplanation(explanation);
  assert.match(text, /=> refused at RCPT: 550 5\.1\.1 <nobody@alias\.example>: .*User unknown/);
  assert.match(text, /\* smtpd_reject_unlisted_recipient: reject/);
});

const FILTERED = {
  ...FILES,
  "master.cf": `${FILES["master.cf"]}filtered inet n - n - - smtpd
  -o content_filter=scan:[127.0.0.1]:10025
  -o receive_override_options=no_address_mappings
back inet n - n - - smtpd
  -o smtpd_sender_restrictions=check_sender_access,texthash:HERE/senders
`,
  senders:
    "f@x.example FILTER slow:\nr@x.example REDIRECT bob@vbox.example\nd@x.example DISCARD\nh@x.example HOLD\n",
};

Deno.test("filters, redirections and the like take the place of the recipient's own route", async () => {
  const routes = async (question: Partial<Question>) => {
    const { steps, destinations } = await explain(question, FILTERED);
    return [
      ...steps.filter(({ stage }) => stage === "action").map(({ what, result }) => `${what}: ${result}`),
      ...destinations.map(({ address, transport, nexthop }) => `${address} ${transport}:${nexthop}`),
    ];
  };
  assert.deepEqual(await routes({ service: "filtered", recipient: "team@alias.example" }), [
    "team@alias.example scan:[127.0.0.1]:10025",
  ]);
  const back = { service: "back", recipient: "bob@example.com" };
  assert.deepEqual(await routes({ ...back, sender: "f@x.example" }), ["bob@example.com slow:example.com"]);
  assert.deepEqual(await routes({ ...back, sender: "r@x.example" }), [
    "REDIRECT of an access table: all recipients become <bob@vbox.example>",
    "bob@vbox.example virtual:vbox.example",
  ]);
  assert.deepEqual(await routes({ ...back, sender: "d@x.example" }), [
    "DISCARD of an access table: the message is thrown away",
  ]);
  assert.deepEqual(await routes({ ...back, sender: "h@x.example" }), [
    "HOLD of an access table: the message waits in the hold queue until postsuper -H",
    "bob@example.com local:mx.example.com",
  ]);
});

Deno.test("a name that is neither an alias nor a user", async () => {
  const last = async (recipient: string) => (await explain({ recipient })).destinations[0]!.steps.at(-1)!;
  assert.match((await last("nobody.of.this.name@example.com")).result, /no such user: the mail is returned/);
  assert.match((await last("postmaster@example.com")).result, /the mail is thrown away$/);
  assert.match((await last("root@example.com")).result, /^by mail_spool_directory/);
});
