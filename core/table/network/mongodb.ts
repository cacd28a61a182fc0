import { BSON, type Document, MongoClient, MongoParseError } from "mongodb";
import { messageOf } from "../../errors/mod.ts";
import type { OpenContext } from "../context.ts";
import { expandQuery } from "../query_template.ts";
import { readSettings, type TableSettings } from "../table_settings.ts";
import { type Table, TableError } from "../types.ts";
import { queryError } from "../query_error.ts";
import { within } from "./server_lost.ts";
import { Answers, checkedTemplate } from "../answers.ts";

/** Most simultaneous connections to one server. */
const CONNECTIONS = 8;

/**
 * `mongodb:file`: a query on a MongoDB server or cluster (mongodb_table(5)). Connections, and which server of a cluster is
 * asked, are the client package's business; its error messages hold no passwords.
 */
export function openMongodb(context: OpenContext): Table {
  const { type, name } = context;
  const settings = readSettings(context);
  const filter = checkedTemplate(settings, "query", settings.required("query_filter"));
  const projection = projectionOf(settings);
  const answers = new Answers(
    context,
    settings,
    settings.filled("result_format", "%s"),
    settings.int("expansion_limit", 10),
  );
  const timeoutMs = settings.int("timeout", 10, 1) * 1000;
  const client = clientOf(settings, timeoutMs);
  const collection = client.db(settings.required("dbname")).collection(settings.required("collection"));
  // A filter that is no JSON with any key is none with a harmless one.
  parseJson(expandQuery(filter, "a@b.c.d.e.f.g.h.i.j", quoteForJson)!, settings, "query_filter");
  return {
    type,
    name,
    matchesPatterns: false,
    async lookup(key) {
      if (!await answers.worthAsking(key)) return undefined;
      const query = expandQuery(filter, key, quoteForJson);
      if (query === undefined) return undefined;
      const found = collection.find(parseJson(query, settings, "query_filter"), {
        projection,
        promoteValues: false,
      });
      try {
        return await within(timeoutMs, answers.joinLater(valuesFrom(found, context), key));
      } catch (error) {
        // The answers that are still to come are of no use.
        found.close().catch(() => {});
        if (error instanceof TableError) throw error;
        const reason = messageOf(error);
        throw queryError(context, `${type}:${name}: query failed: ${reason}`);
      }
    },
    close: () => void client.close().catch(() => {}),
  };
}

function clientOf(settings: TableSettings, timeoutMs: number): MongoClient {
  try {
    return new MongoClient(settings.required("uri"), {
      serverSelectionTimeoutMS: timeoutMs,
      connectTimeoutMS: timeoutMs,
      socketTimeoutMS: timeoutMs,
      maxPoolSize: CONNECTIONS,
      maxIdleTimeMS: settings.int("idle_interval", 60, 1) * 1000,
      appName: "postel",
    });
  } catch (error) {
    if (error instanceof TableError) throw error;
    const reason = error instanceof MongoParseError ? error.message : "not a MongoDB connection string";
    throw new TableError("configuration", `${settings.source}: uri: ${reason}`, true);
  }
}

/** What is asked of each document: the `projection` itself, or one of the fields of `result_attribute`. */
function projectionOf(settings: TableSettings): Document {
  const text = settings.string("projection", "");
  const fields = settings.string("result_attribute", "").split(/[\s,]+/).filter((field) => field !== "");
  if ((text === "") === (fields.length === 0)) {
    throw new TableError(
      "configuration",
      `${settings.source}: specify either projection or result_attribute, and not both`,
      true,
    );
  }
  const wanted = text === ""
    ? Object.fromEntries(fields.map((field) => [field, 1]))
    : parseJson(text, settings, "projection");
  return { ...wanted, _id: 0 };
}

function parseJson(text: string, settings: TableSettings, name: string): Document {
  let value: unknown;
  try {
    value = BSON.EJSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Document;
  throw new TableError("configuration", `${settings.source}: ${name} is not a JSON object`, true);
}

/** A part of a key as it stands between double quotes. */
function quoteForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

async function* valuesFrom(documents: AsyncIterable<Document>, context: OpenContext): AsyncGenerator<string> {
  for await (const document of documents) yield* valuesOf(document, context);
}

/** The texts and whole numbers in a document's fields and arrays, in order; says which fields hold something else. */
function valuesOf(document: Document, context: OpenContext): string[] {
  return Object.entries(document).filter(([field]) => field !== "_id").flatMap(([field, value]) => {
    const items = Array.isArray(value) ? value : [value];
    return items.flatMap((item) => {
      if (typeof item === "string") return [item];
      if (item?._bsontype === "Int32" || item?._bsontype === "Long") return [item.toString()];
      if (item !== null && item !== undefined) {
        context.log.warning(
          `${context.type}:${context.name}: field ${field} is neither text, number nor array: ignored`,
        );
      }
      return [];
    });
  });
}
