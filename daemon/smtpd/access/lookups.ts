import type { MaybePromise, Table } from "../../../core/table/mod.ts";
import type { ExtensionRules } from "../../../core/address/mod.ts";
import { splitExtension, splitLocalDomain, toExternal } from "../../../core/address/mod.ts";

/** A key to try; partial keys are not for tables that match patterns. */
export interface Key {
  readonly text: string;
  readonly partial: boolean;
}

/** A domain and its parents, as access(5) looks them up. */
export function* domainKeys(name: string, parents: boolean): Generator<Key> {
  yield { text: name, partial: false };
  let at = name.indexOf(".");
  while (at > 0 || (at === 0 && !parents)) {
    const next = parents ? name.slice(at + 1) : name.slice(at);
    if (next !== "" && next !== ".") yield { text: next, partial: true };
    at = name.indexOf(".", at + 1);
  }
}

/** An address and the networks around it: `1.2.3.4`, `1.2.3`, `1.2`, `1`; for IPv6 up to each colon. */
export function* addressKeys(address: string): Generator<Key> {
  const separator = address.includes(":") ? ":" : ".";
  yield { text: address, partial: false };
  let rest = address;
  for (;;) {
    const at = rest.lastIndexOf(separator);
    if (at < 0) return;
    rest = rest.slice(0, at);
    if (separator === ":") { while (rest.endsWith(":")) rest = rest.slice(0, -1); }
    if (rest === "") return;
    yield { text: rest, partial: true };
  }
}

/** Mail address keys: `user+ext@domain`, `user@domain`, the domain and its parents, `user+ext@`, `user@`. */
export function* mailKeys(address: string, rules: ExtensionRules, parents: boolean): Generator<Key> {
  const external = toExternal(address);
  yield { text: external, partial: false };
  if (external !== address) yield { text: address, partial: true };
  const { local, domain } = splitLocalDomain(address);
  const split = splitExtension(local, rules);
  if (split !== undefined) yield { text: toExternal(`${split.user}@${domain ?? ""}`), partial: true };
  if (domain !== undefined && domain !== "") {
    for (const key of domainKeys(domain, parents)) yield { text: key.text, partial: true };
  }
  yield { text: `${toExternal(local)}@`, partial: true };
  if (split !== undefined) yield { text: `${toExternal(split.user)}@`, partial: true };
}

/** The value of the first key that the table has. Throws (or rejects with) `TableError`. */
export function firstMatch(
  table: Table,
  keys: Iterable<Key>,
): MaybePromise<{ readonly key: string; readonly value: string } | undefined> {
  return next(table, keys[Symbol.iterator]());
}

function next(
  table: Table,
  keys: Iterator<Key>,
): MaybePromise<{ readonly key: string; readonly value: string } | undefined> {
  for (let step = keys.next(); !step.done; step = keys.next()) {
    const { text, partial } = step.value;
    if (text === "" || (partial && table.matchesPatterns)) continue;
    const value = table.lookup(text);
    if (value instanceof Promise) {
      return value.then((found) => found === undefined ? next(table, keys) : { key: text, value: found });
    }
    if (value !== undefined) return { key: text, value };
  }
  return undefined;
}
