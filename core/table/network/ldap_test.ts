import assert from "node:assert/strict";
import { hasSlapd, makeSlapd, SUFFIX, SUFFIX_LDIF } from "./slapd_testing.ts";
import { Bench, Comparison, freePort, makeCertificate, outcome, outcomeWithoutRights } from "./testing.ts";

if (!hasSlapd) console.log("ldap tables are not tested: slapd is not installed");

/** A person's entry; names that LDIF can't hold as they are go in as BASE64. */
function person(cn: string, lines: Readonly<Record<string, string | readonly string[]>>): string {
  const dn = `cn=${cn.replace(/[,+"\\<>;#=]/g, (character) => `\\${character}`)},ou=people,dc=example,dc=com`;
  const all: [string, string | readonly string[]][] = [
    ["dn", dn],
    ["objectClass", ["inetOrgPerson", "extensibleObject"]],
    ["cn", cn],
    ["sn", cn],
    ...Object.entries(lines),
  ];
  return all.flatMap(([name, values]) => [values].flat().map((value) => `${name}:: ${base64(value)}`)).join(
    "\n",
  ) + "\n\n";
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

const PEOPLE = "ou=people,dc=example,dc=com";
const LDIF = SUFFIX_LDIF + `dn: ${PEOPLE}
objectClass: organizationalUnit
ou: people

` + [
  person("plain", { mail: "plain@example.com", description: "target@example.net" }),
  person("two", { mail: "two@example.com", description: ["one@example.net", "other@example.net"] }),
  person("quote", { mail: "o'brien@example.com", description: "quote" }),
  person("slash", { mail: "back\\slash@example.com", description: "slash" }),
  person("percent", { mail: "per%cent@example.com", description: "percent" }),
  person("star", { mail: "star*@example.com", description: "star" }),
  person("paren", { mail: "(paren)@example.com", description: "paren" }),
  person("dquote", { mail: '"quoted user"@example.com', description: "dquote" }),
  person("umlaut", { employeeType: "jörg@example.com", description: "ümlaut@bücher.example" }),
  person("with, comma+plus", { mail: "comma@example.com", description: "comma" }),
  person("hidden", { mail: "hidden@example.com", description: "hidden", departmentNumber: "secret" }),
  person("group", {
    mail: "group@example.com",
    description: "group-own",
    seeAlso: [`cn=plain,${PEOPLE}`, `cn=two,${PEOPLE}`, `cn=missing,${PEOPLE}`],
    roomNumber: "group-leaf",
  }),
  person("nested", {
    mail: "nested@example.com",
    seeAlso: [`cn=group,${PEOPLE}`],
    roomNumber: "nested-leaf",
  }),
  person("final", {
    mail: "final@example.com",
    description: "not this",
    seeAlso: `cn=plain,${PEOPLE}`,
    title: "terminal@example.net",
  }),
  person("loop", { mail: "loop@example.com", description: "x", seeAlso: `cn=loop,${PEOPLE}` }),
  person("url", {
    mail: "url@example.com",
    labeledURI: `ldap:///${PEOPLE}?description?one?(|(cn=plain)(cn=two))`,
  }),
  person("leafy", { mail: "leafy@example.com", roomNumber: "leaf@example.net" }),
].join("");

/** Aliases: one entry that stands for another, and one for all people. */
const ALIASES = `dn: ou=aliases,${SUFFIX}
objectClass: organizationalUnit
ou: aliases

dn: cn=pointer,ou=aliases,${SUFFIX}
objectClass: alias
objectClass: extensibleObject
cn: pointer
aliasedObjectName: cn=plain,${PEOPLE}

dn: ou=persons,${SUFFIX}
objectClass: alias
objectClass: extensibleObject
ou: persons
aliasedObjectName: ${PEOPLE}

`;

/** A part of the directory that refers to the people, to itself, and to a server that is not there. */
const referrals = (port: number) =>
  [
    ["branch", `ldap://127.0.0.1:${port}/${PEOPLE}??sub`],
    ["circle", `ldap://127.0.0.1:${port}/ou=circle,${SUFFIX}??sub`],
    ["nowhere", `ldap://127.0.0.1:1/${PEOPLE}??sub`],
  ].map(([unit, url]) =>
    `dn: ou=${unit},${SUFFIX}
objectClass: organizationalUnit
ou: ${unit}

dn: cn=elsewhere,ou=${unit},${SUFFIX}
objectClass: referral
objectClass: extensibleObject
cn: elsewhere
ref: ${url}

`
  ).join("");

const KEYS = [
  "plain@example.com",
  "two@example.com",
  "o'brien@example.com",
  "back\\slash@example.com",
  "per%cent@example.com",
  "star*@example.com",
  "*@example.com",
  "*",
  "(paren)@example.com",
  '"quoted user"@example.com',
  "jörg@example.com",
  ")(mail=*",
  "\\2a@example.com",
  "comma@example.com",
  "PLAIN@EXAMPLE.COM",
  "group@example.com",
  "nested@example.com",
  "final@example.com",
  "url@example.com",
  "leafy@example.com",
  "@example.com",
  "plain@",
  "none@example.com",
  "with, comma+plus",
];

Deno.test({
  name: "ldap: a real server, with the answers of real postmap",
  ignore: !hasSlapd,
  sanitizeResources: false,
  async fn(t) {
    const bench = new Bench();
    const directory = bench.directory;
    const port = freePort();
    const tlsPort = freePort();
    const certified = await makeCertificate(directory);
    const { server, start } = await makeSlapd({
      directory,
      port,
      tlsPort: certified ? tlsPort : undefined,
      socket: `${directory}/ldapi`,
      tls: certified
        ? [`TLSCertificateFile ${directory}/cert.pem`, `TLSCertificateKeyFile ${directory}/key.pem`]
        : [],
      access: [
        `access to filter=(departmentNumber=secret) by dn.exact="cn=plain,${PEOPLE}" read by * none`,
        "access to * by * read",
      ],
      ldif: LDIF + ALIASES + referrals(port),
    });
    const base = {
      server_host: `ldap://127.0.0.1:${port}`,
      version: 3,
      search_base: PEOPLE,
      query_filter: "(|(mail=%s)(employeeType=%s))",
      result_attribute: "description",
    };
    const comparison = new Comparison(bench, "ldap", base, KEYS);
    const compared = (values: Record<string, string | number>, keys?: readonly string[]) =>
      comparison.answers(values, keys);
    try {
      await start();

      await t.step("keys with every kind of special character", async () => {
        const answers = await compared({});
        assert.equal(answers["plain@example.com"], "target@example.net");
        assert.equal(answers["back\\slash@example.com"], "slash");
        assert.equal(answers["star*@example.com"], "star");
        assert.equal(answers["*@example.com"], "(none)");
        assert.equal(answers["*"], "(none)");
        assert.equal(answers[")(mail=*"], "(none)");
        assert.equal(answers["jörg@example.com"], "ümlaut@bücher.example");
        assert.equal(answers["two@example.com"], "one@example.net,other@example.net");
      });
      await t.step("keys within the search base", async () => {
        const answers = await compared({
          search_base: `cn=%s,${PEOPLE}`,
          query_filter: "objectClass=*",
          scope: "base",
          result_attribute: "mail",
        });
        assert.equal(answers["with, comma+plus"], "comma@example.com");
        assert.equal(answers["none@example.com"], "(none)");
      });
      await t.step("a base that is not there is an error, unless it depends on the key", async () => {
        const missing = await compared({ search_base: `ou=missing,${SUFFIX}` }, ["plain@example.com"]);
        assert.equal(missing["plain@example.com"], "(temporary)");
        const byKey = await compared({ search_base: `cn=%u,${PEOPLE}` });
        assert.equal(byKey["none@example.com"], "(none)");
        for (const values of [{ query_filter: "((broken" }, { query_filter: "" }]) {
          const answers = await compared(values, ["plain@example.com"]);
          assert.match(answers["plain@example.com"]!, /^\((?:temporary|configuration)\)$/);
        }
      });
      await t.step("aliases are followed as dereference says", async () => {
        const keys = ["plain@example.com", "two@example.com"];
        const seen = async (base: string) => {
          const found: string[] = [];
          for (const dereference of [0, 1, 2, 3]) {
            const answers = await compared({ search_base: `${base},${SUFFIX}`, dereference }, keys);
            found.push(keys.map((key) => answers[key] === "(none)" ? "-" : "+").join(""));
          }
          return found;
        };
        assert.deepEqual(await seen("ou=aliases"), ["--", "+-", "--", "+-"]);
        assert.deepEqual(await seen("ou=persons"), ["--", "--", "++", "++"]);
      });
      await t.step("result_format, its old name, domain and limits", async () => {
        await compared({ result_format: "%U:%s:%d" });
        assert.equal(
          (await compared({ result_filter: "<%s>" }))["plain@example.com"],
          "<target@example.net>",
        );
        assert.equal((await compared({ expansion_limit: 1 }))["two@example.com"], "(temporary)");
        assert.equal((await compared({ domain: "example.org" }))["plain@example.com"], "(none)");
        const sized = bench.table("ldap", { ...base, query_filter: "(mail=*)", size_limit: 2 });
        assert.equal(await outcome(sized, "x"), "(temporary)");
      });
      await t.step("groups: names and URLs, leaf and terminal attributes", async () => {
        const answers = await compared({
          result_attribute: "",
          special_result_attribute: "seeAlso, labeledURI",
          leaf_result_attribute: "roomNumber description",
          terminal_result_attribute: "title",
        });
        assert.equal(answers["group@example.com"], "target@example.net,one@example.net,other@example.net");
        assert.equal(answers["nested@example.com"], answers["group@example.com"]);
        assert.equal(answers["final@example.com"], "terminal@example.net");
        assert.equal(answers["leafy@example.com"], "leaf@example.net");
        assert.equal(
          answers["url@example.com"]!.split(",").sort().join(),
          "one@example.net,other@example.net,target@example.net",
        );
        const plain = await compared({ special_result_attribute: "seeAlso" });
        assert.ok(plain["group@example.com"]!.includes("group-own"));
        const loop = bench.table("ldap", {
          ...base,
          special_result_attribute: "seeAlso",
          recursion_limit: 20,
        });
        assert.equal(await outcome(loop, "loop@example.com"), "(temporary)");
      });
      await t.step("referrals are followed if that is asked for, a circle of them not for ever", async () => {
        const branch = { search_base: `ou=branch,${SUFFIX}` };
        assert.equal((await compared(branch))["plain@example.com"], "(none)");
        const answers = await compared({ ...branch, chase_referrals: "yes" });
        assert.equal(answers["plain@example.com"], "target@example.net");
        assert.equal(answers["none@example.com"], "(none)");
        // The password is for the server that is configured.
        const bound = {
          ...base,
          ...branch,
          chase_referrals: "yes",
          bind_dn: `cn=admin,${SUFFIX}`,
          bind_pw: "geheim",
        };
        assert.equal(await outcome(bench.table("ldap", bound), "hidden@example.com"), "(none)");
        for (const unit of ["circle", "nowhere"]) {
          const table = bench.table("ldap", {
            ...base,
            search_base: `ou=${unit},${SUFFIX}`,
            chase_referrals: "yes",
          });
          assert.equal(await outcome(table, "plain@example.com"), "(temporary)", unit);
        }
      });
      await t.step("the bind decides what is seen; a wrong password is a temporary error", async () => {
        const bound = { ...base, bind_dn: "cn=admin,dc=example,dc=com", bind_pw: "geheim" };
        assert.equal(await outcome(bench.table("ldap", bound), "hidden@example.com"), "hidden");
        for (const bind of ["no", "none", "simple"]) {
          assert.equal(
            await outcome(bench.table("ldap", { ...base, bind }), "hidden@example.com"),
            "(none)",
            bind,
          );
          assert.equal(
            await outcome(bench.table("ldap", { ...base, bind }), "leafy@example.com"),
            "(none)",
            bind,
          );
        }
        bench.said.length = 0;
        const wrong = bench.table("ldap", { ...bound, bind_pw: "falsch-und-geheim" });
        assert.equal(await outcome(wrong, "hidden@example.com"), "(temporary)");
        assert.equal(bench.said.length, 1);
        assert.ok(!bench.said.some((text) => text.includes("geheim")), bench.said.join("\n"));
      });
      await t.step("a UNIX socket, a host with a port, and the next host where one is down", async () => {
        for (
          const values of [
            { server_host: `ldapi://${encodeURIComponent(`${directory}/ldapi`)}` },
            { server_host: "127.0.0.1", server_port: port },
            { server_host: `127.0.0.1:${port}` },
            { server_host: `ldap://127.0.0.1:${freePort()}, ldap://127.0.0.1:${port}` },
          ]
        ) {
          const table = bench.table("ldap", { ...base, ...values });
          assert.equal(await outcome(table, "plain@example.com"), "target@example.net", values.server_host);
        }
      });
      await t.step({
        name: "TLS from the start and by STARTTLS, with and without a check of the certificate",
        ignore: !certified,
        async fn() {
          const ca = `${directory}/cert.pem`;
          const ways = [
            { server_host: `ldaps://127.0.0.1:${tlsPort}` },
            { server_host: `ldap://127.0.0.1:${port}`, start_tls: "yes" },
          ];
          for (const way of ways) {
            const label = JSON.stringify(way);
            const loose = bench.table("ldap", { ...base, ...way });
            assert.equal(await outcome(loose, "plain@example.com"), "target@example.net", label);
            const checked = { ...base, ...way, tls_require_cert: "yes" };
            const trusted = bench.table("ldap", { ...checked, tls_ca_cert_file: ca });
            assert.equal(await outcome(trusted, "plain@example.com"), "target@example.net", label);
            assert.equal(
              await outcome(bench.table("ldap", checked), "plain@example.com"),
              "(temporary)",
              label,
            );
          }
        },
      });
      await t.step("many lookups at once share connections", async () => {
        const table = bench.table("ldap", base);
        const answers = await Promise.all(
          Array.from({ length: 200 }, () => table.lookup("plain@example.com")),
        );
        assert.ok(answers.every((answer) => answer === "target@example.net"));
      });
      await t.step("real postmap gives the same answers", async () => {
        await comparison.done();
      });
      await t.step("a process that gave up root can ask", async () => {
        const table = bench.table("ldap", certified ? { ...base, start_tls: "yes" } : base);
        assert.equal(await outcomeWithoutRights(table, "plain@example.com"), "target@example.net");
      });
      await t.step("a server that goes away is a temporary error, and bound lookups work again", async () => {
        const bound = { ...base, bind_dn: "cn=admin,dc=example,dc=com", bind_pw: "geheim" };
        const table = bench.table("ldap", bound);
        assert.equal(await outcome(table, "hidden@example.com"), "hidden");
        await server.stop("SIGKILL");
        assert.equal(await outcome(table, "hidden@example.com"), "(temporary)");
        await start();
        assert.equal(await outcome(table, "hidden@example.com"), "hidden");
        // The server stops answering in the middle of a search.
        const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const held: Deno.Conn[] = [];
        const accepting = (async () => {
          for await (const connection of silent) held.push(connection);
        })();
        const { port: silentPort } = silent.addr as Deno.NetAddr;
        const stuck = bench.table("ldap", {
          ...base,
          server_host: `ldap://127.0.0.1:${silentPort}`,
          timeout: 1,
        });
        assert.equal(await outcome(stuck, "plain@example.com"), "(temporary)");
        silent.close();
        await accepting;
        for (const connection of held) connection.close();
      });
    } finally {
      await server.stop("SIGKILL");
      bench.close();
    }
  },
});
