import net from "node:net";
import tls from "node:tls";
import {
  Client,
  type Entry,
  type Filter,
  FilterParser,
  NoSuchObjectError,
  ResultCodeError,
  type SearchOptions,
  type SearchRequest,
} from "ldapts";
import { decodeText } from "../../bytes/mod.ts";
import type { OpenContext } from "../context.ts";
import { expandQuery } from "../query_template.ts";
import { messageOf, reasonOf } from "../../errors/mod.ts";
import { type Table, TableError } from "../types.ts";
import { collectValues, type LdapEntry, type LdapQuery, type LdapSearch } from "./ldap_entries.ts";
import { type AskServer, followReferrals, type LdapAnswer } from "./ldap_referrals.ts";
import { quoteForFilter, quoteForName } from "./ldap_quote.ts";
import { type LdapServer, type LdapSettings, readLdapSettings } from "./ldap_settings.ts";
import { queryError } from "../query_error.ts";
import { ServerLost, within } from "./server_lost.ts";
import { ServerPool } from "./server_pool.ts";
import { Answers } from "../answers.ts";

/** Most simultaneous connections to one server. */
const CONNECTIONS = 8;

/** Result codes that say that another server may do better: busy, unavailable (RFC 4511, appendix A). */
const UNAVAILABLE = [51, 52];

interface Session {
  readonly client: Client;
  readonly socket: net.Socket;
}

/** `ldap:file`: a search in an LDAP directory (ldap_table(5)). */
export function openLdap(context: OpenContext): Table {
  const { type, name } = context;
  const settings = readLdapSettings(context);
  const answers = new Answers(context, settings.all, settings.resultFormat, settings.expansionLimit);
  const pool = new ServerPool<LdapServer, Session>({
    title: `${type}:${name}`,
    servers: settings.servers,
    shuffle: false,
    retrySeconds: settings.retrySeconds,
    idleSeconds: settings.idleSeconds,
    connections: CONNECTIONS,
    log: context.log,
    words: {
      connect: (label) =>
        `dict_ldap_connect: Unable to bind to server ${label} with dn ${
          settings.bindDn || "empty or implicit"
        }`,
      query: () => "dict_ldap_lookup: Search error",
    },
    connect: (server, onLost) => connect(server, settings, onLost),
    close: (session) => session.socket.destroy(),
  });
  return {
    type,
    name,
    matchesPatterns: false,
    async lookup(key) {
      if (!await answers.worthAsking(key)) return undefined;
      const base = expandQuery(settings.searchBase, key, quoteForName);
      const filter = expandQuery(settings.queryFilter, key, quoteForFilter);
      if (base === undefined || filter === undefined) return undefined;
      const { ordinary, special, terminal, leaf } = settings.attributes;
      const query: LdapQuery = {
        base,
        filter,
        scope: settings.scope,
        attributes: [...ordinary, ...special, ...terminal, ...leaf],
      };
      const values = await pool.use((session) => {
        const search: LdapSearch = (wanted) => searchAll(session.client, wanted, settings, context);
        return collectValues(query, search, settings, context);
      });
      return answers.join(values, key);
    },
    close: () => pool.close(),
  };
}

/** The time that connecting and each search may take. */
function millisecondsOf({ timeout }: LdapSettings): number {
  return timeout * 1000 || 2 ** 31 - 1;
}

async function connect(server: LdapServer, settings: LdapSettings, onLost: () => void): Promise<Session> {
  let socket: net.Socket | undefined;
  // The client would connect again by itself, without the bind: a search must fail then instead of finding nothing.
  const once = <T extends net.Socket>(made: T, before: net.Socket | undefined): T => {
    if (before !== undefined) {
      made.destroy();
      throw new ServerLost("Connection closed by the server");
    }
    socket = made;
    made.once("close", onLost);
    return made;
  };
  const milliseconds = millisecondsOf(settings);
  const client = new Client({
    url: server.url,
    timeout: milliseconds,
    connectTimeout: milliseconds,
    strictDN: false,
    // These alone would make the client speak TLS from the start.
    ...(/^ldaps:/i.test(server.url) ? { tlsOptions: settings.tls } : {}),
    createConnection: ((port: number, host: string) =>
      once(
        server.path === undefined ? net.connect(port, host) : net.connect(server.path),
        socket,
      )) as unknown as typeof net.connect,
    createSecureConnection: ((...args: unknown[]) => {
      const made = (tls.connect as (...args: unknown[]) => tls.TLSSocket)(...args);
      // With STARTTLS the plain connection was there before.
      return once(made, settings.startTls ? undefined : socket);
    }) as unknown as typeof tls.connect,
  });
  dereference(client, settings.dereference);
  const ready = async () => {
    if (settings.startTls) await client.startTLS({ ...settings.tls, host: new URL(server.url).hostname });
    await bind(client, settings);
  };
  try {
    await within(milliseconds, ready());
    if (socket === undefined) await within(milliseconds, openWithoutBind(client));
    return { client, socket: socket! };
  } catch (error) {
    socket?.destroy();
    throw bindError(error);
  }
}

/** Has every search of a client dereference aliases: it takes an option for that, and forgets it. */
function dereference(client: Client, when: LdapSettings["dereference"]): void {
  const inner = client as unknown as {
    _sendSearch(request: SearchRequest, ...others: unknown[]): Promise<void>;
  };
  const send = inner._sendSearch;
  inner._sendSearch = (request, ...others) => {
    request.derefAliases = when;
    return send.call(client, request, ...others);
  };
}

/** Connects a client that sends no bind request: it does so with its first search, here for nothing. */
async function openWithoutBind(client: Client): Promise<void> {
  await client.search("", { scope: "base", filter: "(objectClass=*)", attributes: ["1.1"] });
}

async function bind(client: Client, settings: LdapSettings): Promise<void> {
  switch (settings.bind) {
    case "none":
      return;
    case "simple":
      return await client.bind(settings.bindDn, settings.bindPassword);
    case "sasl": {
      const known = settings.saslMechanisms.find((mechanism) => /^(?:EXTERNAL|PLAIN)$/i.test(mechanism));
      if (known === undefined) {
        throw new Error("sasl_mechs must name EXTERNAL or PLAIN, no other is supported");
      }
      const authorization = settings.all.string("sasl_authz_id", "");
      if (/^EXTERNAL$/i.test(known)) {
        return await (authorization === ""
          ? client.bindSASL("EXTERNAL")
          : client.bindSASL("EXTERNAL", authorization));
      }
      return await client.bindSASL("PLAIN", `${authorization}\0${settings.bindDn}\0${settings.bindPassword}`);
    }
  }
}

/** The entries that a search finds on this server and, with `chase_referrals`, on those that it refers to. */
async function searchAll(
  client: Client,
  query: LdapQuery,
  settings: LdapSettings,
  context: OpenContext,
): Promise<readonly LdapEntry[] | undefined> {
  const answer = await ask(client, query, settings, context);
  if (answer === undefined) return undefined;
  if (!settings.chaseReferrals || answer.references.length === 0) return answer.entries;
  const askServer: AskServer = async (server, wanted) => {
    const session = await connect(server, { ...settings, bind: "none" }, () => {});
    try {
      return await ask(session.client, wanted, settings, context);
    } finally {
      session.socket.destroy();
    }
  };
  try {
    return await followReferrals(answer, query, askServer);
  } catch (error) {
    if (error instanceof TableError) throw error;
    // Another server's trouble: the connection to this one is as good as before.
    throw queryError(context, `${context.type}:${context.name}: referral: ${messageOf(error)}`);
  }
}

async function ask(
  client: Client,
  query: LdapQuery,
  settings: LdapSettings,
  context: OpenContext,
): Promise<LdapAnswer | undefined> {
  let filter: Filter;
  try {
    filter = FilterParser.parseString(query.filter);
  } catch {
    throw queryError(context, `dict_ldap_lookup: Search error -7: Bad search filter ${query.filter}`);
  }
  const options: SearchOptions = {
    scope: query.scope,
    filter,
    // The client takes a reached limit for success; one entry more than allowed shows that there are too many.
    sizeLimit: settings.sizeLimit === 0 ? 0 : settings.sizeLimit + 1,
    timeLimit: settings.timeout,
    attributes: [...query.attributes],
    explicitBufferAttributes: [...query.attributes],
  };
  try {
    const { searchEntries, searchReferences } = await within(
      millisecondsOf(settings),
      client.search(query.base, options),
    );
    if (settings.sizeLimit > 0 && searchEntries.length > settings.sizeLimit) {
      throw queryError(
        context,
        "dict_ldap_lookup: Search error 4: Size limit exceeded",
      );
    }
    return { entries: searchEntries.map(attributesOf), references: searchReferences };
  } catch (error) {
    if (error instanceof TableError) throw error;
    if (error instanceof NoSuchObjectError) return undefined;
    throw searchError(error);
  }
}

/** Why there is no connection, in the form of Postfix's log; `ServerLost` where the server is to blame. */
function bindError(error: unknown): Error {
  if (!(error instanceof ResultCodeError)) {
    return new ServerLost(`-1 (Can't contact LDAP server): ${reasonOf(error)}`);
  }
  return resultError(error, `${error.code} (${wordsOf(error)})`);
}

/** The same for a search that failed. */
function searchError(error: unknown): Error {
  if (error instanceof ServerLost) return error;
  if (!(error instanceof ResultCodeError)) return new ServerLost(reasonOf(error));
  return resultError(error, `${error.code}: ${wordsOf(error)}`);
}

function resultError(error: ResultCodeError, text: string): Error {
  return UNAVAILABLE.includes(error.code) ? new ServerLost(text) : new Error(text);
}

/** The name of a result code (`Invalid credentials`) and what the server says of it. */
function wordsOf(error: ResultCodeError): string {
  const name = error.name.replace(/Error$/, "").replace(
    /([a-z])([A-Z])(?=[a-z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
  const detail = error.message.replace(/ ?Code: 0x\w+$/, "").trim();
  return detail === "" ? name : `${name}: ${detail}`;
}

/** The attributes of an entry and their values, in the server's order. */
function attributesOf(entry: Entry): LdapEntry {
  return Object.entries(entry).filter(([name]) => name !== "dn").map(([name, value]) => [
    name,
    (Array.isArray(value) ? value : [value]).map((item) =>
      typeof item === "string" ? item : decodeText(item)
    ),
  ]);
}
