import { dnsError, LONGEST_CHAIN, malformed, negativeTtl, readSection } from "./answer.ts";
import { AnswerCache } from "./cache.ts";
import { isHostName, reverseName, withoutRootDot } from "./name.ts";
import { lookupsBy } from "./lookups.ts";
import { lookUpHost, lookUpHostName } from "./native.ts";
import type { WireMessage } from "./packet.ts";
import {
  parseHosts,
  parseNsswitch,
  parseResolvConf,
  type ResolverSettings,
  WatchedText,
} from "./system_config.ts";
import { askServers, MalformedReplyError } from "./transport.ts";
import {
  type DnsAnswer,
  DnsError,
  type QueryOptions,
  type RecordData,
  type RecordType,
  type Resolver,
} from "./types.ts";

/** What a resolver is made of; everything has a default. */
export interface ResolverDeps {
  /** Used in place of resolv.conf: tests point at their own name server with it. */
  readonly settings?: Partial<ResolverSettings>;
  readonly resolvConf?: string;
  readonly nsswitch?: string;
  readonly hosts?: string;
  /** Number of answers that are remembered. */
  readonly cacheLimit?: number;
  /** The longest that one question may take in all, in seconds. */
  readonly deadline?: number;
}

type AnyAnswer = DnsAnswer<RecordData[RecordType]>;

/** A resolver with its own cache. Questions that are asked twice at the same time are sent once. */
export function createResolver(deps: ResolverDeps = {}): Resolver {
  const resolvConf = new WatchedText(deps.resolvConf ?? "/etc/resolv.conf", parseResolvConf);
  const nsswitch = new WatchedText(deps.nsswitch ?? "/etc/nsswitch.conf", parseNsswitch);
  const hosts = new WatchedText(deps.hosts ?? "/etc/hosts", parseHosts);
  const cache = new AnswerCache<AnyAnswer>(deps.cacheLimit ?? 10000);
  const underWay = new Map<string, Promise<AnyAnswer>>();
  let turn = 0;

  const settings = (): ResolverSettings =>
    deps.settings === undefined ? resolvConf.value : { ...resolvConf.value, ...deps.settings };

  /** Sends one question and understands the answer, following aliases that end outside of it. */
  async function ask(name: string, type: RecordType, dnssec: boolean): Promise<AnyAnswer> {
    const current = settings();
    const deadline = performance.now() + (deps.deadline ?? 120) * 1000;
    let owner = name;
    let ttl = Infinity;
    let authenticated = true;
    for (let step = 0; step <= LONGEST_CHAIN; step++) {
      if (performance.now() > deadline) throw dnsError("temporary", name, type);
      const first = current.rotate ? turn++ : 0;
      let message: WireMessage;
      try {
        message = await askServers(current, { name: owner, type, dnssec, first });
      } catch (error) {
        throw error instanceof MalformedReplyError
          ? malformed("temporary", name, type)
          : dnsError("temporary", name, type);
      }
      const section = readSection(message, owner, type);
      ttl = Math.min(ttl, section.ttl);
      authenticated &&= message.flag_ad === true;
      const rcode = message.rcode ?? "NOERROR";
      if (rcode === "NXDOMAIN") throw dnsError("notFound", name, type, negativeTtl(message));
      if (rcode !== "NOERROR") throw dnsError("failed", name, type);
      if (section.records.length > 0) {
        return { records: section.records, ttl, authenticated, canonicalName: section.canonicalName };
      }
      if (section.onlyInvalid) throw malformed("invalid", name, type);
      if (section.canonicalName === owner) throw dnsError("noData", name, type, negativeTtl(message));
      owner = section.canonicalName;
    }
    throw new DnsError("temporary", name, type, `Name server loop for ${name}`);
  }

  function askOnce(name: string, type: RecordType, dnssec: boolean): Promise<AnyAnswer> {
    const key = `${type} ${dnssec ? "s" : "-"} ${name.toLowerCase()}`;
    const known = cache.get(key);
    if (known instanceof DnsError) return Promise.reject(known);
    if (known !== undefined) return Promise.resolve(known);
    const running = underWay.get(key);
    if (running !== undefined) return running;
    const question = ask(name, type, dnssec).then(
      (answer) => {
        cache.set(key, answer, answer.ttl);
        return answer;
      },
      (error) => {
        if (error instanceof DnsError) cache.set(key, error, error.ttl);
        throw error;
      },
    ).finally(() => underWay.delete(key));
    underWay.set(key, question);
    return question;
  }

  /** The names to try for one that may be short (resolv.conf(5), `search` and `ndots`). */
  function candidates(name: string, search: boolean): string[] {
    if (!search || name.endsWith(".")) return [name];
    const { search: domains, ndots } = settings();
    const longer = domains.map((domain) => `${name}.${withoutRootDot(domain)}`);
    const dots = name.split(".").length - 1;
    return dots >= ndots ? [name, ...longer] : [...longer, name];
  }

  async function query<T extends RecordType>(
    name: string,
    type: T,
    options: QueryOptions = {},
  ): Promise<DnsAnswer<RecordData[T]>> {
    let problem: unknown;
    for (const candidate of candidates(name, options.search === true)) {
      const plain = withoutRootDot(candidate);
      if (!isHostName(plain)) {
        const text = `Name service error for ${plain}: invalid host or domain name`;
        throw new DnsError("notFound", plain, type, text);
      }
      try {
        const answer = await askOnce(plain, type, options.dnssec === true);
        return answer as DnsAnswer<RecordData[T]>;
      } catch (error) {
        if (!(error instanceof DnsError) || (error.kind !== "notFound" && error.kind !== "noData")) {
          throw error;
        }
        if (problem === undefined || error.kind === "noData") problem = error;
      }
    }
    throw problem;
  }

  const resolver: Resolver = {
    query,
    ...lookupsBy(query),
    async reverse(address) {
      const name = reverseName(address);
      if (name === undefined) throw new TypeError(`"${address}" is not an IP address`);
      return (await query(name, "PTR")).records;
    },
    host: (name, families) => lookUpHost(resolver, { hosts, nsswitch }, name, families),
    hostName: (address) => lookUpHostName(resolver, { hosts, nsswitch }, address),
    clear: () => cache.clear(),
  };
  return resolver;
}
