import assert from "node:assert/strict";
import { installed, listening, ServerProcess } from "./testing.ts";

const slapd = installed("/usr/sbin/slapd");
const slapadd = installed("/usr/sbin/slapadd");

/** Can a private OpenLDAP server be started? */
export const hasSlapd = slapd !== undefined && slapadd !== undefined;

/** The suffix of the directory; its administrator is `cn=admin` below it, with the password `geheim`. */
export const SUFFIX = "dc=example,dc=com";

/** What a directory begins with. */
export const SUFFIX_LDIF = `dn: ${SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

`;

export interface SlapdOptions {
  readonly directory: string;
  readonly port: number;
  /** For `ldaps:`; needs `tls`. */
  readonly tlsPort?: number | undefined;
  /** Path of a UNIX socket to listen on as well. */
  readonly socket?: string;
  /** Lines of slapd.conf about certificates. */
  readonly tls?: readonly string[];
  /** Lines of slapd.conf about who may see what. */
  readonly access: readonly string[];
  /** The data, `SUFFIX_LDIF` first. */
  readonly ldif: string;
}

/** Fills a directory and makes a server for it, to be started and stopped at will. */
export async function makeSlapd(
  options: SlapdOptions,
): Promise<{ server: ServerProcess; start(): Promise<void> }> {
  const { directory, port, tlsPort, socket } = options;
  const configuration = [
    ...["core", "cosine", "inetorgperson"].map((schema) => `include /etc/ldap/schema/${schema}.schema`),
    `pidfile ${directory}/slapd.pid`,
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    ...options.tls ?? [],
    "database mdb",
    `suffix "${SUFFIX}"`,
    `rootdn "cn=admin,${SUFFIX}"`,
    "rootpw geheim",
    `directory ${directory}/db`,
    ...options.access,
  ];
  Deno.mkdirSync(`${directory}/db`);
  Deno.writeTextFileSync(`${directory}/slapd.conf`, `${configuration.join("\n")}\n`);
  Deno.writeTextFileSync(`${directory}/data.ldif`, options.ldif);
  const added = await new Deno.Command(slapadd!, {
    args: ["-f", `${directory}/slapd.conf`, "-l", `${directory}/data.ldif`],
  }).output();
  assert.equal(added.code, 0, new TextDecoder().decode(added.stderr));
  const urls = [
    `ldap://127.0.0.1:${port}`,
    ...(socket === undefined ? [] : [`ldapi://${encodeURIComponent(socket)}`]),
    ...(tlsPort === undefined ? [] : [`ldaps://127.0.0.1:${tlsPort}`]),
  ];
  const server = new ServerProcess(slapd!, [
    "-f",
    `${directory}/slapd.conf`,
    "-h",
    urls.join(" "),
    "-d",
    "0",
  ]);
  return { server, start: () => server.start(() => listening({ hostname: "127.0.0.1", port })) };
}
