/** saslauthd's ldap mechanism against OpenLDAP's server. */
import assert from "node:assert/strict";
import { hasSlapd, makeSlapd, SUFFIX_LDIF } from "../../core/table/network/slapd_testing.ts";
import { Bench, freePort } from "../../core/table/network/testing.ts";
import { hasOpenssl, makeCertificate } from "../../core/tls/testing.ts";
import { type Mechanism, openMechanism } from "./mod.ts";
import { ask, octets } from "./testing.ts";

const LDIF = SUFFIX_LDIF + `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=carol,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: carol
cn: Carol
sn: Carol
mail: carol@example.com
userPassword: {SSHA}SSHA_HASH

dn: uid=dave,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: dave
cn: Dave
sn: Dave
userPassword: {MD5}MD5_HASH

dn: cn=mail,dc=example,dc=com
objectClass: groupOfUniqueNames
cn: mail
uniqueMember: uid=carol,ou=people,dc=example,dc=com
`;

async function digest(algorithm: "SHA-1", ...parts: Uint8Array[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(parts.flatMap((part) => [...part]));
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
}

Deno.test({
  name: "ldap: bind, custom and fastbind, groups, tokens, servers that are down",
  ignore: !hasSlapd,
  sanitizeResources: false,
  async fn() {
    const bench = new Bench();
    const { directory } = bench;
    const port = freePort();
    const tlsPort = freePort();
    const certified = hasOpenssl();
    if (certified) {
      makeCertificate(directory, "ca", "Directory CA", { authority: true });
      makeCertificate(directory, "other", "Other CA", { authority: true });
      makeCertificate(directory, "ldap", "localhost", { ca: "ca", address: "127.0.0.1" });
      makeCertificate(directory, "client", "saslauthd", { ca: "ca" });
    }
    const salt = octets("salt");
    const ssha = new Uint8Array([...await digest("SHA-1", octets("carol's"), salt), ...salt]).toBase64();
    // MD5 of "dave's".
    const { createHash } = await import("node:crypto");
    const md5 = createHash("md5").update("dave's").digest("base64");
    const url = `ldap://127.0.0.1:${port}/`;
    const secure = `ldaps://127.0.0.1:${tlsPort}/`;
    const { server, start } = await makeSlapd({
      directory,
      port,
      tlsPort: certified ? tlsPort : undefined,
      tls: certified
        ? [
          `TLSCertificateFile ${directory}/ldap.pem`,
          `TLSCertificateKeyFile ${directory}/ldap.key`,
          `TLSCACertificateFile ${directory}/ca.pem`,
          "TLSVerifyClient try",
        ]
        : [],
      access: ["access to attrs=userPassword by anonymous auth by * none", "access to * by * read"],
      ldif: LDIF.replace("SSHA_HASH", ssha).replace("MD5_HASH", md5),
    });
    let count = 0;
    const open = (lines: string) => {
      const path = `${directory}/saslauthd${count++}.conf`;
      Deno.writeTextFileSync(
        path,
        `ldap_servers: ldap://127.0.0.1:1/ ${url}\nldap_search_base: dc=example,dc=com\n${lines}`,
      );
      return openMechanism("ldap", path, "mx.example.com");
    };
    const all = async (mechanism: Mechanism) => ({
      carol: await ask(mechanism, "carol", "carol's"),
      wrong: await ask(mechanism, "carol", "dave's"),
      dave: await ask(mechanism, "dave", "dave's"),
      empty: await ask(mechanism, "carol", ""),
      nobody: await ask(mechanism, "nobody", "carol's"),
      star: await ask(mechanism, "*", "carol's"),
      breakOut: await ask(mechanism, "x)(uid=carol", "carol's"),
    });
    const good = {
      carol: "OK",
      wrong: "NO",
      dave: "OK",
      empty: "NO",
      nobody: "NO",
      star: "NO",
      breakOut: "NO",
    };
    try {
      await start();
      assert.deepEqual(await all(await open("")), good, "bind");
      const admin = "ldap_bind_dn: cn=admin,dc=example,dc=com\nldap_password: geheim\n";
      assert.deepEqual(await all(await open(`${admin}ldap_auth_method: custom\n`)), good, "custom");
      assert.deepEqual(
        await all(
          await open("ldap_auth_method: fastbind\nldap_filter: uid=%u,ou=people,dc=example,dc=com\n"),
        ),
        good,
        "fastbind",
      );
      const member = { ...good, dave: "NO" };
      const group = "ldap_group_dn: cn=mail,dc=example,dc=com\n";
      assert.deepEqual(await all(await open(group)), member, "group by attribute");
      assert.deepEqual(
        await all(
          await open(
            `${group}ldap_group_match_method: filter\nldap_group_filter: (&(cn=mail)(uniqueMember=%D))\n`,
          ),
        ),
        member,
        "group by filter",
      );
      const tokens = await open("ldap_filter: (&(uid=%U)(mail=%U@%2.%1)(!(cn=%s)))\n");
      assert.equal(await ask(tokens, "carol@example.com", "carol's"), "OK");
      assert.equal(await ask(tokens, "carol", "carol's", "example.com"), "OK");
      assert.equal(await ask(tokens, "carol@example.net", "carol's"), "NO");
      const ways = certified ? ["ldap_start_tls: yes\n", `ldap_servers: ${secure}\n`] : [];
      for (const way of ways) {
        const authority = (name: string) => `ldap_tls_cacert_file: ${directory}/${name}.pem\n`;
        const check = "ldap_tls_check_peer: yes\n";
        assert.deepEqual(await all(await open(way)), good, `${way}unchecked`);
        assert.deepEqual(await all(await open(way + check + authority("ca"))), good, `${way}checked`);
        const keys = `ldap_tls_cert: ${directory}/client.pem\nldap_tls_key: ${directory}/client.key\n`;
        assert.equal(await ask(await open(way + keys), "carol", "carol's"), "OK", `${way}with a key`);
        // A password goes to nobody who can't prove who he is.
        await assert.rejects(
          ask(await open(way + check + authority("other")), "carol", "carol's"),
          `${way}fake`,
        );
        await assert.rejects(open(way + check), /ldap_tls_check_peer needs/);
        await assert.rejects(open(way + authority("missing")), /ldap_tls_cacert_file: .*missing/);
      }
      const wrongAdmin = await open("ldap_bind_dn: cn=admin,dc=example,dc=com\nldap_password: falsch\n");
      await assert.rejects(ask(wrongAdmin, "carol", "carol's"));
      await assert.rejects(open("ldap_use_sasl: yes\n"), /ldap_use_sasl is not supported/);
      await assert.rejects(open("ldap_scope: everywhere\n"), /ldap_scope: use one of/);
    } finally {
      await server.stop();
    }
    try {
      await assert.rejects(ask(await open("ldap_timeout: 2\n"), "carol", "carol's"));
    } finally {
      bench.close();
    }
  },
});
