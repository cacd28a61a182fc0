import type { OpenContext } from "./context.ts";
import { bracedItems } from "./spec.ts";
import { type MaybePromise, type Table, TableError } from "./types.ts";

function openMembers(context: OpenContext): Table[] {
  const { type, name } = context;
  const refuse = () =>
    new TableError("configuration", `bad syntax: "${type}:${name}"; need "${type}:{type:name...}"`);
  return bracedItems(name, refuse).map((spec) => {
    if (!spec.includes(":")) throw refuse();
    return context.open(spec);
  });
}

/** `unionmap:{type:name, ...}` asks all tables and joins the results with commas. */
export function openUnionmap(context: OpenContext): Table {
  const members = openMembers(context);
  return {
    type: context.type,
    name: context.name,
    matchesPatterns: members.some((table) => table.matchesPatterns),
    lookup(key) {
      const answers = members.map((table) => table.lookup(key));
      return answers.some((answer) => answer instanceof Promise)
        ? Promise.all(answers).then(joined)
        : joined(answers as (string | undefined)[]);
    },
    close() {},
  };
}

function joined(answers: readonly (string | undefined)[]): string | undefined {
  const found = answers.filter((answer) => answer !== undefined);
  return found.length === 0 ? undefined : found.join(",");
}

/** `pipemap:{type:name, ...}` looks the key up in the first table, its result in the second, and so on. */
export function openPipemap(context: OpenContext): Table {
  const members = openMembers(context);
  const from = (index: number, key: string): MaybePromise<string | undefined> => {
    let current = key;
    for (let at = index; at < members.length; at++) {
      const answer = members[at]!.lookup(current);
      if (answer instanceof Promise) {
        return answer.then((value) => value === undefined ? undefined : from(at + 1, value));
      }
      if (answer === undefined) return undefined;
      current = answer;
    }
    return current;
  };
  return {
    type: context.type,
    name: context.name,
    matchesPatterns: members.some((table) => table.matchesPatterns),
    lookup: (key) => from(0, key),
    close() {},
  };
}
