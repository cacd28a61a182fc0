/** `smtp_dns_reply_filter` and its relatives: answers of name servers that tables keep from the program. */
import { decodeText } from "../bytes/mod.ts";
import { TableError, type TableList } from "../table/mod.ts";
import { lookupsBy } from "./lookups.ts";
import {
  type AddressRecord,
  type DnsAnswer,
  DnsError,
  type MxRecord,
  type RecordData,
  type RecordType,
  type Resolver,
  type SrvRecord,
  type TlsaRecord,
} from "./types.ts";

/** What such a filter is made of. */
export interface ReplyFilter {
  /** Asked about each record. */
  readonly tables: TableList;
  /** The parameter, for the log. */
  readonly name: string;
  readonly log: { info(text: string): void; warning(text: string): void };
}

/**
 * The same resolver without the records that the tables answer `IGNORE` to. If none is left of an answer, or if a table
 * answers nonsense or not at all, the question fails with a `DnsError`. Host lookups of the operating system's kind are
 * not filtered.
 */
export function filterReplies<R extends Pick<Resolver, "query">>(
  resolver: R,
  filter: ReplyFilter,
): R & Pick<Resolver, "query" | "mx" | "addresses" | "txt"> {
  const query = async <T extends RecordType>(
    name: string,
    type: T,
    options?: Parameters<Resolver["query"]>[2],
  ): Promise<DnsAnswer<RecordData[T]>> => {
    const answer = await resolver.query(name, type, options);
    const records: RecordData[T][] = [];
    for (const record of answer.records) {
      if (await keeps(filter, name, type, lineOf(answer, type, record))) records.push(record);
    }
    if (records.length > 0) return { ...answer, records };
    throw failure("filtered", name, type, "DNS reply filter drops all results");
  };
  return { ...resolver, ...lookupsBy(query), query };
}

function failure(kind: "filtered" | "temporary", name: string, type: RecordType, text: string): DnsError {
  return new DnsError(kind, name, type, `Error looking up name=${name} type=${type}: ${text}`);
}

async function keeps(
  { tables, name: parameter, log }: ReplyFilter,
  name: string,
  type: RecordType,
  line: string | undefined,
): Promise<boolean> {
  if (line === undefined) return true;
  let action: string | undefined;
  for (const table of tables.tables) {
    if (action !== undefined) break;
    try {
      action = await table.lookup(line);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      log.warning(`${table.type}:${table.name} lookup error for "${line}"`);
      throw failure("temporary", name, type, "Invalid DNS reply filter syntax");
    }
  }
  if (action === undefined) return true;
  if (action.trim().toUpperCase() === "IGNORE") {
    log.info(`ignoring DNS RR: ${line}`);
    return false;
  }
  log.warning(`${parameter}: unknown DNS filter action: "${action}"`);
  throw failure("temporary", name, type, "Invalid DNS reply filter syntax");
}

/** `example.com. 300 IN MX 10 mx.example.com.`; undefined for a null MX, which no filter sees. */
function lineOf<T extends RecordType>(
  { canonicalName, ttl }: DnsAnswer<unknown>,
  type: T,
  record: RecordData[T],
): string | undefined {
  const data = DATA_TEXT[type](record);
  return data === undefined ? undefined : `${canonicalName}. ${ttl} IN ${type} ${data}`;
}

const address = (record: AddressRecord) => record.address;
const host = (name: string) => `${name}.`;

/** The data of a record as it stands in the text. */
const DATA_TEXT: { [T in RecordType]: (record: RecordData[T]) => string | undefined } = {
  A: address,
  AAAA: address,
  MX: ({ preference, exchange }: MxRecord) =>
    exchange === "." ? undefined : `${preference} ${host(exchange)}`,
  NS: host,
  PTR: host,
  CNAME: host,
  TXT: (text) => decodeText(text),
  SRV: ({ priority, weight, port, target }: SrvRecord) =>
    `${priority} ${weight} ${port} ${target === "." ? "." : host(target)}`,
  TLSA: ({ usage, selector, matchingType, data }: TlsaRecord) =>
    `${usage} ${selector} ${matchingType} ${data.toHex().toUpperCase()}`,
};
